"""Where a slice trades (D5): into the book, limited by bankruptcy price and collar."""

from typing import Any

import pytest

from tests.core.market import Market


def _market(*bids: str, **terms: Any) -> Market:
    """Let bob be long 1.0 at 100 with a balance of 20, and carol bid."""
    market = Market(lot_size="0.1", **terms)
    market.play("""
        deposit bob 20
        mm  sell 1@100
        bob buy  1@100
    """)
    for bid in bids:
        market.play(f"carol buy {bid}")
    market.forget()
    return market


@pytest.mark.parametrize(
    ("best", "collar", "limit"),
    [("90", "0.05", "85.5"), ("90", "0.2", "80"), ("84.99", "0.05", "80.75"), ("79", "0.05", "80")],
)
def test_limit_is_the_better_of_bankruptcy_price_and_collar(
    best: str, collar: str, limit: str
) -> None:
    """80 protects the others, 5 % from the best bid protects the account (D5)."""
    market = _market(f"0.1@{best}", collar=collar)

    market.play("mark 90")

    (action,) = market.of("liquidation")
    assert action["limit_price"] == limit


def test_makers_trade_at_their_prices() -> None:
    """Whoever rests at the mark itself is the buyer, best price first (D5)."""
    market = _market("0.1@89", "0.1@90", "0.1@86")

    market.play("mark 90")

    assert market.fills == ["bob<carol 0.1@90", "bob<carol 0.1@89", "bob<carol 0.1@86"]


def test_nothing_trades_below_the_bankruptcy_price() -> None:
    """What cannot be sold at 80 or better stays with the account (D5)."""
    market = _market("0.1@80", "5@79.99", collar="0.5")

    market.play("mark 90")

    assert market.fills == ["bob<carol 0.1@80"]
    assert market.cancels == ["liq-5 0.2 ioc_remainder"]
    assert market.position("bob") == "0.9"


def test_nothing_trades_beyond_the_collar() -> None:
    """A hole in the book is not the account's fate (D5)."""
    market = _market("0.1@90", "5@85.49")

    market.play("mark 90")

    assert market.fills == ["bob<carol 0.1@90"]


def test_action_is_written_before_its_trades() -> None:
    """And its receipt holds everything that the decision used (D5)."""
    market = _market("5@90")

    market.play("mark 90")

    assert market.kinds() == ["margin_call", "liquidation", "trade"]
    action = market.of("liquidation")[0]
    assert (action["account"], action["symbol"], action["side"]) == ("bob", "X", "sell")
    assert action["receipt"] == {
        "equity": "10",
        "maintenance_margin": "9",
        "mark_price": "90",
        "mark_source": "l1_mid",
        "position": "1",
        "position_maintenance": "9",
        "share": "0.3",
        "bankruptcy_price": "80",
        "collar_price": "85.5",
    }


def test_action_is_written_also_when_nothing_follows() -> None:
    """Nobody bids, so there is no collar; the attempt stands in the journal (D5)."""
    market = _market()

    market.play("mark 90")

    (action,) = market.of("liquidation")
    assert "collar_price" not in action["receipt"]
    assert market.fills == []


def test_short_is_bought_back() -> None:
    """The same from the other side (D5)."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 20
        mm    buy  1@100
        bob   sell 1@100
        carol sell 1@110
        mark 108
    """)

    action = market.of("liquidation")[0]
    assert (action["side"], action["limit_price"]) == ("buy", "115.5")
    assert market.fills[-1] == "bob<carol 0.3@110"


def test_liquidation_only_reduces() -> None:
    """It never turns a position round, whatever the book offers (D5)."""
    market = _market("50@85")

    market.play("mark 82")  # tier 3

    assert market.position("bob") == "0"


def test_partly_filled_slice_is_looked_at_again() -> None:
    """It traded, so its equity changed: the next input tries again (D5)."""
    market = _market("0.1@85")

    market.play("""
        mark 85
        carol buy 1@84
    """)

    assert market.fills == ["bob<carol 0.1@85", "bob<carol 0.9@84"]


def test_trade_names_the_liquidation_order() -> None:
    """An id of its own that no client can have sent (D5)."""
    market = _market("5@90")

    market.play("mark 90")

    taker = market.of("trade")[0]["taker"]
    assert taker["client_order_id"] == f"liq-{taker['order_id']}"
