"""What may be done while an auction gathers orders (A14)."""

import pytest

from tests.core.market import Market


@pytest.fixture
def auction(market: Market) -> Market:
    """Return a market in an auction."""
    market.play("state X auction")
    market.forget()
    return market


def test_orders_gather_without_trading(auction: Market) -> None:
    """The book may be crossed: that is what the auction is for (A14)."""
    auction.play("""
        alice sell 5@99
        bob   buy  5@101
        bob   buy  3@101
    """)

    assert auction.fills == []
    assert [event["status"] for event in auction.of("order_accepted")] == ["resting"] * 3
    assert auction.asks() == ["alice 5@99"]
    assert auction.bids() == ["bob 5@101", "bob 3@101"]


@pytest.mark.parametrize(
    ("order", "path"),
    [
        ("buy market 5", "$.order_type"),
        ("buy market 5 fok", "$.order_type"),
        ("buy 5@100 ioc", "$.time_in_force"),
        ("buy 5@100 fok", "$.time_in_force"),
        ("buy 5@100 post", "$.post_only"),
    ],
)
def test_what_cannot_wait_is_refused(auction: Market, order: str, path: str) -> None:
    """Nothing trades before the end, so nothing can be done at once or not at all (A14)."""
    auction.play("alice sell 9@100")
    before = auction.hash()

    (refusal,) = auction.play(f"alice {order}")

    assert (refusal["code"], refusal["reason"], refusal["path"]) == (309, "not_in_auction", path)
    assert auction.hash() == before


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("buy market 5@100", "price_not_allowed"),
        ("buy 5 ioc", "price_required"),
        ("buy 5@100 ioc post", "invalid_time_in_force"),
        ("buy 5@100 fok peak=1", "invalid_display"),
        ("buy 0.5@100 ioc", "off_lot"),
        ("buy 5@100 ioc expires=9000", "invalid_expiry"),
    ],
)
def test_form_is_asked_before_the_auction(auction: Market, order: str, reason: str) -> None:
    """An order that is wrong at any time says so at any time (A14)."""
    auction.play(f"alice {order}")

    assert auction.refusals == [reason]


def test_money_and_band_are_asked_as_ever(auction: Market) -> None:
    """An auction is no way round a limit (A14, C1, E1)."""
    auction.play("""
        deposit poor 10
        poor  buy 1@100
        alice sell 1@100 reduce
        change X price_band=0.05
        alice buy 1@106
    """)

    assert auction.refusals == [
        *("leverage_exceeded", "nothing_to_reduce", "outside_price_band"),
    ]


def test_gathered_orders_hold_margin(auction: Market) -> None:
    """They may all trade at the end, so they hold it as resting ones do (A14, B3)."""
    auction.play("""
        deposit bob 100
        bob buy 4@100
        bob buy 2@101
    """)

    assert auction.refusals == ["insufficient_margin"]
    assert auction.free("bob") == "20"


def test_orders_that_wait_for_a_price_may_come(auction: Market) -> None:
    """Their attributes count when they fire, which is not now (A14, A11)."""
    auction.play("""
        alice sell stop 1 trigger=99 by=mark
        alice sell stop_limit 1@98 trigger=99 by=mark ioc
        alice buy take_profit_limit 1@98 trigger=99 by=mark post
        mark 98
        alice amend o1 trigger=97
        alice cancel o3
    """)

    assert auction.refusals == []
    assert auction.fired == []
    assert auction.armed() == ["o2 sell 1 99", "o1 sell 1 97"]


def test_opening_fires_what_was_reached(auction: Market) -> None:
    """After the uncross and the opening, not before (A14, A11)."""
    auction.play("""
        alice sell stop_limit 1@98 trigger=99 by=mark
        bob   buy  3@98
        carol sell 1@97
        mark 98
    """)

    auction.play("state X open")

    assert [event["type"] for event in auction.last] == [
        *("auction_uncrossed", "trade", "market_state", "order_triggered", "trade"),
    ]


@pytest.mark.parametrize("state", ["halted", "closed"])
def test_nothing_fires_where_an_auction_ends_in_a_halt(auction: Market, state: str) -> None:
    """It trades all the same: everybody has agreed to that price (A14, A11)."""
    auction.play(f"""
        alice sell stop 1 trigger=99 by=mark
        bob   buy  3@98
        carol sell 1@97
        mark  98
        state X {state}
    """)

    assert auction.fills == ["carol<bob 1@98"]
    assert auction.fired == []
    assert auction.armed() == ["o1 sell 1 99"]


