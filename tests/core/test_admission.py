"""The seven checks of C1, each at its limit and one lot beyond.

In these markets a lot is worth 1, so that notional and lots are the same number.
"""

from typing import Any

import pytest

from tests.core.market import Market


def _market(**terms: Any) -> Market:
    return Market("1", **terms)


def _codes(market: Market) -> list[int]:
    """Return every failing check of the last answer."""
    return [error["code"] for error in market.last[-1].get("errors", [])]


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_check_1_account_is_active(status: str) -> None:
    """An operator has stopped it (C1)."""
    market = _market()
    market.play(f"""
        deposit bob 100
        update bob status={status}
        bob buy 1@1
    """)

    assert _codes(market) == [206]


def test_check_1_suspended_account_may_reduce_and_closed_one_may_not() -> None:
    """A suspended account must find its way out (C1)."""
    market = _market()
    market.play("""
        mm  sell 5@1
        bob buy  5@1
        update bob status=suspended
        bob sell 2@1
    """)
    assert market.refusals == []

    market.play("""
        update bob status=closed
        bob sell 2@1
    """)

    assert _codes(market) == [206]


def test_check_2_price_is_known() -> None:
    """Risk that cannot be valued does not enter (C1)."""
    market = Market(None)

    market.play("bob buy 1@1")

    assert _codes(market) == [302]


def test_check_2_first_limit_order_brings_its_own_price_where_trades_are_the_mark() -> None:
    """Somebody has to begin; a market order cannot (C1)."""
    market = Market(None, mark_source="last")

    market.play("""
        mm  sell 1@1
        bob buy market 1
    """)

    assert _codes(market) == [302]
    assert market.asks() == ["mm 1@1"]


def test_check_2_price_is_fresh() -> None:
    """An old price is no price (C1)."""
    market = _market(feed_stale_ms=100)
    market.wait(101)

    market.play("bob buy 1@1")

    assert _codes(market) == [303]


def test_check_3_leverage_at_its_limit_and_one_lot_beyond() -> None:
    """Σ notional ÷ equity ≤ leverage: 400 elsewhere and 100 here are 5 × 100 (C1)."""
    market = _market()
    market.play("""
        instrument Y max_leverage=50 initial_margin=0.02 maintenance_margin=0.01
        mark Y 1
        deposit bob 100
        mm  sell Y 400@1
        bob buy  Y 400@1
    """)

    market.play("bob buy 101@1")
    assert _codes(market) == [501]
    assert market.last[0]["detail"] == {"limit": "500", "used": "400", "requested": "101"}

    market.play("bob buy 100@1")
    assert market.bids() == ["bob 100@1"]


def test_check_3_takes_the_leverage_of_the_account_where_that_is_less() -> None:
    """Leverage used is the lesser of the two (C1)."""
    market = _market()
    market.play("""
        account bob leverage=3
        deposit bob 100
        bob buy 301@1
    """)
    assert 501 in _codes(market)

    market.play("bob buy 300@1")
    assert market.bids() == ["bob 300@1"]


def test_check_4_order_notional() -> None:
    """The account's limit for a single order (C1)."""
    market = _market()
    market.play("""
        deposit bob 1000
        risk bob max_order_notional=60
    """)

    market.play("bob buy 61@1")
    assert _codes(market) == [502]

    market.play("bob buy 60@1")
    assert market.bids() == ["bob 60@1"]


def test_check_5_total_exposure() -> None:
    """Positions of all instruments, and this order, against the account's limit (C1)."""
    market = _market()
    market.play("""
        instrument Y
        mark Y 1
        deposit bob 1000
        risk bob max_exposure=60
        mm  sell Y 20@1
        bob buy  Y 20@1
    """)

    market.play("bob buy 41@1")
    assert _codes(market) == [503]
    assert market.last[0]["detail"] == {"limit": "60", "used": "20", "requested": "41"}

    market.play("bob buy 40@1")
    assert market.bids() == ["bob 40@1"]


def test_limits_of_zero_are_none() -> None:
    """A limit is taken away by 0 (C1)."""
    market = _market()

    market.play("""
        deposit bob 1000
        risk bob max_order_notional=60 max_exposure=60
        risk bob max_order_notional=0 max_exposure=0
        bob buy 100@1
    """)

    assert market.refusals == []


def test_check_6_free_margin() -> None:
    """25 % of 400 is all there is; the 401st lot is one too many (C1)."""
    market = _market(initial_margin="0.25")
    market.play("deposit bob 100")

    market.play("bob buy 401@1")
    assert _codes(market) == [504]
    assert market.last[0]["detail"] == {"limit": "100", "used": "0", "requested": "100.25"}

    market.play("bob buy 400@1")
    assert market.free("bob") == "0"


