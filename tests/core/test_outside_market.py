"""Mode `l1`: whoever crosses the outside price trades there, at once and in full (D5)."""

from typing import Any

import pytest

from tests.core.market import Market


def outside(**terms: Any) -> Market:
    """Return a market against an outside of 99 and 101."""
    market = Market(mode="l1", **terms)
    market.play("tick 99 101")
    market.forget()
    return market


def test_marketable_orders_fill_at_the_touch_in_full() -> None:
    """The outside has any size, and the price is its own, not the order's limit (D5)."""
    market = outside()

    market.play("""
        bob buy 500@105
        bob sell market 200
        ann buy 1@101 ioc
        ann sell 1@90 fok
    """)

    assert market.fills == [
        *("bob<house 500@101", "bob<house 200@99"),
        *("ann<house 1@101", "ann<house 1@99"),
    ]
    assert market.position("house") == "-300"
    assert market.cancels == []


def test_trade_names_both_sides_by_orders_of_their_own() -> None:
    """The house's order takes its id as it fills, and its name from that (D5)."""
    market = outside(maker_fee="0.001", taker_fee="0.002")

    market.play("bob buy 5@105 id=mine")

    accepted, trade = market.last
    assert accepted["status"] == "done"
    assert trade["maker"] == {
        "account": "house",
        "client_order_id": f"house-{accepted['order_id'] + 1}",
        "order_id": accepted["order_id"] + 1,
        "fee": "0",
        "realized_pnl": "0",
        "position": "-5",
        "balance": "0",
        "leaves": "0",
    }
    assert trade["taker"]["fee"] == "1.01"
    assert trade["aggressor_side"] == "buy"


def test_others_rest_and_never_meet_each_other() -> None:
    """A book of buyers above sellers is no crossed market: each waits for the outside (D5)."""
    market = outside()

    market.play("""
        bob buy 5@100.5
        ann sell 5@99.5
        bob buy 1@100 ioc
        cy  buy 1@100.99 fok
    """)

    assert market.fills == []
    assert market.cancels == ["o3 1 ioc_remainder"]
    assert market.refusals == ["unfillable"]
    assert market.book() == {"bids": ["bob 5@100.5"], "asks": ["ann 5@99.5"]}


def test_resting_limits_fill_at_their_own_price_when_reached() -> None:
    """Buyers first, each side by price and arrival; the house takes and the order makes (D5)."""
    market = outside(maker_fee="0.001", taker_fee="0.002")
    market.play("""
        ann buy 1@98 id=a
        bob buy 2@97
        cy  buy 3@98 id=c
        dan buy 4@96
        eve sell 5@102
    """)

    market.play("tick 97 97.5")

    assert market.fills == ["house<ann 1@98", "house<cy 3@98"]
    first, second = market.of("trade")
    assert first["aggressor_side"] == "sell"
    assert first["maker"]["fee"] == "0.098"
    assert (first["taker"]["fee"], first["taker"]["leaves"]) == ("0", "3")
    assert second["taker"]["leaves"] == "0"
    assert first["taker"]["order_id"] == second["taker"]["order_id"]
    market.forget()

    market.play("tick 103 104")

    assert market.fills == ["house<eve 5@102"]
    assert market.kinds() == ["trade"]


def test_both_sides_may_be_reached_at_once() -> None:
    """A book that had crossed inside meets a touch between its two best (D5)."""
    market = outside()
    market.play("""
        bob buy 5@100.9
        ann sell 5@99.1
    """)
    market.forget()

    market.play("tick 100 100.5")

    assert market.fills == ["house<bob 5@100.9", "house<ann 5@99.1"]


@pytest.mark.parametrize("state", ["halted", "closed"])
def test_what_is_reached_waits_for_the_opening(state: str) -> None:
    """Nothing fills while the market is shut; it is looked at as it opens (A14)."""
    market = outside()
    market.play(f"""
        bob buy 5@98
        state X {state}
        tick 96 97
    """)
    assert market.fills == []

    market.play("state X open")

    assert market.kinds()[-2:] == ["market_state", "trade"]
    assert market.fills == ["house<bob 5@98"]


def test_auction_gathers_and_opens_without_an_uncross() -> None:
    """Orders of mode l1 never meet, in an auction either (A14)."""
    market = outside()
    market.play("""
        state X auction
        bob buy 5@103
        ann sell 5@98
        cy  buy 5@100
        dan buy market 1
    """)
    assert market.refusals == ["not_in_auction"]
    market.forget()

    market.play("state X open")

    assert market.kinds() == ["market_state", "trade", "trade"]
    assert market.fills == ["house<bob 5@103", "house<ann 5@98"]
    assert market.bids() == ["cy 5@100"]


def test_touch_that_is_too_old_is_none() -> None:
    """With a pushed mark the outside may be stale while the mark is fresh (D5, E3)."""
    market = Market(mode="l1", mark_source="pushed", feed_stale_ms=1000)
    market.play("""
        push X 100
        bob buy market 1
        tick 99 101
        wait 1000
        push X 100
        bob buy market 1
        wait 1
        bob buy market 1
        bob buy 1@105
    """)
    assert market.refusals == ["no_liquidity", "no_liquidity"]
    assert market.fills == ["bob<house 1@101"]
    assert market.bids() == ["bob 1@105"]
    market.forget()

    market.play("tick 99 101")

    assert market.fills == ["house<bob 1@105"]


