"""A real daemon in a process of its own, with servers of its own, to be killed at will."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from engine.cli.journal_reader import journal_top
from engine.connections import Connections
from persistence.embedded import running_endpoints
from persistence.state_dir import is_held

ROOT = Path(__file__).parents[2]
SHARD = "main"
_START_SECONDS = 60.0


def wait_until_up(state_dir: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a daemon with servers of its own has recovered and leads its journal."""
    asyncio.run(_until_up(state_dir, process))


async def _until_up(state_dir: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not await _is_up(state_dir):
        assert process.poll() is None, "the daemon has ended"
        assert time.monotonic() < deadline, "the daemon does not start"
        await asyncio.sleep(0.05)


async def _is_up(state_dir: Path) -> bool:
    endpoints = running_endpoints(state_dir)
    if endpoints is None:
        return False
    try:
        link = await Connections(endpoints).redis()
        top = await journal_top(link, SHARD)
        await link.close()
    except Exception:
        return False
    return top is not None


class RunningDaemon:
    """`pitboss run` in a state directory."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        state_dir.parent.mkdir(parents=True, exist_ok=True)
        self._log = state_dir.parent / "daemon.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it has recovered and leads the journal."""
        self._process = self._spawn()
        try:
            await _until_up(self.state_dir, self._process)
        except AssertionError as error:
            raise AssertionError(self._log.read_text()) from error

    def kill(self) -> None:
        """End it as a crash would: its servers die with it. Returns when they are gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        deadline = time.monotonic() + _START_SECONDS
        while is_held(self.state_dir):
            assert time.monotonic() < deadline, "the servers outlive the daemon"
            time.sleep(0.01)

    def stop(self) -> int:
        """End it as an operator would; return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=30)

    async def connections(self) -> Connections:
        """Return connections to its servers as they are now; raises where there are none."""
        endpoints = running_endpoints(self.state_dir)
        if endpoints is None:
            raise LookupError("no servers in the state directory")
        return Connections(endpoints)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "engine", "run", "--state-dir", str(self.state_dir)],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=log,
            )
