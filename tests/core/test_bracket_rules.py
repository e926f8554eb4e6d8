"""Brackets within a sweep, under the other fill rules, and how they end (A13)."""

import pytest

from tests.core.market import Market


def test_first_hit_take_profit_ends_the_bracket(market: Market) -> None:
    """Any fill of a child cancels the other children, then the entry's rest (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=4@103,4@104 sl=95 rule=first_hit
        mm    sell 6@100
        bob   buy  1@103
    """)

    assert market.cancels == ["o1.tp2 2 bracket", "o1.sl 6 bracket", "o1 4 bracket"]
    assert market.asks() == ["alice 1@103"]
    assert market.bids() == []


def test_complete_fill_take_profit_ends_the_bracket_when_it_is_done(market: Market) -> None:
    """A part of a fill changes nothing, not even the stop (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=4@103,4@104 sl=95 rule=complete_fill
        mm    sell 10@100
        bob   buy  3@103
    """)
    assert market.cancels == market.cuts == []
    assert market.armed() == ["o1.sl sell 10 95"]

    market.play("bob buy 1@103")

    assert market.cancels == ["o1.tp2 4 bracket", "o1.sl 10 bracket"]


def test_first_hit_children_are_never_both_bitten(market: Market) -> None:
    """The second take-profit is passed over (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=4@103,4@104 sl=95 rule=first_hit
        mm    sell 10@100
        carol sell 5@105
        bob   buy  8@105
    """)

    assert market.fills[1:] == ["bob<alice 4@103", "bob<carol 4@105"]


def test_complete_fill_child_is_passed_over_once_another_is_done(market: Market) -> None:
    """As in a group of that rule (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=4@103,4@104 sl=95 rule=complete_fill
        mm    sell 10@100
        carol sell 5@105
        bob   buy  8@105
    """)

    assert market.fills[1:] == ["bob<alice 4@103", "bob<carol 4@105"]
    assert market.asks() == ["carol 1@105"]


HOLDS_MORE = """
    zoe   sell 20@100
    alice buy  20@100
"""
"""A position besides, so that what only reduces is bound by its bracket alone."""


def test_one_sweep_never_closes_more_than_was_opened(market: Market) -> None:
    """A stop-limit that rests and the take-profits behind it are one position (A13)."""
    market.play(f"""
        {HOLDS_MORE}
        zed   buy  1@90
        alice bracket buy 10@100 tp=5@103,5@104 sl=95@96 id=b
        mm    sell 10@100
        mm    sell 1@90
        carol sell 9@105
    """)
    assert market.asks() == ["alice 10@96", "alice 5@103", "alice 5@104", "carol 9@105"]
    market.forget()

    market.play("bob buy 16@105")

    assert market.fills == ["bob<alice 10@96", "bob<carol 6@105"]
    assert market.cancels == ["b.tp1 5 bracket", "b.tp2 5 bracket"]
    assert market.position("alice") == "20"


def test_take_profits_are_capped_by_what_the_stop_has_sold_in_the_sweep(market: Market) -> None:
    """Last first: of 5 and 5, with 7 sold, the first has three left and the second none (A13)."""
    market.play(f"""
        {HOLDS_MORE}
        zed   buy  1@90
        alice bracket buy 10@100 tp=5@103,5@104 sl=95@103 id=b
        mm    sell 10@100
        mm    sell 1@90
        alice amend b.tp1 @103.50
        dave  buy  7@103
        carol sell 9@105
    """)
    assert market.asks() == ["alice 3@103", "alice 3@103.5", "carol 9@105"]
    market.forget()

    market.play("bob buy 6@105")

    assert market.fills == ["bob<alice 3@103", "bob<carol 3@105"]
    assert market.cancels == ["b.tp1 3 bracket"]
    assert market.position("alice") == "20"


def test_stop_is_capped_by_what_the_take_profits_have_sold_in_the_sweep(market: Market) -> None:
    """A stop-limit that stands behind them has only what they leave (A13)."""
    market.play(f"""
        {HOLDS_MORE}
        zed   buy  1@90
        alice bracket buy 10@100 tp=5@103,5@104 sl=95@103.50 id=b
        mm    sell 10@100
        mm    sell 1@90
        carol sell 9@105
    """)
    market.forget()

    market.play("bob buy 12@105")

    assert market.fills == ["bob<alice 5@103", "bob<alice 5@103.5", "bob<carol 2@105"]
    assert market.cancels == ["b.tp2 5 bracket", "b.sl 5 bracket"]
    assert market.position("alice") == "20"


def test_fok_counts_what_the_children_may_trade(market: Market) -> None:
    """All or nothing is decided with the caps (A5, A13)."""
    market.play("""
        alice bracket buy 10@100 tp=4@103,4@104 sl=95 rule=first_hit
        mm    sell 10@100
        bob   buy  8@104 fok
        bob   buy  4@104 fok
    """)

    assert market.refusals == ["unfillable"]
    assert market.fills[1:] == ["bob<alice 4@103"]


def test_fired_stop_cancels_the_entrys_rest_before_it_enters(market: Market) -> None:
    """Nothing more is opened while the bracket closes (A11, A13)."""
    market.play("""
        dave  buy  20@94
        alice bracket buy 10@100 tp=10@105 sl=95 slby=mark
        mm    sell 4@100
    """)
    market.forget()

    market.play("mark 95")

    assert market.kinds() == ["order_triggered", "order_cancelled", "trade", "order_cancelled"]
    assert market.cancels == ["o2 6 bracket", "o2.tp1 4 bracket"]
    assert market.fills == ["alice<dave 4@94"]


