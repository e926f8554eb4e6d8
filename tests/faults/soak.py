"""A daemon under load for hours: its memory must stand still once it is warm.

    python -m tests.faults.soak            (`make soak`; SOAK_COMMANDS=10000000)

What may grow at first is bounded, and smaller here than it is by default, so that a fifth of the
commands fills it: ring and journal by CONFIG, in frames that are always full, and the window of
client order ids, a constant of the logic, by a harm done to this daemon alone (SOAK_IDS=200000).
"""

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop
from rich.console import Console

from engine.cli.feed_progress import FeedProgress
from engine.connections import Connections
from engine.replay import recover
from persistence.cursor import read_cursor
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore
from tests.faults.figures import fault_number
from tests.faults.forker import Forker
from tests.faults.soak_load import ACCOUNTS, OPEN
from tests.line.overloading import market, resident_kib
from tests.line.process import ROOT, DaemonProcess
from tests.line.words import tick
from tests.line.written import events_of

CONFIG = """
[journal]
batch_commands = 128
ring_frames = 64
retain_frames = 2_000

[snapshot]
interval_s = 30
"""
SHARD = "soak"
WARM = 0.2
"""The share of the commands after which nothing more has a reason to grow."""
MOST_GROWTH = 0.01
_WRITER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Sample:
    """How much memory the daemon held when so many commands were answered."""

    answered: int
    resident_kib: int
    seconds: float


class Soak:
    """One daemon, one process that sends, and memory looked at each second."""

    def __init__(self, daemon: DaemonProcess, count: int, ids: int) -> None:
        self.samples: list[Sample] = []
        self.daemon = daemon
        self._count = count
        self._ids = ids

    async def run(self, console: Console) -> None:
        """Send everything; then the writer must come to the end, and the open orders be as many."""
        await self.daemon.start(FAULT_HARM=f"ids {self._ids}")
        await self.daemon.send(*market(), tick())
        paid_in = "balance_changed"
        while len(events_of(await self.daemon.frames(), paid_in)) < ACCOUNTS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # no order is promised between streams
        url = self.daemon.connections.endpoints.redis_url
        sending = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.soak_load", url, self.daemon.shard),
            str(self._count),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert sending.stdout is not None
        began = asyncio.get_running_loop().time()
        with FeedProgress(console, "soak") as progress:
            async for line in sending.stdout:
                seconds = asyncio.get_running_loop().time() - began
                self._look(int(line), seconds)
                progress.show(int(line), self._count, self._state())
        assert await sending.wait() == 0
        assert self.daemon.running, self.daemon.log
        await self._check_the_end(self.daemon.connections)
        assert await self.daemon.stop() == 0

    def growth(self) -> float:
        """Return by how much of itself the memory has grown between warm-up and end."""
        return self._median(1 - WARM / 2, 1) / self._median(WARM, 1.5 * WARM) - 1

    def curve(self) -> list[str]:
        """Return one line for each tenth of the commands."""
        lines = ["   commands   seconds  resident MiB"]
        for tenth in range(1, 11):
            found = next(
                each for each in self.samples if each.answered >= self._count * tenth // 10
            )
            mib = found.resident_kib / 1024
            lines.append(f"{found.answered:11,}  {found.seconds:8.0f}  {mib:12.1f}")
        return lines

    def _look(self, answered: int, seconds: float) -> None:
        self.samples.append(Sample(answered, resident_kib(self.daemon.pid), seconds))

    def _state(self) -> str:
        now = self.samples[-1]
        before = self.samples[max(0, len(self.samples) - 11)]
        rate = (now.answered - before.answered) / max(0.1, now.seconds - before.seconds)
        left = (self._count - now.answered) / max(1.0, rate)
        return f"{rate:,.0f}/s, {left / 60:.1f} min left, {now.resident_kib / 1024:.1f} MiB"

    def _median(self, first: float, last: float) -> float:
        return median(
            each.resident_kib
            for each in self.samples
            if first * self._count <= each.answered <= last * self._count
        )

    async def _check_the_end(self, connections: Connections) -> None:
        link, database = await connections.redis(), await connections.postgres()
        shard = self.daemon.shard
        source = JournalFrames(link, shard)
        top = await source.top()
        assert top is not None
        async with asyncio.timeout(_WRITER_SECONDS):
            cursor = None
            while cursor is None or cursor.frame < top.n:
                cursor = await read_cursor(database, shard)
                await asyncio.sleep(0.1)
        store = SnapshotStore(link, shard)
        machine, _ = await recover(shard, store, source, top.n, lambda _complaint: None)
        machine.kernel.check()
        live = sum(len(orders) for orders in machine.kernel.state.live.values())
        assert OPEN - 1 <= live <= OPEN, live
        await link.close()
        await database.close()


async def main() -> int:
    """Soak a daemon, show how its memory went, and return the exit code."""
    console, count = Console(stderr=True), fault_number("SOAK_COMMANDS", 10_000_000)
    with tempfile.TemporaryDirectory(prefix="pb-") as directory:
        forker = Forker()
        daemon = DaemonProcess(Path(directory), SHARD, None, more=CONFIG, launch=forker.launch)
        try:
            soak = Soak(daemon, count, fault_number("SOAK_IDS", 200_000))
            await soak.run(console)
        finally:
            daemon.kill()
            forker.close()
    console.print("\n".join(soak.curve()), highlight=False)
    growth = soak.growth()
    verdict = "under" if growth < MOST_GROWTH else "NOT under"
    console.print(f"{growth:+.2%} after warm-up, {verdict} {MOST_GROWTH:.0%}", highlight=False)
    return 0 if growth < MOST_GROWTH else os.EX_SOFTWARE


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main()))
