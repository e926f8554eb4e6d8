"""Snapshots are taken beside the market, not instead of it."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engine.connections import Connections, RedisLink, SyncRedisLink
from engine.machine import Machine
from engine.ports import Manifest, Position
from engine.replay import recover
from engine.snapshot import state_hash
from persistence.journal import JournalFrames
from persistence.lease import standby_key
from persistence.snapshot_store import SnapshotStore, write_snapshot
from persistence.snapshotter import SnapshotFailed, Snapshotter
from tests.edges.tape import until
from tests.line.line import Gate, Line, ScriptedInbox
from tests.line.process import accepted
from tests.line.proxy import FailingWire
from tests.line.words import MARKET, order, tick
from tests.line.written import frames_of

LONGEST_PAUSE_MS = 250.0  # of a loaded machine; a fork of this process takes some milliseconds


class Bench:
    """A line with a snapshotter, whose writing may go over a wire of its own."""

    def __init__(self, connections: Connections, shard: str) -> None:
        self.inbox = ScriptedInbox()
        self.line = Line(connections, shard, inbox=self.inbox)
        self.kept: list[int] = []
        self.sent = 0

    def snapshotter(self, connections: Connections | None = None, keep: int = 3) -> Snapshotter:
        """Return a snapshotter of the line."""
        line = self.line
        return Snapshotter(
            connections or line.connections, line.shard, line.loop, "w", keep, self._note
        )

    async def trade(self, count: int) -> None:
        """Send orders, and wait for them."""
        self.inbox.put(*[order(f"o{self.sent + k}") for k in range(count)])
        self.sent += count
        await self.line.reached(orders=f"{len(MARKET) + 1 + self.sent}-0")

    def _note(self, kept: list[Manifest]) -> None:
        self.kept = [each.frame for each in kept]


@pytest.fixture
async def bench(connections: Connections, shard: str) -> AsyncIterator[Bench]:
    """Run a line with a market."""
    bench = Bench(connections, shard)
    async with bench.line:
        bench.inbox.put(*MARKET, tick())
        await bench.line.reached(ticks="6-0")
        yield bench


async def recovered(
    connections: Connections, shard: str, *, from_frame_1: bool = False
) -> tuple[Machine, Position]:
    """Recover at the journal's top, with what snapshots there are or without any."""
    link = await connections.redis()
    source = JournalFrames(link, shard)
    top = await source.top()
    assert top is not None
    store = SnapshotStore(link, "no-such-shard" if from_frame_1 else shard)
    complaints: list[str] = []
    machine, position = await recover(shard, store, source, top.n, complaints.append)
    assert complaints == []
    await link.close()
    return machine, position


async def test_snapshot_under_load_loses_and_delays_nothing(bench: Bench) -> None:
    """A fork pauses the loop for milliseconds; the child writes while orders go on."""
    snapshotter = bench.snapshotter()
    trading = asyncio.create_task(_trade_on(bench))
    pauses = []
    for _ in range(4):
        await snapshotter.take()
        pauses.append(snapshotter.last_pause_ms)
        await asyncio.sleep(0.02)
    trading.cancel()
    with suppress(asyncio.CancelledError):
        await trading

    connections, shard = bench.line.connections, bench.line.shard
    await until(bench.inbox.is_empty)
    await bench.line.loop.between_frames(lambda: None)
    names = accepted(await frames_of(connections, shard))
    assert list(names) == [f"o{n}" for n in range(len(names))]
    assert set(names.values()) == {1}
    assert max(pauses) < LONGEST_PAUSE_MS
    assert len(set(bench.kept)) == 3
    live = state_hash(bench.line.loop.machine.kernel)
    shortcut, reached = await recovered(connections, shard)
    whole, at = await recovered(connections, shard, from_frame_1=True)
    assert state_hash(shortcut.kernel) == state_hash(whole.kernel) == live
    assert vars(reached) == vars(at) == vars(bench.line.loop.position)


