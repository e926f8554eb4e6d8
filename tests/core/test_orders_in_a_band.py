"""What a price band does to amends, market orders, stops and liquidations (E1)."""

from tests.core.market import Market


def test_amend_to_a_price_outside_is_refused(market: Market) -> None:
    """The order stays as it was, in its place (E1, A9)."""
    market.play("""
        change X price_band=0.1
        alice sell 5@105
        bob   sell 5@105
        alice amend o1 @110.01
        alice amend o1 3@89.99
        alice amend o1 9@111
    """)

    assert market.refusals == ["outside_price_band"] * 3
    assert market.of("rejected")[0]["path"] == "$.price"
    assert market.asks() == ["alice 5@105", "bob 5@105"]


def test_amend_at_the_same_price_is_not_asked(market: Market) -> None:
    """An order that the band has left behind may still grow, shrink and go (E1)."""
    market.play("""
        alice sell 5@120
        alice sell 5@121
        change X price_band=0.05
        alice amend o1 3
        alice amend o1 9@120
        alice amend o2 @104
        alice cancel o1
    """)

    assert market.refusals == []
    assert market.asks() == ["alice 5@104"]


def test_market_state_is_asked_before_the_band_and_money_after_it(market: Market) -> None:
    """One refusal at a time, and always the same one (E1, A9)."""
    market.play("""
        deposit poor 30
        poor buy 1@100
        change X price_band=0.1
        poor amend o1 90@120
        poor buy 90@120
        state X halted
        poor amend o1 90@120
        poor buy 90@120
    """)

    assert market.refusals == ["outside_price_band"] * 2 + ["market_not_open"] * 2


def test_band_is_asked_before_the_position(market: Market) -> None:
    """Like the other questions about prices (E1, A8)."""
    market.play("change X price_band=0.1\n alice sell 1@120 reduce")

    assert market.refusals == ["outside_price_band"]


def test_market_order_stops_at_the_band(market: Market) -> None:
    """Its rest is cancelled; the book beyond is left alone (E1)."""
    market.play("""
        alice sell 1@100
        alice sell 1@104
        alice sell 1@106
        change X price_band=0.05
        bob   buy market 3 slippage=2000
    """)

    assert market.fills == ["bob<alice 1@100", "bob<alice 1@104"]
    assert market.cancels == ["o4 1 price_band"]
    assert market.asks() == ["alice 1@106"]


def test_market_sell_stops_at_the_band(market: Market) -> None:
    """The lower edge is the seller's (E1)."""
    market.play("""
        alice buy 1@100
        alice buy 1@95
        alice buy 1@94.99
        change X price_band=0.05
        bob   sell market 3 slippage=2000
    """)

    assert market.fills == ["bob<alice 1@100", "bob<alice 1@95"]
    assert market.cancels == ["o4 1 price_band"]


def test_collar_counts_where_it_is_as_near(market: Market) -> None:
    """The reason names the band only where the band is what held the order back (E1, A2)."""
    market.play("""
        alice sell 1@100
        alice sell 1@106
        change X price_band=0.05
        bob   buy market 2
        change X price_band=0
        change X price_band=0.3
        alice sell 1@100
        bob   buy market 2
    """)

    assert market.cancels == ["o3 1 collar", "o5 1 collar"]


def test_market_order_that_empties_the_book_says_so(market: Market) -> None:
    """Nothing was cut off where nothing was left (E1, A2)."""
    market.play("""
        alice sell 1@100
        change X price_band=0.01
        bob   buy market 2
    """)

    assert market.cancels == ["o2 1 ioc_remainder"]


def test_market_order_beyond_the_band_trades_nothing(market: Market) -> None:
    """The best price is outside: the order is accepted, done and cancelled whole (E1)."""
    market.play("""
        alice sell 1@106
        change X price_band=0.05
        bob   buy market 2
    """)

    assert market.fills == []
    assert market.of("order_accepted")[-1]["status"] == "done"
    assert market.cancels == ["o2 2 price_band"]


