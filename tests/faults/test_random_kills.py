"""Killed at any instant, under load, as often as you like: nothing is lost and nothing doubled.

A few kills on every run of the tests; `make faults` makes it FAULT_KILLS (300) and, where the
daemon's own servers die with it, FAULT_SERVER_KILLS (20).
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from engine.connections import Connections, Endpoints
from engine.snapshot import state_hash
from persistence.state_dir import is_held
from tests.faults.auditor import Auditor
from tests.faults.figures import FIGURES, Progress, fault_number, fault_seed
from tests.faults.forker import Forker
from tests.faults.gateway import SETUP, STREAM, Gateway
from tests.faults.last_look import recovered_hash, verify
from tests.line.process import DaemonProcess, child_of
from tests.line.valkey import OwnValkey

CONFIG = """
[engine]
overload_ms = 0

[journal]
retain_frames = 20_000

[snapshot]
interval_s = 1

[mirror]
interval_ms = 50
"""
SHARD = "main"
ALONE = "killed under load"
WITH_SERVERS = "killed with its servers"
_PER_WRITE = 3
_KILLS = 300
_SERVER_KILLS = 20
_DURING_RECOVERY = 0.2
_DURING_SNAPSHOT = 0.5

Show = Callable[[str], None]
Blow = Callable[[], Awaitable[None]]


class Campaign:
    """One gateway, one auditor, and many daemons, each ended by one of the `blows`."""

    def __init__(
        self, attack: str, daemon: DaemonProcess, blows: Sequence[Blow], longest: float, seed: int
    ) -> None:
        self._attack = attack
        self._daemon = daemon
        self._blows = blows
        self._longest = longest
        self._auditor = Auditor(daemon.shard, STREAM)
        self._gateway = Gateway(seed, daemon.shard, self._connections, _PER_WRITE)
        self._chance = random.Random(seed)
        self._kills = 0

    async def run(self, kills: int, show: Show) -> None:
        """Kill so often, check after each restart, and at last compare everything."""
        with FIGURES.watch(self._attack):
            await self._run(kills, show)

    async def _run(self, kills: int, show: Show) -> None:
        progress = Progress(self._attack, kills, show)
        await self._daemon.start()
        await self._daemon.send(*SETUP)
        sending = asyncio.create_task(self._gateway.run())
        try:
            while self._kills < kills:
                before = self._kills
                refused = await self._kill_and_check()
                note = f"{self._auditor.frames:,} frames, {self._auditor.commands:,} commands"
                progress.step(self._kills - before, note + refused)
        finally:
            self._gateway.stop()
            await sending
            auditor = self._auditor
            FIGURES.add(
                self._attack,
                number=self._kills,
                frames=auditor.frames,
                fills=2 * auditor.trades,
                snapshots=auditor.hashes,
            )
        await self._check_the_end()

    async def _kill_and_check(self) -> str:
        """Let it work for a while and kill it, now and then its successor too, as it recovers."""
        await asyncio.sleep(self._chance.uniform(0.0, self._longest))
        if self._chance.random() < _DURING_SNAPSHOT:
            self._daemon.signal(signal.SIGUSR1)
            await asyncio.sleep(self._chance.uniform(0.0, 0.05))
        await self._kill()
        if self._chance.random() < _DURING_RECOVERY:
            self._daemon.spawn()
            await asyncio.sleep(self._chance.uniform(0.0, 0.1))
            await self._kill()
        refused = await self._start_again()
        connections = self._daemon.connections
        await self._auditor.follow(connections)
        await self._auditor.compare_postgres(connections)
        return refused

    async def _kill(self) -> None:
        await self._chance.choice(self._blows)()
        self._kills += 1
        async with asyncio.timeout(20):
            while is_held(self._daemon.state_dir):  # noqa: ASYNC110 - servers of its own
                await asyncio.sleep(0.01)

    async def _start_again(self) -> str:
        """Start as systemd would: a start that is refused is tried again, and told."""
        refused = ""
        for _ in range(3):
            ready = len(self._daemon.said("ready"))
            self._daemon.spawn()
            with suppress(AssertionError):
                await self._daemon.until_said("ready", ready + 1)
                return refused
            refused += f"\n  a start was refused: {self._daemon.log.splitlines()[-1]}"
        raise AssertionError(refused)

    async def _check_the_end(self) -> None:
        connections, auditor = self._daemon.connections, self._auditor
        async with asyncio.timeout(60):
            while auditor.commands < self._gateway.sent:
                await auditor.follow(connections)
                await asyncio.sleep(0.05)
        taken = len(self._daemon.said("snapshot taken"))
        self._daemon.signal(signal.SIGUSR1)
        await self._daemon.until_said("snapshot taken", taken + 1)
        await auditor.follow(connections)
        await auditor.compare_postgres(connections)
        recovered = await recovered_hash(connections, SHARD, auditor.frames)
        assert recovered == state_hash(auditor.machine.kernel)
        await verify(self._daemon)
        assert auditor.trades > 0
        assert auditor.hashes > 0
        assert await self._daemon.stop() == 0

    def _connections(self) -> Connections:
        try:
            return self._daemon.connections
        except AssertionError:
            raise LookupError("no servers at the moment") from None


def alone(
    directory: Path, forker: Forker, given: Endpoints, valkey: OwnValkey, seed: int
) -> Campaign:
    """Return a campaign against a daemon on given servers, now and then with its Valkey."""
    dsn = given.postgres_dsn or ""
    daemon = DaemonProcess(directory, SHARD, valkey.url, more=CONFIG, dsn=dsn, launch=forker.launch)

    async def kill_it() -> None:
        daemon.kill()

    async def kill_both() -> None:
        valkey.kill()
        daemon.kill()
        await valkey.start()

    return Campaign(ALONE, daemon, [kill_it] * 9 + [kill_both], 0.25, seed)


def with_servers(directory: Path, seed: int) -> Campaign:
    """Return a campaign against a daemon and the servers that it has started."""
    daemon = DaemonProcess(directory, SHARD, None, more=CONFIG)

    async def kill_it() -> None:
        daemon.kill()

    async def kill_first(program: str) -> None:
        with suppress(ValueError, ProcessLookupError):  # it recovers, and has none yet
            os.kill(child_of(daemon.pid, program), signal.SIGKILL)
        daemon.kill()

    async def kill_valkey() -> None:
        await kill_first("valkey-server")

    async def kill_postgres() -> None:
        await kill_first("postgres")

    return Campaign(WITH_SERVERS, daemon, [kill_it, kill_valkey, kill_postgres], 0.8, seed)


async def test_few_kills_under_load_lose_and_double_nothing(
    tmp_path: Path, forker: Forker, given: Endpoints, own_valkey: OwnValkey, show: Show
) -> None:
    """The same few instants on every run; `make faults` looks for others."""
    await alone(tmp_path, forker, given, own_valkey, seed=4).run(10, show)


async def test_servers_of_its_own_may_die_with_it(tmp_path: Path, show: Show) -> None:
    """A machine that loses power loses all of them at once."""
    await with_servers(tmp_path, seed=4).run(2, show)


@pytest.mark.long
async def test_many_kills_under_load_lose_and_double_nothing(
    tmp_path: Path, forker: Forker, given: Endpoints, own_valkey: OwnValkey, show: Show
) -> None:
    """As many instants as one has patience for; the seed is printed, to kill there again."""
    kills = fault_number("FAULT_KILLS", _KILLS)
    await alone(tmp_path, forker, given, own_valkey, fault_seed()).run(kills, show)


@pytest.mark.long
async def test_many_kills_of_servers_lose_and_double_nothing(tmp_path: Path, show: Show) -> None:
    """The same with the whole family."""
    kills = fault_number("FAULT_SERVER_KILLS", _SERVER_KILLS)
    await with_servers(tmp_path, fault_seed()).run(kills, show)
