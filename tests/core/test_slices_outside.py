"""Slices in mode `l1`: sold to the outside market, in full, whatever its price (D2, D5)."""

from typing import Any

import pytest

from engine.views import markets, positions
from tests.core.market import Market


def held(side: str = "buy", **terms: Any) -> Market:
    """Let bob hold 1.0 at 100 with a balance of 20, lots of 0.1; mark and outside come apart."""
    market = Market(mode="l1", mark_source="pushed", lot_size="0.1", **terms)
    market.play(f"""
        deposit bob 20
        push X 100
        tick 99.99 100.01
        bob {side} 1@100
        tick {"99.99 100" if side == "buy" else "100 100.01"}
    """)
    assert market.cost("bob") == ("100" if side == "buy" else "-100")
    market.forget()
    return market


def at(market: Market, price: str) -> None:
    """Bring the outside and then the mark to a price, where longs sell and shorts buy."""
    cents = round(float(price) * 100)
    side = market.position("bob").startswith("-")
    bid, ask = (cents - 1, cents) if side else (cents, cents + 1)
    market.play(f"tick {bid / 100} {ask / 100}\n push X {price}")


def seen(market: Market) -> list[tuple[int, str, str]]:
    """Return tier, quantity and limit of every slice."""
    return [(e["tier"], e["quantity"], e["limit_price"]) for e in market.of("liquidation")]


def test_long_at_exactly_90_sells_0_3_at_the_mark() -> None:
    """Balance 17, 0.7 left, ratio 0.63, next tier 1 at 85.1786: the vector (D2, D3)."""
    market = held()
    at(market, "90.01")
    assert seen(market) == []

    at(market, "90")

    assert seen(market) == [(1, "0.3", "90")]
    assert market.fills == ["bob<house 0.3@90"]
    assert (market.balance("bob"), market.position("bob")) == ("17", "0.7")
    margin = market.margin("bob")
    assert (margin["equity"], margin["maintenance"]) == ("10", "6.3")
    market.forget()
    at(market, "85.18")
    assert seen(market) == []
    at(market, "85.17")
    assert seen(market) == [(1, "0.3", "85.17")]


def test_short_at_exactly_108_buys_0_3_at_the_mark() -> None:
    """The same on the other side: tiers at 108, 108.2927, 108.5714 (D2)."""
    market = held("sell")
    at(market, "107.99")
    assert seen(market) == []

    at(market, "108")

    assert seen(market) == [(1, "0.3", "108")]
    assert market.fills == ["bob<house 0.3@108"]
    assert (market.balance("bob"), market.position("bob")) == ("17.6", "-0.7")
    margin = market.margin("bob")
    assert (margin["equity"], margin["maintenance"]) == ("12", "7.56")


@pytest.mark.parametrize(
    ("side", "price", "tier", "sold"),
    [
        ("buy", "89.70", 1, "0.3"),
        ("buy", "89.69", 2, "0.5"),
        ("buy", "89.6", 2, "0.5"),
        ("buy", "89.42", 2, "0.5"),
        ("buy", "89.41", 3, "1"),
        ("buy", "89.3", 3, "1"),
        ("buy", "88.88", 3, "1"),
        ("buy", "80", 3, "1"),
        ("sell", "108.29", 1, "0.3"),
        ("sell", "108.3", 2, "0.5"),
        ("sell", "108.57", 2, "0.5"),
        ("sell", "108.58", 3, "1"),
        ("sell", "109.1", 3, "1"),
        ("sell", "120", 3, "1"),
    ],
)
def test_gap_acts_at_the_highest_tier(side: str, price: str, tier: int, sold: str) -> None:
    """The tiers at 89.6970 and 89.4118, 108.2927 and 108.5714 lie between two ticks (D1, D2)."""
    market = held(side)

    at(market, price)

    ((seen_tier, quantity, limit),) = seen(market)
    assert (seen_tier, quantity, float(limit)) == (tier, sold, float(price))
    assert market.kinds() == ["margin_call", "liquidation", "trade"]


