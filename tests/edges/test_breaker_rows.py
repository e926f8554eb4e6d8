"""Breakers that tripped have a table of their own (E2)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.connections import Connections, PostgresConnection, RedisLink
from persistence.verify_rows import compare
from tests.edges.tape import TIME_US, Tape, breakers, running, until
from tests.edges.writing import hasty_writer


@pytest.fixture
async def written(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> Tape:
    """Give a journal in which an instrument's and the market's tripped, brought to Postgres."""
    tape = Tape(link, shard)
    await tape.append(*breakers(), {"type": "market_state", "symbol": "BTCUSD"})
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    return tape


async def test_breaker_is_a_row(written: Tape, database: PostgresConnection, shard: str) -> None:
    """When, from where and how far, and who was to end it, is asked for after every halt (E2)."""
    rows = await database.fetch(
        "SELECT index, scope, symbol, level, move, reference, price, index_value, auction, until "
        "FROM pitboss.breakers WHERE shard = $1 ORDER BY index",
        shard,
    )
    soon = datetime.fromtimestamp(TIME_US // 1_000_000 + 300, UTC)
    own = (Decimal("0.1"), Decimal("100.33333333"), 90, None, True, soon)
    assert [tuple(row) for row in rows] == [
        (0, "instrument", "BTCUSD", 2, *own),
        (1, "market", None, 3, Decimal("0.2"), None, None, Decimal("0.8"), False, None),
    ]
    assert await compare(database, shard, written.frames) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE % SET price = 91 WHERE index = 0", "price is 90 in the journal and 91"),
        ("UPDATE % SET auction = false WHERE index = 0", "auction is True in the journal"),
        ("UPDATE % SET until = NULL WHERE index = 0", "until_ms is "),
        ("UPDATE % SET index_value = 0.9 WHERE index = 1", "index_value is 0.8 in the journal"),
        ("DELETE FROM % WHERE index = 1", "is in the journal and not in Postgres"),
        ("UPDATE % SET index = 7 WHERE index = 1", "event 7: is in Postgres and not in"),
    ],
)
async def test_changed_breaker_is_a_difference(
    written: Tape, database: PostgresConnection, shard: str, damage: str, told: str
) -> None:
    """Whether a market had to stand still decides who pays for what happened meanwhile (E2)."""
    await database.execute(f"{damage.replace('%', 'pitboss.breakers')} AND shard = $1", shard)

    found = await compare(database, shard, written.frames)

    assert any(line.startswith("breakers: frame 1") and told in line for line in found)


@pytest.mark.parametrize(
    "change",
    [
        *(f"{column} = 'NaN'" for column in ("move", "reference", "price")),
        *(f"{column} = 'Infinity'" for column in ("move", "reference", "price")),
        *("level = 0", "symbol = NULL", "index_value = 1", "scope = 'market'", "until = at"),
    ],
)
async def test_impossible_breaker_is_refused(
    written: Tape, database: PostgresConnection, shard: str, change: str
) -> None:
    """In Postgres NaN > 0 is true, so a check for positive numbers alone lets it in."""
    with pytest.raises(Exception, match=r"breakers_.*check"):
        await database.execute(
            f"UPDATE pitboss.breakers SET {change} WHERE shard = $1 AND index = 0", shard
        )
