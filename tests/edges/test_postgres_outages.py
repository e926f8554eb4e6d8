"""Whatever happens to Postgres or the way there, each row stands there once, in the end."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from engine.connections import Connections, Endpoints, PostgresConnection
from persistence import fill_writer
from persistence.verify_positions import compare_positions
from persistence.verify_rows import compare
from tests.edges.postgres_wire import Fate, PostgresWire
from tests.edges.tape import Tape, deposit, running, trade, until
from tests.edges.test_position_rows import LISTED
from tests.edges.writing import fills_of, hasty_writer

FRAMES = 6


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_writer, "_IDLE_SECONDS", 0.02)
    monkeypatch.setattr(fill_writer, "_FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
async def pg_wire(servers: Endpoints) -> AsyncIterator[PostgresWire]:
    """Put a wire that can fail in front of the shared Postgres."""
    async with PostgresWire(servers) as wire:
        yield wire


def moves() -> Iterator[list[dict[str, Any]]]:
    """Yield the events of a few frames with rows of several tables, and a life that goes on."""
    yield [LISTED | {"symbol": "BTCUSD"}, deposit()]
    for number in range(1, FRAMES):
        more = trade(number)
        held = f"{number / 2:g}"
        more["maker"]["position"], more["taker"]["position"] = f"-{held}", held
        yield [more]


async def play(tape: Tape) -> None:
    """Write these frames."""
    for events in moves():
        await tape.append(*events)


async def agreed(database: PostgresConnection, shard: str, tape: Tape) -> None:
    """Check that Postgres holds what the journal says, each row once."""
    assert await compare(database, shard, tape.frames) == []
    assert (await compare_positions(database, shard, tape.frames)).differences == []
    assert len(await fills_of(database, shard)) == 2 * (FRAMES - 1)


def losing(k: int) -> Fate:
    """Lose the k-th answer."""
    return lambda number: "lose" if number == k else "pass"


async def test_lost_answer_neither_doubles_nor_loses_a_row(
    pg_wire: PostgresWire, database: PostgresConnection, connections: Connections, shard: str
) -> None:
    """Above all that to COMMIT: the cursor tells whether it happened. Tried at every answer."""
    link = await connections.redis()
    k, answers = 0, 1
    while k < answers:
        k += 1
        name = f"{shard}-{k}"
        tape = Tape(link, name)
        await play(tape)
        before = pg_wire.answers
        pg_wire.fate = losing(before + k)
        writer = hasty_writer(pg_wire.connections, name, batch_rows=3)
        async with running(writer) as task:
            await until(lambda: writer.lives_frame == FRAMES, task)  # noqa: B023
        answers = pg_wire.answers - before
        await agreed(database, name, tape)
    assert k > 20
    await link.close()


async def test_slow_postgres_is_only_late(
    pg_wire: PostgresWire, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Slowness makes a lag, and larger batches; nothing gives up."""
    pg_wire.fate = lambda _number: 0.05
    await play(tape)
    writer = hasty_writer(pg_wire.connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.lives_frame == FRAMES, task)
    await agreed(database, shard, tape)


async def test_postgres_that_stops_answering_is_left_and_tried_again(
    pg_wire: PostgresWire,
    tape: Tape,
    database: PostgresConnection,
    shard: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that hangs holds its connection open for ever; 30 s are waited for an answer."""
    monkeypatch.setattr("engine.connections.POSTGRES_COMMAND_TIMEOUT_SECONDS", 0.2)
    await play(tape)
    pg_wire.fate = lambda number: 3600.0 if number == 9 else "pass"
    writer = hasty_writer(pg_wire.connections, shard, batch_rows=3)
    async with running(writer) as task:
        await until(lambda: writer.lives_frame == FRAMES, task)
    assert pg_wire.answers > 9
    await agreed(database, shard, tape)


async def test_postgres_away_again_and_again_is_gone_on_with(
    pg_wire: PostgresWire, tape: Tape, database: PostgresConnection, shard: str
) -> None:
    """Each return finds the cursor where the last COMMIT left it."""
    writer = hasty_writer(pg_wire.connections, shard)
    async with running(writer) as task:
        for frame, events in enumerate(moves(), start=1):
            pg_wire.be_away(is_away=True)
            await tape.append(*events)
            await until(lambda: writer.state.startswith("waiting: Postgres"), task)
            pg_wire.be_away(is_away=False)
            await until(lambda: writer.cursor_frame == frame, task)  # noqa: B023
        await until(lambda: writer.lives_frame == FRAMES, task)
    await agreed(database, shard, tape)
