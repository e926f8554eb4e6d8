"""The daemon: put the parts together, recover, and run them in one task group (architecture §7)."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import time
from typing import TYPE_CHECKING

import msgspec
import structlog

from engine import notify
from engine.assembly import Parts, assemble
from engine.collecting import spare_what_lives, undisturbed
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
    PostgresLost,
    SecretUnreadable,
)
from engine.endpoints import configured_endpoints
from engine.entries import decode_entry
from engine.exposures import exposures
from engine.log import configure
from engine.loop import FrameFull, GaveUp
from engine.ports import JournalDamaged, Position
from engine.recovery import recover_top
from engine.run import Run, RunOptions
from engine.standby import Standby, stand_by
from persistence.embedded import EmbeddedServers
from persistence.fill_writer import FillWriter, WriterHalted
from persistence.housekeeping import FileRewriter
from persistence.journal import FrameRing
from persistence.lease import is_moving, lease_key
from persistence.redis_settings import check_redis_settings
from persistence.schema import migrate
from persistence.snapshotter import Snapshotter
from persistence.state_dir import StateLock
from persistence.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.machine import Machine
    from engine.messages import Input

log = structlog.get_logger()

_POSTGRES_RETRY_SECONDS = 1.0
_HEAL_SECONDS = 10.0
_HEAD_START_SECONDS = 0.25
_POSTGRES_AWAY: tuple[type[Exception], ...] = (PostgresLost, SecretUnreadable, *POSTGRES_FAILED)


class WrongSettings(Exception):
    """Redis is set up in a way that would lose acknowledged frames (exit 78)."""


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
    if options.standby:
        raise ConfigError(
            "--standby follows another engine on the same servers: set redis.url, and postgres.dsn "
            "where fills go to Postgres"
        )
    async with EmbeddedServers(options.state_dir, ephemeral=options.ephemeral) as servers:
        connections = Connections(servers.endpoints)
        await Daemon(config, options, connections, servers).run()


def _new_run_id() -> str:
    """Return a name that no other run has; an operator sees by it which process leads, and where.

    Without colons, which keep it apart in keys and in the lease.
    """
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())
    return f"{os.getpid()}-{time.time_ns() // 1_000_000}@{host}"


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
        self._run = Run(_new_run_id(), config, options, connections, Witness(data_dir / "head"))
        self._last_snapshot: asyncio.Task[None] | None = None
        self._parts: Parts | None = None
        self._watchdog: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Recover, say so, and run every part until one ends or a signal comes."""
        await self._check_settings()
        started = time.monotonic()
        with undisturbed():
            machine, position, ring = await self._recover()
            spare_what_lives()
        recovery_seconds = round(time.monotonic() - started, 3)
        if self._options.standby:
            log.info("standing by", frame=position.n, recovery_seconds=recovery_seconds)
            standby = Standby(self._run, machine, position, ring)
            if not await self._stand_by(standby):
                return
        parts = assemble(self._run, machine, position, ring)
        self._parts = parts
        self._listen(parts.loop.stop, parts.snapshotter)
        try:
            await self._first_frame(parts, position)
        except GaveUp:
            log.warning("stopped before it led: the journal has not answered", frame=position.n)
            return
        parts.loop.mind(self._config.engine.overload_ms, self._config.journal.batch_commands)
        log.info(
            "ready",
            frame=position.n,
            orders=sum(len(orders) for orders in machine.kernel.state.live.values()),
            accounts=len(machine.kernel.state.accounts),
            recovery_seconds=recovery_seconds,
        )
        await self._run_parts(parts)

    async def _recover(self) -> tuple[Machine, Position, FrameRing]:
        """Return the state at the journal's top; a standby lets the leader heal it first."""
        deadline = time.monotonic() + _HEAL_SECONDS
        while True:
            ring = FrameRing(self._config.journal.ring_frames)
            try:
                return *(await recover_top(self._run, ring)), ring
            except JournalDamaged as damage:
                lease = lease_key(self._config.shard)
                is_late = not self._options.standby or time.monotonic() > deadline
                if is_late or not await is_moving(self._connections, lease):
                    raise
                log.warning("waiting for the leader to heal the journal", reason=str(damage))

    async def _stand_by(self, standby: Standby) -> bool:
        """Follow the leader; return whether to lead now."""
        shard, settings = self._config.shard, self._config.snapshot
        snapshotter = Snapshotter(
            *(self._connections, shard, standby, self._run.run_id, settings.keep, lambda _: None)
        )
        snapshotter.interval_seconds = settings.interval_s
        self._listen(standby.stop, snapshotter)
        # Beats on while it begins to lead, which a Redis that is away may hold up.
        self._watchdog = asyncio.create_task(notify.watchdog())
        leads = await stand_by(standby, snapshotter) and not standby.is_stopping
        if self._last_snapshot is not None:
            await asyncio.wait([self._last_snapshot])
        if not leads:
            log.info("stopped", frame=standby.position.n)
        return leads

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
            lease = group.create_task(parts.lease.run(), name="lease")
            notify.ready(f"frame {parts.loop.position.n}")
            if self._watchdog is not None:
                self._watchdog.cancel()  # the group has one of its own
            # The market waits for its first frame; what only reads can wait a moment longer.
            await asyncio.wait([engine], timeout=_HEAD_START_SECONDS)
            others = [
                lease,
                group.create_task(parts.snapshotter.run(), name="snapshotter"),
                group.create_task(parts.trimmer.run(), name="trimmer"),
                group.create_task(notify.watchdog(), name="watchdog"),
            ]
            if self._config.mirror.enabled:
                others.append(group.create_task(parts.mirror_feed.run(), name="mirror feed"))
                others.append(group.create_task(parts.mirror.run(), name="mirror"))
            if self._servers is not None:
                others.append(group.create_task(self._servers.watch(), name="servers"))
                rewriter = FileRewriter(self._connections, lambda: parts.loop.backlog.is_calm)
                others.append(group.create_task(rewriter.run(), name="rewriter"))
            if parts.writer is not None:
                others.append(group.create_task(self._write_fills(parts.writer), name="writer"))
                others.append(group.create_task(parts.margins.run(), name="margins"))
            await engine
            lease.cancel()
            await asyncio.wait([lease])
            await parts.lease.release()  # first of all: a standby waits for it
            notify.stopping()
            if self._last_snapshot is not None:
                await self._last_snapshot
            for task in others:
                task.cancel()
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

    def _listen(self, stop: Callable[[], None], snapshotter: Snapshotter) -> None:
        """Attach the signals: TERM and INT stop, HUP reloads, USR1 snapshots, USR2 does both."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload, snapshotter)
        loop.add_signal_handler(signal.SIGUSR1, snapshotter.ask)
        loop.add_signal_handler(signal.SIGUSR2, self._stop_with_snapshot, stop, snapshotter)

    def _stop_with_snapshot(self, stop: Callable[[], None], snapshotter: Snapshotter) -> None:
        """Stop at a frame and leave its snapshot, so that another release can start from it."""
        if self._last_snapshot is None:
            self._last_snapshot = asyncio.create_task(snapshotter.take())
            # Only once that has asked for its visit: a loop that is about to turn would end before.
            asyncio.get_running_loop().call_soon(stop)

    def _reload(self, snapshotter: Snapshotter) -> None:
        """Take over what may change while running; say what would need a restart."""
        try:
            fresh = load(self._options.config_path)
        except Exception as error:
            log.error("the configuration is not reloaded", reason=str(error))
            return
        snapshotter.interval_seconds = fresh.snapshot.interval_s
        if self._parts is not None:  # a standby has none yet
            self._parts.mirror_feed.interval_seconds = fresh.mirror.interval_ms / 1e3
            if self._parts.writer is not None:
                self._parts.writer.batch_rows = fresh.writer.batch_rows
                self._parts.writer.batch_seconds = fresh.writer.interval_ms / 1e3
        configure(fresh.log.level, fresh.log.format)
        log.info("configuration reloaded", needs_restart=restart_needed(self._config, fresh))
