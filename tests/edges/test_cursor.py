"""The writer's cursor, read by those who wait for it."""

import pytest

from engine.connections import Connections, PostgresError
from persistence.cursor import read_cursor


async def test_no_schema_yet_is_no_cursor(empty_database: Connections) -> None:
    """Whoever waits for the writer may ask before the first start has made the tables."""
    connection = await empty_database.postgres()

    assert await read_cursor(connection, "main") is None

    await connection.close()


async def test_other_refusals_are_not_taken_for_no_cursor(empty_database: Connections) -> None:
    """A cursor that cannot be read is another thing than one that is not there."""
    connection = await empty_database.postgres()
    await connection.execute("CREATE SCHEMA pitboss")
    await connection.execute("CREATE TABLE pitboss.writer_cursor (shard int)")

    with pytest.raises(PostgresError):
        await read_cursor(connection, "main")

    await connection.close()
