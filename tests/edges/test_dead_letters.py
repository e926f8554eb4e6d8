"""A row that Postgres refuses is put aside with the reason, and holds nobody up."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from engine.cli import doctor
from engine.connections import Connections, PostgresConnection
from persistence.fill_writer import FillWriter, WriterHalted
from persistence.verify_positions import compare_positions
from persistence.verify_rows import compare
from tests.edges.tape import (
    Tape,
    liquidation,
    running,
    trade,
    until,
)
from tests.edges.test_position_rows import LISTED as LISTED_X
from tests.edges.writing import fills_of, hasty_writer

LISTED = LISTED_X | {"symbol": "BTCUSD"}
WRITTEN = "SELECT * FROM pitboss.dead_letters WHERE shard = $1 ORDER BY frame, index, target, part"


@asynccontextmanager
async def refusing(
    database: PostgresConnection, table: str, when: str, deferred: str = ""
) -> AsyncIterator[None]:
    """Have the owner add a trigger that refuses the rows of which something is true."""
    await database.execute(f"""
        CREATE OR REPLACE FUNCTION pitboss.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'not with us'; END $$;
        CREATE CONSTRAINT TRIGGER refusing AFTER INSERT OR UPDATE ON pitboss.{table} {deferred}
        FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION pitboss.refuse();
    """)
    try:
        yield
    finally:
        await database.execute(f"DROP TRIGGER refusing ON pitboss.{table}")


async def letters_of(database: PostgresConnection, shard: str) -> list[dict[str, Any]]:
    """Return a shard's dead letters in the order of the journal."""
    return [dict(row) for row in await database.fetch(WRITTEN, shard)]


