"""Engine time comes from the wall clock, never goes back, and drives what nobody asked for."""

import asyncio
import json

import pytest

from engine.connections import Connections
from engine.loop import ClockStepped
from tests.line.line import HandClock, Line, ScriptedInbox
from tests.line.outcome import replica
from tests.line.words import MARKET, deposit, order, tick
from tests.line.written import events_of, frames_of, inputs_of

LEVERAGED = [
    {"type": "create_account", "account": "cy"},
    {"type": "deposit", "account": "cy", "amount": "300", "transfer_id": "t-cy"},
]


async def test_time_of_frames_never_goes_back(connections: Connections, shard: str) -> None:
    """A wall clock put back a little must not make the kernel live a moment twice."""
    clock, inbox = HandClock(), ScriptedInbox()
    start_us = clock.wall_us
    async with Line(connections, shard, inbox=inbox, clock=clock.engine_clock()) as line:
        for n, step_us in enumerate((0, 3_000_000, -4_000_000, 1_500_000, 10), start=1):
            clock.wall_us += step_us
            inbox.put(deposit(f"d{n}"))
            await line.frame(n)

    times = [frame.time_us - start_us for frame in await frames_of(connections, shard)]
    assert times == [0, 3_000_000, 3_000_000, 3_000_000, 3_000_000]


@pytest.mark.parametrize("step_us", [5_000_001, -5_000_001])
async def test_step_of_the_wall_clock_halts_the_engine(
    connections: Connections, shard: str, step_us: int
) -> None:
    """A wrong time in the journal stays for ever: better no time than that one."""
    clock, inbox = HandClock(), ScriptedInbox()
    async with Line(connections, shard, inbox=inbox, clock=clock.engine_clock()) as line:
        inbox.put(deposit("before"))
        await line.frame(1)
        clock.pass_us(3600 * 1_000_000)  # time that passes on both clocks is no step
        inbox.put(deposit("hour"))
        await line.frame(2)
        clock.wall_us += step_us
        inbox.put(deposit("after"))
        with pytest.raises(ClockStepped, match="--accept-time-jump"):
            await asyncio.wait_for(line.task, 5)

    assert len(await frames_of(connections, shard)) == 2


@pytest.mark.parametrize("step_us", [3600 * 1_000_000, -3600 * 1_000_000])
async def test_accepted_step_goes_on_and_time_still_never_goes_back(
    connections: Connections, shard: str, step_us: int
) -> None:
    """An operator who says that the new time is right is believed, in both directions."""
    clock, inbox = HandClock(), ScriptedInbox()
    start_us = clock.wall_us
    accepting = clock.engine_clock(accept_jump=True)
    async with Line(connections, shard, inbox=inbox, clock=accepting) as line:
        for n, move_us in enumerate((0, step_us, -step_us), start=1):
            clock.wall_us += move_us
            inbox.put(deposit(f"d{n}"))
            await line.frame(n)

    highest_us = start_us + max(0, step_us)
    times = [frame.time_us for frame in await frames_of(connections, shard)]
    assert times == [start_us, highest_us, highest_us]


def crash(inbox: ScriptedInbox, bid: str, lots: str, touch: tuple[str, str]) -> None:
    """Leverage cy, then let the price fall; so much of what is sold finds a buyer at `bid`."""
    inbox.put(*MARKET, *LEVERAGED, tick())
    inbox.put(order("offer", "sell", "100", "10", "bea"), order("cy-1", "buy", "100", "10", "cy"))
    inbox.put(order("bid", "buy", bid, lots, "bea"), tick(*touch))


async def test_timer_writes_a_frame_without_inputs(connections: Connections, shard: str) -> None:
    """Nobody trades in a crash: the review after a liquidation must not wait for an order."""
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        crash(inbox, "79", "20", ("78.59", "78.61"))
        await line.reached(ticks="12-0")
        sold = next(f for f in line.acknowledged if events_of([f], "liquidation"))
        timer = await line.frame(sold.n + 1)

    assert inputs_of([timer]) == []
    assert json.loads(timer.cursors) == json.loads(sold.cursors)
    assert 250_000 <= timer.time_us - sold.time_us < 2_000_000
    await replica(connections, shard)


async def test_timer_that_fell_due_while_the_engine_was_down_comes_first(
    connections: Connections, shard: str
) -> None:
    """What was overdue at the restart happens before anything that came in meanwhile."""
    inbox, later = ScriptedInbox(), ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        crash(inbox, "77", "1", ("77.84", "77.86"))
        await line.reached(ticks="12-0")
        top = line.loop.position.n
    await asyncio.sleep(0.3)
    later.put(deposit("meanwhile", account="bea"))
    async with Line(connections, shard, inbox=later) as line:
        first = await line.frame(top + 1)

    events = events_of([first])
    assert [(each["type"], each.get("in")) for each in events[:1]] == [("liquidation", None)]
    assert ("balance_changed", 0) in [(each["type"], each.get("in")) for each in events[1:]]
    await replica(connections, shard)
