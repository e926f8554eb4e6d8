"""Rows that the database refuses: put aside with the reason, so that they hold nobody up.

One such row makes Postgres refuse the whole batch. The batch is then written by halves, and halves
of these, down to the row at fault, which goes to `dead_letters` in the same transaction.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from engine.connections import PostgresConnection, PostgresError
from persistence.queries import query

TABLES: Final = {
    "fills": "fills",
    "balances": "balance_log",
    "liquidations": "liquidation_log",
    "waterfall": "waterfall_log",
    "funding": "funding",
    "margin_calls": "margin_calls",
    "breakers": "breakers",
    "executions": "execution_log",
    "admin": "admin_log",
    "instruments": "instruments",
    "positions": "positions",
}
"""The table that each kind of row goes to."""

# Classes of SQLSTATE by which a row is refused for what it holds: data, integrity, a view's check,
# an exception raised by a trigger.
_REFUSALS: Final = frozenset({"22", "23", "44", "P0"})
_COLUMNS: Final = {
    "time_us": "at",
    "event_index": "index",
    "input_index": "index",
    "opened_us": "opened_at",
    "closed_us": "closed_at",
    "until_ms": "until",
}
"""What a field is called in its table, where that is another name."""
_PARTS: Final = {"fills": "side", "positions": "id", "instruments": "symbol"}
_UNITS_US: Final = {"us": 1, "ms": 1_000}
_JSON_COLUMNS: Final = ("receipt", "terms")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Row = TypeVar("Row", bound=tuple[Any, ...])


class DeadLetter(NamedTuple):
    """One row refused, in the order of the columns of `insert_dead_letters.sql`."""

    target: str
    frame: int
    event_index: int
    part: str
    row: str
    sqlstate: str
    reason: str


def refusal(error: PostgresError) -> tuple[str, str] | None:
    """Return SQLSTATE and reason where it is a row that was refused, None for anything else.

    asyncpg raises 22000 itself for what it cannot write as the type of its column.
    """
    code = error.sqlstate or ""
    return (code, str(error).partition("\n")[0]) if code[:2] in _REFUSALS else None


async def sift(
    connection: PostgresConnection,
    write: Callable[[Sequence[Row]], Awaitable[int]],
    rows: Sequence[Row],
    refused: list[tuple[Row, str, str]],
) -> int:
    """Write what the database takes, append the others to `refused`; return how many were new.

    Within a transaction. One row at fault among n costs 2·log2(n) statements.
    """
    try:
        async with connection.transaction():
            return await write(rows)
    except PostgresError as error:
        why = refusal(error)
        if why is None:
            raise
        if len(rows) == 1:
            refused.append((rows[0], *why))
            return 0
    middle = len(rows) // 2
    new = await sift(connection, write, rows[:middle], refused)
    return new + await sift(connection, write, rows[middle:], refused)


def dead_letter(kind: str, shard: str, row: Any, sqlstate: str, reason: str) -> DeadLetter:
    """Return the letter of a row of a kind, which `json_populate_record` makes a row again."""
    told = row._asdict()
    columns: dict[str, Any] = {"shard": shard}
    for name, value in told.items():
        unit_us = _UNITS_US.get(name.rpartition("_")[2])
        written = value
        if unit_us is not None and value is not None:
            written = _EPOCH + timedelta(microseconds=value * unit_us)
        elif name in _JSON_COLUMNS:
            written = msgspec.Raw(value.encode())
        columns[_COLUMNS.get(name, name)] = written
    if kind == "instruments":
        columns["changed_at"] = columns.pop("at")
    last = "last_" if kind == "positions" else ""
    frame, index = columns[f"{last}frame"], columns[f"{last}index"]
    part = told.get(_PARTS.get(kind, ""), "")
    text = msgspec.json.encode(columns).decode()
    return DeadLetter(TABLES[kind], frame, index, part, text, sqlstate, reason)


async def put_aside(
    connection: PostgresConnection, shard: str, letters: Sequence[DeadLetter]
) -> None:
    """Write the letters. Raises what Postgres raises: they have nowhere else to go."""
    if letters:
        columns = [list(column) for column in zip(*letters, strict=True)]
        await connection.execute(query("insert_dead_letters"), shard, *columns)


async def letter_about(
    connection: PostgresConnection, shard: str, kind: str, place: tuple[int, int], part: str = ""
) -> str | None:
    """Return why the row at a place of the journal was refused, None where it was not."""
    found = await connection.fetchrow(query("dead_letter"), shard, TABLES[kind], *place, part)
    if found is None:
        return None
    return f"lies in dead_letters, refused by Postgres ({found['sqlstate']}): {found['reason']}"
