"""Orders that never do more than close (A8)."""

import pytest

from tests.core.market import Market

LONG = """
    mm   sell 10@100
    long buy  10@100
"""
"""`long` holds +10 from 100; the orders so far are o1 and o2."""


def test_second_exit_goes_when_the_first_has_closed(market: Market) -> None:
    """The vector of the rule: 10 trade at 101, the other is cancelled, the position is 0 (A8)."""
    market.play(f"""
        {LONG}
        long sell 10@101 reduce
        long sell 10@102 reduce
        bob  buy  20@102
    """)

    assert market.fills[1:] == ["bob<long 10@101"]
    assert market.cancels == ["o4 10 reduce_only"]
    assert market.position("long") == "0"
    assert market.book() == {"bids": ["bob 10@102"], "asks": []}
    assert market.kinds()[-2:] == ["trade", "order_cancelled"]


@pytest.mark.parametrize("line", ["flat sell 5@99 reduce", "flat buy 5@99 reduce"])
def test_without_a_position_there_is_nothing_to_reduce(market: Market, line: str) -> None:
    """Refused at entry, not when it would trade (A8)."""
    market.play("flat buy 1@1 id=hello")

    (refusal,) = market.play(line)

    assert (refusal["code"], refusal["reason"]) == (413, "nothing_to_reduce")


def test_side_that_adds_is_refused(market: Market) -> None:
    """A buy cannot reduce a long (A8)."""
    market.play(f"{LONG} long buy 5@99 reduce")

    assert market.refusals == ["nothing_to_reduce"]


def test_taker_closes_and_not_more(market: Market) -> None:
    """The rest is cancelled with the reason, though the order would have rested (A8)."""
    market.play(f"""
        {LONG}
        bob  buy  30@99
        long sell 15@99 reduce
    """)

    assert market.fills[-1] == "long<bob 10@99"
    assert market.cancels == ["o4 5 reduce_only"]
    assert market.position("long") == "0"
    assert market.of("order_accepted")[-1]["status"] == "done"


@pytest.mark.parametrize("line", ["sell 15@99 ioc reduce", "sell market 15 reduce"])
def test_closing_is_the_reason_also_where_nothing_rests(market: Market, line: str) -> None:
    """Not the remainder's: there was enough to trade with (A8, A3)."""
    market.play(f"{LONG} bob buy 30@99\n long {line}")

    assert market.cancels == ["o4 5 reduce_only"]


def test_taker_that_closes_exactly_has_nothing_to_cancel(market: Market) -> None:
    """Its leaves are zero (A8)."""
    market.play(f"{LONG} bob buy 30@99\n long sell 10@99 reduce")

    assert market.cancels == []
    assert market.position("long") == "0"


def test_exit_may_be_larger_than_the_position(market: Market) -> None:
    """It rests whole and trades no more than there is then (A8)."""
    market.play(f"""
        {LONG}
        long sell 25@101 reduce
        bob  buy   4@101
        bob  buy  20@101
    """)

    assert market.fills[1:] == ["bob<long 4@101", "bob<long 6@101"]
    assert market.cancels == ["o3 15 reduce_only"]
    assert market.bids() == ["bob 14@101"]


def test_position_that_grows_again_lets_it_trade_more(market: Market) -> None:
    """The cap is the position at that instant, not at entry (A8)."""
    market.play(f"""
        {LONG}
        long sell 25@101 reduce
        mm   sell 8@100
        long buy  8@100
        bob  buy 20@101
    """)

    assert market.fills[-1] == "bob<long 18@101"


def test_other_makers_trade_on_behind_a_capped_one(market: Market) -> None:
    """The taker is not stopped by a maker that may give no more (A8)."""
    market.play(f"""
        {LONG}
        long  sell 25@101 reduce
        other sell 25@101
        bob   buy  20@101
    """)

    assert market.fills[1:] == ["bob<long 10@101", "bob<other 10@101"]


def test_plain_fills_of_the_same_sweep_leave_less_to_reduce(market: Market) -> None:
    """Position plus the bites so far, plain orders' bites included (A8)."""
    market.play(f"""
        {LONG}
        long sell 7@100.5
        long sell 10@101 reduce
        bob  buy  20@101
    """)

    assert market.fills[1:] == ["bob<long 7@100.5", "bob<long 3@101"]
    assert market.cancels == ["o4 7 reduce_only"]
    assert market.position("long") == "0"


def test_position_turned_by_a_plain_order_cancels_all_exits(market: Market) -> None:
    """In order of arrival, once the sweep has made all its trades (A8)."""
    market.play(f"""
        {LONG}
        long  sell 5@103 reduce
        long  sell 5@102 reduce
        long  sell 15@101
        other sell 9@101
        bob   buy  20@101
    """)

    assert market.cancels == ["o3 5 reduce_only", "o4 5 reduce_only"]
    assert market.kinds()[-4:] == ["trade", "trade", "order_cancelled", "order_cancelled"]
    assert market.position("long") == "-5"


def test_exits_of_the_taker_go_when_it_closes(market: Market) -> None:
    """Whoever closes with another order needs them no more (A8)."""
    market.play(f"""
        {LONG}
        long sell 10@101 reduce
        long sell 10@102 reduce
        bob  buy  10@99
        long sell 10@99
    """)

    assert market.cancels == ["o3 10 reduce_only", "o4 10 reduce_only"]
    assert market.asks() == []


