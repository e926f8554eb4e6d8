"""The state directory: one daemon at a time, private to its user."""

import asyncio
import fcntl
import hashlib
import os
import stat
import time
from pathlib import Path

LOCK_WAIT_SECONDS = 10.0
_POLL_SECONDS = 0.05
_SOCKET_PATH_BYTES = 100  # the kernel allows 107
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"


class StateDirBusy(Exception):
    """Another daemon, or a server that outlived one, holds the state directory: exit 66."""


class StateDirUnusable(Exception):
    """The state directory cannot be created, written or trusted: exit 66."""


class StateLock:
    """An exclusive hold on a state directory, for as long as a file descriptor lives.

    The descriptor is handed to the embedded servers. If the daemon is killed they hold the lock
    until they are gone, so that a restart never runs beside them.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    async def acquire(cls, state_dir: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> "StateLock":
        """Create the directory if need be and lock it, waiting for a dead daemon's servers.

        Raises StateDirBusy after `wait_seconds` and StateDirUnusable when it cannot be written.
        """
        descriptor = _open_lock_file(state_dir)
        locked = False
        deadline = time.monotonic() + wait_seconds
        try:
            while not (locked := _try_lock(descriptor, fcntl.LOCK_EX)):
                if time.monotonic() >= deadline:
                    raise StateDirBusy(_busy_text(state_dir, descriptor))
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            if not locked:
                os.close(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let go; releasing twice is harmless."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def is_held(state_dir: Path) -> bool:
    """Tell whether a daemon or its servers hold the directory."""
    try:
        descriptor = os.open(state_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def private_dir(path: Path, owner: int | None = None) -> Path:
    """Create a directory that only its owner may enter, or check that an existing one is that.

    `owner` is a user id to give it to, ours by default. Raises StateDirUnusable when it belongs to
    somebody else: a socket in it could be theirs.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), owner):
            raise StateDirUnusable(
                f"{path} belongs to another user: remove it or choose another --state-dir"
            )
        path.chmod(0o700)
        if owner is not None:
            os.chown(path, owner, -1)
    except OSError as error:
        raise StateDirUnusable(
            f"{path}: {error.strerror}; choose another --state-dir or correct its owner"
        ) from error
    return path


def socket_dir(state_dir: Path) -> Path:
    """Return where the sockets of this state directory are; the path fits a socket address.

    A long state directory gets a short one keyed by its hash, the same at every start.
    """
    near = state_dir.resolve() / "sockets"
    if len(os.fsencode(near / _LONGEST_SOCKET_NAME)) < _SOCKET_PATH_BYTES:
        return near
    key = hashlib.blake2b(os.fsencode(state_dir.resolve()), digest_size=6).hexdigest()
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp"):  # noqa: S108 - checked to be private
        if parent:
            short = Path(parent) / f"pitboss-{os.geteuid()}-{key}"
            if len(os.fsencode(short / _LONGEST_SOCKET_NAME)) < _SOCKET_PATH_BYTES:
                return short
    raise StateDirUnusable("no directory with a path short enough for sockets: shorten --state-dir")


def _open_lock_file(state_dir: Path) -> int:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateDirUnusable(
            f"{state_dir}: {error.strerror}; choose another --state-dir or correct its owner"
        ) from error


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy_text(state_dir: Path, descriptor: int) -> str:
    holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    who = f"process {holder} or its servers" if holder else "another process"
    return (
        f"{state_dir} is in use by {who}: stop it (systemctl stop pitboss), or choose another "
        "--state-dir"
    )
