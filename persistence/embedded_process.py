"""One server process of ours: it dies with us, and it holds the state directory while it lives."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType

START_SECONDS = 120.0  # a long append-only file is read back before the first answer
STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_ASK_AGAIN_SECONDS = 0.5
_LOG_BYTES = 8 << 20
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ServerUnusable(Exception):
    """An embedded server cannot be found or does not start; the text ends with its last words."""


class ServerProcess:
    """A started server.

    `death_signal` is sent by the kernel when the daemon dies, `stop_signal` by `stop`;
    `environment` is what the program needs beside a plain one.
    """

    def __init__(
        self,
        name: str,
        log: Path,
        death_signal: signal.Signals,
        stop_signal: signal.Signals,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self._log = log
        self._death_signal = death_signal
        self._stop_signal = stop_signal
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None before the start and after the end."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, arguments: list[str], lock: int, user: int | None = None) -> None:
        """Start the program; `lock` stays open in it, `user` is a numeric user to become."""
        assert not self.running
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        self._process = spawn(
            arguments, self._log, self._death_signal, lock, user, self._environment
        )

    async def wait_ready(self, answers: Callable[[], Awaitable[bool]]) -> None:
        """Wait until `answers` is true. Raises ServerUnusable if the process ends before."""
        deadline = time.monotonic() + START_SECONDS
        while not await answers():
            if not self.running:
                raise ServerUnusable(f"{self.name} ended while starting: {self.last_words()}")
            if time.monotonic() > deadline:
                raise ServerUnusable(f"{self.name} gives no answer: {self.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """Ask the process to end, insist after 10 s; stopping twice is harmless."""
        if self._process is None:
            return
        asked = time.monotonic()
        while self.running:
            patient = time.monotonic() - asked < STOP_SECONDS
            # Asked again and again: Valkey turns the request down while it writes a first file.
            self._process.send_signal(self._stop_signal if patient else signal.SIGKILL)
            await self._end_within(_ASK_AGAIN_SECONDS)
        self._process = None

    async def _end_within(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:  # noqa: ASYNC110 - a process
            await asyncio.sleep(_POLL_SECONDS)

    def last_words(self) -> str:
        """Return the end of the server's log, and where the rest is."""
        return last_words(self._log)


def spawn(
    arguments: list[str],
    log: Path,
    death_signal: signal.Signals,
    lock: int,
    user: int | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C reaches the daemon alone.

    Must run in the main thread: the kernel sends the death signal when the starting *thread* ends.
    """
    assert threading.current_thread() is threading.main_thread()
    parent = os.getpid()

    def die_with_the_daemon() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    with log.open("ab") as output:
        try:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "LC_ALL": "C",
                    "TZ": "UTC",
                    **environment,
                },
                pass_fds=(lock,),
                start_new_session=True,
                user=user,
                extra_groups=[] if user is not None else None,
                preexec_fn=die_with_the_daemon,  # noqa: PLW1509 - only system calls, no locks
            )
        except OSError as error:
            raise ServerUnusable(f"{arguments[0]}: {error.strerror}") from error


def last_words(log: Path) -> str:
    """Return the last lines of a log for an error message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
    except OSError:
        lines = []
    return " / ".join(line.strip() for line in lines) + f" (see {log})"
