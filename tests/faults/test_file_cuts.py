"""The server loses the end of its file, as often as you like: an engine that lives gives it back.

One that has died with it notices at its start, and goes on only where an operator accepts the loss.
`make faults` makes it FAULT_CUTS (1,000) cuts in all.
"""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.connections import Connections, Endpoints
from persistence.witness import Witness
from tests.faults.auditor import Auditor
from tests.faults.figures import FIGURES, Progress, fault_number, fault_seed
from tests.faults.forker import Forker
from tests.faults.gateway import SETUP, STREAM, Gateway
from tests.line.process import DaemonProcess
from tests.line.valkey import OwnValkey

CONFIG = """
[engine]
overload_ms = 0

[snapshot]
interval_s = 1

[mirror]
interval_ms = 50
"""
SHARD = "cuts"
LIVING = "file cut, engine alive"
LONGEST_CUT = 64 << 10
CUTS = 1_000
_SECONDS = 30.0

Show = Callable[[str], None]


class LivingEngine:
    """An engine under load beside a server that loses its tail, twice each time."""

    def __init__(
        self, directory: Path, seed: int, forker: Forker, given: Endpoints, valkey: OwnValkey
    ) -> None:
        dsn = given.postgres_dsn
        assert dsn is not None
        self.daemon = DaemonProcess(
            directory, SHARD, valkey.url, more=CONFIG, dsn=dsn, launch=forker.launch
        )
        self._connections = Connections(given)
        self._valkey = valkey
        self.auditor = Auditor(SHARD, STREAM, may_repeat=True)
        self.gateway = Gateway(seed, SHARD, lambda: self._connections, per_write=4)
        self._chance = random.Random(seed)
        self._cuts = 0

    async def run(self, rounds: int, progress: Progress) -> None:
        """Cut twice a round, check after each, and compare everything at the end."""
        with FIGURES.watch(LIVING):
            await self._run(rounds, progress)

    async def _run(self, rounds: int, progress: Progress) -> None:
        await self.daemon.start()
        await self.daemon.send(*SETUP)
        sending = asyncio.create_task(self.gateway.run())
        try:
            while self._valkey.file.stat().st_size < 4 * LONGEST_CUT:  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.02)
            for _ in range(rounds):
                await asyncio.sleep(self._chance.uniform(0.0, 0.1))
                await self._cut_twice_and_check()
                progress.step(2, f"{self.auditor.frames:,} frames")
        finally:
            self.gateway.stop()
            await sending
            self._count()
        async with asyncio.timeout(_SECONDS):
            while self.auditor.commands < self.gateway.sent:
                await self.auditor.follow(self._connections)
        await self.auditor.compare_postgres(self._connections)
        assert await self.daemon.stop() == 0, self.daemon.log
        assert self.daemon.said("Redis has lost its tail"), "the attack must have hurt"
        assert self.auditor.repeated

    def _count(self) -> None:
        auditor = self.auditor
        FIGURES.add(LIVING, number=self._cuts, frames=auditor.frames, fills=2 * auditor.trades)

    async def _cut_twice_and_check(self) -> None:
        await self.auditor.follow(self._connections)
        for _ in range(2):
            self._cuts += 1
            self._valkey.kill()
            self._valkey.cut(self._chance.randrange(LONGEST_CUT + 1))
            await self._valkey.start()
            if self._chance.random() < 0.5:  # the second cut comes before, or after, the healing
                await self._healed()
        await self._healed()
        await self.auditor.look_back(self._connections)
        await self.auditor.compare_postgres(self._connections)

    async def _healed(self) -> None:
        """Wait until the journal has all that was ever acknowledged, and has gone on."""
        witness = Witness(self.daemon.state_dir / "head")
        async with asyncio.timeout(_SECONDS):
            top = acknowledged = 0
            while top < acknowledged or top <= self.auditor.frames:
                assert self.daemon.running, self.daemon.log
                await asyncio.sleep(0.01)
                acknowledged, _ = witness.read() or (0, b"")
                top = await self._top()
        witness.close()
        await self.auditor.follow(self._connections)

    async def _top(self) -> int:
        link = await self._connections.redis()
        newest = await link.call("XREVRANGE", f"{{{SHARD}}}:journal", "+", "-", "COUNT", 1)
        await link.close()
        return int(newest[0][0].partition(b"-")[0]) if newest else 0


async def test_living_engine_gives_a_server_back_what_it_has_lost(
    tmp_path: Path, forker: Forker, given: Endpoints, own_valkey: OwnValkey, show: Show
) -> None:
    """The ring in memory holds what the file has lost, and Postgres never saw anything else."""
    line = LivingEngine(tmp_path, 5, forker, given, own_valkey)

    await line.run(6, Progress(LIVING, 12, show))


@pytest.mark.long
async def test_living_engine_gives_back_whatever_is_lost(
    tmp_path: Path, forker: Forker, given: Endpoints, own_valkey: OwnValkey, show: Show
) -> None:
    """The same at any bytes of the last 64 KiB."""
    cuts = fault_number("FAULT_CUTS", CUTS) // 2
    line = LivingEngine(tmp_path, fault_seed(), forker, given, own_valkey)

    await line.run(cuts // 2, Progress(LIVING, cuts, show))
