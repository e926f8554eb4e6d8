"""Orders that only rest (A7)."""

import pytest

from tests.core.market import Market


@pytest.mark.parametrize("price", ["100", "101"])
def test_order_that_would_trade_is_refused(market: Market, price: str) -> None:
    """At the touch or through it, it would take what it came to make (A7)."""
    market.play("""
        deposit bob 1000
        alice sell 5@100
    """)
    before = market.hash()

    (refusal,) = market.play(f"bob buy 5@{price} post")

    assert (refusal["code"], refusal["reason"]) == (412, "post_only_would_trade")
    assert market.hash() == before


def test_order_that_meets_nobody_rests(market: Market) -> None:
    """One tick below the ask it makes a market (A7)."""
    market.play("""
        alice sell 5@100
        bob   buy  5@99.99 post
        carol sell 5@99.99
    """)

    assert market.fills == ["carol<bob 5@99.99"]


@pytest.mark.parametrize("mode", ["none", "cancel_newest", "cancel_oldest", "cancel_both"])
def test_own_resting_orders_count(market: Market, mode: str) -> None:
    """It would meet them; what prevention would do then is not asked (A7)."""
    market.play(f"""
        me sell 5@100
        me buy  5@100 post stp={mode}
    """)

    assert market.refusals == ["post_only_would_trade"]
    assert market.of("prevented_match") == []


@pytest.mark.parametrize("kind", ["5@99 ioc", "5@99 fok", "market 5"])
def test_orders_that_never_rest_cannot_be_post_only(market: Market, kind: str) -> None:
    """They would be refused or cancelled, always (A7)."""
    market.play("alice sell 5@100")

    (refusal,) = market.play(f"bob buy {kind} post")

    assert (refusal["reason"], refusal["path"]) == ("invalid_time_in_force", "$.post_only")


def test_money_is_asked_first(market: Market) -> None:
    """The checks of C1 lead, as they do before a fill-or-kill (A7, C1)."""
    market.play("""
        deposit bob 10
        alice sell 5@100
        bob   buy 5@100 post
    """)

    assert market.refusals == ["leverage_exceeded"]


def test_refused_order_uses_no_id_up(market: Market) -> None:
    """The same id may come again at a better price (A7, A10)."""
    market.play("""
        alice sell 5@100
        bob   buy 5@100 post id=p
        bob   buy 5@99  post id=p
    """)

    assert market.refusals == ["post_only_would_trade"]
    assert market.bids() == ["bob 5@99"]


def test_amend_to_a_price_that_trades_is_refused(market: Market) -> None:
    """It stays what it was: an order that only rests (A7, A9)."""
    market.play("""
        alice sell 5@100
        bob   buy  5@99 post
    """)
    before = market.hash()

    (refusal,) = market.play("bob amend o2 @100")

    assert (refusal["reason"], refusal["path"]) == ("post_only_would_trade", "$.price")
    assert market.hash() == before


def test_amend_to_a_price_that_rests_is_accepted(market: Market) -> None:
    """And it is post-only still: the next one is refused again (A7, A9)."""
    market.play("""
        alice sell 5@100
        bob   buy  5@99 post
        bob   amend o2 6@99.99
        bob   amend o2 @100
    """)

    assert market.bids() == ["bob 6@99.99"]
    assert market.refusals == ["post_only_would_trade"]


def test_post_only_iceberg_that_expires(market: Market) -> None:
    """The three go together (A7, A4, A3)."""
    market.play("""
        alice sell 30@100 peak=10 post gtd=3000
        bob   buy  12@100
        wait 2000
    """)

    assert market.fills == ["bob<alice 12@100"]
    assert market.of("order_expired")[0]["leaves"] == "18"


def test_post_only_order_is_so_after_a_restart() -> None:
    """Its amends are asked again (A7)."""
    market = Market()
    market.play("""
        alice sell 5@100
        bob   buy  5@99 post
    """)

    twin = market.restarted()
    twin.play("bob amend o2 @100")

    assert twin.refusals == ["post_only_would_trade"]
