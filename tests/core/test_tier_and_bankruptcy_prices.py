"""Where a step of the ladder lies (D3), and where a slice uses up its equity (D4)."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest

from risk.tiers import tier_price_ticks
from tests.core import view
from tests.core.market import Market

THRESHOLDS = (900_000, 925_000, 950_000)
FINE = "0.000001"


def _tier_prices(market: Market, account: str, symbol: str = "X") -> list[Decimal | None]:
    """Return the prices of the three tiers, on a fine grid."""
    position = market.kernel.state.accounts[account].positions[symbol]
    ticks = [tier_price_ticks(position, threshold) for threshold in THRESHOLDS]
    return [None if each is None else each * Decimal(FINE) for each in ticks]


def _holding(side: str, **terms: str) -> Market:
    """Let bob hold 1.0 at 100 with a balance of 20."""
    market = Market(lot_size="0.1", **{"tick_size": FINE, **terms})
    other = "sell" if side == "buy" else "buy"
    market.play(f"""
        deposit bob 20
        mm  {other} 1@100
        bob {side} 1@100
    """)
    return market


def test_tier_prices_of_a_long() -> None:
    """90, 89.6970, 89.4118: rounded up, toward the market (D3)."""
    by_hand = [
        (theta * -80 / (Decimal("0.1") - theta)).quantize(Decimal(FINE), ROUND_CEILING)
        for theta in map(Decimal, ("0.9", "0.925", "0.95"))
    ]

    assert _tier_prices(_holding("buy"), "bob") == by_hand
    assert [f"{price:.4f}" for price in by_hand] == ["90.0000", "89.6970", "89.4118"]


def test_tier_prices_of_a_short() -> None:
    """108, 108.2927, 108.5714: rounded down, toward the market (D3)."""
    by_hand = [
        (theta * 120 / (Decimal("0.1") + theta)).quantize(Decimal(FINE), ROUND_FLOOR)
        for theta in map(Decimal, ("0.9", "0.925", "0.95"))
    ]

    assert _tier_prices(_holding("sell"), "bob") == by_hand
    assert [f"{price:.4f}" for price in by_hand] == ["108.0000", "108.2927", "108.5714"]


def test_other_positions_count() -> None:
    """Balance 30, elsewhere −4 and 4.8 to maintain: 89.25, 88.7879, 88.3529 (D3)."""
    market = _holding("buy")
    market.play("""
        deposit bob 10
        instrument Y lot_size=0.1 initial_margin=0.1 max_leverage=7
        mark Y 52
        mm  sell Y 1@52
        bob buy  Y 1@52
        mark Y 48
    """)

    prices = _tier_prices(market, "bob")

    assert [f"{price:.4f}" for price in prices if price] == ["89.2500", "88.7879", "88.3529"]


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("tier", [1, 2, 3])
def test_tier_acts_beyond_its_price_and_not_before(side: str, tier: int) -> None:
    """The price that is shown and the price that liquidates are one (D3)."""
    market = _holding(side)
    price = _tier_prices(market, "bob")[tier - 1]
    assert price is not None
    step = Decimal(FINE) * (1 if side == "buy" else -1)
    is_exact = tier == 1

    def tier_at(mark: Decimal) -> int:
        again = market.restarted()
        bid, ask = mark - Decimal(FINE), mark + Decimal(FINE)
        again.play(f"tick {view.text(bid)} {view.text(ask)}")
        return max((event["tier"] for event in again.of("liquidation")), default=0)

    assert tier_at(price + step) == tier - 1
    assert tier_at(price) == (tier if is_exact else tier - 1)
    assert tier_at(price - step) == tier


def test_no_price_where_none_can_be_reached() -> None:
    """Who holds more cash than the position can lose has no tier price (D3)."""
    market = _holding("buy")

    market.play("deposit bob 1000")

    assert _tier_prices(market, "bob") == [None, None, None]


@pytest.mark.parametrize(
    ("side", "marks", "price"),
    [("buy", ("90", "89.6", "85", "81"), "80"), ("sell", ("108", "109", "115", "119"), "120")],
)
def test_bankruptcy_price_does_not_depend_on_the_mark(
    side: str, marks: tuple[str, ...], price: str
) -> None:
    """The long above: 80, at any mark. The same short: 120 (D4)."""
    for mark in marks:
        market = _holding(side, tick_size="0.01")

        market.play(f"mark {mark}")

        (action,) = market.of("liquidation")
        assert action["receipt"]["bankruptcy_price"] == price
        assert action["limit_price"] == price


@pytest.mark.parametrize(
    ("side", "money", "mark", "price"),
    [("buy", "20.004", "89", "80"), ("sell", "20.004", "109", "120")],
)
def test_bankruptcy_price_is_rounded_in_the_accounts_favour(
    side: str, money: str, mark: str, price: str
) -> None:
    """79.996 becomes 80 for a long, 120.004 becomes 120 for a short (D4)."""
    market = _holding(side, tick_size="0.01")
    extra = Decimal(money) - 20

    market.play(f"""
        deposit bob {extra}
        mark {mark}
    """)

    assert market.of("liquidation")[0]["receipt"]["bankruptcy_price"] == price


def test_equity_is_shared_out_by_maintenance_margin() -> None:
    """Of 12 equity X bears 8 ⁄ 20 and Y 12 ⁄ 20, each to its own price (D4)."""
    market = Market(lot_size="0.1")
    market.play("""
        instrument Y lot_size=0.1 initial_margin=0.2 maintenance_margin=0.15
        mark Y 100
        deposit bob 52
        mm  sell X 1@100
        bob buy  X 1@100
        mm  sell Y 1@100
        bob buy  Y 1@100
        mark X 80
        mark Y 80
    """)

    x, y = market.of("liquidation")
    assert (x["symbol"], x["tier"]) == ("X", 3)
    assert x["receipt"]["equity"] == "12"
    assert x["receipt"]["maintenance_margin"] == "20"
    assert x["receipt"]["bankruptcy_price"] == "75.2"  # 80 − 12 × 8 ⁄ 20
    assert y["receipt"]["bankruptcy_price"] == "72.8"  # 80 − 12 × 12 ⁄ 20