def test_fill_or_kill_counts_the_band(market: Market) -> None:
    """What lies beyond it does not fill it (E1, A5)."""
    market.play("""
        deposit bob 100000
        alice sell 1@100
        alice sell 1@106
        change X price_band=0.05
    """)
    before = market.hash()

    market.play("bob buy market 2 fok slippage=2000")

    assert market.refusals == ["unfillable"]
    assert market.asks() == ["alice 1@100", "alice 1@106"]
    assert market.hash() == before
    market.play("bob buy market 1 fok slippage=2000")
    assert market.fills == ["bob<alice 1@100"]


def test_market_order_is_margined_at_the_band(market: Market) -> None:
    """It cannot cost more than its edge: money is asked there, not at the protection (E1, C1)."""
    market.play("""
        deposit poor 300
        alice sell 10@100
        poor  buy market 10 slippage=5000
        change X price_band=0.01
        poor  buy market 10 slippage=5000 id=again
    """)

    assert market.refusals == ["insufficient_margin"]
    assert market.fills == ["poor<alice 10@100"]


def test_reference_is_that_before_the_order(market: Market) -> None:
    """An order's own prints widen nothing for itself (E1)."""
    market.play("""
        alice sell 100@104
        alice sell 1@106
        alice sell 1@110
        change X price_band=0.05
        bob   buy market 101 slippage=2000
        bob   buy market 2 slippage=2000
    """)

    assert market.fills == ["bob<alice 100@104", "bob<alice 1@106"]
    assert market.cancels == ["o4 1 price_band", "o5 1 price_band"]


def test_armed_orders_are_asked_when_they_fire(market: Market) -> None:
    """The band of that moment counts, not that of the entry (E1, A11)."""
    market.play("""
        change X price_band=0.05
        alice buy stop_limit 1@120 trigger=110 by=mark
        bob   buy stop_limit 1@112 trigger=110 by=mark
        alice amend o1 2@130
        change X price_band=0.12
        mark 110
    """)

    assert market.refusals == []
    assert market.failed == ["o1 outside_price_band"]
    (failed,) = market.of("trigger_rejected")
    assert failed["errors"] == [{"code": 308, "reason": "outside_price_band"}]
    assert market.bids() == ["bob 1@112"]


def test_fired_stop_is_cut_off_by_the_band(market: Market) -> None:
    """A stop-loss does not chase the price down an empty book (E1, A11)."""
    market.play("""
        alice buy  1@99
        alice buy  1@90
        bob   sell stop 2 trigger=99 by=mark slippage=5000
        change X price_band=0.05
        mark  99
    """)

    assert market.fills == ["bob<alice 1@99"]
    assert market.cancels == ["o3 1 price_band"]


def test_fired_orders_are_asked_in_order(market: Market) -> None:
    """The band comes before what there is to reduce (E1, A8, A11)."""
    market.play("""
        long  buy  5@100
        mm    sell 5@100
        long  sell stop_limit 5@80 trigger=99 by=mark reduce
        change X price_band=0.05
        mark  99
    """)

    assert market.failed == ["o3 outside_price_band"]


def test_liquidation_is_not_held_back_by_the_band(venue: type[Market]) -> None:
    """Who must sell, sells; its own limits are D4's price and the collar (E1, D5)."""
    market = venue(lot_size="0.1")
    market.play("""
        deposit bob 20
        alice sell 1@100
        bob   buy  1@100
        carol buy  5@90
        change X price_band=0.01
        mark  90
    """)

    assert len(market.of("liquidation")) == 1
    assert market.fills[-1] == "bob<carol 0.3@90"


def test_prints_of_a_liquidation_count(venue: type[Market]) -> None:
    """A trade is a trade: 1@100 and 0.3@90 make 97.69 (E1)."""
    market = venue(lot_size="0.1")
    market.play("""
        change X price_band=0.2
        deposit bob 20
        alice sell 1@100
        bob   buy  1@100
        carol buy  5@90
        mark  90
        change X price_band=0.000001
        carol buy 1@97.69
        change X price_band=0.0001
        carol buy 1@97.70
        carol buy 1@97.68
    """)

    assert market.refusals == ["outside_price_band", "outside_price_band"]
    assert market.bids()[0] == "carol 1@97.7"
