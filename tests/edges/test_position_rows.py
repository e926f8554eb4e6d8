"""The table `positions`: one row a life, right after any number of restarts."""

import json
from decimal import Decimal
from typing import Any

import pytest

from engine.connections import Connections, PostgresConnection
from persistence import fill_writer, lives_kept
from persistence.cursor import Cursor, lives_cursor
from persistence.fill_writer import FillWriter, WriterHalted
from persistence.row_batch import Written, write_rows
from tests.core.market import Market
from tests.edges.tape import Tape, running, until
from tests.edges.writing import fills_of, hasty_writer

LISTED = {
    "type": "instrument_created",
    "symbol": "X",
    "contract_size": "1",
    "tick_size": "0.01",
    "lot_size": "0.1",
    "mark_source": "l1_mid",
}
ROW = (
    "SELECT sub_account_id, side, status, quantity::text, cost::text, entry_price, realized_pnl "
    "FROM pitboss.positions WHERE shard = $1 AND sub_account_id = ANY($2) "
    "ORDER BY sub_account_id, opened_frame, opened_index"
)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_writer, "_IDLE_SECONDS", 0.05)


def _events() -> list[dict[str, Any]]:
    """Return what a market says in which bob is liquidated, and ann and cy end and begin lives."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 20
        ann sell 1@100
        bob buy 1@100
        ann sell 2@101
        cy  buy 2@101
        ann buy 1@89.5
        mark 89.3
        ann buy 5@90
        cy  sell 5@90
    """)
    return [event for event in market.events if event["type"] in {"trade", "liquidation"}]


async def _rows(database: PostgresConnection, shard: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await database.fetch(ROW, shard, list(names))]


async def _write(connections: Connections, shard: str, n: int, lives_seconds: float = 0) -> None:
    writer = hasty_writer(connections, shard, lives_seconds=lives_seconds)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame >= n, task)
        if not lives_seconds:
            await until(lambda: writer.lives_frame >= n, task)


@pytest.mark.parametrize(("restarts", "lives_seconds"), [(False, 0), (True, 0), (True, 60)])
async def test_lives_go_on_after_a_restart(
    connections: Connections,
    tape: Tape,
    database: PostgresConnection,
    shard: str,
    restarts: bool,
    lives_seconds: float,
) -> None:
    """A writer knows what was open from its own table, and folds again what it had not written.

    So restarts change no digit of a row, and no fill is written twice for the sake of a life.
    """
    events = _events()
    await tape.append(LISTED)
    for event in events:
        frame = await tape.append(event)
        if restarts:
            await _write(connections, shard, frame.n, lives_seconds)
    await _write(connections, shard, len(tape.frames))
    assert await _rows(database, shard, "ann", "bob", "cy") == [
        ("ann", "SHORT", "CLOSED", "0", "0", Decimal("100.66666667"), 32.5),
        ("ann", "LONG", "OPEN", "3", "270", 90, 0),
        ("bob", "LONG", "LIQUIDATED", "0", "0", 100, -10.5),
        ("cy", "LONG", "CLOSED", "0", "0", 101, -22),
        ("cy", "SHORT", "OPEN", "3", "270", 90, 0),
    ]
    assert len(await fills_of(database, shard)) == 2 * sum(e["type"] == "trade" for e in events)


async def test_batch_that_is_not_committed_leaves_no_trace_in_memory(
    writer: FillWriter,
    tape: Tape,
    database: PostgresConnection,
    shard: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was folded for it is forgotten with the connection; else it would count twice."""
    failed: list[int] = []

    async def once_lost(connection: PostgresConnection, *rest: Any, **more: Any) -> Written:
        if len(failed) < 2:
            failed.append(1)
            raise ConnectionResetError
        return await write_rows(connection, *rest, **more)

    monkeypatch.setattr(fill_writer, "write_rows", once_lost)
    await tape.append(LISTED, *_events())
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    assert [row[2:4] for row in await _rows(database, shard, "bob")] == [("LIQUIDATED", "0")]
    assert len(failed) == 2


async def test_lives_are_read_at_the_instant_of_their_cursor(
    connections: Connections,
    tape: Tape,
    database: PostgresConnection,
    shard: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another writer may bring them up between two reads; then a fill would be folded twice."""
    await tape.append(LISTED, *_events())
    await _write(connections, shard, 1)
    cursor = await lives_cursor(database, shard)

    async def and_then_another_writes(_: PostgresConnection, __: str) -> Cursor:
        await database.execute(
            "UPDATE pitboss.positions SET quantity = 9 WHERE shard = $1 AND status = 'OPEN'", shard
        )
        return cursor

    monkeypatch.setattr(lives_kept, "lives_cursor", and_then_another_writes)
    connection = await connections.postgres()
    _, _, lives = await lives_kept.begin_lives(connection, shard)
    await connection.close()
    assert [life.quantity for life in lives.open_lives] == [3, 3]


async def test_row_that_somebody_changed_halts_the_writer(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """The next fill of that position does not follow from it: going on would hide it."""
    *before, last = _events()
    await tape.append(LISTED, *before)
    await _write(connections, shard, 1)
    await database.execute(
        "UPDATE pitboss.positions SET quantity = quantity + 1 WHERE shard = $1 AND status = 'OPEN'",
        shard,
    )
    await tape.append(last)
    with pytest.raises(WriterHalted, match=r"by its life so far"):
        await hasty_writer(connections, shard).run()


async def test_number_that_no_engine_writes_halts_the_writer(
    connections: Connections, tape: Tape, shard: str, database: PostgresConnection
) -> None:
    """An alarm, and trading goes on: a task that dies would take the daemon with it."""
    assert not database.is_closed()
    await tape.append(LISTED, _events()[0] | {"price": "a lot"})
    with pytest.raises(WriterHalted):
        await hasty_writer(connections, shard).run()


async def test_view_has_the_names_that_programs_expect(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """`virtual_positions` is the table of the owner's documents (protocol, tables)."""
    await tape.append(LISTED, *_events())
    await _write(connections, shard, 1)
    (row,) = await database.fetch(
        "SELECT * FROM pitboss.virtual_positions WHERE id LIKE $1 || '-%'"
        " AND sub_account_id = 'bob'",
        shard,
    )
    assert list(row.keys()) == [
        *("id", "sub_account_id", "symbol", "side", "entry_price", "quantity", "notional"),
        *("leverage", "margin", "liquidation_price", "status", "realized_pnl", "taken_over_by"),
        *("opened_at", "closed_at"),
    ]
    assert row["id"] == f"{shard}-1-1-buy"
    assert (row["status"], row["quantity"], row["notional"]) == ("LIQUIDATED", 0, 100)
    assert row["closed_at"] == row["opened_at"]


async def test_instrument_keeps_its_row(
    connections: Connections, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Terms that changed are the new ones; what was deleted says so and can come again."""
    await tape.append(LISTED)
    changed = LISTED | {"type": "instrument_updated", "taker_fee": "0.001"}
    await tape.append(changed)
    gone = "SELECT is_deleted, frame, terms FROM pitboss.instruments WHERE shard = $1"
    await _write(connections, shard, 2)
    assert json.loads((await database.fetchrow(gone, shard))["terms"]) == changed  # type: ignore[index]
    await tape.append({"type": "instrument_deleted", "symbol": "X"})
    await _write(connections, shard, 3)
    assert [tuple(row)[:2] for row in await database.fetch(gone, shard)] == [(True, 3)]
    await tape.append(LISTED | {"contract_size": "10"}, *_events()[:1])
    await _write(connections, shard, 4)
    assert [row[4] for row in await _rows(database, shard, "bob")] == ["1000"]
