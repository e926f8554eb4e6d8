"""What is asked of an order that waits for a price, and in which order (A11, A12)."""

from typing import Any

import pytest

from tests.core.bounds import lower
from tests.core.market import Market

STOP: dict[str, Any] = {
    "type": "place_order",
    "account": "ann",
    "symbol": "X",
    "side": "sell",
    "order_type": "stop",
    "quantity": "1",
    "trigger_price": "95",
    "trigger_by": "mark",
    "client_order_id": "A",
}
TRAIL = STOP | {"order_type": "trailing_stop", "trigger_price": None}


def _refused(market: Market, order: dict[str, Any]) -> tuple[str, str | None]:
    market.play("mm buy 1@1\n mm sell 1@200\n ann buy 1@1\n ann cancel o3")
    before = market.hash()
    (refusal,) = market.send(order)
    assert market.hash() == before
    return refusal["reason"], refusal.get("path")


@pytest.mark.parametrize(
    ("changes", "reason", "path"),
    [
        ({"trigger_price": None}, "trigger_required", "$.trigger_price"),
        ({"order_type": "take_profit", "trigger_price": None}, "trigger_required", None),
        ({"order_type": "market", "trigger_by": None}, "trigger_not_allowed", "$.trigger_price"),
        ({"order_type": "market", "trigger_price": None}, "trigger_not_allowed", "$.trigger_by"),
        ({"trail_offset": "1"}, "trigger_not_allowed", "$.trail_offset"),
        ({"trail_bps": 0}, "trigger_not_allowed", "$.trail_bps"),
        ({"trail_step": "1"}, "trigger_not_allowed", "$.trail_step"),
        ({"activation_price": "1"}, "trigger_not_allowed", "$.activation_price"),
        ({"order_type": "stop_limit"}, "price_required", None),
        ({"order_type": "take_profit_limit"}, "price_required", None),
        ({"price": "95"}, "price_not_allowed", None),
        ({"order_type": "take_profit", "price": "95"}, "price_not_allowed", None),
        ({"time_in_force": "ioc"}, "invalid_time_in_force", None),
        ({"time_in_force": "fok"}, "invalid_time_in_force", None),
        ({"post_only": True}, "invalid_time_in_force", "$.post_only"),
        ({"display_quantity": "1"}, "invalid_display", "$.display_quantity"),
        ({"time_in_force": "gtd"}, "invalid_expiry", "$.expires_at"),
        ({"time_in_force": "day"}, "invalid_expiry", "$.time_in_force"),
        ({"trigger_price": "95.001"}, "off_tick", "$.trigger_price"),
        ({"trigger_price": "0"}, "non_positive_price", "$.trigger_price"),
        ({"reduce_only": True}, "nothing_to_reduce", None),
        ({"fill_rule": "first_hit"}, "invalid_oco", "$.fill_rule"),
    ],
)
def test_stop_that_cannot_be_is_refused(
    market: Market, changes: dict[str, Any], reason: str, path: str | None
) -> None:
    """Each attribute where it belongs, and nowhere else (A11)."""
    said = _refused(market, STOP | changes)

    assert said[0] == reason
    if path is not None:
        assert said[1] == path


@pytest.mark.parametrize(
    ("changes", "reason", "path"),
    [
        ({}, "invalid_trail", "$.trail_offset"),
        ({"trigger_by": None}, "invalid_trail", "$.trail_offset"),
        ({"trail_offset": "1", "trail_bps": 5}, "invalid_trail", "$.trail_offset"),
        ({"trail_bps": 0}, "invalid_trail", "$.trail_bps"),
        ({"trail_bps": 10_000}, "invalid_trail", "$.trail_bps"),
        ({"trail_offset": "1", "trigger_price": "95"}, "trigger_not_allowed", "$.trigger_price"),
        ({"trail_offset": "1", "price": "95"}, "price_not_allowed", None),
        ({"trail_offset": "1", "order_type": "trailing_stop_limit"}, "price_required", None),
        ({"trail_offset": "1.001"}, "off_tick", "$.trail_offset"),
        ({"trail_offset": "0"}, "non_positive_price", "$.trail_offset"),
        ({"trail_bps": 5, "trail_step": "0.001"}, "off_tick", "$.trail_step"),
        ({"trail_bps": 5, "activation_price": "0.001"}, "off_tick", "$.activation_price"),
        ({"trail_bps": 5, "time_in_force": "ioc"}, "invalid_time_in_force", None),
    ],
)
def test_trail_that_cannot_be_is_refused(
    market: Market, changes: dict[str, Any], reason: str, path: str | None
) -> None:
    """Exactly one of offset and basis points, in bounds and on the grid (A12)."""
    assert _refused(market, TRAIL | changes) == (reason, path)


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "refused"),
    [
        ("sell", "stop", "99.99", False),
        ("sell", "stop", "100", True),
        ("sell", "stop", "150", True),
        ("buy", "stop", "100.01", False),
        ("buy", "stop", "100", True),
        ("buy", "stop", "50", True),
        ("sell", "take_profit", "100.01", False),
        ("sell", "take_profit", "100", True),
        ("sell", "take_profit", "50", True),
        ("buy", "take_profit", "99.99", False),
        ("buy", "take_profit", "100", True),
        ("buy", "take_profit", "150", True),
    ],
)
def test_order_that_is_reached_when_it_arrives_is_refused(
    market: Market, side: str, kind: str, trigger: str, *, refused: bool
) -> None:
    """At the trigger is reached; a limit of its own changes nothing (A11)."""
    market.play(f"""
        ann {side} {kind} 1 trigger={trigger} by=mark id=A
        ann {side} {kind}_limit 1@100 trigger={trigger} by=mark id=B
    """)

    assert market.refusals == ["would_trigger"] * 2 * refused
    assert len(market.armed()) == 2 * (not refused)