def test_cancels_and_expiries_go_on(auction: Market) -> None:
    """Nobody is held in an auction (A14)."""
    auction.play("""
        alice sell 5@99 gtd=3000
        bob   buy  5@101
        carol sell 1@99
        bob   cancel o2
        wait  2000
        carol cancel all
    """)

    assert auction.kinds().count("order_expired") == 1
    assert auction.cancels == ["o2 5 requested", "o3 1 cancel_all"]
    assert (auction.asks(), auction.bids()) == ([], [])


def test_amends_cross_without_trading(auction: Market) -> None:
    """More quantity and another price are let in, and go to the tail (A14, A9)."""
    auction.play("""
        alice sell 5@101
        bob   sell 5@101
        carol buy  5@99
        alice amend o1 6
        carol amend o3 @102
        bob   amend o2 4
    """)

    assert auction.refusals == []
    assert auction.asks() == ["bob 4@101", "alice 6@101"]
    assert auction.bids() == ["carol 5@102"]
    assert [event["kept_priority"] for event in auction.of("order_amended")] == [False, False, True]


def test_post_only_order_keeps_its_price(market: Market) -> None:
    """Moved, it might be the one that takes when the auction ends (A14, A7)."""
    market.play("""
        alice sell 5@101 post
        state X auction
        alice amend o1 8
        alice amend o1 @102
        alice amend o1 2@100
        alice amend o1 3
    """)

    assert market.refusals == ["not_in_auction"] * 2
    assert {event["path"] for event in market.of("rejected")} == {"$.price"}
    assert market.asks() == ["alice 3@101"]


def test_post_only_is_asked_before_the_band(market: Market) -> None:
    """It is a question of the market's state (A14, E1)."""
    market.play("""
        alice sell 5@101 post
        change X price_band=0.05
        state X auction
        alice amend o1 @120
        state X halted
        alice amend o1 @120
    """)

    assert market.refusals == ["not_in_auction", "market_not_open"]


def test_liquidations_wait_for_the_end(venue: type[Market]) -> None:
    """The book is no market yet (A14, D6)."""
    market = venue(lot_size="0.1")
    market.play("""
        deposit bob 20
        alice sell 1@100
        bob   buy  1@100
        carol buy  1@90
        state X auction
        mark 90
        carol buy  1@89
    """)
    assert market.of("liquidation") == []

    market.play("state X open")

    assert [event["type"] for event in market.last] == ["market_state", "liquidation", "trade"]


def test_instrument_may_begin_in_an_auction(venue: type[Market]) -> None:
    """A first price is found by everybody together (A14)."""
    market = venue(None, mark_source="last", state="auction")
    market.play("""
        alice sell 5@99
        bob   buy  5@101
        state X open
    """)

    assert market.fills == ["bob<alice 5@99"]
    assert market.last[-1] == {"type": "market_state", "symbol": "X", "state": "open", "in": 0}


def test_auction_after_an_auction_is_the_same_one(auction: Market) -> None:
    """Only leaving uncrosses (A14)."""
    auction.play("""
        alice sell 5@99
        bob   buy  5@101
        state X auction
    """)

    assert [event["type"] for event in auction.last] == ["market_state"]
    assert auction.bids() == ["bob 5@101"]


def test_open_book_is_kept_for_the_auction(market: Market) -> None:
    """What rested before takes part, in its place (A14, A1)."""
    market.play("""
        alice sell 5@101
        state X auction
        carol sell 5@101
        bob   buy  7@101
        state X open
    """)

    assert market.fills == ["bob<alice 5@101", "bob<carol 2@101"]


def test_auction_survives_a_snapshot() -> None:
    """A crossed book is restored crossed (A14)."""
    market = Market()
    market.play("""
        state X auction
        alice sell 5@99
        bob   buy  9@101 peak=2
    """)

    twin = market.restarted()

    assert twin.hash() == market.hash()
    assert twin.book() == market.book()
    assert twin.play("state X open") == market.play("state X open")
    assert twin.bids() == ["bob 4@101 shows 1"]
