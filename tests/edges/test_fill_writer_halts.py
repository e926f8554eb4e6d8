"""Where going on would hide a contradiction, the fill writer stops and says which."""

import asyncio
from typing import Any

import pytest

from engine.connections import Connections, PostgresConnection, RedisLink
from persistence import journal_tail
from persistence.cursor import Cursor, begin_cursor
from persistence.fill_writer import FillWriter, WriterHalted
from persistence.position_lives import PositionLives, Standing
from persistence.row_batch import write_rows
from persistence.row_types import no_rows
from persistence.rows import append_rows
from tests.edges.tape import Tape, break_chain, liquidation, running, trade, until
from tests.edges.writing import fills_of, hasty_writer


async def test_refused_batch_leaves_nothing_of_itself(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Rows without their cursor, or a cursor without its rows, would be found by nobody."""
    await tape.append(trade(1), liquidation())
    await database.execute("REVOKE INSERT ON pitboss.liquidation_log FROM pitboss_writer")
    try:
        with pytest.raises(WriterHalted, match=r"refused rows after frame 0 \(42501\)"):
            await _run(writer)
    finally:
        await database.execute("GRANT INSERT ON pitboss.liquidation_log TO pitboss_writer")
    assert writer.state.startswith("halted: ")
    assert await fills_of(database, shard) == []
    assert (await begin_cursor(database, shard)).frame == 0


async def test_row_that_is_there_already_stops_the_writer(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Once past the first batch, a row that is not new means that someone else writes here."""
    await _insert_behind_its_back(database, shard, tape, trade(1))
    await _insert_behind_its_back(database, shard, tape, trade(2))
    writer = hasty_writer(connections, shard)

    async def play() -> None:
        async with running(writer) as task:
            await tape.write(tape.frames[0])
            await until(lambda: writer.cursor_frame == 1, task)
            await tape.write(tape.frames[1])
            await until(lambda: writer.cursor_frame == 2, task)

    with pytest.raises(WriterHalted, match="fills: 2 rows were sent and 0 were new"):
        await play()
    assert len(await fills_of(database, shard)) == 4


async def test_cursor_of_another_journal_is_refused_naming_both_hashes(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """A restored Redis may hold other frames under the same numbers."""
    frame = await tape.append(trade(1))
    await _put_cursor(database, shard, Cursor(1, b"\x01" * 32))
    with pytest.raises(WriterHalted, match=f"{frame.hash.hex()}.*{'01' * 32}"):
        await _run(writer)


async def test_journal_that_ends_before_the_cursor_gets_time_to_heal(
    connections: Connections,
    tape: Tape,
    database: PostgresConnection,
    shard: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Redis may come back without its last frames, which the engine then appends again."""
    await tape.append(trade(1))
    lost = tape.make(trade(2))
    await _put_cursor(database, shard, Cursor(2, lost.hash))
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await asyncio.sleep(0.3)
        assert not task.done()
        await tape.write(lost)
        await tape.append(trade(3))
        await until(lambda: writer.cursor_frame == 3, task)

    monkeypatch.setattr(journal_tail, "_HEAL_SECONDS", 0.1)
    await _put_cursor(database, shard, Cursor(9, lost.hash))
    with pytest.raises(WriterHalted, match="up to frame 9, the journal ends at 3"):
        await _run(hasty_writer(connections, shard))


async def test_trimmed_frames_are_missed_unless_they_were_written(
    connections: Connections, tape: Tape, database: PostgresConnection, link: RedisLink, shard: str
) -> None:
    """The first frame after the cursor proves the cursor, also where the cursor's own is gone."""
    first = await tape.append(trade(1))
    await tape.append(trade(2))
    await tape.append(trade(3))
    await _put_cursor(database, shard, Cursor(1, first.hash))
    await link.call("XTRIM", tape.key, "MINID", "2-0")
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 3, task)

    await _put_cursor(database, shard, Cursor(1, first.hash))
    await link.call("XTRIM", tape.key, "MINID", "3-0")
    with pytest.raises(WriterHalted, match="goes on with entry 3-0 where frame 2 was expected"):
        await _run(hasty_writer(connections, shard))


async def test_broken_chain_stops_the_writer(
    writer: FillWriter, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Redis' append-only file has no checksum; a frame that was tampered with is not written."""
    await tape.append(trade(1))
    await tape.write(break_chain(tape.make(trade(2))))
    with pytest.raises(WriterHalted, match="chain breaks at frame 2"):
        await _run(writer)
    assert await fills_of(database, shard) == []


async def test_missing_table_is_no_reason_to_wait(
    empty_database: Connections, link: RedisLink, shard: str
) -> None:
    """Waiting cures what is away, not what was never made."""
    with pytest.raises(WriterHalted, match=r"pitboss_writer|schema|relation"):
        await _run(hasty_writer(empty_database, shard))


async def _run(writer: FillWriter) -> None:
    async with asyncio.timeout(10):
        await writer.run()


async def _put_cursor(database: PostgresConnection, shard: str, cursor: Cursor) -> None:
    await begin_cursor(database, shard)
    await database.execute(
        "UPDATE pitboss.writer_cursor SET frame = $2, hash = $3, lives_frame = $2, lives_hash = $3 "
        "WHERE shard = $1",
        shard,
        cursor.frame,
        cursor.hash.hex(),
    )


async def _insert_behind_its_back(
    database: PostgresConnection, shard: str, tape: Tape, event: dict[str, Any]
) -> None:
    rows = no_rows()
    append_rows(tape.make(event), rows, PositionLives(shard))
    before = await begin_cursor(database, shard)
    await write_rows(database, shard, rows, Standing([], []), before, before, may_repeat=False)
