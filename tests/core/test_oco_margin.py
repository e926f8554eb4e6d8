"""What linked orders hold: legs of a group count once, the dearer (B3, A13)."""

import pytest

from tests.core.market import Market
from tests.core.naive_market import NaiveMarket


@pytest.fixture(params=(Market, NaiveMarket), ids=("machine", "oracle"))
def taxed(request: pytest.FixtureRequest) -> Market:
    """Return a market where a taker pays a tenth of a per cent."""
    opened: Market = request.param(taker_fee="0.001")
    return opened


def test_legs_of_one_side_count_once(market: Market) -> None:
    """Only one of them can come about (B3)."""
    market.play("""
        alice sell 10@105 oco=g
        alice sell 5@110  oco=g
        bob   sell 10@105
        bob   sell 5@110
    """)

    assert market.margin("alice")["initial"] == "210"
    assert market.margin("bob")["initial"] == "320"


def test_lots_and_notional_count_each_by_the_dearest(market: Market) -> None:
    """Long 8, with legs of 10 for 1000 and of 9 for 1080: 10 lots, which is a short, at 1080."""
    market.play("""
        mm    sell 8@100
        alice buy  8@100
        alice sell 10@100 oco=g
        alice sell 9@120  oco=g
    """)
    assert market.margin("alice")["initial"] == "160"

    market.play("""
        mark 50
        alice sell 8@100
    """)

    assert market.margin("alice")["initial"] == "296"


def test_sides_of_a_group_count_each_by_itself(market: Market) -> None:
    """The worse side is held, as ever (B3)."""
    market.play("""
        alice sell 10@105 oco=g
        alice sell 10@106 oco=g
        alice buy  11@99  oco=g
        alice buy  11@98  oco=g
    """)

    assert market.margin("alice")["initial"] == "217.8"


def test_groups_count_each_by_itself(market: Market) -> None:
    """Two groups can both trade (B3)."""
    market.play("""
        alice sell 10@105 oco=g
        alice sell 10@105 oco=h
        alice sell 10@105
    """)

    assert market.margin("alice")["initial"] == "630"


def test_fees_of_a_side_are_held_once(taxed: Market) -> None:
    """The dearest leg's, by side and by kind (B3)."""
    taxed.play("""
        mm    sell 5@100
        alice buy  5@100
        alice sell 10@105 oco=g
        alice sell 10@110 oco=g
        alice buy  10@90  oco=g
    """)
    assert taxed.margin("alice")["fee_hold"] == "2"

    taxed.play("""
        alice sell 5@120 oco=g reduce
        alice sell 5@130 oco=g reduce
    """)

    assert taxed.margin("alice")["fee_hold"] == "2.65"


def test_hold_falls_back_to_the_next_dearest_when_one_goes(taxed: Market) -> None:
    """A leg that goes, or is cut, gives back what only it held (B3)."""
    taxed.play("""
        alice sell 10@110 oco=g rule=incremental
        alice sell 10@105 oco=g
        alice buy  1@90   oco=g
        alice cancel o1
    """)
    assert taxed.margin("alice")["initial"] == "210"
    assert taxed.margin("alice")["fee_hold"] == "1.14"


def test_newcomer_leg_needs_only_what_it_adds(market: Market) -> None:
    """Another leg as dear costs nothing; one a little dearer, the difference (B3, C1)."""
    market.play("""
        change X initial_margin=0.25
        deposit alice 265
        alice sell 10@105 oco=g
        alice sell 10@106 oco=g
        alice sell 10@107 oco=g
        alice sell 1@105
        alice sell 10@101 oco=g
    """)

    assert market.refusals == ["insufficient_margin", "insufficient_margin"]
    assert market.free("alice") == "0"
    assert market.asks() == ["alice 10@101", "alice 10@105", "alice 10@106"]


