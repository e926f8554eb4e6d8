"""What a snapshotter leaves to others, leaves alone and leaves behind."""

import asyncio
import gc
import os
import time
import weakref
from pathlib import Path

import pytest

from engine.collecting import undisturbed
from engine.connections import RedisLink
from persistence.lease import standby_key
from tests.edges.tape import until
from tests.line.snapshotting import Bench


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


async def test_garbage_is_not_kept_for_ever(bench: Bench) -> None:
    """What a fork freezes is never looked through again; a closed connection is a cycle."""

    class Closed:
        def __init__(self) -> None:
            self.itself = self

    with undisturbed():
        gone = weakref.ref(Closed())
        assert gone() is not None
        await bench.snapshotter().take()

    assert gone() is None