async def test_snapshot_waits_for_the_frame_on_its_way(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """One of a state that the journal has not taken yet would be replayed into itself."""
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox, wrap=Gate) as line:
        gate = line.loop._journal
        assert isinstance(gate, Gate)
        inbox.put(*MARKET, tick())
        await line.reached(ticks="6-0")
        gate.open.clear()
        inbox.put(order("held"))
        await until(lambda: gate.waiting == 1, line.task)
        snapshotter = Snapshotter(connections, shard, line.loop, "w", 3, lambda _: None)
        taking = asyncio.create_task(snapshotter.take())
        await asyncio.sleep(0.05)
        assert not await link.call("KEYS", f"{{{shard}}}:state:*")
        gate.open.set()
        await taking
        expected = state_hash(line.loop.machine.kernel)

    machine, position = await recovered(connections, shard)
    assert state_hash(machine.kernel) == expected
    assert vars(position) == vars(line.loop.position)


async def _trade_on(bench: Bench) -> None:
    while True:
        await bench.trade(20)


async def test_recovery_from_any_generation_ends_at_the_same_state(
    bench: Bench, link: RedisLink
) -> None:
    """Older generations are kept to be used: snapshot and tail together give what frame 1 gives."""
    snapshotter, shard = bench.snapshotter(), bench.line.shard
    for _ in range(3):
        await bench.trade(15)
        await snapshotter.take()
    await bench.trade(15)
    expected = state_hash(bench.line.loop.machine.kernel)
    store = SnapshotStore(link, shard)
    for manifest in await store.manifests():
        machine, position = await recovered(bench.line.connections, shard)
        assert state_hash(machine.kernel) == expected
        assert vars(position) == vars(bench.line.loop.position)
        await link.call("DEL", f"{{{shard}}}:state:{manifest.frame}:w")
    assert await store.manifests() == []


@pytest.mark.parametrize("k", [1, 2, 5])
async def test_interrupted_write_leaves_the_generation_before(
    bench: Bench, wire: FailingWire, link: RedisLink, k: int
) -> None:
    """A child that dies has written no manifest, so nobody takes its chunks for a snapshot."""
    shard = bench.line.shard
    await bench.snapshotter().take()
    (first,) = bench.kept
    await bench.trade(5)
    wire.fate = lambda number, _words: "lose request" if number == k else "pass"
    failing = bench.snapshotter(wire.connections)

    with pytest.raises(SnapshotFailed):
        await failing.take()

    store = SnapshotStore(link, shard)
    assert [each.frame for each in await store.manifests()] == [first]
    chunks = await link.call("KEYS", f"{{{shard}}}:state:{bench.line.loop.position.n}:w:*")
    assert len(chunks) == k - 1
    await bench.snapshotter().prune()
    assert not await link.call("KEYS", f"{{{shard}}}:state:{bench.line.loop.position.n}:*")
    assert [each.frame for each in await store.manifests()] == [first]


