"""What a standby makes of the journal: the same state, or an alarm that says where it differs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from engine.config import Config
from engine.connections import Connections, RedisLink
from engine.exits import exit_code
from engine.ports import SteppedDown
from engine.recovery import recover_top
from engine.replay import Diverged
from engine.run import Run, RunOptions
from engine.snapshot import state_hash
from engine.standby import Standby
from persistence import lease
from persistence.journal import FrameRing, journal_key
from persistence.journal_tail import JournalContradicts
from persistence.lease import Pulse, lease_key, standby_key
from persistence.witness import Witness
from tests.edges.tape import running, until
from tests.line.line import Line, ScriptedInbox
from tests.line.proxy import FailingWire
from tests.line.words import MARKET, deposit, order, tick
from tests.line.written import frames_of, sealed, write


class Shadow:
    """A standby behind a line, in this process, recovered and following."""

    def __init__(self, run: Run, standby: Standby, ring: FrameRing) -> None:
        self.run = run
        self.standby = standby
        self.ring = ring
        self.task = asyncio.create_task(standby.run())
        self._pulse = asyncio.create_task(standby.pulse.run())

    async def reached(self, n: int) -> None:
        """Wait until it has applied frame `n`."""
        await until(lambda: self.standby.position.n >= n, self.task)

    async def ended(self) -> bool:
        """Wait until it has; return whether it would lead."""
        return await asyncio.wait_for(self.task, 10)

    async def leave(self) -> None:
        """Stop it."""
        self.standby.stop()
        self._pulse.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self.task


FULL = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"

Follow = Callable[..., Awaitable[Shadow]]


@pytest.fixture
async def inbox() -> ScriptedInbox:
    """Return what the leader reads."""
    return ScriptedInbox()


@pytest.fixture
async def line(
    connections: Connections, shard: str, inbox: ScriptedInbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Line]:
    """Run a leader with a market, whose lease moves."""
    async with Line(connections, shard, inbox=inbox) as line:
        pulse = Pulse(connections, lease_key(shard), "leader", lambda: 0)
        async with running(pulse):
            inbox.put(*MARKET, tick())
            await line.reached(ticks="6-0")
            yield line


@pytest.fixture
async def follow(connections: Connections, shard: str, tmp_path: Path) -> AsyncIterator[Follow]:
    """Return what starts standbys; none outlives the test."""
    shadows: list[Shadow] = []

    async def follow(reached_by: Connections = connections) -> Shadow:
        witness = Witness(tmp_path / "head")
        run = Run("standby", Config(shard=shard), RunOptions(None, tmp_path), reached_by, witness)
        ring = FrameRing()
        machine, position = await recover_top(run, ring)
        shadows.append(Shadow(run, Standby(run, machine, position, ring), ring))
        return shadows[-1]

    yield follow
    for each in shadows:
        await each.leave()


async def test_standby_has_the_state_of_the_leader(
    line: Line, inbox: ScriptedInbox, follow: Follow
) -> None:
    """The same bytes, the same ring to heal Redis from, and a witness of its own."""
    shadow = await follow()
    inbox.put(*[order(f"o{n}", side=("buy", "sell")[n % 2], price="100") for n in range(40)])
    await line.reached(orders="46-0")
    await shadow.reached(line.loop.position.n)

    standby, leader = shadow.standby, line.loop
    assert vars(standby.position) == vars(leader.position)
    assert state_hash(standby.machine.kernel) == state_hash(leader.machine.kernel)
    assert shadow.run.witness.read() == (leader.position.n, leader.position.hash)
    kept = [shadow.ring.get(frame.n) for frame in line.acknowledged]
    assert kept == line.acknowledged


async def test_standby_only_reads(
    line: Line, inbox: ScriptedInbox, follow: Follow, wire: FailingWire
) -> None:
    """Mirror, trimming, fills: whatever two do at once is done twice, or undone."""
    shadow = await follow(wire.connections)
    inbox.put(order("o"))
    await line.reached(orders="7-0")
    await shadow.reached(line.loop.position.n)

    told = [words for words in wire.requests if words[0] == b"SET"]
    assert {words[1] for words in told} == {standby_key(line.shard).encode()}
    asked = {words[0] for words in wire.requests} - {b"SET"}
    assert asked <= {b"GET", b"SCAN", b"XRANGE", b"XREAD", b"XREVRANGE"}


async def test_divergence_stops_the_standby_and_says_where(
    line: Line, inbox: ScriptedInbox, follow: Follow
) -> None:
    """One of the two has a bug or a bad memory; the leader goes on, a person must look."""
    shadow = await follow()
    shadow.standby.machine.kernel.state.accounts["bea"].balance_atoms += 1
    inbox.put(deposit("d1"), [deposit("d2"), deposit("d3", account="bea")])
    await line.reached(admin="8-0")
    n = line.loop.position.n

    where = f"frame {n} .* first at index 2: recorded is .*1000001.*computed .*1000001.00000001"
    with pytest.raises(Diverged, match=where) as stopped:
        await shadow.ended()
    assert exit_code(stopped.value) == 65
    assert shadow.standby.position.n == n - 1
    inbox.put(deposit("d4"))
    await line.reached(admin="9-0")


async def test_broken_chain_stops_the_standby(
    line: Line, follow: Follow, link: RedisLink, shard: str
) -> None:
    """Frames that do not follow from those it has applied are another history."""
    shadow = await follow()
    stranger = sealed(shard, 1, after=sealed("another", line.loop.position.n)[-1])
    await write(link, shard, stranger)

    with pytest.raises(JournalContradicts, match="the chain breaks") as stopped:
        await shadow.ended()
    assert exit_code(stopped.value) == 65


async def test_standby_waits_until_the_leader_has_healed_the_journal(
    line: Line,
    inbox: ScriptedInbox,
    follow: Follow,
    link: RedisLink,
    shard: str,
    connections: Connections,
) -> None:
    """Redis came back without its tail: what the standby has applied comes again, and is passed."""
    shadow = await follow()
    for n in range(5):
        inbox.put(order(f"o{n}"))
        await line.reached(orders=f"{7 + n}-0")
    before = await frames_of(connections, shard)
    await shadow.reached(before[-1].n)
    await link.call("DEL", journal_key(shard))
    await write(link, shard, before[:-3])
    await asyncio.sleep(0.1)
    await line.loop._journal.close()  # type: ignore[attr-defined]
    inbox.put(order("after"))
    await line.reached(orders="12-0")
    await shadow.reached(line.loop.position.n)

    assert (await frames_of(connections, shard))[: len(before)] == before
    assert vars(shadow.standby.position) == vars(line.loop.position)


async def test_standby_that_was_trimmed_away_starts_again(
    line: Line, inbox: ScriptedInbox, follow: Follow, link: RedisLink, shard: str
) -> None:
    """It slept for a day: a restart finds a snapshot, so this is no damage."""
    shadow = await follow()
    await link.call("DEL", journal_key(shard))
    await write(link, shard, sealed(shard, 1, after=sealed(shard, line.loop.position.n + 1)[-1]))

    with pytest.raises(SteppedDown, match="fell behind what is kept") as stopped:
        await shadow.ended()
    assert exit_code(stopped.value) == 75


async def test_look_at_the_standby_waits_until_it_has_caught_up(
    line: Line, inbox: ScriptedInbox, follow: Follow, wire: FailingWire
) -> None:
    """A snapshot that was asked for shows at least what was true when it was asked for."""
    shadow = await follow(wire.connections)
    wire.fate = lambda _number, _words: "lose request"
    wire.cut()
    for n in range(40):
        inbox.put(order(f"o{n}"))
    await line.reached(orders="46-0")
    seen: list[int] = []
    looking = asyncio.create_task(
        shadow.standby.between_frames(lambda: seen.append(shadow.standby.position.n))
    )
    await asyncio.sleep(0.1)
    assert not seen
    wire.fate = lambda _number, _words: "pass"
    await looking

    assert seen == [line.loop.position.n]


async def test_standby_leads_when_the_lease_stands_still_and_all_is_applied(
    connections: Connections,
    shard: str,
    inbox: ScriptedInbox,
    follow: Follow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not before: a leader whose pulse moves is left alone."""
    monkeypatch.setattr(lease, "STILL_SECONDS", 0.3)
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET, tick())
        await line.reached(ticks="6-0")
        async with running(Pulse(connections, lease_key(shard), "leader", lambda: 0)):
            shadow = await follow()
            await asyncio.sleep(1.0)
            assert not shadow.task.done()
        inbox.put(order("last"))
        await line.reached(orders="7-0")

        assert await shadow.ended()
        assert shadow.standby.position.n == line.loop.position.n


