"""Repeats of orders that wait for a price (A10, A11, A12)."""

from typing import Any

import pytest

from tests.core.market import Market

TRAIL: dict[str, Any] = {
    "type": "place_order",
    "account": "bob",
    "symbol": "X",
    "side": "sell",
    "order_type": "trailing_stop_limit",
    "quantity": "3",
    "price": "90",
    "client_order_id": "n1",
    "trigger_by": "mark",
    "trail_offset": "5",
    "trail_step": "2",
    "activation_price": "99",
}
STOP = {key: TRAIL[key] for key in list(TRAIL)[:9]}
STOP |= {"order_type": "stop_limit", "trigger_price": "95"}


@pytest.fixture
def rich(market: Market) -> Market:
    """Return a market in which bob has money."""
    market.play("deposit bob 1000")
    return market


@pytest.mark.parametrize(
    "other",
    [
        {"trigger_by": "bid_ask"},
        {"trigger_by": None},
        {"trail_offset": "5.01"},
        {"trail_offset": None, "trail_bps": 5},
        {"trail_step": "2.01"},
        {"trail_step": None},
        {"activation_price": "99.01"},
        {"activation_price": None},
        {"order_type": "trailing_stop", "price": None},
        STOP,
    ],
)
def test_other_trail_under_the_same_id_is_refused(rich: Market, other: dict[str, Any]) -> None:
    """Every field of a trigger is content (A10)."""
    rich.send(TRAIL)
    before = rich.hash()

    rich.send(TRAIL | other)

    assert rich.refusals == ["id_reused"]
    assert rich.hash() == before


@pytest.mark.parametrize("other", [{"trigger_price": "94"}, {"trigger_price": None}])
def test_other_trigger_under_the_same_id_is_refused(rich: Market, other: dict[str, Any]) -> None:
    """It is asked before anything else about the order (A10)."""
    rich.send(STOP, STOP | other)

    assert rich.refusals == ["id_reused"]


@pytest.mark.parametrize(
    "same",
    [
        {"trail_offset": "5.00"},
        {"trail_step": 2},
        {"activation_price": "99.0"},
        {"trail_bps": None},
    ],
)
def test_same_trail_written_otherwise_is_a_repeat(rich: Market, same: dict[str, Any]) -> None:
    """The trigger it has by now is not told: it moves (A10, A12)."""
    rich.send(TRAIL)
    rich.play("mark 103")

    rich.send(TRAIL | same)

    original = {k: v for k, v in rich.of("order_accepted")[0].items() if k != "trigger_price"}
    assert rich.last == [original | {"duplicate": True}]


def test_repeat_of_a_fired_order_fires_nothing(rich: Market) -> None:
    """Nor is it asked whether it would trigger (A10)."""
    rich.send(STOP)
    rich.play("mark 95")
    rich.forget()

    rich.send(STOP)

    assert [(e["type"], e["status"], e["duplicate"]) for e in rich.events] == [
        ("order_accepted", "armed", True)
    ]


def test_refused_stop_has_not_used_its_id(rich: Market) -> None:
    """It can be sent again, otherwise (A10)."""
    rich.send(STOP | {"trigger_price": "100"}, STOP)

    assert rich.refusals == ["would_trigger"]
    assert rich.armed() == ["n1 sell 3 95"]
