"""Linked orders within one sweep: they never fill both, and never meet each other (A13)."""

import pytest

from tests.core.bounds import lower
from tests.core.market import Market


def test_first_hit_siblings_are_never_both_bitten(market: Market) -> None:
    """The second is passed over, the taker goes on behind it (A13)."""
    market.play("""
        alice sell 5@101 oco=g
        alice sell 5@102 oco=g
        carol sell 5@103
        bob   buy  10@103
    """)

    assert market.fills == ["bob<alice 5@101", "bob<carol 5@103"]
    assert market.cancels == ["o2 5 oco"]


def test_first_hit_iceberg_is_bitten_again_though_its_sibling_is_not(market: Market) -> None:
    """What was hit may go on; the sibling between its peaks is passed over (A4, A13)."""
    market.play("""
        alice sell 10@101 oco=g peak=5
        alice sell 5@101 oco=g
        bob   buy  8@101
    """)

    assert market.fills == ["bob<alice 8@101"]
    assert market.cancels == ["o2 5 oco"]
    assert market.asks() == ["alice 2@101"]


def test_complete_fill_sibling_is_passed_over_once_the_other_is_filled_up(market: Market) -> None:
    """Both may be bitten in part, but not after one is done (A13)."""
    market.play("""
        alice sell 5@101 oco=g rule=complete_fill
        alice sell 5@102 oco=g
        carol sell 5@103
        bob   buy  8@103
    """)

    assert market.fills == ["bob<alice 5@101", "bob<carol 3@103"]
    assert market.cancels == ["o2 5 oco"]


def test_complete_fill_siblings_may_both_fill_in_part(market: Market) -> None:
    """Icebergs take turns; the one done first ends the other (A4, A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=complete_fill peak=5
        alice sell 10@101 oco=g peak=5
        bob   buy  18@101
    """)

    assert market.fills == ["bob<alice 10@101", "bob<alice 5@101"]
    assert market.cancels == ["o2 5 oco"]
    assert market.asks() == []
    assert market.bids() == ["bob 3@101"]


def test_incremental_sibling_is_capped_to_what_the_bites_leave_it(market: Market) -> None:
    """It is reduced before its next fill, so both can never fill (A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=incremental
        alice sell 10@102 oco=g
        carol sell 10@103
        bob   buy  4@101
        bob   buy  12@103
    """)

    assert market.fills == ["bob<alice 4@101", "bob<alice 6@101", "bob<carol 6@103"]
    assert market.cuts == ["o2 6/6 oco"]
    assert market.cancels == ["o2 6 oco"]


def test_incremental_siblings_share_one_sweep(market: Market) -> None:
    """Half of one leaves half of the other, in whatever order they are bitten (A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=incremental peak=5
        alice sell 10@101 oco=g peak=5
        carol sell 9@102
        bob   buy  12@102
    """)

    assert market.fills == ["bob<alice 5@101", "bob<alice 5@101", "bob<carol 2@102"]
    assert market.asks() == ["carol 7@102"]
    assert market.cancels == ["o2 5 oco", "o1 5 oco"]


def test_incremental_cap_goes_on_from_the_fills_before(market: Market) -> None:
    """One lot and then five of twenty are six: three of ten, not two (A13)."""
    market.play("""
        alice sell 20@101 oco=g rule=incremental peak=6
        alice sell 10@101 oco=g peak=9
        bob   buy  1@101
        bob   buy  14@101
    """)

    assert market.fills == ["bob<alice 1@101", "bob<alice 5@101", "bob<alice 7@101"]
    assert market.cancels == ["o2 3 oco", "o1 14 oco"]


def test_fok_counts_what_linked_makers_may_trade(market: Market) -> None:
    """All or nothing is decided with the caps (A5, A13)."""
    market.play("""
        alice sell 5@101 oco=g
        alice sell 5@102 oco=g
        carol sell 5@103
        bob   buy  11@103 fok
    """)
    assert market.refusals == ["unfillable"]
    assert market.asks() == ["alice 5@101", "alice 5@102", "carol 5@103"]

    market.play("bob buy 10@103 fok")

    assert market.fills == ["bob<alice 5@101", "bob<carol 5@103"]


