"""Daemons at once: a process that has imported everything forks them, so a start costs no import.

    python -m tests.faults.forker

Reads requests from its input, one JSON object a line, and answers each with a process id; when one
of them has ended it says so. What is forked is `pitboss run` as it is, or as `tests.faults.harm`
has changed it.
"""

import ctypes
import gc
import json
import os
import selectors
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import IO, Any

from engine.cli.app import app
from tests.faults.harm import do_harm
from tests.line.process import ROOT

_PR_SET_PDEATHSIG = 1


class Forked:
    """A forked daemon, with what `subprocess.Popen` has for it."""

    def __init__(self, forker: "Forker", pid: int) -> None:
        self.pid = pid
        self._forker = forker

    def poll(self) -> int | None:
        """Return how it ended, None while it runs; a signal is negative."""
        self._forker.listen(0)
        return self._forker.ended.get(self.pid)

    def wait(self) -> int:
        """Return how it ended, once it has."""
        while self.pid not in self._forker.ended:
            self._forker.listen(None)
        return self._forker.ended[self.pid]

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.send_signal(signal.SIGKILL)


class Forker:
    """The process that forks, and what it has told of its children."""

    def __init__(self) -> None:
        self.ended: dict[int, int] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._said = selectors.DefaultSelector()
        self._said.register(self._output, selectors.EVENT_READ)
        self._begun: list[int] = []
        self._rest = b""

    def launch(self, options: list[str], log: Path, environment: dict[str, str]) -> Forked:
        """Start `pitboss run` with these options."""
        request = {"options": options, "log": str(log), "environment": environment}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        while not self._begun:
            self.listen(None)
        return Forked(self, self._begun.pop())

    def listen(self, timeout: float | None) -> None:
        """Take in what it has said, waiting for so long."""
        if not self._said.select(timeout):
            return
        *lines, self._rest = (self._rest + os.read(self._output.fileno(), 1 << 16)).split(b"\n")
        assert lines or self._rest, "the forker has ended"
        for line in lines:
            word, *numbers = line.split()
            if word == b"begun":
                self._begun.append(int(numbers[0]))
            else:
                self.ended[int(numbers[0])] = int(numbers[1])

    def close(self) -> None:
        """End it, and with it whatever it has forked."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._output):
            assert pipe is not None
            pipe.close()
        self._said.close()

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


def serve() -> None:
    """Fork what is asked for, and tell of what has ended, until the input ends."""
    gc.freeze()
    waited = selectors.DefaultSelector()
    waited.register(sys.stdin.fileno(), selectors.EVENT_READ)
    rest = b""
    while True:
        for key, _ in waited.select():
            if key.data is not None:
                waited.unregister(key.fd)
                os.close(key.fd)
                status = os.waitstatus_to_exitcode(os.waitpid(key.data, 0)[1])
                _say(f"ended {key.data} {status}")
                continue
            asked = os.read(sys.stdin.fileno(), 1 << 16)
            if not asked:
                return
            *lines, rest = (rest + asked).split(b"\n")
            for line in lines:
                child = os.fork()
                if child == 0:
                    _become_a_daemon(json.loads(line))
                waited.register(os.pidfd_open(child), selectors.EVENT_READ, child)
                _say(f"begun {child}")


def _say(line: str) -> None:
    os.write(sys.stdout.fileno(), line.encode() + b"\n")


def _become_a_daemon(request: dict[str, Any]) -> None:
    """Run the daemon in this process, which has just been forked, and leave with its exit code."""
    code = 70
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for number in (1, 2):
            os.dup2(log, number)
        os.environ.update(request["environment"])
        do_harm(os.environ)
        app(prog_name="pitboss", args=["run", *request["options"]])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
