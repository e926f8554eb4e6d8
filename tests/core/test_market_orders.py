"""Market orders: a protection price, and never a place in the book (A2)."""

import pytest

from tests.core.market import Market


def test_collar_cuts_off_what_is_too_dear() -> None:
    """The vector of the rule: 5 % from the best offer, and not a tick more (A2)."""
    market = Market(collar="0.05")

    market.play("""
        alice sell 1@100
        alice sell 1@105
        alice sell 1@105.5
        bob   buy market 3
    """)

    assert market.fills == ["bob<alice 1@100", "bob<alice 1@105"]
    assert market.cancels == ["o4 1 collar"]
    assert market.bids() == []


def test_own_slippage_replaces_the_collar() -> None:
    """Who names a worst price gets that one: 50 basis points of 100 are 0.50 (A2)."""
    market = Market(collar="0.05")

    market.play("""
        alice sell 1@100
        alice sell 1@100.5
        alice sell 1@100.51
        bob   buy market 3 slippage=50
    """)

    assert market.fills == ["bob<alice 1@100", "bob<alice 1@100.5"]
    assert market.cancels == ["o4 1 collar"]


@pytest.mark.parametrize(
    ("side", "other", "best", "last_good", "first_bad"),
    [("buy", "sell", "99.99", "104.98", "104.99"), ("sell", "buy", "99.99", "95", "94.99")],
)
def test_protection_price_is_rounded_toward_the_touch(
    side: str, other: str, best: str, last_good: str, first_bad: str
) -> None:
    """5 % of 99.99 is 4.9995: nobody trades a fraction of a tick beyond his protection (A2)."""
    market = Market(collar="0.05")

    market.play(f"""
        alice {other} 1@{best}
        alice {other} 1@{last_good}
        alice {other} 1@{first_bad}
        bob   {side} market 3
    """)

    assert [fill.partition("@")[2] for fill in market.fills] == [best, last_good]


def test_used_up_side_leaves_a_remainder_without_collar() -> None:
    """When nobody is left, no price was too bad (A2)."""
    market = Market()

    market.play("""
        alice sell 1@100
        bob   buy market 3
    """)

    assert market.cancels == ["o2 2 ioc_remainder"]


def test_nobody_on_the_other_side_is_said_at_once() -> None:
    """Without a touch there is no protection price either (A2)."""
    market = Market()

    market.play("bob buy market 3")

    assert market.refusals == ["no_liquidity"]


def test_lifetime_is_ioc_unless_fok() -> None:
    """A market order that rested would be a limit order at nobody's price (A2)."""
    market = Market()
    market.play("alice sell 5@100")

    market.play("""
        bob buy market 2
        bob buy market 9 fok
        bob buy market 2 fok
        bob buy market 2 gtc
    """)

    assert market.fills == ["bob<alice 2@100", "bob<alice 2@100"]
    assert market.refusals == ["unfillable", "invalid_time_in_force"]
    assert market.of("order_accepted")[1]["time_in_force"] == "ioc"


def test_fok_counts_the_collar() -> None:
    """What lies beyond the protection price cannot fill anything (A5)."""
    market = Market(collar="0.05")

    market.play("""
        alice sell 1@100
        alice sell 1@106
        bob   buy market 2 fok
    """)

    assert market.refusals == ["unfillable"]
    assert market.asks() == ["alice 1@100", "alice 1@106"]


def test_margin_is_asked_at_the_protection_price() -> None:
    """The worst case is what must be affordable: 105, though 100 is on offer (B3)."""
    market = Market(collar="0.05")
    market.play("""
        alice sell 10@100
        deposit poor 25
        deposit rich 26
    """)

    market.play("""
        poor buy market 1
        rich buy market 1
    """)

    assert market.refusals == ["insufficient_margin"]  # 105 at 20 % and a loss of 5 are 26
    assert market.fills == ["rich<alice 1@100"]
