"""The program as a person runs it: a process with arguments, two streams and an exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from engine.connections import Connections
from persistence.embedded import running_endpoints

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0


class Ended(NamedTuple):
    """What a run has left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the output, a JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        """Return the output as one JSON value."""
        return json.loads(self.out)


def command(*arguments: object) -> list[str]:
    """Return the command line of `pitboss ARGUMENTS`."""
    return [sys.executable, "-m", "engine", *map(str, arguments)]


def pitboss(*arguments: object, given: str | bytes = "", **environment: str) -> Ended:
    """Run the program to its end."""
    ended = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        input=given.encode() if isinstance(given, str) else given,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


class Daemon:
    """`pitboss run` on a state directory, as a process that a test may signal."""

    def __init__(self, state_dir: Path, *options: object) -> None:
        self.state_dir = state_dir
        self.log = state_dir.with_suffix(".log")
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        said = self._ready_lines()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command("run", "--state-dir", self.state_dir, *self._options),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while self._ready_lines() == said:
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=30)

    def wait(self) -> int:
        """Return the exit code of a daemon that something else has told to end."""
        assert self._process is not None
        return self._process.wait(timeout=30)

    def ask(self, *arguments: object, given: str | bytes = "") -> Ended:
        """Run another command against this daemon."""
        return pitboss(*arguments, "--state-dir", self.state_dir, given=given)

    def send(self, *commands: object) -> list[dict[str, Any]]:
        """Send commands and return the events they cause."""
        ended = self.ask("send", given="".join(json.dumps(each) + "\n" for each in commands))
        assert ended.code == 0, ended.err
        return ended.lines

    @property
    def connections(self) -> Connections:
        """Factories of links to its servers."""
        endpoints = running_endpoints(self.state_dir)
        assert endpoints is not None
        return Connections(endpoints)

    def _ready_lines(self) -> int:
        return self.log.read_text().count('"event": "ready"') if self.log.exists() else 0
