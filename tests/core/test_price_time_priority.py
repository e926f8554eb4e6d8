"""Who trades first, and at whose price (A1)."""

import pytest

from engine import limits
from tests.core.bounds import lower
from tests.core.market import Market


def test_better_price_trades_first_and_earlier_arrival_breaks_ties() -> None:
    """The vector of the rule: price before time, time before anything else (A1)."""
    market = Market()

    market.play("""
        alice sell 5@101
        bob   sell 5@100
        carol sell 5@101
        dave  buy 12@101
    """)

    assert market.fills == ["dave<bob 5@100", "dave<alice 5@101", "dave<carol 2@101"]
    assert market.asks() == ["carol 3@101"]


def test_best_bid_is_the_highest() -> None:
    """Sellers meet the dearest buyer first (A1)."""
    market = Market()

    market.play("""
        alice buy 5@99
        bob   buy 5@100
        carol buy 5@99
        dave  sell 12@99
    """)

    assert market.fills == ["dave<bob 5@100", "dave<alice 5@99", "dave<carol 2@99"]
    assert market.bids() == ["carol 3@99"]


def test_partly_filled_maker_keeps_its_place() -> None:
    """Having traded is no reason to queue again (A1)."""
    market = Market()

    market.play("""
        alice sell 5@100
        bob   sell 5@100
        carol buy 2@100
        carol buy 5@100
    """)

    assert market.fills == ["carol<alice 2@100", "carol<alice 3@100", "carol<bob 2@100"]


def test_what_is_left_rests_at_its_own_limit() -> None:
    """The aggressor becomes a maker at the price that it named (A1)."""
    market = Market()

    market.play("""
        alice sell 5@100
        bob   buy  8@100.5
    """)

    assert market.book() == {"bids": ["bob 3@100.5"], "asks": []}


def test_no_trade_where_prices_do_not_meet() -> None:
    """A limit is a promise, to the tick (A1)."""
    market = Market()

    market.play("""
        alice sell 5@100.01
        bob   buy  5@100
    """)

    assert market.fills == []
    assert market.book() == {"bids": ["bob 5@100"], "asks": ["alice 5@100.01"]}


def test_one_trade_for_each_maker_in_order_of_meeting() -> None:
    """Two orders of one maker are two makers; trades are numbered as they print (A1)."""
    market = Market()

    market.play("""
        alice sell 1@100 id=first
        alice sell 1@100 id=second
        bob   buy  2@100
    """)

    trades = market.of("trade")
    assert [trade["maker"]["client_order_id"] for trade in trades] == ["first", "second"]
    assert [trade["trade_id"] for trade in trades] == [1, 2]
    assert [trade["taker"]["leaves"] for trade in trades] == ["1", "0"]


def test_sweep_meets_a_bounded_number_of_makers(monkeypatch: pytest.MonkeyPatch) -> None:
    """One order cannot hold up the engine: past the bound the rest is cancelled (A1)."""
    assert limits.MAX_SWEEP_MAKERS == 10_000
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 3)
    market = Market()

    market.play("""
        alice sell 1@100
        alice sell 1@100
        alice sell 1@101
        alice sell 1@101
        bob   buy  4@101
    """)

    assert market.fills == ["bob<alice 1@100", "bob<alice 1@100", "bob<alice 1@101"]
    assert market.cancels == ["o5 1 max_fills"]
    assert market.asks() == ["alice 1@101"]


def test_order_that_just_fits_the_bound_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound itself is still allowed (A1)."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    market = Market()

    market.play("""
        alice sell 1@100
        alice sell 1@100
        alice sell 1@101
        bob   buy  2@101
        bob   buy  1@100
    """)

    assert market.cancels == []
    assert market.book() == {"bids": ["bob 1@100"], "asks": ["alice 1@101"]}
