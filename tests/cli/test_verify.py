"""`pitboss verify`: each check finds what it is there for, and nothing else."""

import io
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from rich.console import Console

from engine.cli.verify import Verification, verify
from engine.cli.verify_postgres import live_frames
from engine.cli.verify_receipts import ReceiptAuditor
from engine.connections import Connections, RedisLink
from engine.kernel import Kernel
from engine.machine import Machine
from engine.messages import Frame
from persistence.journal import JournalFrames
from tests.cli.conftest import TRADED
from tests.cli.program import Daemon
from tests.cli.recorded import Recording

COIN = {
    "type": "create_instrument",
    "symbol": "COIN",
    "tick_size": "0.01",
    "lot_size": "0.1",
}


@pytest.fixture
def recording(shard: str) -> Recording:
    """Record a little trading that ends in a liquidation."""
    made = Recording(shard)
    made.run(COIN, *TRADED)
    return made


@pytest.fixture
async def link(connections: Connections) -> AsyncIterator[RedisLink]:
    """Open a link for one test."""
    link = await connections.redis()
    yield link
    await link.close()


async def verified(connections: Connections, shard: str) -> Verification:
    """Verify a journal without Postgres, unseen."""
    alone = Connections(replace(connections.endpoints, postgres_dsn=None))
    return await verify(alone, shard, Console(file=io.StringIO()))


def failed(result: Verification) -> list[str]:
    """Return the names of the checks that failed."""
    return [check.name for check in result.checks if not check.passed]


def problems(result: Verification) -> str:
    """Return everything that was found."""
    return "\n".join(each for check in result.checks for each in check.problems)