async def test_refused_row_is_put_aside_and_the_others_of_its_batch_are_written(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """One row of a hundred makes Postgres refuse all of them; the cursor moves on all the same."""
    for number in range(50):
        await tape.append(trade(number), *([liquidation(tier=9)] if number == 20 else []))
    with structlog.testing.capture_logs() as told:
        async with running(writer) as task:
            await until(lambda: writer.cursor_frame == 50, task)
    assert len(await fills_of(database, shard)) == 100
    (letter,) = await letters_of(database, shard)
    placed = {name: letter[name] for name in ("target", "frame", "index", "part", "sqlstate")}
    assert placed == {"target": "liquidation_log", "frame": 21, "index": 1, "part": ""} | {
        "sqlstate": "23514"
    }
    assert "violates check constraint" in letter["reason"]
    assert json.loads(letter["row"])["tier"] == 9
    assert writer.dead_letters == 1
    findings = [each async for each in doctor._database(database, shard, 50)]
    failed = [(each.name, each.text) for each in findings if each.status == "FAIL"]
    assert failed == [
        ("writer", "1 rows that Postgres refused lie in dead_letters: see the runbook")
    ]
    (line,) = [each for each in told if each["log_level"] == "critical"]
    assert (line["table"], line["frame"], line["sqlstate"]) == ("liquidation_log", 21, "23514")


@pytest.mark.parametrize("deferred", ["", "DEFERRABLE INITIALLY DEFERRED"], ids=["now", "commit"])
async def test_row_refused_by_a_trigger_of_the_owner_is_named_by_verify_and_brought_later(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str, deferred: str
) -> None:
    """A constraint that waits for the COMMIT blames nobody: it is asked row by row."""
    writer = hasty_writer(connections, shard)
    async with refusing(database, "fills", "NEW.trade_id = 7 AND NEW.side = 'buy'", deferred):
        for number in range(20):
            await tape.append(trade(number))
        async with running(writer) as task:
            await until(lambda: writer.cursor_frame == 20, task)
    differences = await compare(database, shard, tape.frames)
    assert differences == [
        "fills: frame 8 event 0 buy: lies in dead_letters, refused by Postgres (P0001): not with us"
    ]
    assert len(await fills_of(database, shard)) == 39

    assert await database.fetchval("SELECT pitboss.replay_dead_letters($1)", shard) == 1
    assert await compare(database, shard, tape.frames) == []
    assert await letters_of(database, shard) == []


async def test_letter_that_is_refused_again_stays(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Replaying before the cause is mended costs nothing."""
    await tape.append(liquidation(tier=9), liquidation(tier=2))
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    replay = "SELECT pitboss.replay_dead_letters($1)"
    assert await database.fetchval(replay, shard) == 0
    assert len(await letters_of(database, shard)) == 1
    await database.execute(
        "UPDATE pitboss.dead_letters SET row = jsonb_set(row::jsonb, '{tier}', '3') "
        "WHERE shard = $1",
        shard,
    )
    assert await database.fetchval(replay, shard) == 1


async def test_writer_goes_on_from_a_position_that_was_refused(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """The fold of the next start needs it: the next fill would contradict a missing life."""
    await tape.append(LISTED)
    async with refusing(database, "positions", "NEW.sub_account_id = 'bob'"):
        writer = hasty_writer(connections, shard)
        async with running(writer) as task:
            await tape.append(trade(1))
            await until(lambda: writer.lives_frame == 2, task)
        more = trade(2)
        more["maker"]["position"], more["taker"]["position"] = "-1", "1"
        await tape.append(more)
        writer = hasty_writer(connections, shard)
        async with running(writer) as task:
            await until(lambda: writer.lives_frame == 3, task)
    letters = await letters_of(database, shard)
    assert [(each["target"], each["frame"]) for each in letters] == [
        ("positions", 2),
        ("positions", 3),
    ]
    found = await compare_positions(database, shard, tape.frames)
    refused = "lies in dead_letters, refused by Postgres (P0001): not with us"
    assert found.differences == [f"positions: {shard}-2-0-buy: {refused}"]

    assert await database.fetchval("SELECT pitboss.replay_dead_letters($1)", shard) == 2
    assert (await compare_positions(database, shard, tape.frames)).differences == []


async def test_writer_goes_on_with_an_instrument_that_was_refused(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Otherwise nobody would follow its positions any more after a restart."""
    await tape.append(LISTED)
    async with refusing(database, "instruments", "true"):
        for number in (1, 2):
            if number == 2:
                await tape.append(trade(1))
            writer = hasty_writer(connections, shard)
            async with running(writer) as task:
                await until(lambda: writer.lives_frame == number, task)  # noqa: B023
    assert [each["target"] for each in await letters_of(database, shard)] == ["instruments"]
    assert (
        await database.fetchval("SELECT count(*) FROM pitboss.positions WHERE shard = $1", shard)
        == 2
    )
    assert await database.fetchval("SELECT pitboss.replay_dead_letters($1)", shard) == 1
    assert (await compare_positions(database, shard, tape.frames)).differences == []


async def test_value_that_does_not_fit_its_column_is_put_aside_too(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """It is refused before the server is asked; to wait for another server would be for ever."""
    await tape.append(trade(2**63), trade(2))
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    letters = await letters_of(database, shard)
    assert [(each["target"], each["part"], each["sqlstate"]) for each in letters] == [
        ("fills", "buy", "22000"),
        ("fills", "sell", "22000"),
    ]
    assert len(await fills_of(database, shard)) == 2


async def test_text_that_no_jsonb_takes_is_put_aside(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """JSON may hold a zero character and jsonb may not; the letter must be able to hold it."""
    await tape.append(liquidation() | {"receipt": {"note": "\x00"}})
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    (letter,) = await letters_of(database, shard)
    assert letter["sqlstate"] == "22P05"
    assert "\\u0000" in letter["row"]


async def test_letters_that_cannot_be_written_stop_the_writer(
    writer: FillWriter, tape: Tape, database: PostgresConnection
) -> None:
    """They have nowhere else to go, and a row that is nowhere would be lost."""
    await tape.append(liquidation(tier=9))
    async with refusing(database, "dead_letters", "true"):
        with pytest.raises(WriterHalted, match="not with us"):
            async with running(writer) as task:
                await until(lambda: writer.cursor_frame == 1, task)
