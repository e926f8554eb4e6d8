"""Trades with the house, and those agreed elsewhere, are fills like any other (B7, D5)."""

from decimal import Decimal

from engine.connections import Connections, PostgresConnection, RedisLink
from persistence.verify_rows import compare
from tests.core.market import Market
from tests.edges.tape import Tape, running, until
from tests.edges.writing import fills_of, hasty_writer


async def test_every_side_of_an_outside_trade_is_a_row(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> None:
    """Taken, reached, sold off, agreed: the house's orders have ids and names of their own."""
    market = Market(mode="l1", lot_size="0.1")
    market.play("""
        deposit bob 20.01
        tick 99.98 100
        bob buy 1@100
        cy  buy 2@95
        tick 89.97 89.99
        book cy sell 1@90 id=deal at=1700000000000
    """)
    assert market.fills == [
        *("bob<house 1@100", "house<cy 2@95", "bob<house 0.3@89.97", "cy<house 1@90"),
    ]
    tape = Tape(link, shard)
    await tape.append(*market.events)
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)

    rows = await fills_of(database, shard)
    houses = [row for row in rows if row["account_id"] == "house"]
    assert len(rows) == 2 * len(houses) == 8
    assert [(row["liquidity"], row["side"], row["quantity"], row["fee"]) for row in houses] == [
        ("maker", "sell", 1, 0),
        ("taker", "sell", 2, 0),
        ("maker", "buy", Decimal("0.3"), 0),
        ("maker", "buy", 1, 0),
    ]
    names = [row["client_order_id"] for row in houses]
    assert names[:3] == [f"house-{row['order_id']}" for row in houses[:3]]
    assert names[3] == "deal"
    assert len({row["order_id"] for row in rows}) == 8
    assert await compare(database, shard, tape.frames) == []
