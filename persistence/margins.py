"""Margin, leverage and liquidation price of open positions: as last known, and never the truth."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.connections import PostgresConnection
from persistence.queries import query


class MarginRow(NamedTuple):
    """How an open position stood, in the order of the columns of `refresh_margins.sql`."""

    account_id: str
    symbol: str
    side: str
    quantity: str
    leverage: str
    margin: str
    liquidation_price: str | None


async def refresh_margins(
    connection: PostgresConnection, shard: str, frame: int, rows: Sequence[MarginRow]
) -> int:
    """Write how positions stood at a frame to their rows; return how many rows took it.

    A row whose side or quantity is not that of the frame is left alone, since the fill writer may
    lag. Raises what Postgres raises.
    """
    if not rows:
        return 0
    columns = [list(column) for column in zip(*rows, strict=True)]
    async with connection.transaction():
        await connection.execute(query("lock_cursor"), shard)
        status = await connection.execute(query("refresh_margins"), shard, frame, *columns)
    return int(status.rpartition(" ")[2])
