"""What Postgres knows of open positions and instruments: where a writer's fold goes on."""

from engine.connections import PostgresConnection, PostgresRecord
from persistence.cursor import Cursor, begin_cursor, lives_cursor, read_cursor
from persistence.position_lives import Life, Place, PositionLives
from persistence.queries import query
from persistence.row_types import InstrumentRow


async def begin_lives(
    connection: PostgresConnection, shard: str
) -> tuple[Cursor, Cursor, PositionLives]:
    """Return the cursor of the rows, that of the lives, and the lives as they stand at it.

    All of one instant: another writer may be at work, and lives beside a later cursor would miss
    what lies between. That writer moves on, or this one; the other's next batch is refused.
    """
    await begin_cursor(connection, shard)
    lives = PositionLives(shard)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        cursor, written = (
            await read_cursor(connection, shard),
            await lives_cursor(connection, shard),
        )
        assert cursor is not None, "it was put there"
        # Bite by bite: the engine shares this loop.
        async for row in connection.cursor(query("live_instruments"), shard):
            lives.know_instrument(InstrumentRow(*row))
        async for row in connection.cursor(query("open_positions"), shard, prefetch=500):
            lives.know_life(_life(row))
    return cursor, written, lives


def _life(row: PostgresRecord) -> Life:
    opened = Place(row["opened_us"], row["opened_frame"], row["opened_index"])
    sign = 1 if row["side"] == "LONG" else -1
    named = row["id"], row["sub_account_id"], row["symbol"]
    life = Life(*named, sign, row["contract_size"], opened)
    life.quantity, life.max_quantity = row["quantity"], row["max_quantity"]
    life.cost, life.realized, life.fees = row["cost"], row["realized_pnl"], row["fees"]
    return life
