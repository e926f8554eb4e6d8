"""Whatever becomes of Redis under a whole daemon, or under who reads the journal."""

import asyncio
import io
import os
import random
import shutil
from collections.abc import Callable

import pytest
from rich.console import Console

from engine.cli import tail as tail_module
from engine.cli.failure import CommandError
from engine.cli.tail import TailOptions, tail
from engine.cli.verify import verify
from engine.connections import Connections
from persistence.journal import journal_key
from tests.line.line import send
from tests.line.outcome import replica
from tests.line.process import DaemonProcess, Make
from tests.line.proxy import FailingWire
from tests.line.test_journal import append, journal_of
from tests.line.valkey import OwnValkey
from tests.line.waiting import WaitingJournal
from tests.line.words import MARKET, order, tick
from tests.line.written import events_of, frames_of, sealed

AWAY_SECONDS = float(os.environ.get("REDIS_AWAY_SECONDS", "600"))
BUSY = "[snapshot]\ninterval_s = 1\n[mirror]\ninterval_ms = 50\n"


async def accepted(connections: Connections, shard: str, *names: str) -> list[str]:
    """Wait until these orders are accepted; return all that were, in their order."""
    async with asyncio.timeout(30):
        while True:
            events = events_of(await frames_of(connections, shard), "order_accepted")
            found = [each["client_order_id"] for each in events]
            if set(names) <= set(found):
                return found
            await asyncio.sleep(0.02)


class LosingRuns:
    """Runs of a daemon one after the other, each of which loses one reply, whoever asked for it."""

    def __init__(self, daemon: DaemonProcess, wire: FailingWire, direct: Connections) -> None:
        self._daemon = daemon
        self._wire = wire
        self._direct = direct
        self._names: list[str] = []

    async def run(self, k: int) -> int:
        """Lose the k-th reply; return how many requests there were."""
        daemon, shard = self._daemon, self._daemon.shard
        ready, snapshots = len(daemon.said("ready")), self._snapshots()
        self._wire.requests.clear()
        self._wire.fate = lambda number, _words: "lose reply" if number == k else "pass"
        daemon.spawn()
        while len(daemon.said("ready")) == ready:
            if daemon.has_ended:  # lost while it recovered: a supervisor starts it again
                assert await daemon.ended() == 69, daemon.log
                daemon.spawn()
            await asyncio.sleep(0.02)
        if not self._names:
            await send(self._direct, shard, *MARKET, tick())
        names = [f"k{k}-{number}" for number in range(3)]
        for name in names:
            await send(self._direct, shard, order(name))
            await accepted(self._direct, shard, name)
        async with asyncio.timeout(30):
            while self._snapshots() == snapshots:  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.02)
        assert await daemon.stop() == 0, daemon.log
        self._names += names
        assert await accepted(self._direct, shard) == self._names, "each once"
        await replica(self._direct, shard)
        return len(self._wire.requests)

    def _snapshots(self) -> int:
        return len(self._daemon.said("snapshot taken")) + len(self._daemon.said("no snapshot"))


async def test_any_reply_may_be_lost(
    make: Make, wire: FailingWire, connections: Connections
) -> None:
    """Journal, inbox, lease, mirror, trimmer, snapshotter, and recovery before them."""
    runs = LosingRuns(make(wire.url, more=BUSY), wire, connections)
    for k in random.Random(7).sample(range(1, 80), 2):
        await runs.run(k)


@pytest.mark.long
async def test_every_reply_is_lost_once(
    make: Make, wire: FailingWire, connections: Connections
) -> None:
    """One run for each request, until a run has fewer."""
    runs = LosingRuns(make(wire.url, more=BUSY), wire, connections)
    k = requests = 1
    while k <= requests:
        requests = await runs.run(k)
        k += 1
    assert k > 50


async def test_slow_redis_is_only_slow(
    make: Make, wire: FailingWire, connections: Connections
) -> None:
    """Each answer takes 50 ms: frames are larger, nothing is lost, nothing gives up."""
    daemon = make(wire.url, more=BUSY)
    await daemon.start()
    await send(connections, daemon.shard, *MARKET, tick())
    wire.fate = lambda _number, _words: 0.05
    names = [f"o{number}" for number in range(40)]
    await send(connections, daemon.shard, *map(order, names))
    assert await accepted(connections, daemon.shard, *names) == names
    await replica(connections, daemon.shard)
    assert await daemon.stop() == 0, daemon.log


