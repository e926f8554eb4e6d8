"""A frame ends where an entry ends, and says exactly which entries it has applied."""

import asyncio
import json

import pytest

from engine import loop as loop_module
from engine.connections import Connections
from engine.entries import decode_entry
from engine.limits import MASS_CANCELS_PER_FRAME, MAX_FRAME_INPUT_BYTES
from engine.messages import Batch, Frame
from engine.ports import Journal
from feeds.inbox import entry_order
from tests.line.line import Line, ScriptedInbox, send
from tests.line.outcome import replica
from tests.line.words import MARKET, cancel_all, deposit, order, tick
from tests.line.written import events_of, frames_of, inputs_of

STREAMS = ("admin", "admin:ops", "ticks", "ticks:feed", "orders", "orders:gate")


def mixed_batch() -> Batch:
    """Return entries of every stream, of which each uses the same ids; every third is an array."""
    batch = Batch([], {})
    for stream in STREAMS:
        for number in range(1, 8):
            name = f"{stream}-{number}".replace(":", ".")
            kind = {"admin": deposit(name), "ticks": tick(seq=number, source=name)}
            command = kind.get(stream.partition(":")[0], order(name))
            several = [{**command, **_renamed(command, k)} for k in range(5)]
            payload = json.dumps(several if number % 3 == 0 else command).encode()
            batch.inputs += decode_entry(stream, f"{number}-0", payload)
            batch.cursors[stream] = f"{number}-0"
    return batch


def _renamed(command: dict[str, str], k: int) -> dict[str, str]:
    names = ("transfer_id", "client_order_id", "source")
    return {name: f"{command[name]}.{k}" for name in names if name in command}


async def test_batch_larger_than_a_frame_is_cut_between_entries(
    connections: Connections, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of an array share a frame, and a cursor never stands inside an entry."""
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*MARKET)
        first = (await line.frame(1)).n
        monkeypatch.setattr(loop_module, "_FULL_BYTES", 700)
        batch = mixed_batch()
        everything = [(each.stream, each.entry_id) for each in batch.inputs]
        inbox.put_batch(batch)
        await line.reached(**batch.cursors)

    frames = (await frames_of(connections, shard))[first:]
    assert len(frames) > 10
    assert [(each["s"], each["id"]) for each in inputs_of(frames)] == everything
    assert_cursors_are_exact(frames)
    for frame in frames[:-1]:
        assert len(inputs_of([frame])) > 0, "a frame is filled before the next one is begun"


def assert_cursors_are_exact(frames: list[Frame]) -> None:
    """Check that each frame's cursors part what is applied by then from what is not."""
    for number, frame in enumerate(frames):
        cursors = json.loads(frame.cursors)
        for each in inputs_of(frames[: number + 1]):
            assert entry_order(each["id"]) <= entry_order(cursors[each["s"]])
        for each in inputs_of(frames[number + 1 :]):
            assert entry_order(each["id"]) > entry_order(cursors.get(each["s"], "0-0"))


class Crash(Exception):
    """The engine ends here."""


class Mortal:
    """A journal that takes so many frames; the engine dies before or after the one beyond."""

    def __init__(self, journal: Journal, frames: int, *, is_written: bool) -> None:
        self._journal = journal
        self._left = frames
        self._is_written = is_written

    async def append(self, frame: Frame) -> None:
        """Append a frame, or die."""
        self._left -= 1
        if self._left >= 0 or self._is_written:
            await self._journal.append(frame)
        if self._left < 0:
            raise Crash


@pytest.mark.parametrize("is_written", [False, True], ids=["unwritten", "unacknowledged"])
async def test_crash_between_two_frames_of_a_batch_applies_each_entry_once(
    connections: Connections, shard: str, monkeypatch: pytest.MonkeyPatch, *, is_written: bool
) -> None:
    """The next engine reads on from the cursors of the last frame: nothing twice, nothing lost."""
    monkeypatch.setattr(loop_module, "_FULL_BYTES", 500)
    names = [f"o{number}" for number in range(24)]
    entries = [[order(names[n]), order(names[n + 1])] for n in range(0, 24, 2)]
    for frames_before in range(8):
        name = f"{shard}-{frames_before}"
        await send(connections, name, MARKET, tick(), *entries)

        def wrap(journal: Journal, lives: int = frames_before) -> Journal:
            return Mortal(journal, lives, is_written=is_written)

        async with Line(connections, name, wrap=wrap) as line:
            with pytest.raises(Crash):
                await asyncio.wait_for(line.task, 10)
        async with Line(connections, name) as line:
            await line.sent_and_applied(order("last"))

        frames = await frames_of(connections, name)
        accepted = events_of(frames, "order_accepted")
        assert [each["client_order_id"] for each in accepted] == [*names, "last"]
        assert not any(each.get("duplicate") for each in accepted)
        assert_cursors_are_exact(frames)
        await replica(connections, name)


async def test_frame_never_holds_more_than_a_mebibyte_of_inputs(
    connections: Connections, shard: str
) -> None:
    """Arrays of the shortest commands from the longest of names grow threefold in a frame."""
    inbox, gateway = ScriptedInbox(), "orders:" + "g" * 64
    shortest = {"type": "cancel_order", "account": "a", "client_order_id": "b"}
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*[[shortest] * 900] * 14, stream=gateway)
        await line.reached(**{gateway: "14-0"})

    sizes = [len(frame.inputs) for frame in await frames_of(connections, shard)]
    assert sum(sizes) > 2 * MAX_FRAME_INPUT_BYTES
    assert max(sizes) <= MAX_FRAME_INPUT_BYTES


