"""The parts of a leading engine, put together and not yet running (architecture §7)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from engine.changed_accounts import ChangedAccounts
from engine.connections import LinkLost, RedisReplyError
from engine.loop import EngineClock, EngineLoop
from engine.margin_feed import MarginFeed
from engine.mirror_feed import MirrorFeed
from engine.recovery import rebuild
from feeds.inbox import RedisInbox
from persistence.fill_writer import FillWriter
from persistence.housekeeping import Trimmer
from persistence.journal import RedisJournal
from persistence.lease import Pulse, is_moving, lease_key, standby_key
from persistence.mirror import StateMirror
from persistence.snapshotter import Snapshotter

if TYPE_CHECKING:
    from engine.machine import Machine
    from engine.messages import Frame
    from engine.ports import Manifest, Position
    from engine.run import Run
    from persistence.journal import FrameRing


class Parts(NamedTuple):
    """The long-lived parts of a running daemon."""

    loop: EngineLoop
    inbox: RedisInbox
    journal: RedisJournal
    snapshotter: Snapshotter
    trimmer: Trimmer
    lease: Pulse
    writer: FillWriter | None
    mirror_feed: MirrorFeed
    mirror: StateMirror
    margins: MarginFeed


def assemble(run: Run, machine: Machine, position: Position, ring: FrameRing) -> Parts:
    """Put the parts of a run together around a machine that stands at `position`.

    `ring` holds the frames before it, as far as they were seen.
    """
    config, connections = run.config, run.connections
    journal = RedisJournal(
        connections.redis,
        config.shard,
        n=position.n,
        frame_hash=position.hash,
        ring=ring,
    )
    inbox = RedisInbox(
        lambda: connections.redis(blocking=True),
        (LinkLost, RedisReplyError),
        config.shard,
        position.cursors,
        config.journal.batch_commands,
    )
    writer = _fill_writer(run)
    clock = EngineClock.of_this_machine(accept_jump=run.options.accept_time_jump)

    def acknowledged(frame: Frame) -> None:
        run.witness.write(frame.n, frame.hash)
        if writer is not None:
            writer.top_frame = frame.n

    rebuilt = partial(rebuild, run)
    loop = EngineLoop(machine, position, inbox, journal, clock, rebuilt, acknowledged)
    trimmer = Trimmer(
        connections,
        config.shard,
        position,
        config.journal.retain_frames,
        lambda: position.n if writer is None else writer.lives_frame,
    )

    def kept(manifests: list[Manifest]) -> None:
        trimmer.oldest_snapshot = manifests[-1].frame if manifests else 0

    snapshotter = Snapshotter(
        connections, config.shard, loop, run.run_id, config.snapshot.keep, kept
    )
    snapshotter.left_to = partial(is_moving, connections, standby_key(config.shard))
    snapshotter.interval_seconds = config.snapshot.interval_s
    lease = Pulse(
        connections,
        lease_key(config.shard),
        run.run_id,
        lambda: loop.backlog.age_us // 1_000,
        journal.check_leads,
    )
    changed = ChangedAccounts(loop)
    feed = MirrorFeed(loop, changed, config.mirror.interval_ms / 1e3)
    margins = MarginFeed(loop, changed, connections, config.shard)
    others = trimmer, lease, writer, feed, _mirror(run, feed), margins
    return Parts(loop, inbox, journal, snapshotter, *others)


def _mirror(run: Run, feed: MirrorFeed) -> StateMirror:
    settings = run.config.mirror
    prefix = f"{{{run.config.shard}}}:" if settings.prefix is None else settings.prefix
    seconds = settings.interval_ms / 1e3
    return StateMirror(run.connections, feed.take, prefix, interval_seconds=seconds)


def _fill_writer(run: Run) -> FillWriter | None:
    """Return the writer of fills, None where no Postgres is configured."""
    if run.connections.endpoints.postgres_dsn is None:
        return None
    settings = run.config.writer
    return FillWriter(
        run.connections,
        run.config.shard,
        batch_rows=settings.batch_rows,
        batch_seconds=settings.interval_ms / 1e3,
    )
