"""The daemon: put the parts together, recover, and run them in one task group (architecture §7)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import structlog

from engine import notify
from engine.changed_accounts import ChangedAccounts
from engine.collecting import spare_what_lives
from engine.config import (
    DEFAULT_FILE,
    Config,
    ConfigError,
    genesis_commands,
    load,
    restart_needed,
)
from engine.connections import (
    POSTGRES_FAILED,
    Connections,
    LinkLost,
    PostgresLost,
    RedisReplyError,
    SecretUnreadable,
)
from engine.endpoints import configured_endpoints
from engine.entries import decode_entry
from engine.exposures import exposures
from engine.log import configure
from engine.loop import EngineClock, EngineLoop, FrameFull
from engine.margin_feed import MarginFeed
from engine.mirror_feed import MirrorFeed
from engine.ports import JournalDamaged, Manifest, Position
from engine.replay import recover
from feeds.inbox import RedisInbox
from persistence.embedded import EmbeddedServers
from persistence.fill_writer import FillWriter, WriterHalted
from persistence.housekeeping import Lease, Trimmer
from persistence.journal import JournalFrames, RedisJournal
from persistence.mirror import StateMirror
from persistence.redis_settings import check_redis_settings
from persistence.schema import migrate
from persistence.snapshot_store import SnapshotStore
from persistence.snapshotter import Snapshotter
from persistence.state_dir import StateLock
from persistence.witness import Witness, compare

if TYPE_CHECKING:
    from engine.machine import Machine
    from engine.messages import Frame, Input

log = structlog.get_logger()

_POSTGRES_RETRY_SECONDS = 1.0
_POSTGRES_AWAY: tuple[type[Exception], ...] = (PostgresLost, SecretUnreadable, *POSTGRES_FAILED)


class WrongSettings(Exception):
    """Redis is set up in a way that would lose acknowledged frames (exit 78)."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run."""

    config_path: Path | None
    state_dir: Path
    ephemeral: bool = False
    accept_loss: bool = False
    accept_time_jump: bool = False


class Parts(NamedTuple):
    """The long-lived parts of a running daemon."""

    loop: EngineLoop
    inbox: RedisInbox
    journal: RedisJournal
    snapshotter: Snapshotter
    trimmer: Trimmer
    lease: Lease
    writer: FillWriter | None
    mirror_feed: MirrorFeed
    mirror: StateMirror
    margins: MarginFeed


async def run(options: RunOptions) -> None:
    """Run the daemon until SIGTERM or SIGINT. Raises what `engine.exits` gives a code to."""
    config = load(options.config_path)
    for warning in exposures(config):
        log.warning(warning)
    if config.redis.url is not None:
        lock = await StateLock.acquire(options.state_dir)
        try:
            await Daemon(config, options, Connections(configured_endpoints(config)), None).run()
        finally:
            lock.release()
        return
    async with EmbeddedServers(options.state_dir, ephemeral=options.ephemeral) as servers:
        connections = Connections(servers.endpoints)
        await Daemon(config, options, connections, servers).run()


