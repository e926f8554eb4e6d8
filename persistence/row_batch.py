"""Write rows and the cursor in one transaction."""

from collections.abc import Sequence

from engine.connections import PostgresConnection
from persistence.cursor import Cursor, move_cursor
from persistence.queries import query
from persistence.row_types import Rows


class CursorTaken(Exception):
    """Another writer moved the cursor; nothing of this batch was written."""


class RowsMissing(Exception):
    """Postgres already had rows that this batch was the first to bring; nothing was written."""

    def __init__(self, table: str, sent: int, inserted: int) -> None:
        super().__init__(f"{table}: {sent} rows were sent and {inserted} were new")


async def write_rows(
    connection: PostgresConnection,
    shard: str,
    rows: Rows,
    before: Cursor,
    after: Cursor,
    *,
    may_repeat: bool,
) -> int:
    """Insert the rows and move the cursor, both or neither; return how many rows were new.

    `may_repeat` allows rows that are there already, as in the first batch after a reconnect.
    Raises CursorTaken or RowsMissing, and whatever Postgres raises.
    """
    async with connection.transaction():
        # First, because the row's lock lets two writers of a shard take turns.
        if not await move_cursor(connection, shard, before, after):
            raise CursorTaken(f"the cursor of {shard} is not at frame {before.frame} any more")
        new = 0
        for table, batch in (
            ("fills", rows.fills),
            ("balances", rows.balances),
            ("liquidations", rows.liquidations),
            ("waterfall", rows.waterfall),
            ("funding", rows.funding),
            ("margin_calls", rows.margin_calls),
            ("breakers", rows.breakers),
        ):
            inserted = await _insert(connection, shard, table, batch)
            if inserted < len(batch) and not may_repeat:
                raise RowsMissing(table, len(batch), inserted)
            new += inserted
        return new


async def _insert(
    connection: PostgresConnection, shard: str, table: str, rows: Sequence[tuple[object, ...]]
) -> int:
    if not rows:
        return 0
    columns = [list(column) for column in zip(*rows, strict=True)]
    status = await connection.execute(query(f"insert_{table}"), shard, *columns)
    return int(status.rpartition(" ")[2])
