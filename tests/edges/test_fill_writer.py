"""The fill writer repeats nothing and loses nothing, whatever dies around it."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.connections import Connections, Endpoints, PostgresConnection, RedisLink
from persistence import fill_writer
from persistence.embedded import EmbeddedServers
from persistence.fill_writer import FillWriter
from persistence.row_batch import Written, write_rows
from persistence.schema import migrate
from tests.edges.tape import (
    TIME_US,
    Tape,
    deposit,
    liquidation,
    running,
    trade,
    until,
    waterfall,
)
from tests.edges.writing import fills_of, hasty_writer


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_writer, "_IDLE_SECONDS", 0.05)
    monkeypatch.setattr(fill_writer, "_REPORT_SECONDS", 0.05)


async def test_trade_becomes_a_row_for_each_side(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """A fill tells everything about one account's side without looking at another table."""
    await tape.append(deposit(), trade(7))
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    at = datetime.fromtimestamp(TIME_US // 1_000_000, UTC) + timedelta(microseconds=1)
    shared = {
        "shard": shard,
        "frame": 1,
        "index": 1,
        "trade_id": 7,
        "symbol": "BTCUSD",
        "quantity": Decimal("0.5"),
        "price": Decimal("236.47"),
        "realized_pnl": 0,
        "at": at,
    }
    buy = {
        "liquidity": "taker",
        "account_id": "bob",
        "counter_account_id": "alice",
        "order_id": 4,
        "client_order_id": "c4",
        "side": "buy",
        "fee": Decimal("0.12"),
        "position_after": Decimal("0.5"),
    }
    sell = {
        "liquidity": "maker",
        "account_id": "alice",
        "counter_account_id": "bob",
        "order_id": 3,
        "client_order_id": "c3",
        "side": "sell",
        "fee": 0,
        "position_after": Decimal("-0.5"),
    }
    assert await fills_of(database, shard) == [shared | buy, shared | sell]
    assert not writer.fills_misplaced


async def test_balance_movements_and_liquidations_have_their_logs(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """What is no trade but moves money, or takes a position away, is history too."""
    await tape.append(liquidation(), deposit("bob"))
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    moved = await database.fetchrow("SELECT * FROM pitboss.balance_log WHERE shard = $1", shard)
    taken = await database.fetchrow("SELECT * FROM pitboss.liquidation_log WHERE shard = $1", shard)
    assert moved is not None
    assert taken is not None
    assert (moved["account_id"], moved["delta"], moved["cause"]) == ("bob", 100, "deposit")
    assert (taken["tier"], taken["limit_price"]) == (1, Decimal("200.01"))
    assert '"mark": "210"' in taken["receipt"]


async def test_takeover_deleveraging_and_deficit_have_their_log(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Who took what was left over, and who paid, is asked for years later (D6, D7)."""
    await tape.append(*waterfall())
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    rows = await database.fetch(
        "SELECT * FROM pitboss.waterfall_log WHERE shard = $1 ORDER BY index", shard
    )
    told = ("kind", "counter_account_id", "side", "realized_pnl", "counter_realized_pnl", "amount")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("takeover", "backstop", "sell", -3, None, None),
        ("deleveraged", "ann", "sell", -4, 5, None),
        ("deficit", None, None, None, None, 7),
    ]
    assert [row["account_id"] for row in rows] == ["bob"] * 3


async def test_events_without_a_table_are_passed_over(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """A later release may add events, also with fields that mean something else here."""
    await tape.append(
        {"type": "prevented_match", "mode": "cancel_newest", "maker": {"account": "a"}},
        {"type": "from_the_future", "price": 12, "maker": "trade", "trade_id": "trade"},
        trade(1),
    )
    await tape.append({"type": "order_accepted", "account": "a"})
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 2, task)
    assert [fill["index"] for fill in await fills_of(database, shard)] == [2, 2]


async def test_journal_that_does_not_exist_yet_is_waited_for(
    writer: FillWriter, tape: Tape, link: RedisLink, shard: str
) -> None:
    """At the very first start the writer is up before frame 1; it tells how far it has read."""
    async with running(writer) as task:
        await until(lambda: writer.state == "idle", task)
        assert writer.cursor_frame == 0
        await tape.append(trade(1))
        await until(lambda: writer.cursor_frame == 1, task)
        assert writer.lag_frames == 0
        async with asyncio.timeout(5):
            told = f"{{{shard}}}:readers", "fill_writer"
            while await link.call("HGET", *told) != b"1":  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


async def test_journal_is_held_for_a_writer_that_has_not_reached_postgres_yet(
    servers: Endpoints, link: RedisLink, shard: str
) -> None:
    """The journal is trimmed to its slowest reader; one it does not know would lose frames."""
    away = replace(servers, postgres_dsn="postgresql:///pitboss?host=/nowhere")
    writer = hasty_writer(Connections(away), shard)
    async with running(writer) as task:
        await until(lambda: writer.state.startswith("waiting: Postgres"), task)
        assert await link.call("HGET", f"{{{shard}}}:readers", "fill_writer") == b"0"


async def test_full_redis_does_not_stop_the_writer(
    writer: FillWriter, tape: Tape, link: RedisLink
) -> None:
    """Trimming waits for the writer, so the writer must not wait for memory."""
    await tape.append(trade(1))
    (_, limit) = await link.call("CONFIG", "GET", "maxmemory")
    await link.call("CONFIG", "SET", "maxmemory", 1)
    try:
        async with running(writer) as task:
            await until(lambda: writer.cursor_frame == 1, task)
    finally:
        await link.call("CONFIG", "SET", "maxmemory", limit)


async def test_restart_in_the_middle_goes_on_where_it_was(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """The cursor says where, so nothing is sent twice."""
    written = []
    for part in range(3):
        for number in range(40):
            await tape.append(trade(part * 40 + number))
        writer = hasty_writer(connections, shard, batch_rows=7)
        async with running(writer) as task:
            await until(lambda: writer.cursor_frame >= part * 40 + 20, task)  # noqa: B023
        written.append(writer.rows_written)
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 120, task)
    assert sum(written) + writer.rows_written == 240
    assert [fill["trade_id"] for fill in await fills_of(database, shard)][::2] == list(range(120))


async def test_killed_postgres_is_waited_for(shard: str, tmp_path: Path) -> None:
    """Postgres down for an hour is the ordinary path: the frames wait in the journal."""
    async with EmbeddedServers(tmp_path, ephemeral=True) as servers:
        connections = Connections(servers.endpoints)
        await _migrated(connections)
        link = await connections.redis()
        tape = Tape(link, shard)
        writer = hasty_writer(connections, shard)
        async with running(writer) as task:
            await tape.append(trade(1))
            await until(lambda: writer.cursor_frame == 1, task)
            assert servers.postgres.pid is not None
            os.kill(servers.postgres.pid, signal.SIGKILL)
            for number in range(2, 50):
                await tape.append(trade(number))
            await until(lambda: writer.state.startswith("waiting: Postgres"), task)
            await servers.start_postgres()
            await until(lambda: writer.cursor_frame == 49, task)
        database = await connections.postgres()
        assert len(await fills_of(database, shard)) == 98
        await database.close()
        await link.close()


async def test_lost_redis_link_is_opened_again(
    writer: FillWriter, tape: Tape, link: RedisLink
) -> None:
    """A restart of Redis is none of Postgres' business."""
    async with running(writer) as task:
        await tape.append(trade(1))
        await until(lambda: writer.cursor_frame == 1, task)
        assert await link.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 1
        await until(lambda: writer.state.startswith("waiting: Redis"), task)
        await tape.append(trade(2))
        await until(lambda: writer.cursor_frame == 2, task)


async def test_lost_reply_to_commit_repeats_nothing(
    writer: FillWriter,
    tape: Tape,
    database: PostgresConnection,
    shard: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether a COMMIT without a reply happened, the cursor tells."""
    lost: list[int] = []

    async def commit_without_reply(
        connection: PostgresConnection, *rest: Any, **more: Any
    ) -> Written:
        written = await write_rows(connection, *rest, **more)
        if not lost:
            lost.append(written.new)
            raise ConnectionResetError
        return written

    monkeypatch.setattr(fill_writer, "write_rows", commit_without_reply)
    async with running(writer) as task:
        await tape.append(trade(1), trade(2))
        await tape.append(trade(3))
        await until(lambda: writer.cursor_frame == 2 and writer.state == "idle", task)
    assert lost
    assert [fill["trade_id"] for fill in await fills_of(database, shard)] == [1, 1, 2, 2, 3, 3]


async def test_two_writers_never_both_advance(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """A leader that was fenced may still be writing when the next one begins."""
    writers = [hasty_writer(connections, shard, batch_rows=3) for _ in range(2)]
    async with running(writers[0]) as first, running(writers[1]) as second:
        for number in range(60):
            await tape.append(trade(number))
        await until(lambda: max(each.cursor_frame for each in writers) == 60)
        assert not first.done()
        assert not second.done()
    assert len(await fills_of(database, shard)) == 120
    assert sum(each.rows_written for each in writers) == 120


async def _migrated(connections: Connections) -> None:
    database = await connections.postgres()
    await migrate(database)
    await database.close()
