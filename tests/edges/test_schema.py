"""The schema only ever grows, by its owner, and takes no row that cannot be."""

import asyncio
import re
from pathlib import Path

import pytest

from engine.connections import Connections, PostgresConnection, PostgresError
from persistence import schema
from persistence.queries import migrations
from persistence.schema import SchemaMismatch, fills_are_misplaced, migrate

SQL = Path(__file__).parents[2] / "persistence" / "sql"
FILL = {
    "shard": "s",
    "frame": 1,
    "index": 0,
    "liquidity": "maker",
    "trade_id": 1,
    "account_id": "a",
    "counter_account_id": "b",
    "order_id": 1,
    "client_order_id": "c",
    "symbol": "X",
    "side": "buy",
    "quantity": 1,
    "price": 1,
    "fee": 0,
    "realized_pnl": 0,
    "position_after": 1,
}


@pytest.mark.parametrize("file", sorted(SQL.rglob("*.sql")), ids=lambda file: file.name)
def test_no_file_can_lose_a_row(file: Path) -> None:
    """A fill that was written stays written, whatever a later release does."""
    code = re.sub(r"--[^\n]*", "", file.read_text()).upper()
    assert not re.search(r"\b(DROP|TRUNCATE)\b", code)
    assert not re.search(r"\bDELETE\b(?!.*\bWHERE\b)", code, re.DOTALL)


async def test_second_run_changes_nothing(empty_database: Connections) -> None:
    """Every start migrates; only the first one of a release has something to do."""
    connection = await empty_database.postgres()
    assert await migrate(connection) == [f"{number:04}_{name}" for number, name, _ in migrations()]
    before = await _everything(connection)
    assert await migrate(connection) == []
    assert await _everything(connection) == before
    await connection.close()


async def test_two_daemons_that_start_together_take_turns(empty_database: Connections) -> None:
    """Without the lock both would create the same tables and one start would fail."""
    both = [await empty_database.postgres() for _ in range(2)]
    applied = await asyncio.gather(*(migrate(connection) for connection in both))
    assert sorted(len(names) for names in applied) == [0, len(migrations())]
    for connection in both:
        await connection.close()


async def test_other_release_is_refused(
    empty_database: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forward only: neither a changed file nor an older release may touch the database."""
    connection = await empty_database.postgres()
    await migrate(connection)
    known = migrations()
    monkeypatch.setattr(schema, "migrations", lambda: known[:-1])
    with pytest.raises(SchemaMismatch, match=f"this release ends at {len(known) - 1}"):
        await migrate(connection)
    monkeypatch.setattr(schema, "migrations", lambda: [*known[:-1], (len(known), "x", "SELECT 1")])
    with pytest.raises(SchemaMismatch, match="was changed after it was applied"):
        await migrate(connection)
    await connection.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((column, value) for column in ("quantity", "price") for value in ("0", "-1")),
        *(
            (column, value)
            for column in ("quantity", "price", "fee", "realized_pnl", "position_after")
            for value in ("NaN", "Infinity", "-Infinity")
        ),
        ("side", "long"),
        ("liquidity", "none"),
        ("frame", "0"),
    ],
)
async def test_impossible_fill_is_refused(
    database: PostgresConnection, column: str, value: str
) -> None:
    """In Postgres NaN > 0 is true, so a check for positive numbers alone lets it in."""
    with pytest.raises(PostgresError) as refused:
        await database.execute(_insert({**FILL, column: value}))
    assert refused.value.sqlstate == "23514"


async def test_months_are_prepared_and_others_raise_an_alarm(empty_database: Connections) -> None:
    """A fill is never turned away for its date; one outside the prepared months is told."""
    connection = await empty_database.postgres()
    await migrate(connection)
    for age in ("-1 month", "0", "24 months"):
        await connection.execute(_insert(FILL, f"now() + interval '{age}'"))
    assert not await fills_are_misplaced(connection)
    await connection.execute(_insert(FILL, "now() + interval '26 months'"))
    assert await fills_are_misplaced(connection)
    created = await connection.fetchval("SELECT pitboss.prepare_fill_months(30)")
    assert created == 5  # the month with a misplaced fill stays in the default partition
    await connection.close()


async def test_views_serve_programs_that_expect_their_names(database: PostgresConnection) -> None:
    """`trades` and `liquidations` have the columns that others already read."""
    for view, columns in {
        "trades": ["id", "account_id", "symbol", "side", "quantity", "price", "timestamp"],
        "liquidations": ["id", "account_id", "reason", "timestamp"],
    }.items():
        statement = await database.prepare(f"SELECT * FROM pitboss.{view}")
        assert [column.name for column in statement.get_attributes()] == columns


def _insert(fill: dict[str, object], at: str = "now()") -> str:
    values = ", ".join(f"'{value}'" for value in fill.values())
    return f"INSERT INTO pitboss.fills ({', '.join(fill)}, at) VALUES ({values}, {at})"


async def _everything(connection: PostgresConnection) -> list[object]:
    tables = "SELECT oid, relname, relacl::text FROM pg_class ORDER BY oid"
    return [
        *await connection.fetch(tables),
        *await connection.fetch("SELECT * FROM pitboss.migrations"),
    ]