@pytest.mark.parametrize(
    "mode", ["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"]
)
def test_sibling_met_by_its_own_is_cancelled_whatever_the_mode(market: Market, mode: str) -> None:
    """Of two linked orders the newcomer stays; prevention has no say, and is not told (A6, A13)."""
    market.play(f"""
        carol sell 2@101
        alice sell 5@101 oco=g
        carol sell 2@102
        alice buy  6@102 oco=g stp={mode}
    """)

    assert market.fills == ["alice<carol 2@101", "alice<carol 2@102"]
    assert market.cancels == ["o2 5 oco"]
    assert market.of("prevented_match") == []
    assert market.bids() == ["alice 2@102"]


def test_sibling_is_cancelled_at_its_place_in_the_sweep(market: Market) -> None:
    """Between the trades before it and those behind it (A13)."""
    market.play("""
        carol sell 2@101
        alice sell 5@101 oco=g
        carol sell 2@102
    """)
    market.forget()

    market.play("alice buy 4@102 oco=g")

    assert market.kinds() == ["order_accepted", "trade", "order_cancelled", "trade"]


def test_fok_goes_around_its_sibling(market: Market) -> None:
    """It counts nothing of it, and cancels it only if it executes (A5, A13)."""
    market.play("""
        alice sell 5@101 oco=g
        carol sell 5@102
        alice buy  6@102 oco=g fok
    """)
    assert market.refusals == ["unfillable"]
    assert market.asks() == ["alice 5@101", "carol 5@102"]

    market.play("alice buy 5@102 oco=g fok")

    assert market.fills == ["alice<carol 5@102"]
    assert market.cancels == ["o1 5 oco"]


def test_post_only_sibling_is_refused_like_any_other(market: Market) -> None:
    """It would meet a resting order, if only to cancel it (A7, A13)."""
    market.play("""
        alice sell 5@101 oco=g
        alice buy  5@101 oco=g post
    """)

    assert market.refusals == ["post_only_would_trade"]
    assert market.asks() == ["alice 5@101"]


def test_both_caps_apply_to_a_reduce_only_leg(market: Market) -> None:
    """The lesser of what the position and the group allow (A8, A13)."""
    market.play("""
        mm    sell 6@100
        alice buy  6@100
        alice sell 10@101 oco=g rule=incremental reduce
        alice sell 10@102 oco=g reduce
        carol sell 9@103
        bob   buy  4@101
        bob   buy  9@103
    """)

    assert market.fills[1:] == ["bob<alice 4@101", "bob<alice 2@101", "bob<carol 7@103"]
    assert market.position("alice") == "0"
    assert market.cuts == ["o4 6/6 oco", "o4 4/4 oco"]
    assert market.cancels == ["o3 4 reduce_only", "o4 4 reduce_only"]


def test_stops_between_linked_orders_fire_into_what_is_left() -> None:
    """Effects are done before any stop is looked at (A11, A13)."""
    market = Market()
    market.play("""
        bob   buy  1@100
        carol sell 1@100
        alice sell 5@101 oco=g
        alice sell 5@101 oco=g
        dave  buy stop 5 trigger=101
        bob   buy 1@101
    """)

    assert market.fills == ["carol<bob 1@100", "bob<alice 1@101", "dave<alice 4@101"]


def test_sibling_that_only_goes_counts_as_a_maker_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep meets so many makers, traded with or not; one passed over is not met (A1, A13)."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    market = Market()
    market.play("""
        alice sell 1@101 oco=g
        carol sell 1@102
        carol sell 1@103
        alice buy  3@103 oco=g
        dave  sell 1@104 oco=g
        dave  sell 1@104 oco=g
        carol sell 1@105
        bob   buy  3@105
    """)

    assert market.fills == ["alice<carol 1@102", "bob<carol 1@103", "bob<dave 1@104"]
    assert market.cancels[:2] == ["o1 1 oco", "o4 2 max_fills"]
