"""`pitboss verify` finds any row of Postgres that is not what the journal says."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.connections import Connections, PostgresConnection, RedisLink
from engine.messages import Frame
from persistence import verify_rows
from persistence.fill_writer import FillWriter
from persistence.verify_rows import compare
from tests.edges.tape import Tape, deposit, liquidation, running, trade, until, waterfall


@pytest.fixture
async def written(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> tuple[PostgresConnection, list[Frame]]:
    """Give a database that agrees with this shard's journal of four frames."""
    tape = Tape(link, shard)
    await tape.append(deposit(), trade(1), trade(2))
    await tape.append({"type": "order_accepted"})
    await tape.append(trade(3), liquidation(), *waterfall())
    await tape.append(trade(4))
    writer = FillWriter(connections, shard, batch_seconds=0.01, cursor_seconds=0.01)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 4, task)
    return database, tape.frames


Written = tuple[PostgresConnection, list[Frame]]


async def test_what_the_writer_wrote_agrees(written: Written, shard: str) -> None:
    """Both kinds of source will do, and frames beyond the cursor are the writer's lag."""
    database, frames = written
    assert await compare(database, shard, frames) == []

    async def one_by_one() -> AsyncIterator[Frame]:
        for frame in [*frames, _numbered(frames[0], 5)]:
            yield frame

    assert await compare(database, shard, one_by_one()) == []


async def test_comparison_may_begin_in_the_middle(written: Written, shard: str) -> None:
    """The journal is trimmed up to the oldest snapshot; what was before is not at hand."""
    database, frames = written
    assert await compare(database, shard, frames[2:]) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "UPDATE pitboss.fills SET price = 236.48 WHERE shard = $1 AND index = 0 AND frame = 3",
            "fills: frame 3 event 0 buy: price is 236.47 in the journal and 236.48 in Postgres",
        ),
        (
            (
                "UPDATE pitboss.fills SET at = at + interval '1 us' "
                "WHERE shard = $1 AND trade_id = 4 AND side = 'buy'"
            ),
            "fills: frame 4 event 0 buy: is in the journal and not in Postgres",
        ),
        (
            "DELETE FROM pitboss.fills WHERE shard = $1 AND trade_id = 2 AND side = 'sell'",
            "fills: frame 1 event 2 sell: is in the journal and not in Postgres",
        ),
        (
            (
                "INSERT INTO pitboss.balance_log "
                "SELECT shard, 2, 7, 'x', 1, 1, 'x', at FROM pitboss.fills WHERE shard = $1 LIMIT 1"
            ),
            "balances: frame 2 event 7: is in Postgres and not in the journal",
        ),
        (
            "UPDATE pitboss.liquidation_log SET receipt = '{\"equity\": 13}' WHERE shard = $1",
            "liquidations: frame 3 event 1: receipt is ",
        ),
        (
            "UPDATE pitboss.waterfall_log SET price = 9 WHERE shard = $1 AND kind = 'takeover'",
            "waterfall: frame 3 event 2: price is 200.01 in the journal and 9 in Postgres",
        ),
        (
            "DELETE FROM pitboss.waterfall_log WHERE shard = $1 AND kind = 'deficit'",
            "waterfall: frame 3 event 4: is in the journal and not in Postgres",
        ),
        (
            "UPDATE pitboss.balance_log SET cause = 'gift' WHERE shard = $1",
            "balances: frame 1 event 0: cause is deposit in the journal and gift in Postgres",
        ),
    ],
)
async def test_each_difference_is_named_with_its_place(
    written: Written, shard: str, damage: str, told: str
) -> None:
    """A difference without its place cannot be looked into."""
    database, frames = written
    await database.execute(damage, shard)
    found = await compare(database, shard, frames)
    assert any(line.startswith(told) for line in found), found


async def test_journal_that_ends_early_is_a_difference(written: Written, shard: str) -> None:
    """Fills that were paid out and are in no journal are the worst that can happen."""
    database, frames = written
    assert await compare(database, shard, frames[:3]) == [
        "fills: frame 4 event 0 buy: is in Postgres and not in the journal",
        "fills: frame 4 event 0 sell: is in Postgres and not in the journal",
    ]


async def test_spelling_of_a_number_is_no_difference(written: Written, shard: str) -> None:
    """Postgres may give back 0.50 for 0.5."""
    database, frames = written
    await database.execute("UPDATE pitboss.fills SET quantity = 0.500 WHERE shard = $1", shard)
    assert await compare(database, shard, frames) == []


async def test_report_is_bounded(
    written: Written, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole table that is gone must not become a report of a million lines."""
    database, frames = written
    monkeypatch.setattr(verify_rows, "MOST_DIFFERENCES", 3)
    await database.execute("UPDATE pitboss.fills SET fee = 9 WHERE shard = $1", shard)
    found = await compare(database, shard, frames)
    assert 3 <= len(found) <= 6
    assert found[-1] == "… and more"


async def test_rows_without_any_cursor_are_not_overlooked(written: Written, shard: str) -> None:
    """A database restored without its cursor would otherwise seem to agree with anything."""
    database, frames = written
    await database.execute("DELETE FROM pitboss.writer_cursor WHERE shard = $1", shard)
    assert len(await compare(database, shard, frames)) == 13


def _numbered(frame: Frame, n: int) -> Frame:
    fields: dict[str, Any] = {name: getattr(frame, name) for name in frame.__struct_fields__}
    return Frame(**fields | {"n": n})