class Daemon:
    """One run of the engine on given servers."""

    def __init__(
        self,
        config: Config,
        options: RunOptions,
        connections: Connections,
        servers: EmbeddedServers | None,
    ) -> None:
        self._config = config
        self._options = options
        self._connections = connections
        self._servers = servers
        data_dir = options.state_dir if servers is None else servers.data_dir
        self._witness = Witness(data_dir / "head")
        self._last_snapshot: asyncio.Task[None] | None = None
        self._run_id = f"{os.getpid()}-{time.time_ns() // 1_000_000}"

    async def run(self) -> None:
        """Recover, say so, and run every part until one ends or a signal comes."""
        await self._check_settings()
        started = time.monotonic()
        machine, position = await self._recover()
        parts = self._assemble(machine, position)
        await self._first_frame(parts, position)
        parts.loop.mind(self._config.engine.overload_ms, self._config.journal.batch_commands)
        spare_what_lives()
        self._listen(parts)
        log.info(
            "ready",
            frame=position.n,
            orders=sum(len(orders) for orders in machine.kernel.state.live.values()),
            accounts=len(machine.kernel.state.accounts),
            recovery_seconds=round(time.monotonic() - started, 3),
        )
        await self._run_parts(parts)

    async def _check_settings(self) -> None:
        """Refuse a Redis that would not keep what it acknowledges. Raises WrongSettings."""
        link = await self._connections.redis()
        try:
            report = await check_redis_settings(link)
        finally:
            await link.close()
        for warning in report.warnings:
            log.warning(warning)
        if report.wrong:
            raise WrongSettings("; ".join(report.wrong))

    # Recovery

    async def _recover(self) -> tuple[Machine, Position]:
        """Return the state at the journal's top: recovery is the only way to start."""
        link = await self._connections.redis()
        try:
            shard = self._config.shard
            source, snapshots = JournalFrames(link, shard), SnapshotStore(link, shard)
            top = await source.top()
            await self._ask_witnesses(source, snapshots, top)
            return await recover(shard, snapshots, source, 0 if top is None else top.n, log.error)
        finally:
            await link.close()

    async def _ask_witnesses(
        self, source: JournalFrames, snapshots: SnapshotStore, top: Frame | None
    ) -> None:
        """Compare the journal with what else remembers it. Raises JournalDamaged (exit 65).

        A snapshot is a witness too: it is taken only of what was acknowledged. Where the loss is
        accepted it must not come between when the journal reaches its frame again.
        """
        accepted = self._options.accept_loss
        seen = self._witness.read()
        if accepted:
            self._witness.forget()
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
        for name in snapshots.damaged:
            log.error("the manifest of a snapshot is damaged; it is not used", snapshot=name)

    async def _rebuild(self, n: int) -> Machine:
        """Return the machine as it was at frame `n`, after an input has raised in it."""
        link = await self._connections.redis()
        try:
            shard = self._config.shard
            machine, _ = await recover(
                shard, SnapshotStore(link, shard), JournalFrames(link, shard), n, log.error
            )
        finally:
            await link.close()
        return machine

    # Putting together

    def _assemble(self, machine: Machine, position: Position) -> Parts:
        config, connections = self._config, self._connections
        journal = RedisJournal(
            connections.redis,
            config.shard,
            n=position.n,
            frame_hash=position.hash,
            ring_frames=config.journal.ring_frames,
        )
        inbox = RedisInbox(
            lambda: connections.redis(blocking=True),
            (LinkLost, RedisReplyError),
            config.shard,
            position.cursors,
            config.journal.batch_commands,
        )
        writer = None
        if connections.endpoints.postgres_dsn is not None:
            writer = FillWriter(
                connections,
                config.shard,
                batch_rows=config.writer.batch_rows,
                batch_seconds=config.writer.interval_ms / 1e3,
            )
        clock = EngineClock.of_this_machine(accept_jump=self._options.accept_time_jump)

        def acknowledged(frame: Frame) -> None:
            self._witness.write(frame.n, frame.hash)
            if writer is not None:
                writer.top_frame = frame.n

        loop = EngineLoop(machine, position, inbox, journal, clock, self._rebuild, acknowledged)
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
            connections, config.shard, loop, self._run_id, config.snapshot.keep, kept
        )
        snapshotter.interval_seconds = config.snapshot.interval_s
        lease = Lease(connections, config.shard, self._run_id, lambda: loop.backlog.age_us // 1_000)
        changed = ChangedAccounts(loop)
        feed = MirrorFeed(loop, changed, config.mirror.interval_ms / 1e3)
        prefix = config.mirror.prefix
        mirror = StateMirror(
            connections,
            feed.take,
            f"{{{config.shard}}}:" if prefix is None else prefix,
            interval_seconds=config.mirror.interval_ms / 1e3,
        )
        margins = MarginFeed(loop, changed, connections, config.shard)
        others = trimmer, lease, writer, feed, mirror, margins
        return Parts(loop, inbox, journal, snapshotter, *others)

    async def _first_frame(self, parts: Parts, position: Position) -> None:
        """Write the genesis frame of a new journal, or an empty one, which fences others."""
        genesis = [msgspec.json.encode(command) for command in genesis_commands(self._config)]
        inputs: list[Input] = []
        if position.n == 0:
            for number, payload in enumerate(genesis, start=1):
                inputs += decode_entry("config", f"{number}-0", payload)
        try:
            await parts.loop.append_inputs(inputs)
        except FrameFull as full:
            raise ConfigError(
                f"{self._options.config_path or DEFAULT_FILE}: too much for the first frame of a "
                f"journal, {full}: leave some accounts and deposits out and `pitboss send` them"
            ) from None
        if position.n > 1:
            self._report_differences(parts.loop.machine)

    def _report_differences(self, machine: Machine) -> None:
        """Say where config.toml no longer describes the shard; only a command changes the state."""
        state = machine.kernel.state
        missing = [i.symbol for i in self._config.instruments if i.symbol not in state.markets]
        missing += [a.account for a in self._config.accounts if a.account not in state.accounts]
        if missing:
            log.warning(
                "config.toml names what the shard does not have; add it by an admin command",
                missing=missing,
            )

    # Running

    async def _run_parts(self, parts: Parts) -> None:
        """Run every part in one task group; when the engine loop ends in order, all end."""
        async with asyncio.TaskGroup() as group:
            engine = group.create_task(parts.loop.run(), name="engine")
            others = [
                group.create_task(parts.snapshotter.run(), name="snapshotter"),
                group.create_task(parts.trimmer.run(), name="trimmer"),
                group.create_task(parts.lease.run(), name="lease"),
                group.create_task(notify.watchdog(), name="watchdog"),
            ]
            if self._config.mirror.enabled:
                others.append(group.create_task(parts.mirror_feed.run(), name="mirror feed"))
                others.append(group.create_task(parts.mirror.run(), name="mirror"))
            if self._servers is not None:
                others.append(group.create_task(self._servers.watch(), name="servers"))
            if parts.writer is not None:
                others.append(group.create_task(self._write_fills(parts.writer), name="writer"))
                others.append(group.create_task(parts.margins.run(), name="margins"))
            notify.ready(f"frame {parts.loop.position.n}")
            await engine
            notify.stopping()
            if self._last_snapshot is not None:
                await self._last_snapshot
            for task in others:
                task.cancel()
        await parts.lease.release()
        await parts.journal.close()
        await parts.inbox.close()
        log.info("stopped", frame=parts.loop.position.n)

    async def _write_fills(self, writer: FillWriter) -> None:
        """Bring the schema up to date once Postgres answers, then write fills for ever.

        A writer that halts raises an alarm and nothing else: trading does not hang on Postgres.
        """
        while True:
            try:
                connection = await self._connections.postgres()
                try:
                    applied = await migrate(connection)
                finally:
                    connection.terminate()
                if applied:
                    log.info("schema brought up to date", migrations=applied)
                await writer.run()
            except _POSTGRES_AWAY as error:
                log.warning("Postgres is away; fills wait in the journal", reason=str(error))
                await asyncio.sleep(_POSTGRES_RETRY_SECONDS)
            except WriterHalted as halted:
                log.critical(
                    "the fill writer has halted; frames wait in the journal", why=str(halted)
                )
                return

    def _listen(self, parts: Parts) -> None:
        """Attach the signals: TERM and INT stop, HUP reloads, USR1 snapshots, USR2 does both."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, parts.loop.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload, parts)
        loop.add_signal_handler(signal.SIGUSR1, parts.snapshotter.ask)
        loop.add_signal_handler(signal.SIGUSR2, self._stop_with_snapshot, parts)

    def _stop_with_snapshot(self, parts: Parts) -> None:
        """Stop at a frame and leave its snapshot, so that another release can start from it."""
        if self._last_snapshot is None:
            self._last_snapshot = asyncio.create_task(parts.snapshotter.take())
            parts.loop.stop()

    def _reload(self, parts: Parts) -> None:
        """Take over what may change while running; say what would need a restart."""
        try:
            fresh = load(self._options.config_path)
        except Exception as error:
            log.error("the configuration is not reloaded", reason=str(error))
            return
        parts.snapshotter.interval_seconds = fresh.snapshot.interval_s
        parts.mirror_feed.interval_seconds = fresh.mirror.interval_ms / 1e3
        configure(fresh.log.level, fresh.log.format)
        log.info("configuration reloaded", needs_restart=restart_needed(self._config, fresh))
