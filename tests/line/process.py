"""`pitboss run` as a process of its own on servers that it is given, to be signalled and killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from engine.connections import Connections, Endpoints
from engine.messages import Frame
from persistence.embedded import running_endpoints
from tests.line.line import Command, send
from tests.line.written import events_of, frames_of

Make = Callable[..., "DaemonProcess"]

ROOT = Path(__file__).parents[2]
_SECONDS = 30.0


class Started(Protocol):
    """A process that was started, as `subprocess.Popen` shows it."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""

    def wait(self) -> int:
        """Return its exit code, once it has ended."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it as `kill -9` does."""


Launch = Callable[[list[str], Path, dict[str, str]], Started]
"""Starts `pitboss run` with options, a log, and what is added to the environment."""


def launch(
    options: list[str],
    log: Path,
    environment: dict[str, str],
    interpreter: str = "",
    release: Path = ROOT,
    inside: tuple[str, ...] = (),
) -> Started:
    """Start it as everybody does; `interpreter` is an option for Python itself.

    `inside` are the words of a program that puts up walls and then becomes it.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [*inside, sys.executable, *interpreter.split(), "-m", "engine", "run", *options],
            cwd=release,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )


class DaemonProcess:
    """One state directory and the daemons that run in it, one after the other.

    Without a Redis it starts servers of its own. `release` is where the program lies, `seconds` are
    how long it may take to say something.
    """

    def __init__(
        self,
        directory: Path,
        shard: str,
        redis_url: str | None,
        *,
        more: str = "",
        dsn: str = "",
        launch: Launch = launch,
        in_redis: str = "",
        in_postgres: str = "",
    ) -> None:
        self.shard = shard
        self.state_dir = directory / "state"
        self.config = directory / "config.toml"
        self.release = ROOT
        self._redis_url = redis_url
        self.seconds = _SECONDS
        self._dsn = dsn
        self._log = directory / "daemon.log"
        self._launch = launch
        self._process: Started | None = None
        redis = f'[redis]\nurl = "{redis_url}"\n{in_redis}\n' if redis_url else ""
        postgres = f'[postgres]\ndsn = "{dsn}"\n{in_postgres}\n' if dsn else ""
        self.config.write_text(f'shard = "{shard}"\n{redis}{postgres}{more}')

    @property
    def connections(self) -> Connections:
        """Factories of links to its servers."""
        if self._redis_url is not None:
            return Connections(Endpoints(self._redis_url, self._dsn or None))
        endpoints = running_endpoints(self.state_dir)
        assert endpoints is not None, self.log
        return Connections(endpoints)

    @property
    def pid(self) -> int:
        """The process id of the daemon started last."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Tell whether the daemon started last has ended."""
        return self._process is not None and self._process.poll() is not None

    def spawn(self, *options: str, interpreter: str = "", **environment: str) -> None:
        """Start it and wait for nothing; `interpreter` is an option for Python itself."""
        words = ["--state-dir", str(self.state_dir), "--config", str(self.config), *options]
        start = self._launch
        if interpreter or self.release != ROOT:
            start = partial(launch, interpreter=interpreter, release=self.release)
        self._process = start(words, self._log, environment)

    async def start(self, *options: str, **environment: str) -> None:
        """Start it and wait until it says that it is ready."""
        said = len(self.said("ready"))
        self.spawn(*options, interpreter="", **environment)
        await self.until_said("ready", said + 1)

    async def until_said(self, event: str, times: int = 1) -> dict[str, Any]:
        """Wait until it has logged something so often; return the last line that says it."""
        deadline = time.monotonic() + self.seconds
        while len(found := self.said(event)) < times:
            assert self._process is not None
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.01)
        return found[-1]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines whose event begins so."""
        beginning = f'"event": {json.dumps(event)[:-1]}'
        return [json.loads(line) for line in self.log.splitlines() if beginning in line]

    @property
    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text() if self._log.exists() else ""

    def forget(self) -> None:
        """Begin the log anew."""
        self._log.unlink(missing_ok=True)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as `kill -9` does; ending twice is harmless."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    async def ended(self, seconds: float = _SECONDS) -> int:
        """Wait until it has ended; return its exit code."""
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while (code := self._process.poll()) is None:
            assert time.monotonic() < deadline, f"still running:\n{self.log}"
            await asyncio.sleep(0.005)
        return code

    async def stop(self) -> int:
        """End it as an operator would; return its exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def frames(self) -> list[Frame]:
        """Return its journal, proved to be dense and chained."""
        return await frames_of(self.connections, self.shard)

    async def send(self, *commands: Command | list[Command]) -> None:
        """Add one entry each to the stream where it belongs."""
        await send(self.connections, self.shard, *commands)

    async def applied(self, *names: str) -> None:
        """Wait until the journal has accepted these orders."""
        async with asyncio.timeout(_SECONDS):
            while not set(names) <= accepted(await self.frames()).keys():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def accepted(frames: list[Frame]) -> dict[str, int]:
    """Return how often each order was accepted, in order of acceptance."""
    events = events_of(frames, "order_accepted")
    return Counter(each["client_order_id"] for each in events)


def child_of(pid: int, program: str) -> int:
    """Return the process id of a process's only child that runs a program."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (found,) = [
        int(each) for each in children if program in Path(f"/proc/{each}/cmdline").read_text()
    ]
    return found