async def test_what_is_being_written_is_not_swept_away(
    bench: Bench, link: RedisLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told to stop as soon as it has started, the daemon sweeps while its snapshot is written."""
    waiting, going_on = os.pipe()

    def held(to: SyncRedisLink, *what: Any) -> Manifest:
        call = to.call

        def late(*words: Any) -> Any:
            if words[1].count(":") == 3:  # the manifest
                os.read(waiting, 1)
            return call(*words)

        to.call = late  # type: ignore[method-assign]
        return write_snapshot(to, *what)

    monkeypatch.setattr("persistence.snapshotter.write_snapshot", held)
    snapshotter, shard = bench.snapshotter(), bench.line.shard
    taking = asyncio.create_task(snapshotter.take())
    async with asyncio.timeout(10):
        while not await link.call("KEYS", f"{{{shard}}}:state:*"):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    await snapshotter.prune()
    os.write(going_on, b"!")
    await taking

    (manifest,) = await SnapshotStore(link, shard).manifests()
    assert len(await SnapshotStore(link, shard).chunks(manifest)) > 1
    os.close(waiting)
    os.close(going_on)


async def test_failed_snapshot_is_tried_again_though_nothing_has_happened_since(
    bench: Bench, wire: FailingWire
) -> None:
    """A quiet market after a failed write would else be recovered from far back."""
    wire.fate = lambda _number, words: "lose request" if words[0] == b"SET" else "pass"
    snapshotter = bench.snapshotter(wire.connections)
    snapshotter.interval_seconds = 0.05
    running = asyncio.create_task(snapshotter.run())
    await until(lambda: any(words[0] == b"SET" for words in wire.requests), running)
    wire.fate = lambda _number, _words: "pass"

    await until(lambda: bench.kept == [bench.line.loop.position.n], running)

    running.cancel()


async def test_machine_that_cannot_fork_goes_on_trading(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short of memory or of processes there is no snapshot; that is all."""
    snapshotter = bench.snapshotter()
    snapshotter.interval_seconds = 0.05
    tried: list[int] = []

    def fork() -> int:
        tried.append(1)
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("persistence.snapshotter.os.fork", fork)
        running = asyncio.create_task(snapshotter.run())
        await until(lambda: len(tried) == 2, running)
        await bench.trade(1)
    await until(lambda: bench.kept == [bench.line.loop.position.n], running)

    running.cancel()


async def test_quiet_market_is_not_written_again_and_again(bench: Bench) -> None:
    """The same state under the same frame would only wear the disk."""
    snapshotter = bench.snapshotter()
    snapshotter.interval_seconds = 0.02
    taken = 0
    take = snapshotter.take

    async def counted() -> None:
        nonlocal taken
        taken += 1
        await take()

    snapshotter.take = counted  # type: ignore[method-assign]
    running = asyncio.create_task(snapshotter.run())
    await until(lambda: bench.kept != [], running)
    await asyncio.sleep(0.2)
    assert taken == 1
    snapshotter.ask()
    await until(lambda: taken == 2, running)

    running.cancel()


async def test_snapshotter_lives_through_a_redis_that_is_away(
    bench: Bench, wire: FailingWire
) -> None:
    """Whatever it asks, an outage is answered by trying again at the next turn."""
    wire.fate = lambda number, _words: "lose request" if number % 4 else "pass"
    snapshotter = bench.snapshotter(wire.connections)
    snapshotter.interval_seconds = 0.02
    running = asyncio.create_task(snapshotter.run())
    await asyncio.sleep(0.3)
    assert not running.done()
    wire.fate = lambda _number, _words: b"-BUSY a script runs\r\n"
    await asyncio.sleep(0.2)
    assert not running.done()
    wire.fate = lambda _number, _words: "pass"
    snapshotter.ask()
    await until(lambda: bench.kept != [], running)

    running.cancel()


async def test_snapshot_does_not_hand_the_heap_back_to_the_collector(bench: Bench) -> None:
    """The daemon freezes its heap once recovered; thawing it would bring long pauses back."""
    gc.freeze()
    frozen = gc.get_freeze_count()
    try:
        await bench.snapshotter().take()
        assert gc.get_freeze_count() > frozen // 2, "some of it has ended since"
    finally:
        gc.unfreeze()


async def test_snapshot_that_another_is_writing_is_left_alone(
    bench: Bench, link: RedisLink
) -> None:
    """A leader and its standby tidy the same keys; what nobody writes any more is deleted."""
    shard = bench.line.shard
    await link.call("SET", standby_key(shard), "9-1@other:5:2")
    for writer in ("9-1@other", "8-1@dead"):
        await link.call("SET", f"{{{shard}}}:state:2:{writer}:0", b"half")
    await bench.snapshotter().prune()

    left: list[bytes] = await link.call("KEYS", f"{{{shard}}}:state:*")
    assert left == [b"{%s}:state:2:9-1@other:0" % shard.encode()]


async def test_snapshots_are_left_to_another_only_while_there_are_any(bench: Bench) -> None:
    """A standby whose snapshots fail keeps its pulse all the same."""
    snapshotter, other = bench.snapshotter(), bench.snapshotter()
    snapshotter.interval_seconds = 0.05
    asked: list[int] = []

    async def there_is_one() -> bool:
        asked.append(bench.kept[0] if bench.kept else 0)
        await bench.trade(1)
        if len(asked) < 6:
            await other.take()
        return True

    snapshotter.left_to = there_is_one
    running = asyncio.create_task(snapshotter.run())
    await until(lambda: snapshotter._taken_at > 0, running)
    running.cancel()

    assert len(asked) == 5 + 3, "three turns without a new one, after those that had one"
    assert snapshotter.last_pause_ms > 0


async def test_writing_that_is_not_waited_for_any_more_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby that begins to lead leaves no child behind that is never collected."""
    monkeypatch.setattr("persistence.snapshotter.write_snapshot", lambda *_: time.sleep(60))
    children: list[int] = []
    fork = os.fork

    def noted() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr("persistence.snapshotter.os.fork", noted)
    taking = asyncio.create_task(bench.snapshotter().take())
    await until(lambda: bool(children))
    await asyncio.sleep(0.05)
    taking.cancel()

    await until(lambda: not Path(f"/proc/{children[0]}").exists())
