"""Killed at any instant, under load, as often as you like: nothing is lost and nothing doubled.

A few kills on every run of the tests; `make faults` makes it FAULT_KILLS (50) with a seed of the
moment, or with FAULT_SEED.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from engine.connections import Connections
from engine.snapshot import state_hash
from persistence.embedded import running_endpoints
from persistence.state_dir import is_held
from tests.faults.auditor import Auditor
from tests.faults.gateway import SETUP, STREAM, Gateway
from tests.faults.last_look import recovered_hash, verify
from tests.line.process import DaemonProcess, child_of

CONFIG = """
[snapshot]
interval_s = 1

[mirror]
interval_ms = 50
"""
SHARD = "main"
VICTIMS = ("daemon", "daemon", "daemon", "daemon and Valkey", "Postgres and daemon")


class Campaign:
    """One state directory, one gateway, one auditor, and many daemons."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.daemon = DaemonProcess(directory, SHARD, None, more=CONFIG)
        self.auditor = Auditor(SHARD, STREAM)
        self.gateway = Gateway(seed, SHARD, self._connections)
        self._chance = random.Random(seed)

    async def run(self, kills: int, say: Callable[[str], None]) -> None:
        """Kill so often, check after each restart, and at last compare everything."""
        await self.daemon.start()
        await self.daemon.send(*SETUP)
        sending = asyncio.create_task(self.gateway.run())
        try:
            for number in range(1, kills + 1):
                say(f"kill {number}/{kills}: {await self._kill_and_check()}")
        finally:
            self.gateway.stop()
            await sending
        await self._check_the_end()

    async def _kill_and_check(self) -> str:
        after = self._chance.uniform(0.0, 0.8)
        victim = self._chance.choice(VICTIMS)
        await asyncio.sleep(after)
        if victim == "daemon and Valkey":
            os.kill(child_of(self.daemon.pid, "valkey-server"), signal.SIGKILL)
        elif victim == "Postgres and daemon":
            os.kill(child_of(self.daemon.pid, "postgres"), signal.SIGKILL)
        self.daemon.kill()
        async with asyncio.timeout(20):
            while is_held(self.daemon.state_dir):  # noqa: ASYNC110 - its servers are processes
                await asyncio.sleep(0.01)
        began = time.monotonic()
        refused = await self._start_again()
        seconds = time.monotonic() - began
        connections = self.daemon.connections
        await self.auditor.follow(connections)
        await self.auditor.compare_postgres(connections)
        return (
            f"{victim} after {after:.3f} s, back in {seconds:.2f} s, "
            f"{self.auditor.frames} frames, {self.auditor.commands} commands, "
            f"{self.auditor.trades} trades{refused}"
        )

    async def _start_again(self) -> str:
        """Start as systemd would: a start that is refused is tried again, and told."""
        refused = ""
        for _ in range(3):
            ready = len(self.daemon.said("ready"))
            self.daemon.spawn()
            with suppress(AssertionError):
                await self.daemon.until_said("ready", ready + 1)
                return refused
            refused += f"\n  a start was refused: {self.daemon.log.splitlines()[-1]}"
        raise AssertionError(refused)

    async def _check_the_end(self) -> None:
        connections, auditor = self.daemon.connections, self.auditor
        async with asyncio.timeout(60):
            while auditor.commands < self.gateway.sent:
                await auditor.follow(connections)
                await asyncio.sleep(0.05)
        await auditor.compare_postgres(connections)
        recovered = await recovered_hash(connections, SHARD, auditor.frames)
        assert recovered == state_hash(auditor.machine.kernel)
        await verify(self.daemon)
        assert auditor.trades > 0
        assert await self.daemon.stop() == 0

    def _connections(self) -> Connections:
        endpoints = running_endpoints(self.daemon.state_dir)
        if endpoints is None:
            raise LookupError("no servers at the moment")
        return Connections(endpoints)


async def test_few_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    """The same few instants on every run; `make faults` looks for others."""
    await Campaign(tmp_path, seed=4).run(3, print)


@pytest.mark.long
async def test_many_kills_under_load_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many instants as one has patience for; the seed is printed, to kill there again."""
    kills = int(os.environ.get("FAULT_KILLS", "50"))
    seed = int(os.environ.get("FAULT_SEED", str(time.time_ns() % 1_000_000)))
    with capsys.disabled():
        say = partial(print, file=sys.stderr)
        say(f"\n{kills} kills, FAULT_SEED={seed}")
        await Campaign(tmp_path, seed).run(kills, say)
