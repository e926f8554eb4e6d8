"""What the liquidation lock keeps out, and what only reduces, which enters always (C1)."""

from typing import Any

import pytest

from tests.core.market import Market


def _market(**terms: Any) -> Market:
    """Return a market in which a lot is worth 1."""
    return Market("1", **terms)


def _in_liquidation(market: Market) -> None:
    """Let bob be long 10 at 1 and stand at the highest tier without a buyer."""
    market.play("""
        deposit bob 2
        mm  sell 10@1
        bob buy  10@1
        mark 0.88
    """)


def test_account_in_liquidation_takes_no_risk() -> None:
    """While it is being liquidated nothing that adds risk enters (C1)."""
    market = _market()
    _in_liquidation(market)

    market.play("bob buy 1@0.5")

    assert 507 in [error["code"] for error in market.last[0]["errors"]]


def test_lock_ends_below_the_first_tier() -> None:
    """Money came in: the account is like any other again (D2)."""
    market = _market()
    _in_liquidation(market)

    market.play("""
        deposit bob 100
        bob buy 1@0.5
    """)

    assert market.refusals == []


def test_reductions_pass_every_check() -> None:
    """Stale price, limits, leverage, margin, liquidation: the way out is open (C1)."""
    market = _market(feed_stale_ms=1_000)
    _in_liquidation(market)
    market.play("risk bob max_order_notional=1 max_exposure=1")
    market.wait(1_001)
    market.forget()

    market.play("""
        bob sell 4@0.9
        bob sell 6@0.01
        bob sell market 1
    """)

    assert market.refusals == ["no_liquidity"]
    assert market.asks() == ["bob 6@0.01", "bob 4@0.9"]


@pytest.mark.parametrize(
    ("resting", "order", "admitted"),
    [
        ("", "sell 10@1.5", True),
        ("", "sell 11@1.5", False),
        ("bob sell 4@1.6", "sell 6@1.5", True),
        ("bob sell 4@1.6", "sell 7@1.5", False),
        ("bob sell 10@1.6", "sell 1@1.5", False),
        ("bob buy 0@1", "buy 1@0.5", False),
    ],
)
def test_order_reduces_up_to_what_no_other_order_reduces(
    resting: str, order: str, admitted: bool
) -> None:
    """Its quantity is at most the position less what already rests on its side (C1)."""
    market = _market(feed_stale_ms=1_000)
    market.play(f"""
        mm  sell 10@1
        bob buy  10@1
        {resting}
    """)
    market.wait(1_001)
    market.forget()

    market.play(f"bob {order}")

    assert market.refusals == ([] if admitted else ["price_stale"])


def test_amended_order_gives_back_what_it_reduced() -> None:
    """Four of ten rest; amended to ten they are still within the position (C1)."""
    market = _market(feed_stale_ms=1_000)
    market.play("""
        mm  sell 10@1
        bob buy  10@1
        bob sell 4@1.6
    """)
    market.wait(1_001)

    market.play("""
        bob amend o3 10
        bob amend o3 11
    """)

    assert market.refusals == ["price_stale"]
    assert market.asks() == ["bob 10@1.6"]
