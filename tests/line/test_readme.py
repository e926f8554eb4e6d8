"""What the README tells a stranger to do does what it says."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feeds.running_daemon import ROOT, wait_until_up

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Make a home with a daemon on `config.toml`, started as the README says."""
    directory = Path(tempfile.mkdtemp(prefix="pb-"))
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "run"],
        cwd=ROOT,
        env=environment(directory),
        stderr=subprocess.DEVNULL,
    )
    wait_until_up(directory / ".local" / "state" / "pitboss", process)
    yield directory
    process.terminate()
    assert process.wait(timeout=30) == 0
    shutil.rmtree(directory)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of somebody who lives there."""
    kept = {name: value for name, value in os.environ.items() if name != "XDG_STATE_HOME"}
    return {**kept, "HOME": str(home)}


def block(pattern: str) -> str:
    """Return the one piece of the README that matches."""
    found = re.findall(pattern, README, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_first_order_by_send_trades(home: Path) -> None:
    """Two accounts, money, a price, two orders that meet: the first thing that anybody tries."""
    commands = block(r"<<'END'\n(.*?)END\n")

    sent = subprocess.run(
        [sys.executable, "-m", "engine", "send", "-"],
        input=commands,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment(home),
    )

    events = [json.loads(line) for line in sent.stdout.splitlines()]
    kinds = [event["type"] for event in events]
    assert "rejected" not in kinds
    [trade] = [event for event in events if event["type"] == "trade"]
    assert (trade["price"], trade["quantity"]) == ("65000", "0.1")
    assert (trade["maker"]["account"], trade["taker"]["account"]) == ("alice", "bob")


def test_first_order_by_plain_xadd_is_answered(home: Path) -> None:
    """Any program that speaks Redis can trade: the snippet prints the frame with its events."""
    code = block(r"```python\n(.*?)```")

    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment(home),
    ).stdout

    assert '"client_order_id":"b-2"' in printed
    assert '"order_accepted"' in printed
