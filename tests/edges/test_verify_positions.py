"""`pitboss verify` finds any life of a position that is not what the journal says."""

from typing import Any

import pytest

from engine.cli.verify_before import held_before
from engine.connections import Connections, PostgresConnection, RedisLink
from engine.messages import Frame
from persistence.verify_positions import Before, compare_positions
from tests.core.market import Market
from tests.edges.tape import Tape, running, until
from tests.edges.test_position_rows import LISTED
from tests.edges.writing import hasty_writer

BEGUN = """
    deposit bob 20
    ann sell 1@100
    bob buy 1@100
    ann sell 2@101
    cy  buy 2@101
    cy  sell 0.5@102
    mm  buy 0.5@102
"""
GONE_ON = """
    ann buy 1@89.5
    mark 89.3
    ann buy 5@90
    cy  sell 5@90
    mm  sell 0.2@90
    eve buy 0.2@90
"""
Written = tuple[PostgresConnection, list[Frame], Before]


@pytest.fixture
async def written(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> Written:
    """Give a database that agrees with the frames, and the state after the second of them."""
    tape, market = Tape(link, shard), Market(lot_size="0.1")
    await tape.append(LISTED)
    market.play(BEGUN)
    await tape.append(*market.events)
    before = held_before(market.kernel.state, 2)
    market.forget()
    market.play(GONE_ON)
    trades = [event for event in market.events if event["type"] == "trade"]
    await tape.append(*trades[:1])
    await tape.append(*trades[1:])
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.lives_frame == 4, task)
    return database, tape.frames, before


async def test_what_the_writer_wrote_agrees(written: Written, shard: str) -> None:
    """From the beginning every life is compared whole: three ended, four open."""
    database, frames, _ = written
    found = await compare_positions(database, shard, frames)
    assert (found.differences, found.frame) == ([], 4)
    assert (found.whole, found.begun_before, found.unseen) == (7, 0, 0)


async def test_lives_begun_before_are_followed_from_the_state(written: Written, shard: str) -> None:
    """The journal is trimmed up to the oldest snapshot, which knows who holds what."""
    database, frames, before = written
    found = await compare_positions(database, shard, frames[2:], before)
    assert found.differences == []
    assert (found.whole, found.begun_before, found.unseen) == (3, 4, 0)


async def test_without_a_state_to_begin_from_nothing_is_claimed(
    written: Written, shard: str
) -> None:
    """What was not compared is counted, and not called the same."""
    database, frames, _ = written
    found = await compare_positions(database, shard, frames[2:], Before(2, {}, []))
    assert (found.differences, found.whole, found.unseen) == ([], 0, 7)


async def test_instrument_older_than_the_table_is_named(written: Written, shard: str) -> None:
    """An older database has instruments whose positions nobody followed."""
    database, frames, before = written
    before = before._replace(contracts=before.contracts | {"OLD": "1"})
    found = await compare_positions(database, shard, frames[2:], before)
    assert (found.differences, found.symbols_without) == ([], ["OLD"])


UPDATE = "UPDATE pitboss.positions SET {} WHERE shard = $1 AND sub_account_id = '{}'"


@pytest.mark.parametrize(
    ("damage", "told", "seen_late"),
    [
        (UPDATE.format("quantity = quantity + 1", "eve"), "quantity is 0.2 in", True),
        (UPDATE.format("cost = cost + 0.00000001", "eve"), "cost is 18", True),
        (UPDATE.format("realized_pnl = 0", "bob"), "realized_pnl is -10.5", False),
        (UPDATE.format("fees = 1", "bob"), "fees is 0 in", False),
        (UPDATE.format("status = 'CLOSED'", "bob"), "status is LIQUIDATED in", True),
        (UPDATE.format("closed_at = closed_at + interval '1 us'", "bob"), "closed_us is ", True),
        (UPDATE.format("side = 'SHORT'", "mm"), "side is LONG in", True),
        (UPDATE.format("max_quantity = 9", "eve"), "max_quantity is 0.2", True),
        (UPDATE.format("sub_account_id = 'ann'", "bob"), "sub_account_id is bob", True),
        (
            "DELETE FROM pitboss.positions WHERE shard = $1 AND sub_account_id = 'eve'",
            "open in the journal and not in Postgres",
            True,
        ),
        (
            "DELETE FROM pitboss.positions WHERE shard = $1 AND sub_account_id = 'bob'",
            "ended in the journal and not in Postgres",
            True,
        ),
        (
            (
                "INSERT INTO pitboss.positions (SELECT (p).* FROM (SELECT jsonb_populate_record("
                'x, \'{"id": "forged", "sub_account_id": "zed"}\') AS p '
                "FROM pitboss.positions AS x WHERE shard = $1 AND sub_account_id = 'eve') AS y)"
            ),
            "forged: open in Postgres and not in the journal",
            True,
        ),
        (
            "UPDATE pitboss.instruments SET contract_size = 2 WHERE shard = $1",
            "instruments: X: contract_size is 1 in the journal and 2 in Postgres",
            True,
        ),
    ],
)
async def test_each_difference_is_named(
    written: Written, shard: str, damage: str, told: str, seen_late: bool
) -> None:
    """Also from the middle, but for what a life begun before had realised and paid by then."""
    database, frames, before = written
    await database.execute(damage, shard)
    found = await compare_positions(database, shard, frames)
    assert any(told in line for line in found.differences), found.differences
    late = await compare_positions(database, shard, frames[2:], before)
    assert any(told in line for line in late.differences) is seen_late, late.differences


def test_held_before_speaks_like_the_journal() -> None:
    """Decimals in their shortest form, cost without its sign."""
    market: Any = Market(lot_size="0.1")
    market.play(BEGUN)
    before = held_before(market.kernel.state, 2)
    assert before.contracts == {"X": "1"}
    assert min(held[:5] for held in before.held) == ("ann", "X", False, "3", "302")
