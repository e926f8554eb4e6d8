"""Fees, which add up per order (B5)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.market import Market


def _tiny(**fees: Any) -> Market:
    """Return a market in which a lot is worth 1,000 atoms."""
    return Market(None, mark_source="last", tick_size="0.00001", **fees)


def _fees(market: Market, side: str) -> list[str]:
    return [trade[side]["fee"] for trade in market.of("trade")]


@pytest.mark.parametrize(
    ("rate", "fees"),
    [("0.0004", ["0.00000001", "0", "0.00000001"]), ("-0.0001", ["0", "0", "0"])],
)
def test_fees_add_up_per_order(rate: str, fees: list[str]) -> None:
    """Three fills of 1,000 atoms: at 400 ppm 1, 0, 1; at −100 ppm 0, 0, 0 (B5)."""
    market = _tiny(maker_fee=rate, taker_fee="0")

    market.play("""
        mm  sell 3@0.00001
        bob buy  1@0.00001
        bob buy  1@0.00001
        bob buy  1@0.00001
    """)

    assert _fees(market, "maker") == fees


@pytest.mark.parametrize("side", ["maker", "taker"])
@given(slices=st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_slicing_an_order_changes_nothing(side: str, slices: list[int]) -> None:
    """However a total is cut up, its fee is that of one fill, rounded up once (B5)."""
    market = _tiny(maker_fee="0.000137", taker_fee="0.000731")
    total = sum(slices)
    orders = "\n".join(f"many sell {lots}@0.00001" for lots in slices)
    one = f"one buy {total}@0.00001"

    market.play(f"{one}\n{orders}" if side == "maker" else f"{orders}\n{one}")

    ppm = 137 if side == "maker" else 731
    paid = sum(round(float(fee) * 1e8) for fee in _fees(market, side))
    assert paid == -(-total * 1000 * ppm // 10**6)


def test_maker_and_taker_pay_their_own_rates() -> None:
    """A rebate is a fee below zero (B5)."""
    market = Market(maker_fee="-0.0001", taker_fee="0.0005")

    market.play("""
        mm  sell 2@100
        bob buy  2@100
    """)

    assert (_fees(market, "maker"), _fees(market, "taker")) == (["-0.02"], ["0.1"])
    assert market.balance("mm") == "1000000000.02"
    assert market.balance("bob") == "999999999.9"


def test_rates_are_fixed_at_entry() -> None:
    """Who queued at one rate pays it, whatever becomes of the rate (B5)."""
    market = Market(maker_fee="0.01", taker_fee="0.01")

    market.play("""
        mm  sell 2@100
        change X maker_fee=0.05 taker_fee=0.02
        bob buy  2@100
    """)

    assert (_fees(market, "maker"), _fees(market, "taker")) == (["2"], ["4"])


def test_liquidation_pays_the_taker_fee() -> None:
    """It is an order like any other (B5)."""
    market = Market(lot_size="0.1", taker_fee="0.001")
    market.play("""
        deposit bob 20.1
        mm    sell 1@100
        bob   buy  1@100
        carol buy  1@90
        mark 90
    """)

    assert market.of("trade")[-1]["taker"]["fee"] == "0.027"