@pytest.mark.parametrize("by", ["last", "bid_ask", "mark"])
@pytest.mark.parametrize("kind", ["stop 1 trigger=95", "trailing_stop 1 offset=1"])
def test_order_waits_for_no_price_that_nobody_has_seen(by: str, kind: str) -> None:
    """There must be something to be reached from (A11)."""
    market = Market(None)

    market.play(f"ann sell {kind} by={by}")

    assert market.refusals == ["price_unavailable"]


def test_reference_of_one_kind_is_none_of_another(market: Market) -> None:
    """The outside market is seen, but nothing has traded here (A11)."""
    market.play("""
        ann sell stop 1 trigger=95 by=last
        ann sell stop 1 trigger=95 by=bid_ask
    """)

    assert market.refusals == ["price_unavailable"]


def test_checks_come_in_their_order(market: Market) -> None:
    """Form, then the reference, then what it would do, then money (A11, C1)."""
    market.play("deposit ann 10")
    order = STOP | {"quantity": "1000", "trigger_price": "105"}
    faults: list[dict[str, Any]] = [
        {"account": "nobody"},
        {"symbol": "N"},
        {"quantity": "0.5"},
        {"price": "1"},
        {"time_in_force": "ioc"},
        {"trail_bps": 5},
        {"post_only": True},
        {"display_quantity": "5"},
        {"expires_at": 5},
        {"trigger_by": "last"},
        {"trigger_by": "mark", "trigger_price": "105"},
        {"reduce_only": True, "trigger_price": "95"},
        {"trigger_price": "95"},
    ]
    market.send(*[_merged(order, faults[index:]) for index in range(len(faults))])

    assert market.refusals == [
        *("unknown_account", "unknown_instrument", "off_lot", "price_not_allowed"),
        *("invalid_time_in_force", "trigger_not_allowed", "invalid_time_in_force"),
        *("invalid_display", "invalid_expiry", "price_unavailable", "would_trigger"),
        *("nothing_to_reduce", "leverage_exceeded"),
    ]


def _merged(order: dict[str, Any], faults: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the order with all the faults; where two touch one field, the first one's."""
    for fault in reversed(faults):
        order = order | fault
    return order


@pytest.mark.parametrize(
    ("order", "most"),
    [
        ("sell stop_limit 1@98 trigger=95", "98"),
        ("buy stop 1 trigger=110 slippage=1000", "121"),
        ("buy stop 1 trigger=110", "115.5"),
        ("buy trailing_stop 1 offset=10 slippage=1000", "121"),
        ("buy trailing_stop 1 offset=10 activation=80 slippage=1000", "88"),
        ("sell trailing_stop 1 offset=10 activation=120 slippage=1000", "108"),
    ],
)
def test_money_is_asked_at_the_worst_price(market: Market, order: str, most: str) -> None:
    """Its limit, or its protection with the trigger, or the activation price, for touch (C1)."""
    cents = int(float(most) * 100)
    market.play("deposit ann 1000")
    market.play(f"risk ann max_order_notional={(cents - 1) / 100}\n ann {order} by=mark id=A")
    assert market.refusals == ["order_notional_limit"]

    market.play(f"risk ann max_order_notional={most}\n ann {order} by=mark id=A")
    assert len(market.armed()) == 1


def test_armed_orders_count_as_open_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take up room, whether they rest or sleep (A11)."""
    lower(monkeypatch, "MAX_OPEN_ORDERS_PER_ACCOUNT", 2)
    market = Market()

    market.play("""
        ann sell 1@110
        ann sell stop 1 trigger=95 by=mark
        ann sell stop 1 trigger=95 by=mark
    """)

    assert market.refusals == ["too_many_orders"]


def test_entry_in_a_market_that_is_not_open_is_refused(market: Market) -> None:
    """New orders are, armed or not (A14)."""
    market.play("""
        state X halted
        ann sell stop 1 trigger=95 by=mark
    """)

    assert market.refusals == ["market_not_open"]


def test_day_and_gtd_are_times_to_be_armed(market: Market) -> None:
    """A stop that was not reached in time leaves without a trade (A3, A11)."""
    market.play("""
        session X 00:01
        ann sell stop 1 trigger=95 by=mark day id=A
        ann sell trailing_stop 1 offset=5 by=mark gtd=5000 id=B
        wait 59000
        mark 90
    """)

    assert [event["client_order_id"] for event in market.of("order_expired")] == ["B", "A"]
    assert market.fired == []
