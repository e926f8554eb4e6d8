"""How far the journal has been written to Postgres: a frame and its hash."""

from dataclasses import dataclass

from engine.codec import genesis_hash
from engine.connections import PostgresConnection, PostgresError
from persistence.queries import query

_UNDEFINED_TABLE = "42P01"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last frame whose rows are in Postgres; frame 0 is the state before the journal."""

    frame: int
    hash: bytes


async def read_cursor(
    connection: PostgresConnection, shard: str, which: str = "cursor"
) -> Cursor | None:
    """Return the cursor, or the `lives_cursor`; None where nothing of this shard was ever written.

    A schema that is not there yet, in the first moments of a first start, holds nothing either.
    """
    try:
        row = await connection.fetchrow(query(f"read_{which}"), shard)
    except PostgresError as error:
        if error.sqlstate != _UNDEFINED_TABLE:
            raise
        return None
    return None if row is None else Cursor(row["frame"], bytes.fromhex(row["hash"]))


async def lives_cursor(connection: PostgresConnection, shard: str) -> Cursor:
    """Return how far the lives of positions have been written: at most as far as the rest."""
    cursor = await read_cursor(connection, shard, "lives_cursor")
    assert cursor is not None, "begin_cursor comes first"
    return cursor


async def begin_cursor(connection: PostgresConnection, shard: str) -> Cursor:
    """Return the cursor; where there is none, put it before frame 1."""
    await connection.execute(query("begin_cursor"), shard, genesis_hash(shard).hex())
    cursor = await read_cursor(connection, shard)
    assert cursor is not None
    return cursor


async def move_cursor(
    connection: PostgresConnection, shard: str, before: Cursor, after: Cursor
) -> bool:
    """Move the cursor if it is where the caller believes; False tells of another writer."""
    status = await connection.execute(
        query("move_cursor"), shard, before.frame, before.hash.hex(), after.frame, after.hash.hex()
    )
    return status == "UPDATE 1"


async def move_lives_cursor(connection: PostgresConnection, shard: str, after: Cursor) -> None:
    """Move the cursor of the lives, once the other is there and within its transaction."""
    await connection.execute(query("move_lives_cursor"), shard, after.frame, after.hash.hex())
