"""Marks and equity (B2), and the gate that prices come through (E3)."""

from typing import Any

import pytest

from engine.limits import MAX_TICK_SOURCES
from tests.core.market import Market


def _long_one(**terms: Any) -> Market:
    market = Market(**terms)
    market.play("""
        deposit bob 1000
        mm  sell 1@100
        bob buy  1@100
    """)
    market.forget()
    return market


def test_equity_is_cash_and_the_unrealised_result() -> None:
    """Balance stays, equity moves with the mark (B2)."""
    market = _long_one()

    market.play("mark 107")

    assert market.balance("bob") == "1000"
    assert market.margin("bob")["equity"] == "1007"


def test_mid_of_half_a_tick_is_exact() -> None:
    """100.00 and 100.01 have their middle at 100.005, not at either (B2)."""
    market = _long_one()

    market.play("tick 100 100.01")

    assert market.margin("bob")["equity"] == "1000.005"


def test_pushed_mark_counts_and_ticks_do_not() -> None:
    """An instrument has one source of its mark (B2)."""
    market = Market(None, mark_source="pushed")
    market.play("push X 100")
    market.play("""
        deposit bob 1000
        mm  sell 1@100
        bob buy  1@100
        tick 200 201
    """)
    assert market.margin("bob")["equity"] == "1000"

    market.play("push X 103.07")

    assert market.margin("bob")["equity"] == "1003.07"


def test_last_trade_marks() -> None:
    """The last print of a sweep is the mark (B2)."""
    market = Market(None, mark_source="last")
    market.play("""
        deposit bob 1000
        mm  sell 1@100
        bob buy  1@100
        tick 200 201
        mm  sell 1@105
        mm  sell 1@107
        eve buy  2@107
    """)

    assert market.margin("bob")["equity"] == "1007"


def test_mark_that_comes_from_elsewhere_is_refused() -> None:
    """Nobody pushes a mark over the one that the market gives (B2)."""
    market = _long_one()

    market.play("push X 120")

    assert market.refusals == ["wrong_mark_source"]
    assert market.margin("bob")["equity"] == "1000"


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("seq=6", None),
        ("seq=5", "tick_not_newer"),
        ("seq=4", "tick_not_newer"),
        ("seq=0", "tick_not_newer"),
        ("seq=6 ts=1", None),
        ("ts=70", None),
        ("ts=71", None),
        ("ts=69", "tick_not_newer"),
        ("seq=1 source=b", None),
        ("ts=1 source=b", None),
        ("", None),
    ],
)
def test_source_must_move_on(second: str, reason: str | None) -> None:
    """By its sequence, or without one by its time; each source for itself (E3)."""
    market = _long_one()
    market.play("tick 100 102 seq=5 ts=70")
    before = market.hash()

    market.play(f"tick 109 111 {second}")

    assert market.refusals == ([reason] if reason else [])
    assert (market.hash() == before) == (reason is not None)
    assert market.margin("bob")["equity"] == ("1001" if reason else "1010")


def test_refused_tick_does_not_move_its_source_on() -> None:
    """A tick that was refused for its price has not used its number up (E3)."""
    market = _long_one()

    market.play("""
        tick 100.001 102 seq=5
        tick 109 111 seq=5
    """)

    assert market.refusals == ["off_tick"]
    assert market.margin("bob")["equity"] == "1010"


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ("100 100", "crossed_tick"),
        ("100.01 100", "crossed_tick"),
        ("0 100", "non_positive_price"),
        ("-1 100", "non_positive_price"),
        ("100 -1", "non_positive_price"),
        ("100 0", "non_positive_price"),
    ],
)
def test_impossible_tick_moves_nothing(prices: str, reason: str) -> None:
    """A crossed or empty quote is a feed's mistake and nobody's loss (E3)."""
    market = _long_one()
    before = market.hash()

    market.play(f"tick {prices}")

    assert market.refusals == [reason]
    assert market.hash() == before


def test_stale_price_lets_no_risk_in() -> None:
    """Age is engine time since the price was accepted; its last millisecond still counts (E3)."""
    market = _long_one(feed_stale_ms=1_000)

    market.wait(1_000)
    market.play("mm sell 1@100")
    market.wait(1)
    market.play("""
        mm  sell 1@100
        bob sell 1@100
    """)

    assert market.refusals == ["price_stale"]
    assert market.of("order_accepted")[-1]["account"] == "bob"


def test_time_of_the_tick_makes_nothing_fresh() -> None:
    """`ts` is the feed's own clock; only the engine's counts (E3)."""
    market = _long_one(feed_stale_ms=1_000)
    market.play("tick 99.99 100.01 ts=999999999")

    market.wait(1_001)
    market.play("mm sell 1@100")

    assert market.refusals == ["price_stale"]


def test_same_price_again_is_fresh() -> None:
    """A market that stands still is not a feed that is dead (E3)."""
    market = _long_one(feed_stale_ms=1_000)

    market.wait(900)
    market.mark_at("100")
    market.wait(900)
    market.play("mm sell 1@100")

    assert market.refusals == []


def test_liquidation_waits_for_a_fresh_price_and_then_goes_on() -> None:
    """Also when the price that comes back is the one that was there before (E3)."""
    market = Market(feed_stale_ms=1_000, lot_size="0.1")
    market.play("""
        deposit bob 20
        mm    sell 1@100
        bob   buy  1@100
        carol buy  1@91
        mark 91
    """)
    assert market.of("liquidation") == []
    market.wait(2_000)
    market.play("change X maintenance_margin=0.15")
    assert market.of("liquidation") == []

    market.mark_at("91")

    assert [event["type"] for event in market.last] == ["liquidation", "trade"]


def test_sources_of_a_symbol_are_bounded() -> None:
    """A feed that invents names fills no memory: the sixty-fifth source is refused (E3)."""
    market = Market()

    for number in range(MAX_TICK_SOURCES + 1):
        market.play(f"tick 99 101 source=s{number} seq=1")

    assert market.last[0]["code"] == 208
    market.play("tick 98 102 source=s0 seq=2")
    assert market.last == []
