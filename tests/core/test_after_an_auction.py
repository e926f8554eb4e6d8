"""What an uncross moves: last price, mark, band, stops, margins, and other instruments (A14)."""

import pytest

from tests.core.bounds import lower
from tests.core.market import Market


@pytest.fixture
def auction(venue: type[Market]) -> Market:
    """Return a market in an auction that is marked by its last trade, which was at 100."""
    market = venue(None, tick_size="1", lot_size="0.1", mark_source="last", collar="0.5")
    market.play("""
        mm  sell 1@100
        eve buy  1@100
        state X auction
    """)
    market.forget()
    return market


def test_uncross_price_is_last_and_mark(auction: Market) -> None:
    """It is a trade like any other to everybody who looks at trades (A14, B2)."""
    auction.play("""
        alice sell 1@90
        bob   buy  1@95
        state X open
    """)

    assert auction.fills == ["bob<alice 1@95"]
    assert auction.margin("mm")["equity"] == "1000000005"
    auction.play("mm sell stop 1 trigger=96")
    assert auction.refusals == ["would_trigger"]


def test_stops_look_once_the_market_is_open(auction: Market) -> None:
    """One price in the auction, one look after it: the most deeply crossed first (A14, A11)."""
    auction.play("""
        mm    sell stop 0.1 trigger=96
        mm    sell stop 0.1 trigger=99
        alice sell 1@90
        bob   buy  2@95
    """)
    assert auction.fired == []

    auction.play("state X open")

    assert [event["type"] for event in auction.last] == [
        *("auction_uncrossed", "trade", "market_state"),
        *("order_triggered", "trade", "order_triggered", "trade"),
    ]
    assert auction.fired == ["o4 99 at 95", "o3 96 at 95"]
    assert auction.fills == ["alice<bob 1@95", "mm<bob 0.1@95", "mm<bob 0.1@95"]


def test_trailing_stops_see_the_uncross_price(auction: Market) -> None:
    """Wherever the auction leads, the trigger follows (A14, A12)."""
    auction.play("""
        mm    sell trailing_stop 0.1 offset=5
        alice sell 1@110
        bob   buy  1@110
        state X halted
    """)

    assert auction.armed() == ["o3 sell 0.1 105"]


def test_stop_of_an_auction_is_armed_at_the_last_price(auction: Market) -> None:
    """The crossed book is no price: only what has traded is (A14, A11)."""
    auction.play("""
        alice sell 1@80
        bob   buy  1@120
        mm    sell stop 1 trigger=101
        mm    sell stop 1 trigger=99
    """)

    assert auction.refusals == ["would_trigger"]
    assert len(auction.armed()) == 1


def test_margins_are_looked_at_after_the_opening(auction: Market) -> None:
    """The uncross may ruin somebody, who is then sold into the open book (A14, D2)."""
    auction.play("""
        state X open
        deposit bob 20
        mm    sell 1@100
        bob   buy  1@100
        state X auction
        carol buy  5@85
        alice sell 1@90
        dave  buy  1@90
        state X open
    """)

    assert [event["type"] for event in auction.last] == [
        *("auction_uncrossed", "trade", "market_state"),
        *("margin_call", "liquidation", "trade"),
    ]
    assert auction.fills[-1] == "bob<carol 0.3@85"


def test_reduced_to_nothing_in_an_auction_ends_exits(auction: Market) -> None:
    """Resting or armed, what has nothing left to reduce goes (A8, A14)."""
    auction.play("""
        eve   sell 1@101
        eve   sell 1@105 reduce
        eve   sell stop 1 trigger=90 reduce
        alice buy  1@101
        state X open
    """)

    assert auction.position("eve") == "0"
    assert auction.cancels == ["o4 1 reduce_only", "o5 1 reduce_only"]


def test_band_is_asked_of_orders_and_not_of_the_uncross(auction: Market) -> None:
    """Once let in, orders trade where most of them agree, and the trades count (A14, E1)."""
    auction.play("""
        alice sell 1@140
        bob   buy  2@145
        change X price_band=0.1
        carol buy  1@140
        state X open
        carol buy  1@126
        carol buy  1@154
        carol buy  1@125
        carol buy  1@155
    """)

    assert auction.fills == ["alice<bob 1@140"]
    assert auction.refusals == ["outside_price_band"] * 3
    assert auction.bids() == ["carol 1@154", "bob 1@145", "carol 1@126"]


def test_every_instrument_is_uncrossed_before_it_opens(venue: type[Market]) -> None:
    """With `*` one after the other, in order of symbol; the others just open (A14)."""
    market = venue()
    market.play("instrument Z\n instrument A\n mark A 100\n mark Z 100\n state * auction")
    market.play("state X halted")
    for symbol in ("Z", "A"):
        market.play(f"alice sell {symbol} 1@100\n bob buy {symbol} 1@100")

    market.play("state * open")

    assert [(event["type"], event["symbol"]) for event in market.last] == [
        *(("auction_uncrossed", "A"), ("trade", "A"), ("market_state", "A")),
        ("market_state", "X"),
        *(("auction_uncrossed", "Z"), ("trade", "Z"), ("market_state", "Z")),
    ]


def test_book_is_never_crossed_outside_an_auction(auction: Market) -> None:
    """What a prevention and a cap kept apart in the first round meets in the second (A1, A14)."""
    auction.play("""
        a sell 3@90
        a buy  5@110 stp=decrement
        b sell 2@95 stp=none
        b buy  2@120 stp=cancel_both
        eve sell 9@90 reduce
        state X closed
    """)

    assert auction.fills == ["b<a 2@94", "a<eve 1@94", "b<a 2@95"]
    assert auction.cancels == ["o3 0 self_trade", "o7 8 reduce_only"]
    assert (auction.bids(), auction.asks()) == (["a 1@110"], [])


def test_no_input_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes at that time finds the market open, and what is left (A14)."""
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 1)
    market = Market()
    market.play("""
        deposit dave 10000
        state X auction
        alice sell 5@99
        bob   buy  1@101
        carol buy  1@101
        state X open
    """)
    assert market.kernel.is_busy()

    market.play("dave buy 5@101")

    assert market.fills == ["bob<alice 1@100", "carol<alice 1@100", "dave<alice 3@99"]
    assert market.refusals == []


def test_expiries_wait_for_the_uncross(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there when the auction ended trades; time comes after it (A14, A3)."""
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 1)
    market = Market()
    market.play("""
        state X auction
        alice sell 5@99 gtd=2000
        bob   buy  1@101
        carol buy  1@101 gtd=2000
        state X open
        wait  1000
    """)

    assert market.fills == ["bob<alice 1@100", "carol<alice 1@100"]
    assert market.kinds()[-2:] == ["market_state", "order_expired"]
