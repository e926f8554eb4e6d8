"""The shipped unit: few doors, measured where systemd is there, and a daemon behind them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.house.source import ROOT
from tests.line.process import DaemonProcess, launch
from tests.line.words import MARKET, order, tick
from tests.security.confinement import can_filter, directives

UNIT = ROOT / "deploy" / "pitboss.service"
MOST_EXPOSED = 1.5

NEEDED = {
    "User": "pitboss",
    "UMask": "0077",
    "StateDirectoryMode": "0700",
    "LimitCORE": "0",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectProc": "invisible",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "SystemCallFilter": "@system-service ~@privileged @resources nice setpriority",
    "SystemCallArchitectures": "native",
    **dict.fromkeys(
        [
            *("LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges", "PrivateDevices"),
            *("PrivateMounts", "PrivateTmp", "ProtectClock", "ProtectControlGroups", "ProtectHome"),
            *("ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "RemoveIPC"),
            *("ProtectKernelTunables", "RestrictNamespaces", "RestrictRealtime"),
            "RestrictSUIDSGID",
        ],
        "yes",
    ),
}


_OWN_NAMESPACES = (
    ("unshare", "--mount", "--ipc", "--propagation", "private") if os.geteuid() == 0 else ()
)


_PREAMBLE = """
import ctypes, mmap, os, socket
from pathlib import Path
libc = ctypes.CDLL(None, use_errno=True)
state = Path({state!r})
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
"""
_PROBES_OF_FILTERS = {
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "vsock": "socket.socket(40, socket.SOCK_STREAM)",
    "user namespace": "call('unshare', 0x10000000)",
    "mount": "call('mount', b'none', b'/mnt', b'tmpfs', 0, None)",
    "code in memory": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "set-uid": "(state / 'x').chmod(0o4755)",
    "trace": "call('ptrace', 0, 0, 0, 0)",
    "processors": "os.sched_setaffinity(0, [0])",
    "other user": "os.setuid(os.getuid())",
    "module": "call('init_module', None, 0, b'')",
}
_PROBES_OF_ROOT = {
    "file of the machine": "Path('/usr/x').write_text('')",
    "release": f"Path({str(ROOT / 'x')!r}).write_text('')",
    "configuration": "(state.parent / 'x').write_text('')",
    "kernel": "Path('/proc/sys/vm/swappiness').write_text('1')",
    "homes": "Path('/root/.profile').read_text()",
    "others' temporary files": "Path('/tmp/pitboss-of-others').stat()",
    "others' processes": "os.listdir('/proc/1')",
    "disks": "Path('/dev/vda').stat(); Path('/dev/mem').stat()",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a directory that another user may enter, with a state directory in it."""
    tmp_path.chmod(0o755)
    (tmp_path / "state").mkdir()
    return tmp_path


def confined(place: Path) -> tuple[str, ...]:
    """Return the words that put a program behind the walls of the unit."""
    launcher = (sys.executable, str(ROOT / "tests" / "security" / "confinement.py"))
    return (*_OWN_NAMESPACES, *launcher, str(UNIT), str(place / "state"), "--")


def test_unit_shuts_every_door_that_the_daemon_does_not_use() -> None:
    """Read by ourselves, so that it holds on machines without systemd too."""
    said = directives(UNIT)
    assert {name: said.get(name, "").replace("\n", " ") for name in NEEDED} == NEEDED


def test_unit_is_known_to_the_oldest_systemd_that_we_support() -> None:
    """Debian 12 has systemd 252: an unknown word is passed over there, and with it the wall."""
    said = directives(UNIT)
    assert said["Type"] == "notify"
    assert not {"notify-reload", "RestartSteps", "RestartMaxDelaySec"} & {*said, *said.values()}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_unit_is_as_closed_as_promised() -> None:
    """Out of 10; what remains is the network, the machine's own tree, and local sockets."""
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    score = re.search(r"exposure level for pitboss.service: ([0-9.]+)", told)
    assert score is not None, told
    assert float(score[1]) <= MOST_EXPOSED, told
    verified = subprocess.run(
        ["systemd-analyze", "verify", UNIT], capture_output=True, text=True, check=False
    )
    assert "Unknown" not in verified.stderr, verified.stderr


def test_walls_stand(place: Path) -> None:
    """What the daemon is tried behind keeps out what it is there to keep out."""
    probes = {"state": "(state / 'x').write_text('what the daemon must be able to do')"}
    probes |= _PROBES_OF_FILTERS if can_filter() else {}
    probes |= _PROBES_OF_ROOT if os.geteuid() == 0 else {}
    script = _PREAMBLE.format(state=str(place / "state")) + "".join(
        f"try: {probe}\nexcept OSError as e: pass\nelse: print({name!r})\n"
        for name, probe in probes.items()
    )
    others = Path("/tmp/pitboss-of-others")
    others.touch()
    try:
        ended = subprocess.run(
            [*confined(place), sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        others.unlink()
    assert (ended.returncode, ended.stdout) == (0, "state\n"), ended


async def test_daemon_lives_behind_the_walls_of_the_unit(place: Path) -> None:
    """Its own Valkey and Postgres, the forked snapshot, a kill and a recovery: all of it inside."""
    walled = partial(launch, inside=confined(place))
    daemon = DaemonProcess(place, "walled", None, launch=walled)
    try:
        await daemon.start()
        await daemon.send(*MARKET, tick(), order("a"), order("b", "sell", account="bea"))
        await daemon.applied("a", "b")
        daemon.signal(signal.SIGUSR1)
        await daemon.until_said("snapshot taken")
        daemon.kill()
        await daemon.start()
        await daemon.send(order("c"))
        await daemon.applied("a", "b", "c")
        assert await daemon.stop() == 0, daemon.log
    finally:
        daemon.kill()
    assert "confined by" in daemon.log
    assert {line["level"] for line in daemon.said("")} == {"info"}, daemon.log