def test_newcomers_fee_is_what_it_adds_too(taxed: Market) -> None:
    """The fee of a dearer leg is held for all of its side (B3, C1)."""
    taxed.play("""
        change X initial_margin=0.25
        deposit alice 266.06
        alice sell 10@105 oco=g
        alice sell 10@106 oco=g
        alice sell 5@107 oco=g
        alice sell 10@106.01 oco=g
    """)

    assert taxed.refusals == ["insufficient_margin"]
    assert taxed.free("alice") == "0"


def test_newcomer_leg_gives_nothing_back(taxed: Market) -> None:
    """A small leg beside a dear one does not make the dear one small (B3, C1)."""
    taxed.play("""
        change X initial_margin=0.25
        deposit alice 251
        alice sell 10@100 oco=g
        change X initial_margin=0.2505
        alice sell 1@100 oco=g
        alice buy  1@90 oco=g
        change X initial_margin=0.25
        alice sell 1@100 oco=g
        change X initial_margin=0.3
        alice sell 1@100 oco=g
    """)

    assert taxed.refusals == ["insufficient_margin"] * 3
    assert taxed.asks() == ["alice 10@100", "alice 1@100"]


def test_newcomer_leg_frees_no_room_for_itself(market: Market) -> None:
    """Long ten with thirteen for sale: another four in the group of ten is no reduction (C1)."""
    market.play("""
        mm    sell 10@100
        alice buy  10@100
        alice sell 10@105 oco=g
        alice sell 3@106
        update alice status=suspended
        alice sell 4@107 oco=g
    """)

    assert market.refusals == ["account_not_active"]


def test_amended_leg_is_asked_for_what_it_adds_beside_the_others(market: Market) -> None:
    """Up to the dearest of the others it is free (A9, B3, C1)."""
    market.play("""
        change X initial_margin=0.25
        deposit alice 265
        alice sell 10@105 oco=g
        alice sell 5@106  oco=g
        alice amend o2 10
        alice amend o1 @107
        alice amend o1 @106
    """)

    assert market.refusals == ["insufficient_margin"]
    assert market.margin("alice")["initial"] == "265"


def test_leg_that_fires_is_a_newcomer_beside_its_siblings(market: Market) -> None:
    """Asleep it held nothing; awake it adds nothing to a dearer sibling (A11, B3)."""
    market.play("""
        change X initial_margin=0.25
        bob buy  1@100
        mm  sell 1@100
        deposit alice 265
        deposit carol 265
        alice sell 10@106 oco=g
        alice sell stop_limit 10@101 trigger=98 oco=g id=linked
        carol sell stop_limit 10@101 trigger=97 id=alone
        carol sell 10@106
        bob buy  1@97
        mm  sell 1@97
    """)

    assert market.refusals == []
    assert market.fired == ["linked 98 at 97", "alone 97 at 97"]
    assert market.failed == ["alone insufficient_margin"]
    assert market.asks() == ["alice 10@101", "alice 10@106", "carol 10@106"]
    assert market.margin("alice")["initial"] == "265"


def test_legs_that_reduce_are_counted_once_against_the_position(market: Market) -> None:
    """A suspended account may close ten, not more, and linked closes are one (B3, C1)."""
    market.play("""
        mm    sell 10@100
        alice buy  10@100
        update alice status=suspended
        alice sell 6@105 oco=g
        alice sell 6@106 oco=g
        alice sell 7@107 oco=g
        alice sell 4@108
        alice sell 3@108
    """)

    assert market.refusals == ["account_not_active"]
    assert market.asks() == ["alice 6@105", "alice 6@106", "alice 7@107", "alice 3@108"]


def test_reduce_only_legs_and_plain_ones_do_not_share(market: Market) -> None:
    """They are of two kinds: what the one may do says nothing about the other (B3)."""
    market.play("""
        mm    sell 10@100
        alice buy  10@100
        update alice status=suspended
        alice sell 6@105 oco=g reduce
        alice sell 6@106 oco=g reduce
        alice sell 3@107 oco=g
        alice sell 2@108
        alice sell 1@108
    """)

    assert market.refusals == ["account_not_active"]
    assert market.asks()[-1] == "alice 1@108"