def test_touch_that_counts_again_fills_what_it_reaches() -> None:
    """An operator who allows older prices brings one back to life (D5)."""
    market = Market(mode="l1", mark_source="pushed", feed_stale_ms=1000)
    market.play("""
        tick 99 101
        wait 1001
        push X 100
        bob buy 1@105
        change X feed_stale_ms=5000
    """)

    assert market.fills == ["house<bob 1@105"]


def test_orders_that_cannot_be_are_refused() -> None:
    """Post-only where it would trade, icebergs always, and the house itself (A4, A7, D5)."""
    market = outside()

    market.play("""
        bob buy 5@101 post
        bob buy 50@90 peak=10
        bob buy 50@90 peak=50
        house buy 1@90
        bob bracket buy 50@90 peak=10 tp=50@110
        bob buy 5@100.99 post id=p
        bob amend p @101
    """)

    assert [(r["reason"], r.get("path")) for r in market.of("rejected")] == [
        ("post_only_would_trade", None),
        ("invalid_display", "$.display_quantity"),
        ("house_is_counterparty", None),
        ("invalid_display", "$.entry.display_quantity"),
        ("post_only_would_trade", "$.price"),
    ]
    assert market.bids() == ["bob 5@100.99", "bob 50@90"]


def test_amend_that_reaches_the_touch_fills() -> None:
    """It enters again, like a new order (A9)."""
    market = outside()

    market.play("""
        bob buy 5@98
        bob amend o1 7@102
    """)

    assert market.kinds() == ["order_accepted", "order_amended", "trade"]
    assert market.fills == ["bob<house 7@101"]
    assert market.bids() == []


def test_reduce_only_orders_close_and_no_more() -> None:
    """Taking or resting: what is beyond the position is cancelled (A8)."""
    market = outside()
    market.play("""
        bob buy 10@101
        bob sell 15@99 reduce
        ann buy 10@101
        ann sell 6@103 reduce
        ann sell 8@104 reduce
        ann sell 1@110 reduce
    """)
    market.play("tick 105 106")

    assert market.fills[1:] == [
        *("bob<house 10@99", "ann<house 10@101", "house<ann 6@103", "house<ann 4@104"),
    ]
    assert market.cancels == ["o2 5 reduce_only", "o5 4 reduce_only", "o6 1 reduce_only"]
    assert market.position("ann") == "0"


def test_slippage_and_price_band_bound_market_orders() -> None:
    """The limit must reach the touch, and the band may lie before it (A2, E1)."""
    market = outside(price_band="0.01")
    market.play("""
        bob buy market 5 slippage=0
        tick 99 104
        bob buy market 5
        bob buy 5@104
        bob buy market 5 fok
    """)

    assert market.fills == ["bob<house 5@101"]
    assert market.cancels == ["o2 5 price_band"]
    assert market.refusals == ["outside_price_band", "unfillable"]


def test_self_trade_prevention_never_acts() -> None:
    """The counterparty is the house, whatever else of the owner's rests (A6)."""
    market = outside()

    market.play("""
        bob sell 5@101.5 id=own
        bob buy 5@102 stp=cancel_both
    """)

    assert market.kinds() == ["order_accepted", "order_accepted", "trade"]
    assert market.asks() == ["bob 5@101.5"]


def test_house_trades_in_a_book_like_the_backstop() -> None:
    """It comes into being with its first order, pays no fee, and may owe (D5, B5)."""
    market = Market(taker_fee="0.01", maker_fee="0.01")
    market.play("""
        house buy 5@100
        ann sell 5@100
        house sell 5@90
        ann buy 5@90
        deposit house 7
        account house
    """)

    assert market.fills == ["ann<house 5@100", "ann<house 5@90"]
    assert market.balance("house") == "-43"
    assert market.refusals == ["account_exists"]
    twin = market.restarted()
    assert twin.hash() == market.hash()
    assert twin.kernel.state.house is twin.kernel.state.accounts["house"]


def test_mode_cannot_be_changed() -> None:
    """Resting orders would suddenly meet, or no longer (D5)."""
    market = outside()

    market.play("change X mode=book")

    assert market.refusals == ["unknown_field"]
    (created,) = Market(mode="l1").of("instrument_created") or [{"mode": "l1"}]
    assert created["mode"] == "l1"


def test_market_order_is_margined_at_the_touch(kind: type[Market]) -> None:
    """It takes all there and nothing elsewhere: a collar beyond it would ask for too much (D5)."""
    market = kind(None, mode="l1", mark_source="pushed", lot_size="0.1")
    market.play("""
        tick 99.9 100
        push X 100
        deposit bob 20
        bob buy market 1
    """)

    assert market.refusals == []
    assert (market.position("bob"), market.free("bob")) == ("1", "0")
