"""At which price an auction ends, and who trades with whom at it (A14)."""

import pytest

from tests.core.bounds import lower
from tests.core.market import Market


@pytest.fixture
def auction(venue: type[Market]) -> Market:
    """Return a market in an auction, with a tick of 1 and a mark of 100."""
    market = venue(None, tick_size="1", mark_source="pushed", state="auction")
    market.play("push X 100")
    market.forget()
    return market


def found(market: Market) -> list[tuple[str, str, str]]:
    """Return price, volume and imbalance of each uncross."""
    events = market.of("auction_uncrossed")
    return [(event["price"], event["quantity"], event["imbalance"]) for event in events]


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        # the greatest volume
        ("buy 5@101, buy 5@100, sell 3@99, sell 6@100", ("100", "9", "1")),
        # of 99 to 101, all with 4, the one with 2 over instead of 4
        ("buy 6@101, buy 2@100, sell 4@99", ("101", "4", "2")),
        ("sell 6@99, sell 2@100, buy 4@101", ("99", "4", "-2")),
        # volume and imbalance are the same from end to end: nearest the mark of 100
        ("buy 5@104, sell 5@98", ("100", "5", "0")),
        ("buy 5@108, sell 5@104", ("104", "5", "0")),
        ("buy 5@98, sell 5@90", ("98", "5", "0")),
        # between two orders, where neither counts any more
        ("buy 5@104, buy 3@99, sell 5@96, sell 3@101", ("100", "5", "0")),
        # hidden size counts
        ("buy 40@101 peak=1, buy 5@100, sell 40@99 peak=2", ("101", "40", "0")),
        ("buy 5@99, sell 5@100", None),
        ("buy 5@99", None),
        ("sell 5@99", None),
    ],
)
def test_price_is_of_greatest_volume_least_imbalance_nearest_the_reference(
    auction: Market, orders: str, expected: tuple[str, str, str] | None
) -> None:
    """Each question is put to the prices that the one before has left (A14)."""
    for number, order in enumerate(orders.split(",")):
        auction.play(f"t{number} {order}")

    auction.play("state X open")

    assert found(auction) == ([expected] if expected else [])
    assert auction.last[-1]["type"] == "market_state"
    assert {fill.split("@")[1] for fill in auction.fills} == ({expected[0]} if expected else set())


def test_of_two_prices_as_near_the_lower_is_taken(market: Market) -> None:
    """The mark of 99.995 lies between them (A14)."""
    market.play("""
        tick 99.99 100
        state X auction
        alice buy  1@100
        bob   sell 1@99.99
        state X open
    """)

    assert found(market) == [("99.99", "1", "0")]


def test_last_trade_is_the_reference_before_the_mark(market: Market) -> None:
    """What was paid says more than what was offered (A14)."""
    market.play("""
        alice sell 1@103
        bob   buy  1@103
        state X auction
        alice buy  1@104
        bob   sell 1@90
        state X open
    """)

    assert found(market) == [("103", "1", "0")]


def test_without_a_reference_the_lowest_is_taken(venue: type[Market]) -> None:
    """Where nobody has seen a price, nothing is near (A14)."""
    market = venue(None, mark_source="last", state="auction")
    market.play("""
        alice buy  1@104
        bob   sell 1@90
        state X open
    """)

    assert found(market) == [("90", "1", "0")]


def test_everybody_trades_at_one_price(auction: Market) -> None:
    """Takers come by price, then time, and meet the others by price, then time (A14, A1)."""
    auction.play("""
        a buy  2@103
        b buy  3@105
        c buy  4@105
        x sell 4@99
        y sell 6@97
        z sell 9@103
        state X open
    """)

    assert found(auction) == [("100", "9", "-1")]
    assert auction.fills == ["b<y 3@100", "c<y 3@100", "c<x 1@100", "a<x 2@100"]
    assert auction.asks() == ["x 1@99", "z 9@103"]


def test_lighter_side_takes(auction: Market) -> None:
    """The trades are named after it, and the other side's queue decides their order (A14)."""
    auction.play("""
        alice buy  2@101
        alice buy  3@100
        bob   sell 4@100
        state X open
    """)

    trades = auction.of("trade")
    assert [trade["aggressor_side"] for trade in trades] == ["sell", "sell"]
    assert auction.fills == ["bob<alice 2@100", "bob<alice 2@100"]
    assert [trade["maker"]["client_order_id"] for trade in trades] == ["o1", "o2"]


def test_fees_are_those_of_the_auctions_price(auction: Market) -> None:
    """The maker's at its rate, the taker's at its own, both at what was paid (A14, B5)."""
    auction.play("""
        change X taker_fee=0.01 maker_fee=0.001
        alice buy  4@110
        bob   sell 2@90
        state X open
    """)

    (trade,) = auction.of("trade")
    assert (trade["price"], trade["taker"]["account"]) == ("100", "bob")
    assert (trade["maker"]["fee"], trade["taker"]["fee"]) == ("0.2", "2")
    assert auction.cost("alice") == "200"


def test_holds_are_given_back_at_the_orders_price(auction: Market) -> None:
    """What was held at 110 and traded at 100 leaves nothing behind (A14, B3)."""
    auction.play("""
        deposit bob 100
        bob   buy  2@110
        alice sell 2@95
        state X open
    """)

    assert auction.fills == ["bob<alice 2@100"]
    assert auction.margin("bob") == {
        "equity": "100",
        "maintenance": "20",
        "initial": "40",
        "fee_hold": "0",
        "free": "60",
    }


def test_buyers_take_where_both_sides_are_equal(auction: Market) -> None:
    """Something must be said about it (A14)."""
    auction.play("bob sell 4@100\n alice buy 4@100\n state X open")

    assert auction.of("trade")[0]["aggressor_side"] == "buy"


