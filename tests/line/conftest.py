"""What the tests of the line share."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from engine.connections import Connections, Endpoints, RedisLink
from tests.line.process import DaemonProcess, Launch, Make, launch
from tests.line.proxy import FailingWire
from tests.line.snapshotting import Bench
from tests.line.valkey import OwnValkey
from tests.line.words import MARKET, tick


@pytest.fixture
async def link(connections: Connections) -> AsyncIterator[RedisLink]:
    """Open an ordinary link to the shared Valkey for one test."""
    link = await connections.redis()
    yield link
    await link.close()


@pytest.fixture
async def wire(servers: Endpoints) -> AsyncIterator[FailingWire]:
    """Put a wire that can fail in front of the shared Valkey."""
    async with FailingWire(Path(unquote(servers.redis_url.removeprefix("unix://")))) as wire:
        yield wire


@pytest.fixture
async def bench(connections: Connections, shard: str) -> AsyncIterator[Bench]:
    """Run a line with a market."""
    bench = Bench(connections, shard)
    async with bench.line:
        bench.inbox.put(*MARKET, tick())
        await bench.line.reached(ticks="6-0")
        yield bench


@pytest.fixture
def own_valkey() -> Iterator[OwnValkey]:
    """Give one test a Valkey to kill; the test starts it."""
    valkey = OwnValkey()
    yield valkey
    valkey.remove()


@pytest.fixture(scope="session")
def valkey() -> Iterator[OwnValkey]:
    """Run one configured Valkey for all daemons that do not disturb it."""
    valkey = OwnValkey()
    asyncio.run(valkey.start())
    yield valkey
    valkey.remove()


@pytest.fixture
def make(valkey: OwnValkey, tmp_path: Path, shard: str) -> Iterator[Make]:
    """Return what makes daemons, on a shard of the test's own; none outlives the test."""
    made: list[DaemonProcess] = []

    def make(
        url: str | None = None, *, more: str = "", dsn: str = "", launch: Launch = launch
    ) -> DaemonProcess:
        directory = tmp_path / f"d{len(made)}"
        directory.mkdir()
        url = url or valkey.url
        made.append(DaemonProcess(directory, shard, url, more=more, dsn=dsn, launch=launch))
        return made[-1]

    yield make
    for each in made:
        each.kill()


@pytest.fixture
async def daemon(make: Make) -> DaemonProcess:
    """Start a daemon that is given a market, and takes whatever a busy machine leaves waiting."""
    daemon = make(more="[engine]\noverload_ms = 0\n")
    await daemon.start()
    await daemon.send(*MARKET, tick())
    return daemon
