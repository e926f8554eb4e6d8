"""`pitboss run --demo`: two processes that look like one."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from persistence.state_dir import is_held
from tests.cli.program import ROOT, command, pitboss

PATIENCE_SECONDS = 60.0


def demonstration(state_dir: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a demonstration that nobody looks at."""
    return subprocess.Popen(
        command("run", "--demo", "--state-dir", state_dir),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_until_free(state_dir: Path) -> None:
    """Wait until no process holds a state directory any more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_held(state_dir):
        assert time.monotonic() < deadline, "the daemon outlived the demonstration"
        time.sleep(0.05)


def test_demonstration_ends_by_itself_agrees_and_is_found_again(tmp_path: Path) -> None:
    """`DEMO_SECONDS=2 make run` twice: what the first left in the books, the second begins with.

    The second is ended by Ctrl-C, which a terminal sends to every process of the group: the daemon
    must live on until the summary has been drawn up.
    """
    first = pitboss("run", "--demo", "--state-dir", tmp_path, DEMO_SECONDS="2")
    assert first.code == 0, first.out + first.err
    assert "they agree" in first.out
    assert not is_held(tmp_path)

    with demonstration(tmp_path) as second:
        assert second.stdout is not None
        said = ""
        while "latency" not in said:
            line = second.stdout.readline()
            assert line, said
            said += line
        os.killpg(second.pid, signal.SIGINT)
        said += second.stdout.read()
        assert second.wait(timeout=PATIENCE_SECONDS) == 0, said
    assert "resting orders as they stood at frame" in said
    assert "they agree" in said
    assert not is_held(tmp_path)


def test_daemon_never_outlives_a_demonstration_that_is_killed(tmp_path: Path) -> None:
    """Nobody would know that it runs on."""
    with demonstration(tmp_path) as running:
        assert running.stdout is not None
        running.stdout.readline()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_held(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.kill()
    wait_until_free(tmp_path)


def test_daemon_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    """Its log is a file that nobody has open."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")
    ended = pitboss("run", "--demo", "--state-dir", tmp_path, DEMO_SECONDS="1")
    assert ended.code == 66, ended.out + ended.err
    assert "was made by Postgres 9" in ended.err
    assert "daemon.log" in ended.err


@pytest.mark.parametrize("seconds", ["soon", "-1"])
def test_demo_seconds_that_is_no_time_is_bad_usage(seconds: str, tmp_path: Path) -> None:
    """It is asked before anything is started."""
    ended = pitboss("run", "--demo", "--state-dir", tmp_path / "new", DEMO_SECONDS=seconds)
    assert ended.code == 2
    assert not (tmp_path / "new").exists()
