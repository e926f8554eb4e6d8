"""Defects of other engines' order types, kept as tests under the name of what they prevent."""

import pytest

from engine.views import books, markets
from tests.core.market import Market


def test_hidden_size_is_not_ignored_by_fill_or_kill(market: Market) -> None:
    """A check over the shown depth kills what the book could fill (A5)."""
    market.play("""
        alice sell 20@100 peak=2
        bob   sell 20@101 peak=2
        carol buy  35@101 fok
    """)

    assert market.fills == ["carol<alice 20@100", "carol<bob 15@101"]


@pytest.mark.parametrize("mode", ["cancel_newest", "cancel_both", "decrement"])
def test_fok_is_not_partly_filled_under_any_prevention(market: Market, mode: str) -> None:
    """Counting quantity without asking whose it is fills a part and kills the rest (A5, A6)."""
    market.play(f"""
        other sell 20@100 peak=5
        me    sell 5@100
        other sell 20@100
        me    buy 30@100 fok stp={mode}
    """)

    assert market.fills == []
    assert market.asks() == ["other 20@100 shows 5", "me 5@100", "other 20@100"]


@pytest.mark.parametrize("change", ["25", "40", "30@101", "25@99", "40@101", "peak=5"])
def test_amend_does_not_drop_the_iceberg(market: Market, change: str) -> None:
    """A replaced order that forgot its peak shows everything (A9, A4)."""
    market.play(f"alice sell 30@100 peak=10\n alice amend o1 {change}")

    assert " shows 10" in market.asks()[0] or " shows 5" in market.asks()[0]
    price = market.asks()[0].split("@")[1].split()[0]
    market.play(f"bob buy 10@{price}")

    assert " shows " in market.asks()[0]


@pytest.mark.parametrize("change", ["4", "9", "5@99.5", "9@99.5", "4@99.5"])
def test_amend_does_not_drop_post_only(market: Market, change: str) -> None:
    """A replaced order that forgot it takes at the next amend (A9, A7)."""
    market.play(f"""
        alice sell 5@100
        bob   buy  5@99 post
        bob   amend o2 {change}
        bob   amend o2 @100
    """)

    assert market.refusals == ["post_only_would_trade"]


@pytest.mark.parametrize("change", ["4", "9", "5@101", "9@101", "4@101"])
@pytest.mark.parametrize("lifetime", ["gtd=5000", "day"])
def test_amend_does_not_drop_the_expiry(market: Market, change: str, lifetime: str) -> None:
    """A replaced order that forgot its time rests for ever (A9, A3)."""
    market.play(f"""
        session X 00:01
        alice sell 5@100 {lifetime}
        alice amend o1 {change}
        wait 59000
    """)

    assert market.asks() == []
    assert len(market.of("order_expired")) == 1


def test_amend_does_not_drop_reduce_only(market: Market) -> None:
    """A replaced order that forgot it opens what it came to close (A9, A8)."""
    market.play("""
        mm   sell 10@100
        long buy  10@100
        long sell 5@101 reduce
        long amend o3 50@102
        bob  buy  50@102
    """)

    assert market.position("long") == "0"
    assert market.cancels == ["o3 40 reduce_only"]


def test_amend_does_not_drop_the_mode(market: Market) -> None:
    """A replaced order that forgot it stops at its owner's, where it should go on (A6)."""
    market.play("""
        me    sell 5@101
        other sell 5@101
        me    buy  9@99 stp=cancel_oldest
        me    amend o3 10@101
    """)

    assert market.fills == ["me<other 5@101"]
    assert market.cancels == ["o1 5 self_trade"]


def test_reduce_only_is_not_overfilled_across_levels(market: Market) -> None:
    """A cap taken once per sweep lets each level fill the whole position (A8)."""
    market.play("""
        mm   sell 10@100
        long buy  10@100
        long sell 10@101 reduce
        long sell 10@102 reduce
        long sell 10@103 reduce
        bob  buy  30@103
    """)

    assert market.position("long") == "0"
    assert market.fills[1:] == ["bob<long 10@101"]


