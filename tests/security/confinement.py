"""Run a program under the walls of a systemd unit, as far as this machine can put them up.

`python confinement.py UNIT STATE_DIR -- PROGRAM …` reads the directives of the unit and does what
systemd would: system call filters by libseccomp and, for root (in a mount namespace of its own),
another user and another file system.
"""

import ctypes
import os
import pwd
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_CODE = Path(__file__).parents[2]
_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 38, 24
_ALLOW, _EPERM, _ENOSYS, _EAFNOSUPPORT = 0x7FFF0000, 0x00050001, 0x00050026, 0x00050061
_LESS, _EQUAL, _GREATER, _MASKED = 2, 4, 6, 7
_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
_NEW_NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
_SET_ID_BITS = (0o4000, 0o2000)
_WRITE, _EXECUTE = 2, 4
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def directives(unit: Path) -> dict[str, str]:
    """Return what each directive of a unit's [Service] says, an assignment a line."""
    said: dict[str, str] = {}
    service = re.split(r"^\[\w+\]$", unit.read_text(), flags=re.MULTILINE)[2]
    for line in service.splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            said[name] = f"{said[name]}\n{value}" if name in said else value
    return said


class _Comparison(ctypes.Structure):
    """What libseccomp calls `struct scmp_arg_cmp`."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class Filter:
    """One filter of system calls; several that are loaded all count."""

    def __init__(self, otherwise: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(otherwise))

    def rule(self, action: int, call: str, *where: tuple[int, int, int, int]) -> None:
        """Say what becomes of a call, or of those whose arguments compare so."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # not of this architecture
        comparisons = (_Comparison * len(where))(*[_Comparison(*each) for each in where])
        failed = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(where), comparisons
        )
        assert failed in {0, -17}, f"{call}: {os.strerror(-failed)}"

    def load(self) -> None:
        """Let it hold from here on."""
        failed = self._library.seccomp_load(self._context)
        assert failed == 0, os.strerror(-failed)


def can_filter() -> bool:
    """Tell whether this machine has what filters of system calls are made with."""
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return False
    return shutil.which("systemd-analyze") is not None


def calls_of(names: str) -> set[str]:
    """Return the calls that a list of names and @groups stands for."""
    found: set[str] = set()
    for name in names.split():
        if not name.startswith("@"):
            found.add(name)
            continue
        told = subprocess.run(
            ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
        ).stdout.splitlines()[1:]
        inside = [
            line.strip() for line in told if line.strip() and not line.strip().startswith("#")
        ]
        found |= calls_of(" ".join(inside))
    return found


def allow_calls(value: str) -> None:
    """Apply SystemCallFilter=: what is named, without what is named behind a ~."""
    allowed: set[str] = calls_of("@default")
    for line in value.splitlines():
        if line.startswith("~"):
            allowed -= calls_of(line[1:])
        else:
            allowed |= calls_of(line)
    passing = Filter(_EPERM)
    for call in sorted(allowed):
        passing.rule(_ALLOW, call)
    passing.load()


def allow_families(value: str) -> None:
    """Apply RestrictAddressFamilies=."""
    allowed = {_FAMILIES[name] for name in value.split()}
    families = Filter(_ALLOW)
    families.rule(_EAFNOSUPPORT, "socket", (0, _GREATER, max(allowed), 0))
    for number in set(range(max(allowed))) - allowed:
        families.rule(_EAFNOSUPPORT, "socket", (0, _EQUAL, number, 0))
    families.load()


def deny_namespaces(_value: str) -> None:
    """Apply RestrictNamespaces=yes; clone3 hides its flags in memory, so it is not there at all."""
    namespaces = Filter(_ALLOW)
    namespaces.rule(_ENOSYS, "clone3")
    namespaces.rule(_EPERM, "setns")
    for flag in _NEW_NAMESPACES:
        for call in ("clone", "unshare"):
            namespaces.rule(_EPERM, call, (0, _MASKED, flag, flag))
    namespaces.load()


def deny_code_in_writable_memory(_value: str) -> None:
    """Apply MemoryDenyWriteExecute=yes."""
    memory = Filter(_ALLOW)
    both = _WRITE | _EXECUTE
    memory.rule(_EPERM, "mmap", (2, _MASKED, both, both))
    for call in ("mprotect", "pkey_mprotect"):
        memory.rule(_EPERM, call, (2, _MASKED, _EXECUTE, _EXECUTE))
    memory.load()


