"""Recovery: the state at the journal's top, its witnesses asked first (architecture §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from engine.ports import JournalDamaged, Position
from engine.replay import recover
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore
from persistence.witness import compare

if TYPE_CHECKING:
    from engine.machine import Machine
    from engine.messages import Frame
    from engine.run import Run
    from persistence.journal import FrameRing

log = structlog.get_logger()


async def recover_top(run: Run, ring: FrameRing) -> tuple[Machine, Position]:
    """Return the state at the journal's top: recovery is the only way to start.

    The frames replayed on the way are put into the ring.
    """
    link = await run.connections.redis()
    try:
        shard = run.config.shard
        source, snapshots = JournalFrames(link, shard), SnapshotStore(link, shard)
        top = await source.top()
        await _ask_witnesses(run, source, snapshots, top)
        n = 0 if top is None else top.n
        return await recover(shard, snapshots, source, n, log.error, ring.add)
    finally:
        await link.close()


async def rebuild(run: Run, n: int) -> Machine:
    """Return the machine as it was at frame `n`, after an input has raised in it."""
    link = await run.connections.redis()
    try:
        shard = run.config.shard
        machine, _ = await recover(
            shard, SnapshotStore(link, shard), JournalFrames(link, shard), n, log.error
        )
    finally:
        await link.close()
    return machine


async def _ask_witnesses(
    run: Run, source: JournalFrames, snapshots: SnapshotStore, top: Frame | None
) -> None:
    """Compare the journal with what else remembers it. Raises JournalDamaged (exit 65).

    A snapshot is a witness too: it is taken only of what was acknowledged. Where the loss is
    accepted it must not come between when the journal reaches its frame again.
    """
    accepted = run.options.accept_loss
    seen = run.witness.read()
    if accepted:
        run.witness.forget()
    elif seen is not None:
        await compare(source, top, *seen)
    for manifest in await snapshots.manifests():
        try:
            await compare(source, top, manifest.frame, bytes.fromhex(manifest.frame_hash))
        except JournalDamaged as damage:
            if not accepted:
                raise
            log.warning("a snapshot is set aside", reason=str(damage))
            await snapshots.set_aside(manifest)