def test_check_6_counts_fees() -> None:
    """Whoever cannot pay the fee cannot pay the order (C1)."""
    market = _market(initial_margin="0.25", taker_fee="0.01")
    market.play("deposit bob 104")

    market.play("bob buy 401@1")
    assert _codes(market) == [504]

    market.play("bob buy 400@1")
    assert market.free("bob") == "0"


def test_check_6_tells_what_is_used_already() -> None:
    """Margin and fees of what is there are used, the order's own are requested (C1)."""
    market = _market(initial_margin="0.25", taker_fee="0.01")
    market.play("""
        deposit bob 104
        bob buy 100@1
        bob buy 301@1
    """)

    assert market.last[0]["detail"] == {"limit": "104", "used": "26", "requested": "78.26"}


@pytest.mark.parametrize(("side", "price"), [("buy", "1.1"), ("sell", "0.9")])
def test_check_6_counts_the_loss_at_once(side: str, price: str) -> None:
    """A tenth over the mark is lost as the order fills (C1).

    Buying 100@1.1 holds 22 and loses 10. Selling 100@0.9 loses 10 too, and makes a short position
    that counts at the mark: 20.
    """
    needed = 32 if side == "buy" else 30
    other = "sell" if side == "buy" else "buy"
    market = _market()
    market.play(f"""
        mm {other} 100@{price}
        deposit poor {needed - 1}.99
        deposit able {needed}
        poor {side} 100@{price}
    """)
    assert _codes(market) == [504]

    market.play(f"able {side} 100@{price}")

    assert market.refusals == ["insufficient_margin"]
    assert float(market.free("able")) >= 0


def test_loss_at_once_is_never_a_gain() -> None:
    """A price better than the mark buys no margin in advance (C1)."""
    market = _market()
    market.play("""
        deposit bob 10
        bob buy 101@0.5
    """)

    assert _codes(market) == [501, 504, 505]


@pytest.mark.parametrize("order", ["buy 100@1", "sell 100@1"])
def test_limits_that_do_not_bind_leave_the_others_as_they_are(order: str) -> None:
    """Exactly at leverage and free margin, under limits of one's own that are far away (C1)."""
    market = _market()

    market.play(f"""
        deposit bob 20
        risk bob max_order_notional=1000 max_exposure=1000
        bob {order}
    """)

    assert market.refusals == []
    assert market.free("bob") == "0"


@pytest.mark.parametrize(
    ("first", "other", "more", "initial"),
    [("buy", "sell", "100@1", "100"), ("sell", "buy", "33@3.01", "99.866")],
)
def test_exits_at_far_prices_stand_in_nobodys_way(
    first: str, other: str, more: str, initial: str
) -> None:
    """Four lots to be closed at three times the mark hold nothing, and ask for nothing (B3)."""
    market = _market()
    market.play(f"""
        deposit bob 100
        mm  {other} 400@1
        bob {first} 400@1
        bob {other} 400@3
    """)
    assert market.free("bob") == "20"

    market.play(f"bob {first} {more}")

    assert market.refusals == []
    assert market.margin("bob")["initial"] == initial


def test_check_7_margin_ratio_stays_below_its_threshold() -> None:
    """16 of 100 lots bought at half the mark must be maintained: 500 of them reach 0.80 (C1)."""
    market = _market(initial_margin="0.25", maintenance_margin="0.16", max_leverage="4")
    market.play("deposit bob 100")

    market.play("bob buy 500@0.5")
    assert _codes(market) == [505]
    assert market.last[0]["detail"] == {"limit": "80", "used": "0", "requested": "80"}

    market.play("bob buy 499@0.5")
    assert market.bids() == ["bob 499@0.5"]


def test_all_failing_checks_are_told_lowest_first() -> None:
    """One answer is enough to mend an order (C1)."""
    market = _market()
    market.play("""
        deposit bob 100
        risk bob max_order_notional=50 max_exposure=60
        update bob status=suspended
        bob buy 900@1
    """)

    assert _codes(market) == [206, 501, 502, 503, 504, 505]
    assert market.last[0]["code"] == 206


def test_check_happens_before_matching() -> None:
    """An order that cannot be afforded does not trade a part of itself (C1)."""
    market = _market()
    market.play("""
        mm sell 900@1
        deposit bob 100
    """)
    before = market.hash()

    market.play("bob buy 501@1 ioc")

    assert market.fills == []
    assert market.hash() == before
