"""What the tests of the line share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from engine.connections import Connections, Endpoints, RedisLink
from tests.line.proxy import FailingWire
from tests.line.valkey import OwnValkey


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
def own_valkey() -> Iterator[OwnValkey]:
    """Give one test a Valkey to kill; the test starts it."""
    valkey = OwnValkey()
    yield valkey
    valkey.remove()