async def test_standby_lives_through_a_redis_that_is_away(
    line: Line, inbox: ScriptedInbox, follow: Follow, wire: FailingWire
) -> None:
    """Nobody can lead by then; once it is back the leader gets time to say that it lives."""
    shadow = await follow(wire.connections)
    wire.fate = lambda _number, _words: "lose request"
    wire.cut()
    await asyncio.sleep(1.5)
    assert not shadow.task.done()
    wire.fate = lambda _number, _words: "pass"
    inbox.put(order("o"))
    await line.reached(orders="7-0")
    await shadow.reached(line.loop.position.n)

    assert not shadow.task.done()


async def test_redis_that_takes_no_pulse_is_no_sign_of_a_dead_leader(
    connections: Connections,
    shard: str,
    inbox: ScriptedInbox,
    follow: Follow,
    wire: FailingWire,
) -> None:
    """A full one refuses the leader's lease as well; both wait, and nobody is fenced."""
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET, tick())
        await line.reached(ticks="6-0")
        async with running(Pulse(wire.connections, lease_key(shard), "leader", lambda: 0)):
            shadow = await follow(wire.connections)
            await asyncio.sleep(0.3)
            wire.fate = lambda _number, words: FULL if words[0] == b"SET" else "pass"
            await asyncio.sleep(2.0)
            assert not shadow.task.done()
            wire.fate = lambda _number, _words: "pass"
            await asyncio.sleep(0.6)
            assert not shadow.task.done()