def test_makers_exits_go_before_the_takers(market: Market) -> None:
    """Both are closed by one trade: the resting order's account comes first (A8)."""
    market.play(f"""
        {LONG}
        mm   buy  4@95 reduce
        long sell 4@105 reduce
        long sell 10@101
        mm   buy  10@101
    """)

    assert market.position("long") == market.position("mm") == "0"
    assert market.cancels == ["o4 4 reduce_only", "o3 4 reduce_only"]


def test_exits_on_another_instrument_stay(market: Market) -> None:
    """Each instrument has its own position (A8)."""
    market.play(f"""
        instrument Y
        mark Y 100
        {LONG}
        mm   sell Y 10@100
        long buy  Y 10@100
        long sell 10@101 reduce
        long sell Y 10@101 reduce
        bob  buy  10@101
    """)

    assert market.position("long") == "0"
    assert market.cancels == []
    assert market.book("Y")["asks"] == ["long 10@101"]


def test_exit_of_a_short_is_a_buy(market: Market) -> None:
    """The mirror image (A8)."""
    market.play(f"""
        {LONG}
        mm  buy  25@99 reduce
        bob sell 20@99
    """)

    assert market.fills[1:] == ["bob<mm 10@99"]
    assert market.cancels == ["o3 15 reduce_only"]
    assert market.asks() == ["bob 10@99"]


def test_capped_iceberg_goes_with_all_it_hid(market: Market) -> None:
    """Peak after peak, until the position is closed (A8, A4)."""
    market.play(f"""
        {LONG}
        long sell 30@101 peak=4 reduce
        bob  buy  20@101
    """)

    assert market.fills[1:] == ["bob<long 10@101"]
    assert market.cancels == ["o3 20 reduce_only"]
    assert market.of("order_replenished") == []


def test_two_icebergs_share_one_position(market: Market) -> None:
    """Bite by bite: 4, 4, and the last 2 from the first; both are cancelled then (A8, A4)."""
    market.play(f"""
        {LONG}
        long sell 20@101 peak=4 reduce
        long sell 20@101 peak=4 reduce
        bob  buy  20@101
    """)

    assert market.fills[1:] == ["bob<long 6@101", "bob<long 4@101"]
    assert market.cancels == ["o3 14 reduce_only", "o4 16 reduce_only"]


def test_exit_trades_what_it_could_at_its_own_bite(market: Market) -> None:
    """A plain iceberg turns the position with a later peak; the merged trades hide that (A8)."""
    market.play(f"""
        {LONG}
        long sell 20@101 peak=5
        long sell  8@101 reduce
        bob  buy  15@101
    """)

    assert market.fills[1:] == ["bob<long 10@101", "bob<long 5@101"]
    assert market.cancels == ["o4 3 reduce_only"]
    assert market.kinds()[-4:] == ["trade", "trade", "order_cancelled", "order_replenished"]
    assert market.position("long") == "-5"


@pytest.mark.parametrize("mine", ["sell 5@101 reduce", "sell 5@101 peak=2 reduce"])
def test_trade_with_oneself_leaves_as_much_to_reduce(market: Market, mine: str) -> None:
    """It moves the position by nothing, so it uses nothing of the cap up (A8, A6)."""
    market.play(f"""
        mm   sell 2@100
        long buy  2@100
        long {mine}
        long buy  4@101 stp=none
    """)

    assert market.fills[1:] == ["long<long 4@101"]
    assert market.position("long") == "2"
    assert market.book() == {"bids": [], "asks": ["long 1@101"]}


@pytest.mark.parametrize("peak", ["", "peak=1"])
def test_exit_that_takes_from_oneself_is_not_used_up(market: Market, peak: str) -> None:
    """After 3 of its own and the 2 that it holds, it has closed (A8, A6)."""
    market.play(f"""
        mm   sell 2@100
        long buy  2@100
        long buy  3@99 {peak}
        bob  buy  9@98
        long sell 8@98 reduce stp=none
    """)

    assert market.fills[1:] == ["long<long 3@99", "long<bob 2@98"]
    assert market.cancels == ["o5 3 reduce_only"]


def test_prevention_reduces_an_exit_without_a_trade(market: Market) -> None:
    """Nobody's position moved, so the exit stays with what it has left (A8, A6)."""
    market.play(f"""
        {LONG}
        long sell 10@101 reduce
        long buy   4@101 stp=decrement
    """)

    assert market.asks() == ["long 6@101"]
    assert market.position("long") == "10"


def test_exits_are_refused_while_the_market_is_halted(market: Market) -> None:
    """Reducing excuses from money, not from the market's state (A8, A14)."""
    market.play(f"""
        {LONG}
        state X halted
        long sell 10@101 reduce
    """)

    assert market.refusals == ["market_not_open"]


def test_exit_is_amended_by_the_same_rules(market: Market) -> None:
    """It trades at its new price, and no more than there is (A8, A9)."""
    market.play(f"""
        {LONG}
        bob  buy  30@99
        long sell  5@101 reduce
        long amend o4 25@99
    """)

    assert market.fills[-1] == "long<bob 10@99"
    assert market.cancels == ["o4 15 reduce_only"]


def test_exits_are_exits_after_a_restart() -> None:
    """The mark is carried in the snapshot (A8)."""
    market = Market()
    market.play(f"{LONG} long sell 25@101 reduce")

    twin = market.restarted()
    twin.play("bob buy 20@101")

    assert twin.cancels == ["o3 15 reduce_only"]