async def test_answer_that_comes_too_late_is_a_lost_one(
    connections: Connections, wire: FailingWire, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 5 s the connection is given up; the frame that it did write stands there once."""
    monkeypatch.setattr("engine.connections.REDIS_REPLY_TIMEOUT_SECONDS", 0.05)
    wire.fate = lambda number, _words: 0.1 if number % 5 == 0 else "pass"
    frames, journal = sealed(shard, 20), journal_of(wire.connections, shard)
    await append(journal, frames)
    await journal.close()
    assert await frames_of(connections, shard) == frames


async def out_for(seconds: float, make: Make, valkey: OwnValkey) -> None:
    """Take Redis away for so long; check that the daemon only waits, and goes on at once."""
    await valkey.start()
    daemon = make(valkey.url, more=BUSY)
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    valkey.kill()
    await asyncio.sleep(seconds)
    assert not daemon.has_ended, daemon.log
    await valkey.start()
    began = asyncio.get_running_loop().time()
    await daemon.send(order("after"))
    assert await accepted(valkey.connections, daemon.shard, "after") == ["before", "after"]
    assert asyncio.get_running_loop().time() - began < 3.0, "tried at least once a second"
    assert len(daemon.log.splitlines()) < 40 + 3 * seconds, "it does not flood the log"
    assert await daemon.stop() == 0, daemon.log


async def test_redis_away_is_waited_for(make: Make, own_valkey: OwnValkey) -> None:
    """Nothing can be sent meanwhile; what was acknowledged is there afterwards."""
    await out_for(2.0, make, own_valkey)


@pytest.mark.long
async def test_redis_away_for_ten_minutes_is_waited_for(make: Make, own_valkey: OwnValkey) -> None:
    """No part gives up after a number of tries; REDIS_AWAY_SECONDS says how long."""
    await out_for(AWAY_SECONDS, make, own_valkey)


async def test_redis_that_comes_back_empty_ends_it_with_65(
    make: Make, own_valkey: OwnValkey
) -> None:
    """Whoever restarts it on an empty disk must be told, not given a second history."""
    await own_valkey.start()
    daemon = make(own_valkey.url)
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    own_valkey.kill()
    shutil.rmtree(own_valkey.data)
    own_valkey.data.mkdir()
    await own_valkey.start()
    await daemon.send(order("after"))
    assert await daemon.ended() == 65, daemon.log
    assert "is missing or empty" in daemon.log
    daemon.spawn()
    assert await daemon.ended() == 65, daemon.log

    await daemon.start("--accept-loss")
    assert await daemon.stop() == 0, daemon.log


async def followed(connections: Connections, shard: str, happens: Callable[[], object]) -> int:
    """Follow a journal under which something happens; return the exit code that it comes to."""
    out = io.StringIO()
    following = asyncio.create_task(tail(TailOptions(follow=True), connections, shard, out))
    while not out.getvalue():  # noqa: ASYNC110 - Redis
        await asyncio.sleep(0.01)
    happens()
    with pytest.raises(CommandError) as ended:
        await asyncio.wait_for(following, 10)
    return ended.value.exit_code


@pytest.fixture
async def journal(connections: Connections, shard: str) -> WaitingJournal:
    """Write a journal of some hundred frames."""
    journal = WaitingJournal(connections, shard, seed=7)
    await journal.grow(600)
    return journal


async def test_journal_deleted_under_a_follower_is_told(
    connections: Connections, shard: str, journal: WaitingJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for ever; ten seconds are given to an engine that heals it."""
    monkeypatch.setattr(tail_module, "HEAL_SECONDS", 0.1)
    monkeypatch.setattr(tail_module, "_BLOCK_MS", 50)
    link = connections.redis_sync()
    key = journal_key(shard)
    assert await followed(connections, shard, lambda: link.call("DEL", key)) == 65
    link.close()


async def test_journal_trimmed_under_a_follower_is_told(
    wire: FailingWire, connections: Connections, shard: str, journal: WaitingJournal
) -> None:
    """Events left out in silence would be taken for none; the message says where to go on."""
    link = connections.redis_sync()
    reads = 0

    def trim(_number: int, words: list[bytes]) -> object:
        nonlocal reads
        reads += words[0] == b"XREAD"
        if reads == 2:
            link.call("XTRIM", journal_key(shard), "MINID", f"{journal.frames}-0")
        return "pass"

    wire.fate = trim
    assert await followed(wire.connections, shard, lambda: None) == 66
    link.close()


@pytest.mark.parametrize(("trims", "code"), [(True, 66), (False, 65)], ids=["trimmed", "deleted"])
async def test_journal_lost_under_verify_is_told(
    wire: FailingWire,
    connections: Connections,
    shard: str,
    journal: WaitingJournal,
    code: int,
    *,
    trims: bool,
) -> None:
    """A trim is the daemon's right, and verifying again will do; a deletion is damage."""
    link = connections.redis_sync()
    reads = 0

    def strike(_number: int, words: list[bytes]) -> object:
        nonlocal reads
        reads += words[:2] == [b"XRANGE", journal_key(shard).encode()]
        if reads == 4 and trims:
            link.call("XTRIM", journal_key(shard), "MINID", f"{journal.frames}-0")
        elif reads == 4:
            link.call("DEL", journal_key(shard))
        return "pass"

    wire.fate = strike
    silent = Console(file=io.StringIO())
    try:
        found = (await verify(wire.connections, shard, silent)).exit_code
    except CommandError as error:
        found = error.exit_code
    assert found == code
    link.close()
