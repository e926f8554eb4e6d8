"""A fill writer in a hurry, and what it wrote."""

from typing import Any

from engine.connections import Connections, PostgresConnection
from persistence.fill_writer import FillWriter


def hasty_writer(
    connections: Connections, shard: str, *, batch_rows: int = 1_000, lives_seconds: float = 0
) -> FillWriter:
    """Return a writer that does not wait for more rows."""
    return FillWriter(
        connections,
        shard,
        batch_rows=batch_rows,
        batch_seconds=0.01,
        cursor_seconds=0.01,
        lives_seconds=lives_seconds,
    )


async def fills_of(database: PostgresConnection, shard: str) -> list[dict[str, Any]]:
    """Return a shard's fills in the order of the journal, buys first."""
    rows = await database.fetch(
        "SELECT * FROM pitboss.fills WHERE shard = $1 ORDER BY frame, index, side", shard
    )
    return [dict(row) for row in rows]
