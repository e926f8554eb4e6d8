"""`pitboss verify` recomputes takeovers, deleveraging, fees and deficits from the events (D8)."""

import random
from typing import Any

import msgspec
import pytest

from engine.cli.verify_receipts import ReceiptAuditor
from engine.machine import Machine
from tests.cli.recorded import Recording

INSTRUMENT = {"type": "create_instrument", "symbol": "X", "tick_size": "0.01", "lot_size": "0.1"}


def _account(name: str, money: str) -> list[dict[str, Any]]:
    return [
        {"type": "create_account", "account": name},
        {"type": "deposit", "account": name, "amount": money, "transfer_id": name},
    ]


def _mark(low: float) -> dict[str, Any]:
    return {"type": "l1", "symbol": "X", "bid": f"{low - 0.5}", "ask": f"{low + 0.5}"}


def _order(name: str, side: str, quantity: str, price: str, number: int = 0) -> dict[str, Any]:
    return {
        "type": "place_order",
        "account": name,
        "symbol": "X",
        "side": side,
        "order_type": "limit",
        "quantity": quantity,
        "price": price,
        "client_order_id": f"{name}-{side}-{number}",
    }


@pytest.fixture
def recording() -> Recording:
    """Record a fee and a takeover, a deleveraging, and an exit that its account cannot pay."""
    made = Recording("fall")
    made.run(
        {"type": "set_liquidation", "max_tries": 1, "liquidation_fee": "0.005"},
        INSTRUMENT,
        *_account("bob", "20"),
        *_account("ann", "60"),
        *_account("cy", "600"),
        _mark(100),
        _order("ann", "sell", "0.2", "100"),
        _order("cy", "sell", "0.8", "100"),
        _order("bob", "buy", "1", "100"),
        _order("cy", "buy", "0.1", "90", 1),
        {"type": "fund_insurance", "amount": "1.5", "transfer_id": "f1"},
        _mark(90),
        {"type": "set_liquidation", "max_tries": 1, "tier1": "0.6", "admission_ratio": "0.55"},
        {"type": "set_liquidation", "max_tries": 1},
        *_account("dan", "20"),
        _order("cy", "sell", "1", "90", 2),
        _order("dan", "buy", "1", "90"),
        _order("cy", "buy", "1", "60", 3),
        _order("dan", "sell", "1", "60"),
    )
    return made


def _audited(recording: Recording, change: dict[str, Any]) -> list[str]:
    """Audit the recording with the first event of a kind changed: kind.field or kind.receipt.x."""
    auditor = ReceiptAuditor(Machine().kernel.state)
    found: list[str] = []
    done: set[str] = set()
    for frame in recording.frames:
        events = msgspec.json.decode(frame.events)
        for event in events:
            for name, value in change.items():
                kind, *path = name.split(".")
                causes = (event["type"], event.get("cause"))
                if kind in causes and name not in done:
                    place = event["receipt"] if path[0] == "receipt" else event
                    place[path[-1]] = value
                    done.add(name)
        frame.events = msgspec.json.encode(events)
        found += auditor.observe(frame)
    return found


def test_honest_waterfall_comes_out_as_written(recording: Recording) -> None:
    """The scene holds every kind of event, and nothing is found in it (D8)."""
    told = b"".join(frame.events for frame in recording.frames)
    for kind in (b"takeover", b"deleveraged", b"liquidation_fee", b"deficit"):
        assert b'"%s"' % kind in told, told
    assert _audited(recording, {}) == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("liquidation_fee.delta", "-0.046", "liquidation_fee is 0.046"),
        ("takeover.quantity", "0.3", "quantity"),
        ("takeover.price", "80.01", "price"),
        ("takeover.side", "buy", "side"),
        ("takeover.receipt.worst_case", "1.2", "worst_case is 1.2"),
        ("takeover.receipt.insurance", "1.1", "insurance"),
        ("takeover.receipt.mark_price", "91", "worst_case"),
        ("takeover.receipt.backstop_unrealized", "-1", "what the fund cannot bear"),
        ("insurance_funded.amount", "1", "the backstop took over what the fund cannot bear"),
        ("deleveraged.price", "80.01", "price"),
        ("deleveraged.side", "sell", "side"),
        ("deleveraged.quantity", "0.9", "more was deleveraged than the slice had left"),
        ("deleveraged.rank", 3, "comes after rank"),
        ("deleveraged.receipt.unrealized", "3", "unrealized"),
        ("deleveraged.receipt.equity", "6000000", "scores above the one before it"),
        ("deleveraged.receipt.equity", "0", "a victim without equity"),
        ("deficit.from_insurance", "0.1", "from_insurance"),
        ("deficit.receipt.balance", "-1", "balance"),
        ("deficit.receipt.insurance", "5", "insurance"),
    ],
)
def test_doctored_waterfall_is_found(
    recording: Recording, field: str, value: object, told: str
) -> None:
    """Each number follows from the others, or from the fund as it has been told of (D8)."""
    assert told in "\n".join(_audited(recording, {field: value}))


def test_deleveraging_that_the_fund_could_have_spared_is_found(recording: Recording) -> None:
    """The backstop comes first wherever the fund can bear the worst case (D6)."""
    told = "deleveraged although the fund could bear a takeover"
    funded = {"insurance_funded.amount": "150"}

    assert told in "\n".join(_audited(recording, funded))

    lost = {"deleveraged.receipt.backstop_unrealized": "-150"}
    assert told not in "\n".join(_audited(recording, funded | lost)), "it was needed already"


def test_auditor_and_engine_agree_on_a_waterfall_in_a_wild_market() -> None:
    """Thin books, gaps both ways, a fund that fills and empties: every receipt comes out (D8)."""
    recording, dice = Recording("gaps"), random.Random(7)
    recording.run(
        {"type": "set_liquidation", "max_tries": 2, "liquidation_fee": "0.005"},
        {**INSTRUMENT, "collar": "0.2", "taker_fee": "0.001"},
        _mark(100),
    )
    accounts = [f"a{number}" for number in range(10)]
    for name in accounts:
        recording.run(*_account(name, str(dice.randrange(100, 600))))
    for number in range(500):
        low = 100 + dice.choice((-30, -9, -3, 0, 0, 2, 8, 30))
        poor = {"account": dice.choice(accounts), "amount": "40", "transfer_id": f"d{number}"}
        fund = {"type": "fund_insurance", "amount": "60", "transfer_id": f"f{number}"}
        recording.run(
            _mark(low),
            *([{"type": "deposit", **poor}] if number % 3 == 0 else []),
            *([fund] if number % 12 == 0 else []),
            *(
                _order(
                    dice.choice(accounts),
                    dice.choice(("buy", "sell")),
                    dice.choice(("2", "8", "20")),
                    str(low + dice.choice((-25, -1, 0, 0, 0, 1, 25))),
                    number * 4 + place,
                )
                for place in range(4)
            ),
        )
    auditor = ReceiptAuditor(Machine().kernel.state)
    assert [each for frame in recording.frames for each in auditor.observe(frame)] == []
    told = b"".join(frame.events for frame in recording.frames)
    kinds = (b'"takeover"', b'"deleveraged"', b'"liquidation_fee"', b'"deficit"')
    seen = {kind: told.count(kind) for kind in kinds}
    assert min(seen.values()) > 0, seen
    assert auditor.waterfall_actions > 10
