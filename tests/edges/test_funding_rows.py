"""Funding and swap have a table of their own: one row a boundary (B6)."""

from decimal import Decimal
from typing import Any

import pytest

from engine.connections import Connections, PostgresConnection, RedisLink
from persistence.fill_writer import FillWriter
from persistence.verify_rows import compare
from tests.edges.tape import Tape, running, until

SUMS = {"mark_price": "100.005", "paid": "4", "received": "3", "residue": "1"}
FUNDING = {"type": "funding", "in": 0, "symbol": "X", "funding_id": "f1", "rate": "-0.0001"} | SUMS
SWAP: dict[str, Any] = {
    "type": "swap",
    "symbol": "X",
    "swap_id": "s1",
    "long_rate": "0.03",
    "short_rate": "-0.01",
    "day_count": 360,
    "days": 3,
} | SUMS


@pytest.fixture
async def written(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> Tape:
    """Give a journal of a funding, a swap and a funding of nothing, brought to Postgres."""
    tape = Tape(link, shard)
    await tape.append(FUNDING, {"type": "order_accepted"})
    await tape.append(SWAP)
    await tape.append(FUNDING | {"rate": "0"})
    writer = FillWriter(connections, shard, batch_seconds=0.01, cursor_seconds=0.01)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 3, task)
    return tape


async def test_boundary_is_a_row_with_what_either_side_pays(
    written: Tape, database: PostgresConnection, shard: str
) -> None:
    """One table answers for both kinds, so a funding's rate stands there for either side."""
    rows = await database.fetch(
        "SELECT kind, boundary_id, long_rate, short_rate, days, day_count, residue "
        "FROM pitboss.funding WHERE shard = $1 ORDER BY frame",
        shard,
    )
    assert [tuple(row) for row in rows] == [
        ("funding", "f1", Decimal("-0.0001"), Decimal("0.0001"), None, None, 1),
        ("swap", "s1", Decimal("0.03"), Decimal("-0.01"), 3, 360, 1),
        ("funding", "f1", 0, 0, None, None, 1),
    ]
    assert await compare(database, shard, written.frames) == []


async def test_changed_funding_is_a_difference(
    written: Tape, database: PostgresConnection, shard: str
) -> None:
    """What was paid is money like any other."""
    await database.execute(
        "UPDATE pitboss.funding SET paid = 5, residue = 2 WHERE shard = $1 AND kind = 'swap'", shard
    )
    found = await compare(database, shard, written.frames)
    assert found == [
        "funding: frame 2 event 0: paid is 4 in the journal and 5 in Postgres",
        "funding: frame 2 event 0: residue is 1 in the journal and 2 in Postgres",
    ]
