"""`pitboss verify` recomputes slices that the outside market took (D5, D8)."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from engine.cli.verify_receipts import ReceiptAuditor
from engine.machine import Machine
from tests.cli.recorded import Recording

TERMS = {"symbol": "X", "tick_size": "0.01", "lot_size": "0.1", "mode": "l1"}


def _quote(low: float) -> dict[str, Any]:
    return {"type": "l1", "symbol": "X", "bid": f"{low}", "ask": f"{low + 0.02}"}


def _enter(account: str, side: str, quantity: str, price: float, number: object) -> dict[str, Any]:
    return {
        "type": "place_order",
        "account": account,
        "symbol": "X",
        "side": side,
        "order_type": "limit",
        "price": f"{price}",
        "quantity": quantity,
        "client_order_id": f"{account}-{number}",
    }


def _account(name: str, money: str) -> list[dict[str, Any]]:
    return [
        {"type": "create_account", "account": name},
        {"type": "deposit", "account": name, "amount": money, "transfer_id": name},
    ]


@pytest.fixture
def recording() -> Recording:
    """Record a slice at 89.97 whose bankruptcy price is 79.99."""
    made = Recording("outside")
    made.run(
        {"type": "create_instrument", **TERMS},
        _quote(99.98),
        *_account("bob", "20.01"),
        _enter("bob", "buy", "1", 100, 1),
        _quote(89.97),
    )
    return made


def _audited(recording: Recording, change: Callable[[list[dict[str, Any]]], None]) -> str:
    auditor = ReceiptAuditor(Machine().kernel.state)
    found: list[str] = []
    for frame in recording.frames:
        events = msgspec.json.decode(frame.events)
        change(events)
        frame.events = msgspec.json.encode(events)
        found += auditor.observe(frame)
    assert auditor.liquidations == 1
    return "\n".join(found)


def test_honest_slice_comes_out_as_written(recording: Recording) -> None:
    """Its limit is the outside price, beyond which nobody asks for a collar (D5)."""
    assert _audited(recording, lambda _: None) == ""


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("limit_price", "89.98", "limit_price is 89.98"),
        ("quantity", "0.4", "quantity is 0.4"),
        ("outside_price", "89", "limit_price is 89.97"),
        ("bankruptcy_price", "79", "bankruptcy_price"),
    ],
)
def test_doctored_slice_is_found(recording: Recording, field: str, value: str, told: str) -> None:
    """Each number follows from the others (D8)."""

    def change(events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["type"] == "liquidation":
                place = event if field in event else event["receipt"]
                place[field] = value

    assert told in _audited(recording, change)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"price": "90"}, "price is 90"),
        ({"quantity": "0.2"}, "sold is 0.2"),
        ({"type": "order_cancelled"}, "a slice that the outside market did not take"),
        ({"maker": {"account": "ann"}}, "a slice that the outside market did not take"),
    ],
)
def test_slice_sold_otherwise_is_found(
    recording: Recording, change: dict[str, Any], told: str
) -> None:
    """In full, at the outside price, to the house (D5)."""

    def doctor(events: list[dict[str, Any]]) -> None:
        for before, event in pairwise(events):
            if before["type"] == "liquidation":
                event.update(change)

    assert told in _audited(recording, doctor)


def test_auditor_and_engine_agree_in_a_wild_outside_market() -> None:
    """Gaps both ways, fees, a fund that empties: every receipt comes out (D8)."""
    recording, dice = Recording("gaps"), random.Random(3)
    ladder = {"type": "set_liquidation", "liquidation_fee": "0.005"}
    recording.run(ladder, {"type": "create_instrument", **TERMS}, _quote(100))
    names = [f"a{number}" for number in range(8)]
    for name in names:
        recording.run(*_account(name, str(dice.randrange(100, 400))))
    for number in range(600):
        name, side = dice.choice(names), dice.choice(("buy", "sell"))
        low = 100 + (60 - abs(number % 120 - 60)) // 2 + dice.randrange(-3, 4)
        low += dice.choice((0, 0, 0, 0, 0, 0, 0, 25))
        recording.run(
            _quote(low),
            {"type": "deposit", "account": name, "amount": "20", "transfer_id": f"d{number}"},
            _enter(name, side, dice.choice(("1", "2.5", "4")), low, number),
            _enter(dice.choice(names), side, dice.choice(("1", "4")), low + 0.02, f"{number}-b"),
        )
    auditor = ReceiptAuditor(Machine().kernel.state)
    assert [each for frame in recording.frames for each in auditor.observe(frame)] == []
    told = b"".join(frame.events for frame in recording.frames)
    tiers = [told.count(b'"tier":%d' % tier) for tier in (1, 2, 3)]
    assert min(tiers) > 0, tiers
    assert told.count(b'"liquidation_fee"') > 0
    assert told.count(b'"deficit"') > 0
    assert told.count(b'"takeover"') + told.count(b'"deleveraged"') == 0
