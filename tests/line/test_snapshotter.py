"""Snapshots are taken beside the market, not instead of it."""

import asyncio
import os
from contextlib import suppress
from typing import Any

import pytest

from engine.connections import Connections, RedisLink, SyncRedisLink
from engine.machine import Machine
from engine.ports import Manifest, Position
from engine.replay import recover
from engine.snapshot import state_hash
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore, write_snapshot
from persistence.snapshotter import SnapshotFailed, Snapshotter
from tests.edges.tape import until
from tests.line.line import Gate, Line, ScriptedInbox
from tests.line.process import accepted
from tests.line.proxy import FailingWire
from tests.line.snapshotting import Bench
from tests.line.words import MARKET, order, tick
from tests.line.written import frames_of

LONGEST_PAUSE_MS = 250.0  # of a loaded machine; a fork of this process takes some milliseconds


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


async def test_broken_state_does_not_push_out_a_good_one(bench: Bench, link: RedisLink) -> None:
    """Money that does not add up is found at the snapshot, while there are some to go back to."""
    snapshotter = bench.snapshotter(keep=1)
    await snapshotter.take()
    (good,) = bench.kept
    await bench.trade(1)
    bench.line.loop.machine.kernel.state.accounts["ann"].balance_atoms += 1

    with pytest.raises(SnapshotFailed):
        await snapshotter.take()

    bench.line.loop.machine.kernel.state.accounts["ann"].balance_atoms -= 1
    manifests = await SnapshotStore(link, bench.line.shard).manifests()
    assert [each.frame for each in manifests] == [good]


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


async def test_snapshot_that_is_there_counts_though_looking_through_them_failed(
    bench: Bench, wire: FailingWire
) -> None:
    """The market may be quiet from now on, and the journal is trimmed to what is kept."""
    asked = 0

    def lose_the_second(_number: int, words: list[bytes]) -> object:
        nonlocal asked
        asked += words[0] == b"GET" and words[1].endswith(b":lease")
        return "lose reply" if words[0] == b"GET" and asked == 2 else "pass"

    wire.fate = lose_the_second
    snapshotter = bench.snapshotter(wire.connections)
    snapshotter.interval_seconds = 0.02
    running = asyncio.create_task(snapshotter.run())
    await until(lambda: bench.kept == [bench.line.loop.position.n], running)
    assert asked > 2

    running.cancel()
