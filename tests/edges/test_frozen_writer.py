"""A writer that fell asleep with rows in its hands does not hold up the one that took over."""

import asyncio

import pytest

from engine import connections as connections_module
from engine.connections import Connections, PostgresConnection
from persistence.cursor import begin_cursor
from persistence.queries import query
from tests.edges.tape import Tape, running, trade, until
from tests.edges.writing import fills_of, hasty_writer


async def test_transaction_of_a_frozen_writer_ends_by_itself(
    connections: Connections,
    database: PostgresConnection,
    tape: Tape,
    shard: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its process is stopped, or its machine cut off: the lock on the cursor goes with it."""
    await begin_cursor(database, shard)
    monkeypatch.setattr(connections_module, "POSTGRES_IDLE_TRANSACTION_SECONDS", 0.3)
    frozen = await connections.postgres()
    monkeypatch.undo()
    await frozen.execute(query("become_writer"))
    await frozen.execute("BEGIN")
    await frozen.execute(query("lock_cursor"), shard)
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await tape.append(trade(1))
        await asyncio.sleep(0.1)
        assert writer.cursor_frame == 0, "it waits for the lock"
        await until(lambda: writer.cursor_frame == 1, task)

    assert len(await fills_of(database, shard)) == 2
    frozen.terminate()