def deny_set_id(_value: str) -> None:
    """Apply RestrictSUIDSGID=yes."""
    modes = Filter(_ALLOW)
    for bit in _SET_ID_BITS:
        for place, call in ((1, "chmod"), (1, "fchmod"), (2, "fchmodat"), (1, "mkdir")):
            modes.rule(_EPERM, call, (place, _MASKED, bit, bit))
    modes.load()


def no_new_privileges(_value: str) -> None:
    """Apply NoNewPrivileges=yes."""
    assert ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def limit_files(value: str) -> None:
    """Apply LimitNOFILE=, as far as ours lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def another_file_system(state_dir: Path) -> None:
    """Apply the directives about files: all is read-only but the state directory; root only."""
    kept = {_CODE: "ro", Path(sys.base_prefix): "ro", state_dir.parent: "ro", state_dir: "rw"}
    handles = {path: os.open(path, os.O_PATH) for path in kept}
    _mount("--make-rprivate", "/")
    _mount("-t", "tmpfs", "-o", "mode=0755", "hidden", "/root")
    for place in ("/tmp", "/var/tmp"):
        _mount("-t", "tmpfs", "-o", "mode=1777", "private", place)
    for path, handle in handles.items():
        path.mkdir(parents=True, exist_ok=True)
        _mount("--bind", f"/proc/self/fd/{handle}", str(path), handle=handle)
        os.close(handle)
    _private_devices()
    _mount("-t", "proc", "-o", "hidepid=invisible,nosuid,nodev,noexec", "proc", "/proc")
    for place in ("/proc/sys", "/sys"):
        _mount("--rbind", place, place)
        _mount("-o", "remount,bind,ro", place)
    _mount("-o", "remount,bind,ro", "/")
    for path, mode in kept.items():
        _mount("-o", f"remount,bind,{mode}", str(path))


def _private_devices() -> None:
    handles = {name: os.open(f"/dev/{name}", os.O_PATH) for name in _DEVICES}
    _mount("-t", "tmpfs", "-o", "mode=0755,noexec", "devices", "/dev")
    for name, handle in handles.items():
        Path("/dev", name).touch()
        _mount("--bind", f"/proc/self/fd/{handle}", f"/dev/{name}", handle=handle)
        os.close(handle)
    Path("/dev/shm").mkdir()
    _mount("-t", "tmpfs", "-o", "mode=1777,nosuid,nodev", "shm", "/dev/shm")


def _mount(*arguments: str, handle: int | None = None) -> None:
    # A handle reaches what is hidden by now, unless mount looks up the path behind it.
    passed = () if handle is None else (handle,)
    subprocess.run(["mount", "--no-canonicalize", *arguments], check=True, pass_fds=passed)


def another_user(state_dir: Path) -> None:
    """Apply User=, CapabilityBoundingSet= and AmbientCapabilities=: nobody, with nothing."""
    user = pwd.getpwnam("nobody")
    os.chown(state_dir, user.pw_uid, user.pw_gid)
    for capability in range(64):
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


_FILES = """
ProtectSystem ProtectHome PrivateTmp PrivateDevices PrivateMounts ProtectProc ProtectKernelTunables
"""
_WALLS: dict[str, Callable[[str], None]] = {
    "LimitNOFILE": limit_files,
    "NoNewPrivileges": no_new_privileges,
}
_FILTERS: dict[str, Callable[[str], None]] = {
    "RestrictAddressFamilies": allow_families,
    "RestrictNamespaces": deny_namespaces,
    "RestrictSUIDSGID": deny_set_id,
    "MemoryDenyWriteExecute": deny_code_in_writable_memory,
    "SystemCallFilter": allow_calls,
}


def main() -> None:
    """Put up the walls, say which, and become the program."""
    unit, state_dir = Path(sys.argv[1]), Path(sys.argv[2])
    said = directives(unit)
    applied = []
    if os.geteuid() == 0:
        another_file_system(state_dir)
        another_user(state_dir)
        applied += [*_FILES.split(), "User", "CapabilityBoundingSet"]
    os.umask(int(said["UMask"], 8))
    for directive, wall in {**_WALLS, **(_FILTERS if can_filter() else {})}.items():
        wall(said[directive])
        applied.append(directive)
    sys.stderr.write(f"confined by {' '.join(applied)}\n")
    sys.stderr.flush()
    os.execvp(sys.argv[4], sys.argv[4:])


if __name__ == "__main__":
    main()
