"""What a corporate action has moved stands in the log of balances (B6)."""

from decimal import Decimal
from typing import Any

from engine.connections import Connections, PostgresConnection, RedisLink
from persistence.verify_rows import compare
from tests.edges.tape import Tape, running, until
from tests.edges.writing import hasty_writer

ODD_LOTS: dict[str, Any] = {
    "type": "odd_lots",
    "in": 0,
    "symbol": "X",
    "account": "ann",
    "counter_account": "house",
    "side": "buy",
    "quantity": "1",
    "price": "110",
    "trade_id": 2,
    "realized_pnl": "-10",
    "position": "-2",
    "balance": "990",
    "counter_after": {"realized_pnl": "0", "position": "-1", "balance": "0"},
}
DIVIDEND: dict[str, Any] = {
    "type": "balance_changed",
    "account": "bob",
    "delta": "0.5",
    "balance": "7",
    "cause": "dividend",
    "symbol": "X",
    "action_id": "d",
}


async def test_odd_lots_and_dividends_are_rows_of_the_balance_log(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> None:
    """Whoever asks why a balance is what it is finds every movement in one place."""
    tape = Tape(link, shard)
    await tape.append(ODD_LOTS, {"type": "corporate_action", "action": "split", "symbol": "X"})
    await tape.append({"type": "corporate_action", "action": "dividend", "symbol": "X"}, DIVIDEND)
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 2, task)

    rows = await database.fetch(
        "SELECT frame, index, account_id, delta, balance, cause "
        "FROM pitboss.balance_log WHERE shard = $1 ORDER BY frame",
        shard,
    )
    assert [tuple(row) for row in rows] == [
        (1, 0, "ann", -10, 990, "odd_lots"),
        (2, 1, "bob", Decimal("0.5"), 7, "dividend"),
    ]
    assert await compare(database, shard, tape.frames) == []
