"""What the tests of the walls share."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.line.process import DaemonProcess, Make
from tests.line.valkey import OwnValkey
from tests.security.roles import GuardedValkey

SHARD = "guarded"


@pytest.fixture(scope="session")
def guarded() -> Iterator[GuardedValkey]:
    """Run one Valkey with the shipped users, for the shard `guarded`."""
    valkey = GuardedValkey(SHARD)
    asyncio.run(valkey.start())
    yield valkey
    valkey.remove()


@pytest.fixture
def own_valkey() -> Iterator[OwnValkey]:
    """Give one test a Valkey of its own; the test starts it."""
    valkey = OwnValkey()
    yield valkey
    valkey.remove()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return what makes daemons on servers that the test names; none outlives the test."""
    made: list[DaemonProcess] = []

    def make(shard: str, url: str, **parts: Any) -> DaemonProcess:
        directory = tmp_path / f"d{len(made)}"
        directory.mkdir()
        made.append(DaemonProcess(directory, shard, url, **parts))
        return made[-1]

    yield make
    for each in made:
        each.kill()
