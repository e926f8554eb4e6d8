"""Write rows and the cursor in one transaction."""

from collections.abc import Sequence
from typing import Final

from engine.connections import PostgresConnection
from persistence.cursor import Cursor, move_cursor, move_lives_cursor
from persistence.position_lives import Standing, position_row
from persistence.queries import query
from persistence.row_types import Rows

_LIVES_PER_STATEMENT: Final = 500
"""Some milliseconds to make and to send: the engine shares this loop."""


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
    standing: Standing | None,
    before: Cursor,
    after: Cursor,
    *,
    may_repeat: bool,
) -> int:
    """Write the rows and move the cursor, both or neither; return how many rows were new.

    What stands, unless it is None, is written over what stood, and does not count; the cursor of
    the lives moves along.

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
            ("executions", rows.executions),
            ("admin", rows.admin),
        ):
            inserted = await _write(connection, shard, f"insert_{table}", batch)
            if inserted < len(batch) and not may_repeat:
                raise RowsMissing(table, len(batch), inserted)
            new += inserted
        if standing is not None:
            await _write(connection, shard, "upsert_instruments", standing.instruments)
            for start in range(0, len(standing.lives), _LIVES_PER_STATEMENT):
                some = standing.lives[start : start + _LIVES_PER_STATEMENT]
                await _write(connection, shard, "upsert_positions", list(map(position_row, some)))
            await move_lives_cursor(connection, shard, after)
        return new


async def _write(
    connection: PostgresConnection, shard: str, statement: str, rows: Sequence[tuple[object, ...]]
) -> int:
    if not rows:
        return 0
    columns = [list(column) for column in zip(*rows, strict=True)]
    status = await connection.execute(query(statement), shard, *columns)
    return int(status.rpartition(" ")[2])
