"""`pitboss run --demo`: the daemon as a child process, the market driven and shown by this one."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import msgspec
from rich.console import Console

from engine import exits
from engine.cli.demo import DemoOptions, demo
from engine.cli.failure import CommandError
from engine.connections import Connections, LinkLost, RedisReplyError
from persistence.embedded import running_endpoints

if TYPE_CHECKING:
    from pathlib import Path

    from engine.cli.places import Place
    from engine.run import RunOptions

_PR_SET_PDEATHSIG: Final = 1
_LOG_BYTES: Final = 8 << 20
_POLL_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 30.0


async def run_demo(options: RunOptions, place: Place) -> int:
    """Start the daemon, drive and show a market until Ctrl-C or `DEMO_SECONDS`, stop the daemon.

    Returns 0 only if the fills in Postgres are those of the journal and the daemon ended in order.
    Raises CommandError.
    """
    wanted = DemoOptions.from_environment()
    if place.config.redis.url is None and running_endpoints(options.state_dir) is not None:
        raise CommandError(
            f"a daemon runs in {options.state_dir} already: stop it, or choose another --state-dir",
            exits.REFUSED,
        )
    console = Console()
    stop = asyncio.Event()
    _listen(stop)
    child = _Child(options)
    try:
        console.print(f"starting the daemon; its log is {child.log}", highlight=False)
        connections = await _ready(child, place, stop)
        if connections is None:
            return exits.DONE
        playing = asyncio.create_task(
            demo(wanted, connections, place.shard, stop, console, place.reopen)
        )
        code = await child.outlive(playing)
    finally:
        ended = await child.stop()
    if ended != exits.DONE:
        raise CommandError(f"the daemon ended with {ended}: {child.last_words()}", _code(ended))
    if not options.ephemeral:
        console.print(
            f"the books stay in {options.state_dir}; the next run goes on with them",
            highlight=False,
            soft_wrap=True,
        )
    return code


class _Child:
    """The daemon, in a session of its own so that Ctrl-C reaches this process alone."""

    def __init__(self, options: RunOptions) -> None:
        options.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = _log_file(options.state_dir)
        parent = os.getpid()

        def die_with_the_parent() -> None:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                _arguments(options),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_the_parent,  # noqa: PLW1509 - only system calls, no locks
            )

    @property
    def pid(self) -> int:
        """The process id, also after the end."""
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """The exit code, None while it lives."""
        return self._process.poll()

    def last_words(self) -> str:
        """Return what the daemon said last, and where the rest is."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        last = lines[-1] if lines else "nothing"
        with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):  # not a line of ours
            last = str(msgspec.json.decode(last)["event"])
        return f"{last} (see {self.log})"

    async def outlive(self, playing: asyncio.Task[int]) -> int:
        """Return what `playing` returns. Raises CommandError where the daemon ends before."""
        while not playing.done():
            if self.ended is not None:
                playing.cancel()
                await asyncio.wait([playing])
                raise CommandError(
                    f"the daemon ended during the demonstration: {self.last_words()}",
                    _code(self.ended),
                )
            await asyncio.wait([playing], timeout=_POLL_SECONDS)
        return playing.result()

    async def stop(self) -> int:
        """Ask the daemon to end and wait for it, insisting after 30 s; return its exit code."""
        if self.ended is None:
            self._process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while (code := self.ended) is None:
            if time.monotonic() > deadline:
                self._process.kill()
            await asyncio.sleep(_POLL_SECONDS / 10)
        return code


async def _ready(child: _Child, place: Place, stop: asyncio.Event) -> Connections | None:
    """Wait until the child leads: it has recovered and renews its lease; None if told to stop.

    Raises CommandError where it ends before.
    """
    while child.ended is None:
        if stop.is_set():
            return None
        try:
            connections = place.connections()
            link = await connections.redis()
            try:
                lease = await link.call("GET", f"{{{place.shard}}}:lease")
            finally:
                await link.close()
        except (CommandError, LinkLost, RedisReplyError):
            lease = None
        if lease is not None and lease.startswith(b"%d-" % child.pid):
            return connections
        await asyncio.sleep(_POLL_SECONDS)
    raise CommandError(f"the daemon did not start: {child.last_words()}", _code(child.ended))


def _listen(stop: asyncio.Event) -> None:
    """Let the first SIGINT or SIGTERM end the demonstration, and a second one end it at once."""
    task = asyncio.current_task()
    assert task is not None
    interrupted: asyncio.Task[int] = task

    def ask() -> None:
        if stop.is_set():
            interrupted.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ask)


def _arguments(options: RunOptions) -> list[str]:
    """Return the command line of the daemon."""
    arguments = [sys.executable, "-m", "engine", "run", "--state-dir", str(options.state_dir)]
    if options.config_path is not None:
        arguments += ["--config", str(options.config_path)]
    for name in ("ephemeral", "accept_loss", "accept_time_jump", "standby"):
        if getattr(options, name):
            arguments.append(f"--{name.replace('_', '-')}")
    return arguments


def _log_file(state_dir: Path) -> Path:
    """Return where the daemon logs, with what is there moved aside once it is large."""
    log = state_dir / "log" / "daemon.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log


def _code(ended: int) -> int:
    """Return the child's exit code as ours; one that a signal has ended counts as a bug."""
    return ended if ended > 0 else exits.BUG
