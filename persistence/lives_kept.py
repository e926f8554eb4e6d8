"""What Postgres knows of open positions and instruments: where a writer's fold goes on."""

from engine.connections import PostgresConnection, PostgresRecord
from persistence.position_lives import Life, Place, PositionLives
from persistence.queries import query
from persistence.row_types import InstrumentRow


async def lives_so_far(connection: PostgresConnection, shard: str) -> PositionLives:
    """Return the lives as they stand at their cursor.

    Read after the cursor: should another writer have moved it meanwhile, the first batch is
    refused, and all of this is read again.
    """
    lives = PositionLives(shard)
    async with connection.transaction(readonly=True):
        # Bite by bite: the engine shares this loop.
        async for row in connection.cursor(query("live_instruments"), shard):
            lives.know_instrument(InstrumentRow(*row))
        async for row in connection.cursor(query("open_positions"), shard, prefetch=500):
            lives.know_life(_life(row))
    return lives


def _life(row: PostgresRecord) -> Life:
    opened = Place(row["opened_us"], row["opened_frame"], row["opened_index"])
    sign = 1 if row["side"] == "LONG" else -1
    named = row["id"], row["sub_account_id"], row["symbol"]
    life = Life(*named, sign, row["contract_size"], opened)
    life.quantity, life.max_quantity = row["quantity"], row["max_quantity"]
    life.cost, life.realized, life.fees = row["cost"], row["realized_pnl"], row["fees"]
    return life