def test_stop_that_is_not_let_in_ends_the_bracket_too(market: Market) -> None:
    """It has fired, and finds nobody: the take-profit stays, nothing is opened (A11, A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95 slby=mark
        mm    sell 4@100
        mark  95
    """)

    assert market.failed == ["o1.sl no_liquidity"]
    assert market.cancels == ["o1 6 bracket"]
    assert market.asks() == ["alice 4@105"]


def test_exits_that_have_closed_everything_end_the_bracket(market: Market) -> None:
    """What was opened is sold again: the entry does not go on (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95
        mm    sell 4@100
        bob   buy  4@105
    """)

    assert market.cancels == ["o1.sl 4 bracket", "o1 6 bracket"]
    assert market.bids() == market.asks() == market.armed() == []


def test_closed_bracket_opens_and_grows_nothing(market: Market) -> None:
    """A take-profit that was hit keeps its rest, and nobody comes beside it (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=9@103 sl=95 rule=first_hit
        mm    sell 5@100
        bob   buy  1@103
    """)

    assert market.asks() == ["alice 3@103"]
    assert market.bids() == []
    assert market.restarted().hash() == market.hash()


def test_bracket_hit_while_it_is_being_covered_places_no_more(market: Market) -> None:
    """The first take-profit trades as it is placed: the others never come (A13)."""
    market.play("""
        dave  buy  1@106
        alice bracket buy 10@100 tp=2@105,2@104 sl=95 rule=first_hit id=b
        alice amend b @108
        mm    sell 5@107
    """)

    assert market.fills[-1] == "alice<dave 1@106"
    assert market.cancels == ["b 5 bracket"]
    assert [e["client_order_id"] for e in market.of("order_accepted")][-1] == "b.tp1"
    assert market.asks() == market.armed() == []


@pytest.mark.parametrize("mode", ["none", "cancel_oldest", "decrement"])
def test_entry_and_children_never_trade_with_each_other(market: Market, mode: str) -> None:
    """The resting one goes, whatever the mode; earlier fills stand (A6, A13)."""
    market.play(f"""
        alice bracket buy 10@100 tp=10@105 sl=95 stp={mode}
        mm    sell 4@100
        carol sell 1@104
        alice amend o1 @106
    """)

    assert market.fills == ["mm<alice 4@100", "alice<carol 1@104"]
    assert market.cancels == ["o1.tp1 4 bracket"]
    assert market.of("prevented_match") == []
    assert market.bids() == ["alice 5@106"]
    assert market.asks() == []


def test_take_profit_that_meets_its_entry_cancels_it(market: Market) -> None:
    """An amended child as the taker (A9, A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95
        mm    sell 4@100
        dave  buy  9@99
        alice amend o1.tp1 @99
    """)

    assert market.cancels == ["o1 6 bracket", "o1.sl 4 bracket"]
    assert market.fills[-1] == "alice<dave 4@99"
    assert market.position("alice") == "0"


def test_going_flat_otherwise_takes_the_children(market: Market) -> None:
    """They only reduce; an entry that fills on finds them gone (A8, A13)."""
    market.play("""
        dave  buy  4@99
        alice bracket buy 10@98 tp=10@105 sl=90
        mm    sell 4@99
        mm    sell 4@98
        bob   buy  4@101
        alice sell 4@101
        mm    sell 6@98
    """)

    assert market.cancels == ["o2.tp1 4 reduce_only", "o2.sl 4 reduce_only"]
    assert market.asks() == market.armed() == []
    assert market.position("alice") == "6"


def test_entry_in_a_group_takes_its_siblings_and_is_covered(market: Market) -> None:
    """Two brackets of which one comes about (A13)."""
    market.play("""
        alice bracket buy 10@98 tp=10@105 sl=90 oco=g
        alice bracket sell 10@102 tp=10@95 sl=110 oco=g
        mm    sell 3@98
    """)

    assert market.cancels == ["o2 10 oco"]
    assert market.asks() == ["alice 3@105"]
    assert market.armed() == ["o1.sl sell 3 90"]


@pytest.mark.parametrize(
    ("sibling", "taker", "cancelled"),
    [
        ("10@101 rule=incremental peak=5", "12@101", ["b 5 oco", "o1 5 oco"]),
        ("5@101 rule=complete_fill peak=3", "10@101", ["b 5 oco"]),
    ],
)
def test_entry_that_its_sibling_ends_in_the_same_sweep_is_covered(
    market: Market, sibling: str, taker: str, cancelled: list[str]
) -> None:
    """It has filled five before the other takes its rest: they want their stop (A13)."""
    market.play(f"""
        alice sell {sibling} oco=g
        alice bracket sell 10@101 tp=10@95 sl=110 oco=g peak=5 id=b
        bob   buy {taker}
    """)

    assert sorted(market.cancels) == cancelled
    assert "alice 5@95" in market.bids()
    assert market.armed() == ["b.sl buy 5 110"]


def test_children_hold_no_margin_but_each_its_fee(market: Market) -> None:
    """They only reduce (B3), and they are no group."""
    market.play("""
        change X taker_fee=0.001
        alice bracket buy 10@100 tp=5@103,5@104 sl=95
        mm    sell 10@100
    """)

    assert market.margin("alice")["initial"] == "200"
    assert market.margin("alice")["fee_hold"] == "1.035"
