"""What operators did has a log of its own: who, what, and what became of it (E4)."""

import json
from typing import Any

import pytest

from engine.codec import genesis_hash, seal
from engine.connections import Connections, PostgresConnection, RedisLink
from engine.entries import decode_entry
from engine.machine import Machine
from engine.messages import Frame
from persistence.admin_rows import append_admin_rows
from persistence.row_types import AdminRow
from persistence.verify_rows import compare
from tests.edges.tape import TIME_US, Tape, running, until
from tests.edges.writing import hasty_writer

KILL = {"type": "kill", "scope": "global", "mode": "no_new", "operator": "ann", "reason": "a\0b"}
GRID = {"type": "create_instrument", "symbol": "X", "tick_size": "0.01", "lot_size": "1"}
BOB = {"type": "create_account", "account": "bob"}
ENTRIES: list[tuple[str, bytes]] = [
    ("config", json.dumps(GRID).encode()),
    ("admin", json.dumps([BOB, BOB]).encode()),
    ("orders", b'{"type":"cancel_order","account":"bob","client_order_id":"x"}'),
    ("admin:desk", json.dumps(KILL).encode()),
    ("admin", b'{"type":"kill","scope":"global","\\u0000":1}'),
    ("admin", b"no JSON"),
]
EXPECTED: list[tuple[Any, ...]] = [
    (0, "config", "create_instrument", "X", None, "accepted", None, None),
    (1, "admin", "create_account", "bob", None, "accepted", None, None),
    (2, "admin", "create_account", "bob", None, "refused", 204, "account_exists"),
    (4, "admin:desk", "kill", "*", "ann", "accepted", None, None),
    (5, "admin", None, None, None, "refused", 103, "unknown_field"),
    (6, "admin", None, None, None, "refused", 101, "malformed_json"),
]


def _frame(shard: str) -> Frame:
    """Return the frame that a machine makes of the entries."""
    machine, bodies, events = Machine(), list[bytes](), list[bytes]()
    machine.begin(TIME_US, events)
    for number, (stream, payload) in enumerate(ENTRIES, start=1):
        for item in decode_entry(stream, f"{number}-0", payload):
            machine.apply(item, len(bodies), events)
            bodies.append(item.body)
    return seal(1, genesis_hash(shard), TIME_US, bodies, events, b"{}")


@pytest.fixture
async def written(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> Frame:
    """Bring such a frame to Postgres."""
    frame = _frame(shard)
    await Tape(link, shard).write(frame)
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 1, task)
    return frame


async def test_operators_command_is_a_row(
    written: Frame, database: PostgresConnection, shard: str
) -> None:
    """Accepted or refused, and malformed too: who did what is asked for when it hurts (E4)."""
    rows = await database.fetch(
        "SELECT index, stream, command_type, target, operator, outcome, code, reason, command "
        "FROM pitboss.admin_log WHERE shard = $1 ORDER BY index",
        shard,
    )
    assert [tuple(row)[:-1] for row in rows] == EXPECTED
    # Whatever people write goes in: a zero byte, which Postgres' texts cannot hold, as its escape.
    assert json.loads(rows[3]["command"]) == KILL
    assert rows[4]["command"] is None
    assert await compare(database, shard, [written]) == []


def test_first_answer_is_that_of_the_command() -> None:
    """What an opened market then refuses, a bracket's child, is not refused to its opener (E4)."""
    opened = b'{"s":"admin","id":"1-0","c":{"type":"set_market_state","symbol":"*","state":"open"}}'
    events = [
        b'{"type":"market_state","in":0,"symbol":"X","state":"open"}',
        b'{"type":"rejected","in":0,"code":413,"reason":"nothing_to_reduce","account":"bob"}',
    ]
    rows: list[AdminRow] = []
    append_admin_rows(seal(1, genesis_hash("s"), 7, [opened], events, b"{}"), rows)
    assert [(row.outcome, row.target, row.code) for row in rows] == [("accepted", "*", None)]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE % SET operator = 'ben' WHERE index = 4", "operator is ann in the journal and ben"),
        ("UPDATE % SET command = '{}' WHERE index = 1", "command is "),
        ("UPDATE % SET code = 205 WHERE index = 2", "code is 204 in the journal and 205"),
        ("DELETE FROM % WHERE index = 6", "is in the journal and not in Postgres"),
    ],
)
async def test_changed_command_is_a_difference(
    written: Frame, database: PostgresConnection, shard: str, damage: str, told: str
) -> None:
    """A log of operators that they could change would prove nothing (E4)."""
    await database.execute(f"{damage.replace('%', 'pitboss.admin_log')} AND shard = $1", shard)

    found = await compare(database, shard, [written])

    assert any(line.startswith("admin: frame 1") and told in line for line in found)


@pytest.mark.parametrize(
    "change", ["outcome = 'refused'", "outcome = 'well'", "code = 204", "command = NULL"]
)
@pytest.mark.usefixtures("written")
async def test_impossible_outcome_is_refused(
    database: PostgresConnection, shard: str, change: str
) -> None:
    """Refused is what has a code and a reason, and nothing else."""
    with pytest.raises(Exception, match=r"admin_log.*check"):
        await database.execute(
            f"UPDATE pitboss.admin_log SET {change} WHERE shard = $1 AND index = 0", shard
        )
