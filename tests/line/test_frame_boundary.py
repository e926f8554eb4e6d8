"""Who looks at the engine's state sees only what the journal has acknowledged."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from engine.config import Config
from engine.connections import Connections
from engine.daemon import Daemon
from engine.messages import Frame
from engine.ports import Journal
from engine.run import RunOptions
from engine.snapshot import state_hash
from persistence.snapshotter import Snapshotter
from tests.edges.tape import until
from tests.line.line import Gate, Line, ScriptedInbox
from tests.line.words import MARKET, order, tick


async def gated(line: Line) -> Gate:
    """Return the gate in front of a line's journal."""
    journal = line.loop._journal
    assert isinstance(journal, Gate)
    return journal


async def test_visit_waits_for_the_frame_on_its_way(connections: Connections, shard: str) -> None:
    """A snapshot of what Redis has not taken yet would survive what the journal loses."""
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox, wrap=Gate) as line:
        gate = await gated(line)
        inbox.put(*MARKET, tick())
        await line.reached(ticks="6-0")
        gate.open.clear()
        inbox.put(order("held"))
        await until(lambda: gate.waiting == 1, line.task)
        seen: list[int] = []
        visiting = asyncio.create_task(
            line.loop.between_frames(lambda: seen.append(line.loop.position.n))
        )
        await asyncio.sleep(0.05)
        assert not seen
        gate.open.set()
        await visiting

    assert seen == [line.acknowledged[-1].n]
    assert gate.most == 1


async def test_what_a_visit_sees_is_the_state_of_the_frame_it_is_told(
    connections: Connections, shard: str
) -> None:
    """State and position are taken together, under load too; a snapshot is made of both."""
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox, wrap=Gate) as line:
        inbox.put(*MARKET, tick())
        seen: dict[int, str] = {}

        def look() -> None:
            seen[line.loop.position.n] = state_hash(line.loop.machine.kernel)

        for number in range(12):
            inbox.put(*[order(f"o{number}.{k}") for k in range(20)])
            inbox.put(order(f"o{number}.last"))
            await line.loop.between_frames(look)
        await line.reached(orders=str(6 + 12 * 21) + "-0")
        assert (await gated(line)).most == 1, "one frame on its way at a time"

    assert len(seen) > 5
    for n, found in seen.items():
        machine, _ = await line.recovered(n)
        assert state_hash(machine.kernel) == found


async def test_next_frame_is_built_while_one_is_on_its_way(
    connections: Connections, shard: str
) -> None:
    """The disk's milliseconds are the kernel's: half of the throughput hangs on it."""
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox, wrap=Gate) as line:
        gate = await gated(line)
        inbox.put(*MARKET, tick())
        await line.reached(ticks="6-0")
        gate.open.clear()
        inbox.put(order("first"))
        inbox.put(order("second"))
        await until(lambda: "second" in line.loop.machine.kernel.state.live["ann"], line.task)
        assert gate.waiting == 1
        gate.open.set()
        await line.reached(orders="8-0")


async def test_visit_that_raises_hurts_only_who_asked(connections: Connections, shard: str) -> None:
    """Looking at the state must not be able to stop the market."""

    def stumble() -> None:
        raise ZeroDivisionError

    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        with pytest.raises(ZeroDivisionError):
            await line.loop.between_frames(stumble)
        inbox.put(*MARKET)
        await line.reached(admin="5-0")


async def test_visit_asked_for_before_a_stop_still_comes(
    connections: Connections, shard: str
) -> None:
    """The last snapshot is asked for together with the stop, and must be of the last frame."""
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET)
        await line.reached(admin="5-0")
        seen: list[int] = []
        visiting = asyncio.create_task(
            line.loop.between_frames(lambda: seen.append(line.loop.position.n))
        )
        await asyncio.sleep(0)
        inbox.put(tick())
        line.loop.stop()
        await asyncio.wait_for(visiting, 5)
        await line.task

    assert seen == [line.loop.position.n]


async def test_failure_of_the_journal_ends_a_loop_that_waits_for_inputs(
    connections: Connections, shard: str
) -> None:
    """An engine that is fenced while all is quiet must not find out with the next order."""

    class Failing:
        def __init__(self, journal: Journal) -> None:
            self._journal = journal

        async def append(self, frame: Frame) -> None:
            await asyncio.sleep(0.02)
            raise ConnectionError

    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox, wrap=Failing) as line:
        inbox.put(*MARKET)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(line.task, 5)
    assert line.acknowledged == []


@pytest.mark.parametrize("steps", range(8))
async def test_stop_with_a_snapshot_finds_the_loop_wherever_it_is(
    connections: Connections, shard: str, tmp_path: Path, steps: int
) -> None:
    """The signal may come just as the loop wakes up for something else: it must wait to be seen."""
    options = RunOptions(None, tmp_path)
    daemon = Daemon(Config(), options, connections, None)
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET, tick())
        await line.reached(ticks="6-0")
        taken: list[int] = []

        class Taking:
            async def take(self) -> None:
                await line.loop.between_frames(lambda: taken.append(line.loop.position.n))

        other = asyncio.create_task(line.loop.between_frames(lambda: None))
        for _ in range(steps):
            await asyncio.sleep(0)
        daemon._stop_with_snapshot(line.loop.stop, cast("Snapshotter", Taking()))
        assert daemon._last_snapshot is not None
        await asyncio.wait_for(asyncio.gather(daemon._last_snapshot, other, line.task), 5)

    assert taken == [line.acknowledged[-1].n]
