"""What every test shares: how long Hypothesis searches, and real servers for those who ask.

`HYPOTHESIS_PROFILE=long` (set by `make fuzz`) turns the same properties into a campaign.
"""

import asyncio
import itertools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from engine.connections import Connections, Endpoints
from persistence.embedded import EmbeddedServers

if TYPE_CHECKING:
    from tests.faults.forker import Forker

settings.register_profile("default", deadline=None, derandomize=True, max_examples=50)
settings.register_profile(
    "long",
    deadline=None,
    max_examples=3_000,
    stateful_step_count=120,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_SHARD_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Endpoints of one Valkey and one Postgres, shared by all tests: keep to your own `shard`."""
    embedded = EmbeddedServers(tmp_path_factory.mktemp("servers"), ephemeral=True)
    asyncio.run(embedded.start())
    yield embedded.endpoints
    asyncio.run(embedded.stop())


@pytest.fixture
def connections(servers: Endpoints) -> Connections:
    """Factories of links to the shared servers; the test closes what it opens."""
    return Connections(servers)


@pytest.fixture
def shard() -> str:
    """Return the name of a shard that no other test uses."""
    return f"test{next(_SHARD_NUMBERS)}"


@pytest.fixture(scope="session")
def forker() -> Iterator["Forker"]:
    """Start the process that has everything imported and forks daemons at once."""
    from tests.faults.forker import Forker  # it imports the whole program

    forker = Forker()
    yield forker
    forker.close()
