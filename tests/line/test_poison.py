"""An input that raises inside the kernel is set aside; everything around it goes on."""

import asyncio
import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest

from engine.connections import Connections
from engine.kernel import Kernel
from engine.loop import PoisonedTooOften
from engine.snapshot import state_hash
from engine.trading import Trading
from matching.messages import PlaceOrder
from tests.line.line import HandClock, Line, ScriptedInbox
from tests.line.outcome import replica
from tests.line.words import MARKET, order, tick
from tests.line.written import events_of, frames_of, inputs_of

Patch = pytest.MonkeyPatch


def poison(monkeypatch: Patch, error: type[BaseException] = ZeroDivisionError) -> None:
    """Make the kernel raise on orders named `poison…`, once they have changed half of the state."""
    place: Callable[..., None] = Trading.place

    def broken(self: Trading, command: PlaceOrder, events: list[Any]) -> None:
        place(self, command, events)
        if command.client_order_id.startswith("poison"):
            raise error

    monkeypatch.setattr(Trading, "place", broken)


async def test_input_that_raises_is_refused_and_the_others_go_on(
    connections: Connections, shard: str, monkeypatch: Patch
) -> None:
    """One order that meets a bug must not stop the market for all the others."""
    inbox = ScriptedInbox()
    with monkeypatch.context() as patch:
        poison(patch)
        async with Line(connections, shard, inbox=inbox) as line:
            inbox.put(*MARKET, tick(), order("before"))
            await line.reached(orders="7-0")
            inbox.put(order("same-batch"), order("poison"), order("after"))
            await line.reached(orders="10-0")
            inbox.put(order("later"))
            await line.reached(orders="11-0")
            live = state_hash(line.loop.machine.kernel)

    frames = await frames_of(connections, shard)
    accepted = [each["client_order_id"] for each in events_of(frames, "order_accepted")]
    assert accepted == ["before", "same-batch", "after", "later"]
    (refused,) = events_of(frames, "rejected")
    body = b'{"s":"orders","id":"9-0","c":%b}' % json.dumps(order("poison")).encode()
    digest = blake2b(body, digest_size=16).hexdigest()
    assert (refused["code"], refused["digest"]) == (704, digest)
    assert (refused["stream"], refused["entry"]) == ("orders", "9-0")
    (verdict,) = [each for each in inputs_of(frames) if "refuse" in each]
    assert (verdict["refuse"], verdict["digest"], verdict["id"]) == (704, digest, "9-0")
    replayed = await replica(connections, shard)  # by a kernel that does not raise
    assert state_hash(replayed.kernel) == live
    assert "poison" not in replayed.kernel.state.live["ann"]


async def test_poison_in_an_array_spares_the_other_commands(
    connections: Connections, shard: str, monkeypatch: Patch
) -> None:
    """Each command of an array stands or falls alone, and they still share a frame."""
    poison(monkeypatch)
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET, tick())
        inbox.put([order("one"), order("poison-1"), order("two"), order("poison-2")])
        await line.reached(orders="7-0")

    (frame,) = [f for f in await frames_of(connections, shard) if events_of([f], "rejected")]
    kinds = [(each["type"], each.get("code")) for each in events_of([frame])]
    accepted, refused = ("order_accepted", None), ("rejected", 704)
    assert kinds == [accepted, refused, accepted, refused]
    await replica(connections, shard)


async def test_poison_is_not_confused_by_frames_still_on_their_way(
    connections: Connections, shard: str, monkeypatch: Patch
) -> None:
    """The state is rebuilt at the last acknowledged frame, which must first be acknowledged."""
    poison(monkeypatch)
    monkeypatch.setattr("engine.loop._FULL_BYTES", 150)  # every order a frame of its own
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET, tick(), order("a"), order("poison-1"), order("b"), order("poison-2"))
        await line.reached(orders="10-0")

    accepted = events_of(await frames_of(connections, shard), "order_accepted")
    assert [each["client_order_id"] for each in accepted] == ["a", "b"]
    await replica(connections, shard)


async def test_more_than_three_poisons_an_hour_end_the_engine(
    connections: Connections, shard: str, monkeypatch: Patch
) -> None:
    """Inputs that keep raising are a bug of ours, and each costs a rebuild."""
    poison(monkeypatch)
    clock, inbox = HandClock(), ScriptedInbox()
    async with Line(connections, shard, inbox=inbox, clock=clock.engine_clock()) as line:
        inbox.put(*MARKET, tick())
        inbox.put(order("poison-1"), order("poison-2"), order("poison-3"))
        await line.reached(orders="9-0")
        clock.pass_us(3_600_000_001)
        inbox.put(order("poison-4"), order("poison-5"), order("poison-6"))
        await line.reached(orders="12-0")
        clock.pass_us(3_500_000_000)
        inbox.put(order("poison-7"))
        with pytest.raises(PoisonedTooOften):
            await asyncio.wait_for(line.task, 5)

    assert len(events_of(await frames_of(connections, shard), "rejected")) == 6


async def test_memory_that_ran_out_is_nobodys_fault(
    connections: Connections, shard: str, monkeypatch: Patch
) -> None:
    """The order is innocent; refusing it would lose it, and the next one would fare no better."""
    poison(monkeypatch, MemoryError)
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET, tick())
        await line.reached(ticks="6-0")
        inbox.put(order("poison"))
        with pytest.raises(MemoryError):
            await asyncio.wait_for(line.task, 5)

    assert inputs_of(await frames_of(connections, shard))[-1]["s"] == "ticks"


async def test_exception_in_a_timer_is_nobodys_fault(
    connections: Connections, shard: str, monkeypatch: Patch
) -> None:
    """There is no input to set aside: only a restart, and somebody who looks, can help."""

    def broken(_kernel: Kernel, _now_us: int) -> list[Any]:
        raise ZeroDivisionError

    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET)
        await line.reached(admin="5-0")
        top = line.loop.position.n
        monkeypatch.setattr(Kernel, "begin", broken)
        inbox.put(tick())
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(line.task, 5)

    assert len(await frames_of(connections, shard)) == top