async def test_sound_journal_passes_every_check(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """A check that cries at what is sound would be switched off."""
    recording.snapshot(connections)
    recording.run({"type": "create_account", "account": "later"})
    await recording.write(link)
    result = await verified(connections, recording.shard)
    assert (failed(result), result.exit_code) == ([], 0)
    lines = [check.line() for check in result.checks]
    assert any("1 liquidations and 1 margin calls recomputed" in line for line in lines)
    assert any("1 compared with the replayed state" in line for line in lines)


async def test_flipped_byte_breaks_the_chain(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """Redis' own file has no checksum, so this is the only thing that sees it."""
    recording.frames[3].time_us += 1
    await recording.write(link)
    result = await verified(connections, recording.shard)
    assert result.exit_code == 65
    assert failed(result)[0] == "chain"
    assert "frame 4" in problems(result)


async def test_lost_frame_is_damage(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """Frames are dense; one that is gone was acknowledged once."""
    await recording.write(link)
    await link.call("XDEL", f"{{{recording.shard}}}:journal", "5-0")
    result = await verified(connections, recording.shard)
    assert (result.exit_code, failed(result)) == (65, ["chain"])
    assert "frame 5 is missing" in problems(result)


async def test_entry_that_is_no_frame_is_damage(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """Somebody else has written to the journal; what lies behind cannot be told from it."""
    await recording.write(link, last=4)
    await link.call("XADD", f"{{{recording.shard}}}:journal", "5-0", "a", "b")
    await recording.write(link, first=6)
    result = await verified(connections, recording.shard)
    assert (result.exit_code, failed(result)) == (65, ["chain"])
    assert "frame 5 lacks or garbles a field" in problems(result)


async def test_event_that_does_not_follow_is_a_difference(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """A well-sealed frame can still hold what the rules do not give."""

    def pay_more(frame: Frame) -> None:
        frame.events = frame.events.replace(b'"delta":"30"', b'"delta":"31"')

    recording.spoil(4, pay_more)
    await recording.write(link)
    result = await verified(connections, recording.shard)
    assert (result.exit_code, failed(result)) == (1, ["events"])
    assert "frame 4 gives other events" in problems(result)


async def test_invariant_that_does_not_hold_is_found(
    recording: Recording,
    connections: Connections,
    link: RedisLink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The state is looked at as a whole on the way and at the top."""
    await recording.write(link)

    def check(kernel: Kernel) -> None:
        assert "bob" not in kernel.state.accounts, "something does not add up"

    monkeypatch.setattr(Kernel, "check", check)
    result = await verified(connections, recording.shard)
    assert (result.exit_code, failed(result)) == (1, ["money"])
    assert "after frame 3" in problems(result)


async def test_replay_begins_at_the_oldest_snapshot_of_a_trimmed_journal(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """What was trimmed cannot be replayed, and need not be."""
    recording.snapshot(connections)
    first = recording.top.n
    recording.run({"type": "create_account", "account": "later"})
    await recording.write(link, first)
    result = await verified(connections, recording.shard)
    assert (failed(result), result.first) == ([], first)
    assert f"frames {first + 1} to {first + 1} replayed" in result.checks[1].text


async def test_trimmed_journal_without_a_snapshot_cannot_be_replayed(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """Saying nothing would look like agreement."""
    await recording.write(link, 5)
    result = await verified(connections, recording.shard)
    assert (result.exit_code, failed(result)) == (1, ["events"])
    assert "pitboss snapshot take" in problems(result)


async def test_damaged_snapshot_is_found(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """It would be passed over at the next start, and the generation before it used."""
    await recording.write(link)
    chunk = recording.snapshot(connections)
    await link.call("SETRANGE", chunk, 3, b"\x00")
    result = await verified(connections, recording.shard)
    assert (result.exit_code, failed(result)) == (65, ["snapshots"])


async def test_snapshot_of_another_state_is_a_difference(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """Whole in itself, and yet not what the journal leads to."""
    await recording.write(link)
    recording.machine.kernel.state.next_order_id += 1
    recording.snapshot(connections)
    result = await verified(connections, recording.shard)
    assert (result.exit_code, failed(result)) == (1, ["snapshots"])
    assert f"the snapshot at frame {recording.top.n} is not the replayed state" in problems(result)


async def test_frame_of_another_version_is_not_replayed(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """Only the release that wrote it may judge it; the message names the way over."""

    def age(frame: Frame) -> None:
        frame.version = b"0"

    recording.spoil(4, age)
    await recording.write(link)
    result = await verified(connections, recording.shard)
    assert failed(result) == ["events"]
    assert "snapshot take --stop" in problems(result)


def receipts(recording: Recording, change: dict[str, Any]) -> list[str]:
    """Audit the recording with its liquidation changed; keys with a point are in the receipt."""
    auditor = ReceiptAuditor(Machine().kernel.state)
    found: list[str] = []
    for frame in recording.frames:
        events = msgspec.json.decode(frame.events)
        for event in events:
            if event["type"] in {"liquidation", "margin_call"}:
                for name, value in change.items():
                    kind, _, field = name.partition(".")
                    if kind == event["type"]:
                        place = event["receipt"] if field.startswith("receipt.") else event
                        place[field.removeprefix("receipt.")] = value
        frame.events = msgspec.json.encode(events)
        found += auditor.observe(frame)
    return found


def test_honest_receipt_comes_out_as_written(recording: Recording) -> None:
    """Tier 1 at 78.6: 9 / 7.86 … the arithmetic of D1, D2 and D4, done again in fractions."""
    assert receipts(recording, {}) == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("liquidation.tier", 2, "tier is 2 in the receipt and comes out as 1"),
        ("liquidation.side", "buy", "side"),
        ("liquidation.quantity", "0.2", "quantity is 0.2 in the receipt and comes out as 0.3"),
        ("liquidation.limit_price", "75.06", "limit_price"),
        ("liquidation.receipt.share", "0.5", "share is 0.5 in the receipt and comes out as 0.3"),
        ("liquidation.receipt.bankruptcy_price", "70.01", "comes out as 70"),
        ("liquidation.receipt.position_maintenance", "7.87", "position_maintenance"),
        ("liquidation.receipt.equity", "8.74", "tier is 1 in the receipt and comes out as 0"),
        ("liquidation.receipt.mark_price", "78.59", "position_maintenance"),
        ("margin_call.receipt.equity", "15.72", "a margin call below its threshold"),
    ],
)
def test_doctored_receipt_is_found(
    recording: Recording, field: str, value: object, told: str
) -> None:
    """Each number of a receipt follows from the others (D8), so none can be changed alone."""
    assert told in "\n".join(receipts(recording, {field: value}))


async def test_frames_that_arrive_while_rows_are_compared_are_looked_at_too(
    recording: Recording, connections: Connections, link: RedisLink
) -> None:
    """The writer goes on meanwhile; its new rows would otherwise seem to come from nowhere."""
    await recording.write(link)
    expected = recording.top.n + 1
    seen: list[int] = []
    async for frame in live_frames(JournalFrames(link, recording.shard), 0, seen.append):
        if frame.n == recording.top.n < expected:
            recording.run({"type": "create_account", "account": "later"})
            await recording.write(link, first=expected)
    assert seen == list(range(1, expected + 1))


async def test_row_that_postgres_has_otherwise_is_found(daemon: Daemon) -> None:
    """Row for row, so that an accountant's query and the journal cannot tell different tales."""
    assert daemon.ask("verify").code == 0
    database = await daemon.connections.postgres()
    try:
        await database.execute("UPDATE pitboss.fills SET price = price + 1 WHERE trade_id = 1")
        try:
            ended = daemon.ask("verify")
        finally:
            await database.execute("UPDATE pitboss.fills SET price = price - 1 WHERE trade_id = 1")
    finally:
        await database.close()
    assert ended.code == 1
    (line,) = (line for line in ended.out.splitlines() if line.startswith("FAILED"))
    assert "price is 100 in the journal and 101" in line


async def test_fill_that_postgres_lacks_is_counted(daemon: Daemon) -> None:
    """The count is the check that a person understands at a glance."""
    database = await daemon.connections.postgres()
    try:
        change = database.transaction()
        await change.start()
        await database.execute(
            "CREATE TEMP TABLE kept AS SELECT * FROM pitboss.fills WHERE trade_id = 1"
        )
        await database.execute("DELETE FROM pitboss.fills WHERE trade_id = 1")
        await change.commit()
        try:
            result = daemon.ask("verify", "--json").json
        finally:
            await database.execute("INSERT INTO pitboss.fills SELECT * FROM kept")
    finally:
        await database.close()
    checks = {check["name"]: check for check in result["checks"]}
    assert not result["ok"]
    assert not checks["fills"]["ok"]
    assert "is in the journal and not in Postgres" in checks["rows"]["problems"][0]


def test_verify_beside_a_busy_daemon_agrees(daemon: Daemon) -> None:
    """The writer passes the top that was read at the start; that is no difference."""
    daemon.send(*({"type": "create_account", "account": f"busy-{n}"} for n in range(300)))
    ended = daemon.ask("verify")
    assert (ended.code, ended.err) == (0, ""), ended.out
    names = [line.split()[1] for line in ended.out.splitlines()]
    assert names == [
        *("chain", "events", "money", "receipts", "snapshots"),
        *("writer", "rows", "positions", "fills"),
    ]


@pytest.mark.parametrize(
    "brackets",
    [
        {},
        {
            "margin_brackets": [
                {"notional": "0", "initial_margin": "0.2", "maintenance_margin": "0.1"},
                {"notional": "300", "initial_margin": "0.2", "maintenance_margin": "0.12"},
                {"notional": "900.5", "initial_margin": "0.2", "maintenance_margin": "0.15"},
            ]
        },
    ],
    ids=("one rate", "brackets"),
)
def test_auditor_and_engine_agree_on_every_liquidation_in_a_wild_market(
    brackets: dict[str, Any],
) -> None:
    """Longs and shorts in two instruments, tiers 1 to 3, several positions an account."""
    recording = Recording("wild")
    dice = random.Random(11)
    symbols = {"A": ("0.01", "0.1", "1"), "B": ("0.5", "0.001", "10")}
    for symbol, (tick, lot, contract) in symbols.items():
        terms = {"tick_size": tick, "lot_size": lot, "contract_size": contract} | brackets
        recording.run({"type": "create_instrument", "symbol": symbol, **terms, "collar": "0.2"})
        recording.run({"type": "l1", "symbol": symbol, "bid": "99.5", "ask": "100.5"})
    accounts = ["maker", *(f"a{number}" for number in range(12))]
    for name in accounts:
        money = "1000000" if name == "maker" else str(dice.randrange(100, 900))
        recording.run(
            {"type": "create_account", "account": name},
            {"type": "deposit", "account": name, "amount": money, "transfer_id": f"{name}-1"},
        )
    for number in range(800):
        symbol = dice.choice(list(symbols))
        low = 100 + (60 - abs(number % 120 - 60)) // 2 + dice.randrange(-4, 5)
        lucky = dice.choice(accounts[1:])
        recording.run(
            {"type": "l1", "symbol": symbol, "bid": str(low), "ask": str(low + 1)},
            {"type": "deposit", "account": lucky, "amount": "20", "transfer_id": f"{number}"},
            *(
                {
                    "type": "place_order",
                    "account": name,
                    "symbol": symbol,
                    "side": side,
                    "order_type": "limit",
                    "price": str(low + shift),
                    "quantity": dice.choice(("1", "2.5", "4")),
                    "client_order_id": f"{number}-{side}-{shift}",
                }
                for name, side, shift in (
                    ("maker", "buy", -1),
                    ("maker", "sell", 2),
                    (lucky, dice.choice(("buy", "sell")), 0),
                    (dice.choice(accounts[1:]), "buy", 2),
                    (dice.choice(accounts[1:]), "sell", -1),
                )
            ),
        )
    auditor = ReceiptAuditor(Machine().kernel.state)
    assert [each for frame in recording.frames for each in auditor.observe(frame)] == []
    told = b"".join(frame.events for frame in recording.frames)
    tiers = [told.count(b'"tier":%d' % tier) for tier in (1, 2, 3)]
    assert min(tiers) > 2, tiers
    assert auditor.liquidations == sum(tiers)
