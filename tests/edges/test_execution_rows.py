"""Aggressive executions have a log of their own (A1)."""

from decimal import Decimal

import pytest

from engine.connections import Connections, PostgresConnection, RedisLink
from persistence.verify_rows import compare
from tests.edges.tape import Tape, execution, running, trade, until
from tests.edges.writing import hasty_writer


@pytest.fixture
async def written(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> Tape:
    """Give a journal in which one order took twice, and an auction traded."""
    tape = Tape(link, shard)
    await tape.append(trade(9), *execution())
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    return tape


async def test_execution_is_a_row(written: Tape, database: PostgresConnection, shard: str) -> None:
    """What taking cost, against what was found, is asked for long after the journal is cut."""
    rows = await database.fetch(
        "SELECT index, account_id, order_type, side, quantity, filled, average_price, "
        "slippage_touch_bps, slippage_mark_bps, fee, makers, filled_by_house "
        "FROM pitboss.execution_log WHERE shard = $1",
        shard,
    )
    # bought 1 at 101 and 2 at 102: 305/3, against 101 and 100.5
    numbers = ("101.66666667", "66.0066", "116.0862", "0.24")
    average, touch, mark, fee = map(Decimal, numbers)
    assert [tuple(row) for row in rows] == [
        (1, "bob", "limit", "buy", 4, 3, average, touch, mark, fee, 2, 2)
    ]
    assert await compare(database, shard, written.frames) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE % SET slippage_mark_bps = 1 WHERE index = 1", "slippage_mark_bps is 116.0862 in"),
        ("UPDATE % SET quantity = 5 WHERE index = 1", "quantity is 4 in the journal and 5"),
        ("DELETE FROM % WHERE index = 1", "is in the journal and not in Postgres"),
        ("UPDATE % SET index = 7 WHERE index = 1", "event 7: is in Postgres and not in"),
    ],
)
async def test_changed_execution_is_a_difference(
    written: Tape, database: PostgresConnection, shard: str, damage: str, told: str
) -> None:
    """A log of what orders cost is worth as much as it is proven against the journal."""
    await database.execute(f"{damage.replace('%', 'pitboss.execution_log')} AND shard = $1", shard)

    found = await compare(database, shard, written.frames)

    assert any(line.startswith("executions: frame 1") and told in line for line in found)


@pytest.mark.parametrize(
    "change",
    [
        *(f"{column} = 'NaN'" for column in ("quantity", "average_price", "slippage_touch_bps")),
        *(f"{column} = 'Infinity'" for column in ("filled", "arrival_mark", "fee")),
        *("slippage_touch_bps = '-Infinity'", "filled = 5", "filled_by_house = 4", "makers = 0"),
        *("arrival_mark = NULL", "side = 'long'"),
    ],
)
async def test_impossible_execution_is_refused(
    written: Tape, database: PostgresConnection, shard: str, change: str
) -> None:
    """In Postgres NaN > 0 is true, so a check for positive numbers alone lets it in."""
    with pytest.raises(Exception, match=r"execution_log.*check"):
        await database.execute(f"UPDATE pitboss.execution_log SET {change} WHERE shard = $1", shard)
