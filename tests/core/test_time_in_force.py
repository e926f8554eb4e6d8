"""How long an order lives (A3), and all or nothing (A5)."""

from tests.core.market import Market


def test_gtc_trades_what_it_can_and_rests() -> None:
    """It is the lifetime of limit orders that name none (A3)."""
    market = Market()

    market.play("""
        alice sell 2@100
        bob   buy  5@100
    """)

    accepted = market.of("order_accepted")[1]
    assert (accepted["time_in_force"], accepted["status"]) == ("gtc", "resting")
    assert market.bids() == ["bob 3@100"]


def test_ioc_trades_what_it_can_and_is_gone() -> None:
    """The rest is cancelled, and says so (A3)."""
    market = Market()

    market.play("""
        alice sell 2@100
        bob   buy  5@100 ioc
    """)

    assert market.of("order_accepted")[1]["status"] == "done"
    assert market.fills == ["bob<alice 2@100"]
    assert market.cancels == ["o2 3 ioc_remainder"]
    assert market.book() == {"bids": [], "asks": []}


def test_ioc_that_meets_nobody_is_accepted_and_cancelled() -> None:
    """Not trading is no refusal: the id is used up (A3)."""
    market = Market()

    market.play("bob buy 5@100 ioc")

    assert market.kinds()[-2:] == ["order_accepted", "order_cancelled"]


def test_fok_trades_at_the_makers_prices() -> None:
    """A fill-or-kill of 10@110 trades at 100 and 101, never at 110 (A5)."""
    market = Market()

    market.play("""
        alice sell 5@100
        alice sell 5@101
        bob   buy 10@110 fok
    """)

    assert market.fills == ["bob<alice 5@100", "bob<alice 5@101"]


def test_fok_of_one_lot_too_many_changes_nothing() -> None:
    """It is decided before the first fill, so there is nothing to take back (A5)."""
    market = Market()
    market.play("""
        alice sell 5@100
        alice sell 5@101
        bob   buy  1@99
    """)
    before = market.hash()

    market.play("bob buy 11@110 fok")

    assert market.refusals == ["unfillable"]
    assert market.hash() == before


def test_fok_stops_at_its_limit() -> None:
    """Quantity beyond the limit does not count (A5)."""
    market = Market()

    market.play("""
        alice sell 5@100
        alice sell 5@101
        bob   buy  6@100.99 fok
    """)

    assert market.refusals == ["unfillable"]


def test_own_order_in_the_way_rejects_fok() -> None:
    """With others before and behind it: what cannot be met in turn cannot be filled (A5)."""
    market = Market()
    market.play("""
        other sell 5@100
        me    sell 5@101
        other sell 5@102
    """)
    before = market.hash()

    market.play("me buy 10@102 fok")

    assert market.refusals == ["unfillable"]
    assert market.hash() == before
    assert market.of("prevented_match") == []


def test_own_order_behind_the_last_unit_does_not_matter() -> None:
    """Only what lies at or before the last unit needed is in the way (A5)."""
    market = Market()

    market.play("""
        other sell 5@100
        me    sell 5@100
        me    buy 5@102 fok
    """)

    assert market.fills == ["me<other 5@100"]


def test_fok_without_prevention_fills_against_oneself() -> None:
    """Mode `none` treats own orders like any other (A5)."""
    market = Market()

    market.play("""
        me  sell 5@100
        me  buy 5@100 fok stp=none
    """)

    assert market.fills == ["me<me 5@100"]


def test_fok_that_cancels_the_oldest_does_so_only_if_it_executes() -> None:
    """Own orders are skipped; they go when the order trades, and stay when it is killed (A5)."""
    market = Market()
    market.play("""
        other sell 5@100
        me    sell 5@101
        other sell 5@102
    """)

    market.play("me buy 11@102 fok stp=cancel_oldest")

    assert market.refusals == ["unfillable"]
    assert market.asks() == ["other 5@100", "me 5@101", "other 5@102"]

    market.play("me buy 10@102 fok stp=cancel_oldest")

    assert market.fills == ["me<other 5@100", "me<other 5@102"]
    assert market.cancels == ["o2 5 self_trade"]
    assert market.asks() == []