async def test_frame_with_enough_events_takes_no_further_entry(
    connections: Connections, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads frames must be able to hold one in memory."""
    monkeypatch.setattr(loop_module, "MAX_FRAME_EVENTS", 10)
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*[[deposit("x"), deposit("y"), deposit("z")]] * 20)
        await line.reached(admin="20-0")

    counts = [len(events_of([frame])) for frame in await frames_of(connections, shard)]
    assert counts == [12, 12, 12, 12, 12]


async def test_mass_cancel_goes_on_before_any_other_input(
    connections: Connections, shard: str
) -> None:
    """What comes after a cancel-all must find all of it cancelled, however many there were."""
    count = MASS_CANCELS_PER_FRAME + 150
    resting = [
        [order(f"o{n}", price="1") for n in range(at, min(at + 400, count))]
        for at in range(0, count, 400)
    ]
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(MARKET, tick(), *resting)
        await line.reached(orders=f"{2 + len(resting)}-0")
        before = line.loop.position.n
        inbox.put(cancel_all(), order("after"), order("last"))
        await line.reached(orders=f"{5 + len(resting)}-0")

    begun, gone_on, *rest = (await frames_of(connections, shard))[before:]
    assert [each["c"]["type"] for each in inputs_of([begun])] == ["cancel_all"]
    assert json.loads(begun.cursors)["orders"] == f"{3 + len(resting)}-0"
    assert len(events_of([begun], "order_cancelled")) == MASS_CANCELS_PER_FRAME
    assert inputs_of([gone_on]) == []
    assert len(events_of([gone_on], "order_cancelled")) == 150
    accepted = [each["client_order_id"] for each in events_of(rest, "order_accepted")]
    assert accepted == ["after", "last"]
    await replica(connections, shard)


async def test_mass_cancel_within_an_array_ends_within_its_frame(
    connections: Connections, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes between the commands of an array, not even a frame."""
    monkeypatch.setattr("engine.cancelling.MASS_CANCELS_PER_FRAME", 3)
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(MARKET, tick(), *[order(f"o{n}") for n in range(10)])
        await line.reached(orders="12-0")
        before = line.loop.position.n
        inbox.put([cancel_all(), order("after")])
        await line.reached(orders="13-0")

    frame, *rest = (await frames_of(connections, shard))[before:]
    assert rest == []
    kinds = [each["type"] for each in events_of([frame])]
    assert kinds == ["order_cancelled"] * 10 + ["order_accepted"]
    await replica(connections, shard)


async def test_batch_in_which_nothing_is_left_to_apply_still_moves_the_cursors(
    connections: Connections, shard: str
) -> None:
    """Entries that only conflation has consumed must not be read again for ever."""
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put_batch(Batch([], {"ticks": "7-0"}))
        frame = await line.frame(1)

    assert json.loads(frame.cursors) == {"ticks": "7-0"}
    assert inputs_of([frame]) == []


async def test_loop_that_is_told_to_stop_ends_after_the_frame_it_is_at(
    connections: Connections, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch may hold half a million commands; a stop within a second cannot wait for them."""
    monkeypatch.setattr(loop_module, "_FULL_BYTES", 5_000)
    inbox = ScriptedInbox()
    async with Line(connections, shard, inbox=inbox) as line:
        inbox.put(*[[deposit(f"x{n}")] * 100 for n in range(100)])
        await line.frame(3)
        line.loop.stop()
        await asyncio.wait_for(line.task, 5)

    frames = await frames_of(connections, shard)
    assert len(frames) < 20
    assert json.loads(frames[-1].cursors) == {"admin": f"{len(frames)}-0"}