def test_icebergs_take_turns_as_ever(auction: Market) -> None:
    """The vector of A4: at one price what is shown first, then the next peaks (A4, A14)."""
    auction.play("""
        i1 sell 30@100 peak=10
        l2 sell 10@100
        i3 sell 20@100 peak=10
        t  buy  45@100
        state X open
    """)

    assert auction.fills == ["t<i1 20@100", "t<l2 10@100", "t<i3 15@100"]
    assert auction.asks() == ["i3 5@100", "i1 10@100"]
    renewed = auction.of("order_replenished")
    assert [(e["account"], e["shown"], e["leaves"]) for e in renewed] == [
        *(("i3", "5", "5"), ("i1", "10", "10")),
    ]


def test_what_is_left_of_a_taker_keeps_its_place(auction: Market) -> None:
    """It found less than there seemed to be; its used peak is not refilled (A14, A4, A8)."""
    auction.play("""
        state X open
        mm    sell 5@100
        m     buy  5@100
        t     buy  13@100 peak=4
        mm    sell 1@100
        u     buy  2@100
        state X auction
        m     sell 20@100 reduce
    """)
    assert auction.bids() == ["t 12@100 shows 3", "u 2@100"]
    auction.forget()

    auction.play("state X open")

    assert found(auction) == [("100", "14", "-6")]
    assert auction.fills == ["t<m 5@100"]
    assert auction.bids() == ["t 7@100 shows 3", "u 2@100"]
    assert auction.of("order_replenished") == []


@pytest.mark.parametrize(
    ("mode", "fills", "cancels", "bids", "asks"),
    [
        ("cancel_newest", [], ["o1 7 self_trade"], [], ["a 5@98", "b 5@98"]),
        ("cancel_oldest", ["a<b 5@100"], ["o2 5 self_trade"], ["a 2@100"], []),
        ("cancel_both", [], ["o2 5 self_trade", "o1 7 self_trade"], [], ["b 5@98"]),
        ("decrement", ["a<b 2@100"], ["o2 0 self_trade"], [], ["b 3@98"]),
        ("none", ["a<a 5@100", "a<b 2@100"], [], [], ["b 3@98"]),
    ],
)
def test_taker_of_an_auction_does_not_trade_with_itself(
    auction: Market,
    mode: str,
    fills: list[str],
    cancels: list[str],
    bids: list[str],
    asks: list[str],
) -> None:
    """The vector of A6: the taker's own mode decides, as it would outside (A6, A14)."""
    auction.play(f"""
        a buy  7@100 stp={mode}
        a sell 5@98
        b sell 5@98
        state X open
    """)

    assert (auction.fills, auction.cancels) == (fills, cancels)
    assert (auction.bids(), auction.asks()) == (bids, asks)
    prevented = [(event["mode"], event["price"]) for event in auction.of("prevented_match")]
    assert prevented == ([] if mode == "none" else [(mode, "100")])


def test_what_still_crosses_is_uncrossed_again(auction: Market) -> None:
    """Prevention took one away; the others meet at another price (A14, A6)."""
    auction.play("""
        a buy  5@105
        a sell 5@100
        b buy  3@102
        state X open
    """)

    assert found(auction) == [("103", "5", "0"), ("100", "3", "-2")]
    assert [event["type"] for event in auction.last] == [
        *("auction_uncrossed", "prevented_match", "order_cancelled"),
        *("auction_uncrossed", "trade", "market_state"),
    ]
    assert auction.fills == ["b<a 3@100"]
    assert auction.asks() == ["a 2@100"]


def test_last_price_of_a_round_is_the_reference_of_the_next(auction: Market) -> None:
    """The market has moved on to where it traded (A14)."""
    auction.play("""
        d buy  1@115
        a buy  5@115
        b buy  3@105
        a sell 6@100
        state X open
    """)

    assert found(auction) == [("106", "6", "0"), ("105", "3", "-2")]
    assert auction.fills == ["d<a 1@106", "b<a 3@105"]


def test_reduce_only_makers_stop_at_their_position(auction: Market) -> None:
    """The vector of A8 in an auction: 10 trade, the other order goes (A8, A14)."""
    auction.play("""
        state X open
        mm   sell 10@100
        h    buy  10@100
        state X auction
        h    sell 10@101 reduce
        h    sell 10@102 reduce
        t    buy  20@102
        state X open
    """)

    assert auction.fills[1:] == ["t<h 10@102"]
    assert auction.cancels == ["o4 10 reduce_only"]
    assert (auction.position("h"), auction.bids()) == ("0", ["t 10@102"])


def test_reduce_only_taker_stops_at_its_position(auction: Market) -> None:
    """And what is left of it goes, like all that only reduces (A8, A14)."""
    auction.play("""
        state X open
        h    sell 5@100
        mm   buy  5@100
        state X auction
        h    buy  20@101 reduce
        h    buy  3@99 reduce
        t    sell 30@100
        state X open
    """)

    assert auction.fills[1:] == ["h<t 5@100"]
    assert auction.cancels == ["o4 3 reduce_only", "o3 15 reduce_only"]
    assert (auction.position("h"), auction.asks()) == ("0", ["t 25@100"])


def test_takers_go_on_past_the_bound_of_a_sweep(
    venue: type[Market], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an auction nothing is cancelled for having met too many (A14, A1)."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    monkeypatch.setattr("tests.core.oracle.sweeps.MOST_MAKERS", 2)
    market = venue(state="auction")
    for number in range(5):
        market.play(f"s{number} sell 1@100")

    market.play("bob buy 5@100\n state X open")

    assert market.fills == [f"bob<s{number} 1@100" for number in range(5)]
    assert market.cancels == []
    assert (market.asks(), market.bids()) == ([], [])
