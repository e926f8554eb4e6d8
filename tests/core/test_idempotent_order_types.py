"""Repeats of orders that hide, expire, only rest or only reduce (A10)."""

from typing import Any

import pytest

from tests.core.market import Market

ORDER: dict[str, Any] = {
    "type": "place_order",
    "account": "bob",
    "symbol": "X",
    "side": "sell",
    "order_type": "limit",
    "quantity": "30",
    "price": "101",
    "client_order_id": "n1",
    "time_in_force": "gtd",
    "expires_at": 50_000,
    "display_quantity": "10",
    "post_only": True,
    "reduce_only": True,
    "stp": "decrement",
}
"""An order with everything that an order may carry, of somebody who is long."""


@pytest.fixture
def long(market: Market) -> Market:
    """Return a market in which bob is long 10 and has sent the order."""
    market.play("mm sell 10@100\n deposit bob 1000\n bob buy 10@100")
    market.send(ORDER)
    assert market.refusals == []
    return market


def test_repeat_gives_the_original_acceptance(long: Market) -> None:
    """And changes nothing, however often it comes (A10)."""
    original = long.of("order_accepted")[-1]
    before = long.hash()

    long.send(ORDER)

    assert long.last == [original | {"duplicate": True}]
    assert long.hash() == before


@pytest.mark.parametrize(
    "same",
    [
        {"display_quantity": 10},
        {"display_quantity": "10.0"},
        {"display_quantity": "10.000"},
        {"tag": None},
        {"trail_bps": None},
    ],
)
def test_same_content_written_otherwise_is_a_repeat(long: Market, same: dict[str, Any]) -> None:
    """What an order says counts, not how (A10)."""
    long.send(ORDER | same)

    assert long.refusals == []
    assert long.last[0]["duplicate"] is True


@pytest.mark.parametrize(
    "other",
    [
        {"expires_at": 50_001},
        {"expires_at": None, "time_in_force": "gtc"},
        {"expires_at": None, "time_in_force": "day"},
        {"display_quantity": "9"},
        {"display_quantity": None},
        {"post_only": False},
        {"post_only": None},
        {"reduce_only": False},
        {"reduce_only": None},
        {"stp": "cancel_both"},
        {"stp": "none"},
        {"stp": None},
    ],
)
def test_every_field_counts(long: Market, other: dict[str, Any]) -> None:
    """Another time, peak, mode or condition is another order (A10)."""
    before = long.hash()

    long.send(ORDER | other)

    assert long.refusals == ["id_reused"]
    assert long.hash() == before


@pytest.mark.parametrize("field", ["post_only", "reduce_only"])
def test_false_is_the_same_as_nothing_said(market: Market, field: str) -> None:
    """A condition that is not asked for is not there (A10)."""
    plain = {key: value for key, value in ORDER.items() if key not in {"post_only", "reduce_only"}}
    market.play("deposit bob 1000")
    market.send(plain)

    market.send(plain | {field: False})

    assert market.refusals == []
    assert market.last[0]["duplicate"] is True


def test_repeat_after_its_time_is_a_repeat_still(long: Market) -> None:
    """The id is looked at before the expiry, which has passed now (A10, A3)."""
    long.play("wait 60000")
    assert len(long.of("order_expired")) == 1

    long.send(ORDER)

    assert long.refusals == []
    assert long.last[0]["duplicate"] is True


def test_repeat_after_the_position_is_gone_is_a_repeat_still(long: Market) -> None:
    """And before there is nothing to reduce (A10, A8)."""
    long.play("mm buy 10@101")
    assert long.cancels == ["n1 20 reduce_only"]

    long.send(ORDER)

    assert long.refusals == []
    assert long.last[0]["duplicate"] is True


def test_refused_for_each_new_reason_it_may_come_again(market: Market) -> None:
    """A refused order uses no id up (A10)."""
    market.play("""
        mm  sell 10@100
        bob buy  10@100
        mm  buy  5@101
    """)
    wrong: list[dict[str, Any]] = [
        {"display_quantity": "31"},
        {"expires_at": 1},
        {"side": "buy", "price": "1"},
        {"price": "101"},
    ]

    for change in wrong:
        market.send(ORDER | change)
    market.send(ORDER | {"price": "102"})

    reasons = ["invalid_display", "invalid_expiry", "nothing_to_reduce", "post_only_would_trade"]
    assert market.refusals == reasons
    assert market.asks() == ["bob 30@102 shows 10"]