@pytest.mark.parametrize(("side", "price"), [("buy", "75"), ("sell", "125")])
def test_gap_past_bankruptcy_is_paid_by_the_fund(side: str, price: str) -> None:
    """Equity −5: everything goes at the outside price, and the fund pays 5 (D2, D6)."""
    market = held(side)
    market.play("fund 8")

    at(market, price)

    assert seen(market) == [(3, "1", price)]
    assert market.fills == [f"bob<house 1@{price}"]
    (paid,) = market.of("deficit")
    assert (paid["amount"], paid["from_insurance"], paid["from_deficit"]) == ("5", "5", "0")
    assert (market.balance("bob"), market.position("bob")) == ("0", "0")
    assert market.kernel.state.ledger.insurance == 3 * 10**8
    assert not market.of("takeover") + market.of("deleveraged")


def test_slice_trades_at_the_outside_whatever_bankruptcy_and_collar_say() -> None:
    """The receipt keeps the bankruptcy price; the outside is 20 below the mark (D4, D5, D8)."""
    market = held()
    market.play("tick 70 71\n push X 90")

    (action,) = market.of("liquidation")
    assert action["limit_price"] == "70"
    receipt = action["receipt"]
    assert (receipt["bankruptcy_price"], receipt["outside_price"]) == ("80", "70")
    assert "collar_price" not in receipt
    assert market.fills == ["bob<house 0.3@70"]


def test_without_a_fresh_touch_the_slice_waits() -> None:
    """A tick wakes it, though it moves no mark (D6, E3)."""
    market = held(feed_stale_ms=1000)
    market.play("wait 1001\n push X 90")
    assert market.kinds() == ["margin_call"]

    market.play("push X 89.9")
    assert seen(market) == []
    market.play("tick 90 90.01")

    assert seen(market) == [(1, "0.3", "90")]


def test_liquidation_fee_is_at_most_the_surplus() -> None:
    """Sold at 90 with bankruptcy at 80 there is room; sold at 79 there is none (D6)."""
    market = held()
    market.play("ladder liquidation_fee=0.005")
    at(market, "90")
    assert [e["delta"] for e in market.of("balance_changed")] == ["-0.135"]

    market = held()
    market.play("ladder liquidation_fee=0.005\n tick 79 80\n push X 90")
    assert market.of("balance_changed") == []


def test_slice_leaves_own_resting_orders_to_the_margin() -> None:
    """Openings are cancelled first; what reduces stays, and is never met (D2, A6)."""
    market = held()
    market.play("""
        bob sell 0.1@110 id=more
        bob sell 0.5@101 reduce id=exit
    """)

    at(market, "90")

    assert market.cancels == ["more 0.1 liquidation"]
    assert market.fills == ["bob<house 0.3@90"]
    assert market.asks() == ["bob 0.5@101"]


def test_house_is_never_called_nor_closed() -> None:
    """It may owe: the venue stands behind it (D5, D6)."""
    market = Market(mode="l1")
    market.play("""
        tick 99 101
        bob buy 1000@101
        mark 1000
    """)

    assert market.margin("house")["equity"] == "-899000"
    assert market.of("margin_call") == []
    assert market.balance("house") == "0"


def test_no_position_of_mode_l1_has_a_quintile() -> None:
    """Nobody is deleveraged where the outside takes everything (D7)."""
    market = held()
    market.play("instrument Y\n mark Y 100\n mm sell Y 5@100\n ann buy Y 5@100")

    found = positions(market.kernel.state)
    assert found["bob"]["X"]["adl_quintile"] is None
    assert found["ann"]["Y"]["adl_quintile"] == 5


def test_view_tells_whether_the_outside_counts() -> None:
    """An operator who sees slices wait wants to know why (D5, E3)."""
    market = held(feed_stale_ms=1000)
    market.play("instrument Y")
    seen = markets(market.kernel.state)
    assert (seen["X"]["mode"], seen["X"]["outside_stale"]) == ("l1", False)
    assert seen["Y"]["mode"] == "book"
    assert "outside_stale" not in seen["Y"]

    market.wait(1001)

    assert markets(market.kernel.state)["X"]["outside_stale"]
