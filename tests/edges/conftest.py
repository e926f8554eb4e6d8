"""What the tests of the edges share."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.connections import Connections, Endpoints, PostgresConnection, RedisLink
from persistence.fill_writer import FillWriter
from persistence.schema import migrate
from tests.edges.tape import Tape
from tests.edges.writing import hasty_writer

_DATABASE_NUMBERS = itertools.count(1)


@pytest.fixture
async def link(connections: Connections) -> AsyncIterator[RedisLink]:
    """Open an ordinary link for one test."""
    link = await connections.redis()
    yield link
    await link.close()


@pytest.fixture
async def empty_database(servers: Endpoints) -> Connections:
    """Return connections whose Postgres is a database of its own, without a schema."""
    assert servers.postgres_dsn is not None
    name = f"test{next(_DATABASE_NUMBERS)}"
    owner = await Connections(servers).postgres()
    await owner.execute(f"CREATE DATABASE {name}")
    await owner.close()
    dsn = servers.postgres_dsn.replace("@/pitboss?", f"@/{name}?")
    return Connections(replace(servers, postgres_dsn=dsn))


@pytest.fixture
async def database(connections: Connections) -> AsyncIterator[PostgresConnection]:
    """Open a connection to the shared database, with its schema, as its owner."""
    connection = await connections.postgres()
    await migrate(connection)
    yield connection
    await connection.close()


@pytest.fixture
def tape(link: RedisLink, shard: str) -> Tape:
    """Return the empty journal of this test's shard."""
    return Tape(link, shard)


@pytest.fixture
def writer(connections: Connections, shard: str, database: PostgresConnection) -> FillWriter:
    """Return a writer of this test's shard that does not dawdle."""
    return hasty_writer(connections, shard)
