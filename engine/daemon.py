"""The daemon: put the parts together, recover, and run them in one task group (architecture §7)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from engine import notify
from engine.assembly import Parts, assemble
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
    Endpoints,
    PostgresLost,
    SecretUnreadable,
)
from engine.entries import decode_entry
from engine.log import configure
from engine.loop import FrameFull
from engine.ports import Position
from engine.recovery import recover_top
from engine.run import Run, RunOptions
from persistence.embedded import EmbeddedServers
from persistence.fill_writer import FillWriter, WriterHalted
from persistence.redis_settings import check_redis_settings
from persistence.schema import migrate
from persistence.state_dir import StateLock
from persistence.witness import Witness

if TYPE_CHECKING:
    from engine.machine import Machine
    from engine.messages import Input

log = structlog.get_logger()

_POSTGRES_RETRY_SECONDS = 1.0
_POSTGRES_AWAY: tuple[type[Exception], ...] = (PostgresLost, SecretUnreadable, *POSTGRES_FAILED)


class WrongSettings(Exception):
    """Redis is set up in a way that would lose acknowledged frames (exit 78)."""


async def run(options: RunOptions) -> None:
    """Run the daemon until SIGTERM or SIGINT. Raises what `engine.exits` gives a code to."""
    config = load(options.config_path)
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


def configured_endpoints(config: Config) -> Endpoints:
    """Return the servers that the configuration names; it must name a Redis."""
    redis_password, postgres_password = config.redis.password_file, config.postgres.password_file
    assert config.redis.url is not None
    return Endpoints(
        config.redis.url,
        config.postgres.dsn,
        None if redis_password is None else Path(redis_password),
        None if postgres_password is None else Path(postgres_password),
    )


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
        run_id = f"{os.getpid()}-{time.time_ns() // 1_000_000}"
        self._run = Run(run_id, config, options, connections, Witness(data_dir / "head"))
        self._last_snapshot: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Recover, say so, and run every part until one ends or a signal comes."""
        await self._check_settings()
        started = time.monotonic()
        machine, position = await recover_top(self._run)
        parts = assemble(self._run, machine, position)
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