def test_reduce_only_is_not_overfilled_within_a_level(market: Market) -> None:
    """Nor order by order, nor peak by peak (A8)."""
    market.play("""
        mm   sell 10@100
        long buy  10@100
        long sell 6@101 reduce
        long sell 9@101 peak=2 reduce
        long sell 6@101 reduce
        bob  buy  30@101
    """)

    assert market.position("long") == "0"
    assert market.fills[1:] == ["bob<long 6@101", "bob<long 2@101", "bob<long 2@101"]


def test_reduce_only_taker_does_not_turn_the_position(market: Market) -> None:
    """However much it could have, over however many levels (A8)."""
    market.play("""
        mm   sell 10@100
        long buy  10@100
        a    buy  4@99
        b    buy  30@98 peak=3
        long sell 50@90 reduce
    """)

    assert market.position("long") == "0"
    assert market.fills[1:] == ["long<a 4@99", "long<b 6@98"]
    assert market.asks() == []


def test_icebergs_times_and_exits_are_not_missing_after_a_restore() -> None:
    """Each twin goes on with the same events to the end (A3, A4, A8)."""
    market = Market(session_end="00:01")
    market.play("""
        mm    sell 10@100
        long  buy  10@100
        alice sell 30@101 peak=7 gtd=20000
        long  sell 30@101 peak=4 reduce day
        bob   buy  9@101
        carol buy  3@99 post stp=decrement
    """)
    twin = market.restarted()

    for each in (market, twin):
        each.forget()
        each.play("""
            bob   buy  5@101
            carol amend o6 @101
            long  sell 3@99 reduce
            wait 19000
            bob   buy  9@101
            wait 40000
        """)

    assert twin.events == market.events
    assert twin.hash() == market.hash()
    kinds = set(market.kinds())
    assert {"order_replenished", "order_expired", "trade", "order_cancelled", "rejected"} <= kinds


def test_auction_does_not_show_hidden_size(market: Market) -> None:
    """What an iceberg hides counts for the price and shows nowhere before it trades (A4, A14)."""
    market.play("""
        state X auction
        alice sell 40@100 peak=1
        bob   buy  9@99 peak=2
        bob   amend o2 @100
        carol buy  30@100
        carol cancel o3
    """)
    shown = {event["type"] for event in market.events if "shown" in event}

    assert shown == set()
    assert market.of("auction_uncrossed") == []
    assert market.asks() == ["alice 40@100 shows 1"]
    assert market.bids() == ["bob 9@100 shows 2"]


def test_indicative_depth_of_an_auction_hides_what_is_hidden() -> None:
    """The public books and the indication add up what is shown, nothing else (A4, A14)."""
    market = Market()
    market.play("""
        state X auction
        alice sell 40@100 peak=1
        bob   buy  60@100 peak=3
    """)
    state = market.kernel.state

    assert books(state)["X"] == {"bids": [["100", "3", 1]], "asks": [["100", "1", 1]]}
    assert markets(state)["X"]["auction"] == {"price": "100", "quantity": "1"}


def test_auction_does_not_overfill_reduce_only(market: Market) -> None:
    """Counting orders instead of positions turns an exit into a new position (A8, A14)."""
    market.play("""
        mm   sell 10@100
        long buy  10@100
        state X auction
        long sell 10@100 reduce
        long sell 10@101 reduce peak=2
        bob  buy  15@105
        eve  buy  15@105
        state X open
    """)

    assert market.position("long") == "0"
    assert market.asks() == []


@pytest.mark.parametrize("mode", ["cancel_newest", "cancel_oldest", "cancel_both", "decrement"])
def test_auction_does_not_trade_an_account_with_itself(market: Market, mode: str) -> None:
    """An uncross that looks at levels alone does not see whose they are (A6, A14)."""
    market.play(f"""
        state X auction
        me sell 5@99 stp={mode}
        me buy  5@101 stp={mode}
        me sell 3@99 stp={mode}
        state X open
    """)

    assert market.fills == []
    assert market.of("prevented_match") != []
    assert market.position("me") == "0"
