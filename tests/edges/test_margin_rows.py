"""Margins of open positions in Postgres: as last known, and only where row and engine agree."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from engine import margin_feed
from engine.changed_accounts import ChangedAccounts
from engine.connections import Connections, Endpoints, PostgresConnection
from engine.margin_feed import MarginFeed, margin_rows
from engine.ports import Position
from persistence.margins import MarginRow, refresh_margins
from tests.core.market import Market
from tests.edges.tape import Tape, running, until
from tests.edges.test_position_rows import LISTED
from tests.edges.writing import hasty_writer


class Loop:
    """Stands where the engine's loop does: a machine at a frame, visited at once."""

    def __init__(self, market: Market) -> None:
        self.machine = market.machine
        self.position = Position(2, b"", {})
        self.visits = 0

    async def between_frames(self, visit: Any) -> None:
        """Run a visit."""
        self.visits += 1
        visit()


@pytest.fixture
async def market(
    connections: Connections, database: PostgresConnection, tape: Tape, shard: str
) -> Market:
    """Return a market in which bob is long, and its lives in Postgres."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 30
        mm  sell 1@100
        bob buy 1@100
    """)
    await tape.append(LISTED)
    await tape.append(*market.events)
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.lives_frame == 2, task)
    return market


def _feed(market: Market, connections: Connections, shard: str) -> tuple[MarginFeed, Loop]:
    loop = cast("Any", Loop(market))
    feed = MarginFeed(loop, ChangedAccounts(loop), connections, shard, interval_seconds=0.01)
    return feed, loop


async def _shown(database: PostgresConnection, shard: str, account: str) -> tuple[Any, ...]:
    row = await database.fetchrow(
        "SELECT leverage::text, margin::text, liquidation_price::text, as_of_frame "
        "FROM pitboss.positions WHERE shard = $1 AND sub_account_id = $2",
        shard,
        account,
    )
    assert row is not None
    return tuple(row)


async def test_open_positions_show_their_margins(
    market: Market, connections: Connections, database: PostgresConnection, shard: str
) -> None:
    """The first round is of everybody; later ones bring what the marks have changed since."""
    feed, loop = _feed(market, connections, shard)
    async with running(feed) as task:
        await until(lambda: feed.refreshed >= 2, task)
        assert await _shown(database, shard, "bob") == ("5", "20", "78.75", 2)
        assert (await _shown(database, shard, "mm"))[0] == "5"
        market.play("mark 110")
        loop.position = Position(3, b"", {})
        await until(lambda: feed.refreshed >= 4, task)
    assert await _shown(database, shard, "bob") == ("5", "22", "78.75", 3)


async def test_row_that_is_not_where_the_engine_is_stays(
    market: Market, connections: Connections, database: PostgresConnection, shard: str
) -> None:
    """The fill writer may lag; the margin of a larger position beside it would mislead."""
    rows = margin_rows(market.kernel.state.accounts["bob"], market.kernel.state)
    (bob,) = rows
    connection = await connections.postgres()
    for wrong in (bob._replace(quantity="2"), bob._replace(side="SHORT")):
        assert await refresh_margins(connection, shard, 5, [wrong]) == 0
    assert await refresh_margins(connection, shard, 5, rows) == 1
    assert await refresh_margins(connection, shard, 4, rows) == 0, "it never goes back"
    await connection.close()


async def test_postgres_away_is_skipped(
    market: Market, servers: Endpoints, connections: Connections, shard: str
) -> None:
    """Nothing waits for it, and the round after it is back is like any other."""
    away = Connections(replace(servers, postgres_dsn="postgresql:///pitboss?host=/nowhere"))
    feed, loop = _feed(market, away, shard)
    async with running(feed) as task:
        await until(lambda: feed.state.startswith("skipped: "), task)
        assert loop.visits == 0
        feed._connections = connections
        await until(lambda: feed.refreshed >= 2, task)
        assert feed.state == "writing"


async def test_visit_of_the_engine_is_bounded(
    market: Market, connections: Connections, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody has a turn, and changed accounts come first; a visit looks at few."""
    monkeypatch.setattr(margin_feed, "POSITIONS_PER_VISIT", 1)
    feed, loop = _feed(market, connections, shard)
    seen: list[list[str]] = []

    async def noting(_: Any, __: str, ___: int, rows: list[MarginRow]) -> int:
        seen.append([row.account_id for row in rows])
        await asyncio.sleep(0)
        return len(rows)

    monkeypatch.setattr(margin_feed, "refresh_margins", noting)
    monkeypatch.setattr(margin_feed, "VISITS_PER_ROUND", 1)
    async with running(feed) as task:
        await until(lambda: len(seen) >= 2, task)
        assert sorted(name for rows in seen[:2] for name in rows) == ["bob", "mm"]
        rounds = len(seen)
        market.play("deposit bob 1")
        await until(lambda: len(seen) >= rounds + 2, task)
    assert ["bob"] in seen[rounds : rounds + 2]
    assert all(len(rows) <= 1 for rows in seen)
    assert loop.visits == len(seen)


@pytest.mark.parametrize("column", ["leverage", "margin", "liquidation_price"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "-1"])
async def test_impossible_margin_is_refused(
    market: Market, database: PostgresConnection, shard: str, column: str, value: str
) -> None:
    """In Postgres NaN > 0 is true, so a check for positive numbers alone lets it in."""
    assert market.position("bob") == "1"
    with pytest.raises(Exception, match=f"positions_{column}_check"):
        await database.execute(
            f"UPDATE pitboss.positions SET {column} = '{value}' WHERE shard = $1", shard
        )


def test_each_reader_hears_of_every_change() -> None:
    """What the machine notes is given out once; two readers share it."""
    market = Market()
    changed = ChangedAccounts(cast("Any", Loop(market)))
    market.play("deposit ann 5")
    assert changed.take("a") == {"ann": None}
    changed.take("b")
    market.play("deposit bob 5")
    assert changed.take("a") == changed.take("b") == {"bob": None}
    assert changed.take("a") == {}
