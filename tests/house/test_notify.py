"""The sd_notify protocol against a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import notify


@pytest.fixture(params=["path", "abstract"])
def supervisor(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """Listen where systemd would; containers hand out abstract addresses."""
    path = str(tmp_path / "notify")
    abstract = f"pitboss-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path if request.param == "path" else f"\0{abstract}")
        listening.settimeout(1)
        monkeypatch.setenv("NOTIFY_SOCKET", path if request.param == "path" else f"@{abstract}")
        yield listening


def test_each_call_is_one_datagram(supervisor: socket.socket) -> None:
    """The supervisor reads assignments line by line, one message per datagram."""
    notify.ready("frame 12")
    notify.alive()
    notify.status("lag 3")
    notify.stopping()
    received = [supervisor.recv(4_096) for _ in range(4)]
    assert received == [b"READY=1\nSTATUS=frame 12", b"WATCHDOG=1", b"STATUS=lag 3", b"STOPPING=1"]


def test_status_cannot_smuggle_an_assignment(supervisor: socket.socket) -> None:
    """A line break in a message would be read as the next assignment."""
    notify.status("broken\nMAINPID=1")
    assert supervisor.recv(4_096) == b"STATUS=broken"


def test_supervisor_that_went_away_does_not_stop_the_market(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losing the notification socket is the supervisor's trouble."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify.ready()
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify.ready()


@pytest.mark.parametrize(
    ("allowed_us", "pid", "interval"),
    [
        ("10000000", None, 5.0),
        ("10000000", str(os.getpid()), 5.0),
        ("10000000", "1", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_watchdog_is_fed_at_half_its_patience(
    monkeypatch: pytest.MonkeyPatch, allowed_us: str | None, pid: str | None, interval: float | None
) -> None:
    """Half leaves room for one late turn of the loop; another process' watchdog is not ours."""
    for name, value in (("WATCHDOG_USEC", allowed_us), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert notify.watchdog_interval_s() == interval
