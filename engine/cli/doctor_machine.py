"""What `pitboss doctor` looks at on the machine itself."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from persistence.embedded_postgres import find_postgres
from persistence.embedded_process import ServerUnusable
from persistence.embedded_valkey import find_valkey
from persistence.state_dir import StateDirUnusable, socket_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMPILED: Final = {
    "uvloop": "uvloop.loop",
    "hiredis": "hiredis.hiredis",
    "msgspec": "msgspec._core",
    "asyncpg": "asyncpg.protocol.protocol",
}
_FEWEST_FILES: Final = 256
_FILES: Final = 1_024
_UNSYNCHRONISED: Final = 5
_TIMEX_BYTES: Final = 512  # the kernel's struct has 208 bytes


class Finding(NamedTuple):
    """One line of the report; the text of what is not OK ends with its remedy."""

    status: Literal["OK", "WARN", "FAIL"]
    name: str
    text: str


def look_at_machine(state_dir: Path, *, own_redis: bool, own_postgres: bool) -> Iterator[Finding]:
    """Yield what can be seen without any server; `own_*` tells which we would start ourselves."""
    yield _python()
    yield from _compiled()
    yield _valkey(needed=own_redis)
    yield _postgres(needed=own_postgres)
    yield _state_dir(state_dir)
    yield _sockets(state_dir)
    yield _clock()
    yield _files()
    yield _notify()


def _python() -> Finding:
    if sys.flags.optimize:
        return Finding("FAIL", "python", "assertions are off: start python without -O")
    return Finding("OK", "python", f"{platform.python_version()} on {platform.machine()}")


def _compiled() -> Iterator[Finding]:
    missing = [name for name, module in _COMPILED.items() if not _is_there(module)]
    if missing:
        text = f"no compiled {', '.join(missing)}: install from requirements/run.txt"
        yield Finding("FAIL", "packages", text)
        return
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _COMPILED)
    yield Finding("OK", "packages", versions)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _valkey(*, needed: bool) -> Finding:
    try:
        program = find_valkey()
    except ServerUnusable as error:
        return Finding("FAIL" if needed else "OK", "valkey", f"{error}")
    told = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=False
    ).stdout.split()
    version = next((word[2:] for word in told if word.startswith("v=")), "of unknown version")
    return Finding("OK", "valkey", f"{version}, {program}")


def _postgres(*, needed: bool) -> Finding:
    try:
        programs = find_postgres()
    except ServerUnusable as error:
        return Finding("FAIL" if needed else "OK", "postgres", f"{error}")
    return Finding("OK", "postgres", f"{programs.major}, {programs.directory}")


def _state_dir(state_dir: Path) -> Finding:
    """Try to write where the data will be, or in the nearest directory that exists above it."""
    place = state_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        text = f"{place}: {error.strerror}; choose another --state-dir or correct its owner"
        return Finding("FAIL", "state dir", text)
    return Finding("OK", "state dir", f"{state_dir}{'' if place == state_dir else ' (yet to be)'}")


def _sockets(state_dir: Path) -> Finding:
    try:
        return Finding("OK", "sockets", str(socket_dir(state_dir)))
    except StateDirUnusable as error:
        return Finding("FAIL", "sockets", str(error))


def _clock() -> Finding:
    """Ask the kernel, read-only, whether something keeps the clock right."""
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except AttributeError:
        state = -1
    if state == _UNSYNCHRONISED:
        text = f"{now} UTC, not synchronised: run chrony or systemd-timesyncd"
        return Finding("WARN", "clock", text)
    return Finding("OK", "clock", f"{now} UTC{', synchronised' if state >= 0 else ''}")


def _files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FILES:
        text = f"{soft}, {_FILES} is little enough: ulimit -n, or LimitNOFILE= under systemd"
        return Finding("FAIL" if soft < _FEWEST_FILES else "WARN", "open files", text)
    shown = "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
    return Finding("OK", "open files", f"{shown} allowed")


def _notify() -> Finding:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return Finding("OK", "systemd", "not started by it: readiness is told to nobody")
    if not address.startswith(("/", "@")):
        text = f"NOTIFY_SOCKET is {address!r}, which is no socket: use Type=notify"
        return Finding("WARN", "systemd", text)
    return Finding("OK", "systemd", "told of readiness and life through NOTIFY_SOCKET")
