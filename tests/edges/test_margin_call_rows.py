"""Margin calls have a table of their own; one view shows all that closed lots by force."""

from decimal import Decimal

import pytest

from engine.connections import Connections, PostgresConnection, RedisLink
from persistence.verify_rows import compare
from tests.edges.tape import TIME_US, Tape, liquidation, margin_call, running, until, waterfall
from tests.edges.writing import hasty_writer


@pytest.fixture
async def written(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> Tape:
    """Give a journal of two margin calls and what followed, brought to Postgres."""
    tape = Tape(link, shard)
    await tape.append(margin_call())
    await tape.append(margin_call("-3"), liquidation(), *waterfall())
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 2, task)
    return tape


async def test_margin_call_is_a_row_with_both_numerators(
    written: Tape, database: PostgresConnection, shard: str
) -> None:
    """Who was warned, and how near it was, is asked for when a liquidation is disputed (D1)."""
    rows = await database.fetch(
        "SELECT frame, index, account_id, equity, maintenance_margin, receipt->>'equity', "
        "(extract(epoch FROM at) * 1000000)::bigint "
        "FROM pitboss.margin_calls WHERE shard = $1 ORDER BY frame",
        shard,
    )
    assert [tuple(row) for row in rows] == [
        (1, 0, "bob", Decimal("12.5"), Decimal("9.8"), "12.5", TIME_US + 1),
        (2, 0, "bob", -3, Decimal("9.8"), "-3", TIME_US + 2),
    ]
    assert await compare(database, shard, written.frames) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "UPDATE pitboss.margin_calls SET equity = 13 WHERE shard = $1 AND frame = 1",
            "frame 1 event 0: equity is 12.5 in the journal and 13 in Postgres",
        ),
        (
            "UPDATE pitboss.margin_calls SET account_id = 'ann' WHERE shard = $1 AND frame = 1",
            "frame 1 event 0: account_id is bob in the journal and ann in Postgres",
        ),
        (
            "DELETE FROM pitboss.margin_calls WHERE shard = $1 AND frame = 2",
            "frame 2 event 0: is in the journal and not in Postgres",
        ),
        (
            "UPDATE pitboss.margin_calls SET index = 7 WHERE shard = $1 AND frame = 2",
            "frame 2 event 7: is in Postgres and not in the journal",
        ),
    ],
)
async def test_changed_margin_call_is_a_difference(
    written: Tape, database: PostgresConnection, shard: str, damage: str, told: str
) -> None:
    """A warning that was never given, or one that went missing, changes who is to blame."""
    await database.execute(damage, shard)
    assert f"margin_calls: {told}" in await compare(database, shard, written.frames)


@pytest.mark.parametrize("column", ["equity", "maintenance_margin"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
async def test_impossible_margin_call_is_refused(
    written: Tape, database: PostgresConnection, shard: str, column: str, value: str
) -> None:
    """In Postgres NaN > 0 is true, so a check for positive numbers alone lets it in."""
    with pytest.raises(Exception, match=f"margin_calls_{column}_check"):
        await database.execute(
            f"UPDATE pitboss.margin_calls SET {column} = '{value}' WHERE shard = $1", shard
        )


async def test_view_shows_every_closing_by_force(
    written: Tape, database: PostgresConnection, shard: str
) -> None:
    """Whoever was deleveraged did nothing wrong and must find out; a deficit closes no lots."""
    rows = await database.fetch(
        "SELECT * FROM pitboss.liquidations WHERE id LIKE $1 || '-2-%' ORDER BY id", shard
    )
    assert [tuple(row)[:3] for row in rows] == [
        (f"{shard}-2-1", "bob", "liquidation tier 1 on BTCUSD"),
        (f"{shard}-2-2", "bob", "takeover by the backstop on BTCUSD"),
        (f"{shard}-2-3", "bob", "closed by deleveraging others on BTCUSD"),
        (f"{shard}-2-3-counter", "ann", "deleveraged on BTCUSD"),
    ]
    assert len({row["timestamp"] for row in rows}) == 1


async def test_ratio_of_one_is_a_liquidation_candidate(
    connections: Connections, database: PostgresConnection, tape: Tape, shard: str
) -> None:
    """The threshold itself counts, and so does an account without equity (D1)."""
    ratios = [("10.01", "10"), ("10", "10"), ("-0.5", "10")]
    for equity, maintenance in ratios:
        receipt = {"equity": equity, "maintenance_margin": maintenance}
        await tape.append(liquidation(3) | {"receipt": receipt})
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == len(ratios), task)
    rows = await database.fetch(
        "SELECT reason FROM pitboss.liquidations WHERE id LIKE $1 || '-%' ORDER BY id", shard
    )
    candidate = "liquidation candidate: tier 3 on BTCUSD"
    assert [row[0] for row in rows] == ["liquidation tier 3 on BTCUSD", candidate, candidate]
