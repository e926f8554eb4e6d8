"""Where the ladder stands when the maintenance rate depends on the price (B4, D3, D4)."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

import pytest

from risk.tiers import tier_price_ticks
from tests.core import view
from tests.core.market import Market

FINE = "0.0001"
BRACKETS = [
    {"notional": "0", "initial_margin": "0.2", "maintenance_margin": "0.1"},
    {"notional": "1000", "initial_margin": "0.25", "maintenance_margin": "0.15"},
    {"notional": "1200", "initial_margin": "0.5", "maintenance_margin": "0.3"},
]


def _holding(side: str, lots: int, money: str) -> Market:
    """Let bob hold so much at 100, with that much money in all."""
    market = Market(tick_size=FINE, margin_brackets=BRACKETS, max_leverage="5")
    other = "sell" if side == "buy" else "buy"
    market.play(f"""
        deposit bob {money}
        mm  {other} {lots}@100
        bob {side} {lots}@100
    """)
    assert market.refusals == []
    return market


def _tier_price(market: Market, threshold_ppm: int = 900_000) -> Decimal | None:
    position = market.kernel.state.accounts["bob"].positions["X"]
    ticks = tier_price_ticks(position, threshold_ppm)
    return None if ticks is None else ticks * Decimal(FINE)


@pytest.mark.parametrize(
    ("side", "lots", "money", "exact"),
    [
        # 0.10 N = 0.9 (N − 720): in the first bracket
        ("buy", 9, "180", Fraction(810) / 9),
        # 11 from the second into the first: 0.10 N = 0.9 (N − 825)
        ("buy", 11, "275", Fraction(7425, 8) / 11),
        # 20 from the third into the second: 0.15 N − 50 = 0.9 (N − 1000)
        ("buy", 20, "1000", Fraction(3400, 3) / 20),
        # 30 stay in the third: 0.30 N − 230 = 0.9 (N − 1500)
        ("buy", 30, "1500", Fraction(5600, 3) / 30),
        # 9 short from the first into the second: 0.15 N − 50 = 0.9 (1200 − N)
        ("sell", 9, "300", Fraction(22600, 21) / 9),
        # and from the first into the third: 0.30 N − 230 = 0.9 (1700 − N)
        ("sell", 9, "800", Fraction(17600, 12) / 9),
    ],
)
def test_tier_price_uses_the_bracket_it_lies_in(
    side: str, lots: int, money: str, exact: Fraction
) -> None:
    """Whatever bracket the position is in now (D3)."""
    market = _holding(side, lots, money)

    rounding = ROUND_CEILING if side == "buy" else ROUND_FLOOR
    decimal = Decimal(exact.numerator) / Decimal(exact.denominator)
    assert _tier_price(market) == decimal.quantize(Decimal(FINE), rounding)


@pytest.mark.parametrize(
    ("side", "lots", "money"),
    [
        *(("buy", 9, "180"), ("buy", 11, "275"), ("buy", 13, "650"), ("buy", 20, "1000")),
        *(("sell", 9, "300"), ("sell", 9, "800"), ("sell", 11, "275"), ("sell", 13, "650")),
    ],
)
@pytest.mark.parametrize("tier", [1, 2, 3])
def test_tier_acts_beyond_its_price_and_not_before(
    side: str, lots: int, money: str, tier: int
) -> None:
    """The price that is shown and the price that liquidates are one, in any bracket (D3)."""
    market = _holding(side, lots, money)
    price = _tier_price(market, {1: 900_000, 2: 925_000, 3: 950_000}[tier])
    assert price is not None
    step = Decimal(FINE) * (1 if side == "buy" else -1)

    def tier_at(mark: Decimal) -> int:
        again = market.restarted()
        bid, ask = mark - Decimal(FINE), mark + Decimal(FINE)
        again.play(f"tick {view.text(bid)} {view.text(ask)}")
        return max((event["tier"] for event in again.of("liquidation")), default=0)

    assert tier_at(price + step) == tier - 1
    assert tier_at(price) in {tier - 1, tier}
    assert tier_at(price - step) == tier


def test_no_price_of_its_own_where_the_rest_has_reached_the_tier() -> None:
    """Y alone stands at every tier; X's second bracket has no answer to that (D3)."""
    market = Market(margin_brackets=BRACKETS[:2])
    market.play("""
        instrument Y
        mark Y 100
        deposit bob 400
        mm  buy  1@100
        bob sell 1@100
        mm  sell Y 10@100
        bob buy  Y 10@100
        mark Y 55
    """)

    assert len(market.of("liquidation")) == 2
    assert market.position("bob") == "-1"
    assert _tier_price(market) is None


def test_receipt_says_the_bracketed_maintenance(kind: type[Market]) -> None:
    """And equity is shared out by it: X maintains 191.5 of 291.5 (D4, D8)."""
    market = kind(margin_brackets=BRACKETS[:2])
    market.play("""
        instrument Y
        mark Y 100
        deposit bob 710
        mm  sell 20@100
        bob buy  20@100
        mm  sell Y 10@100
        bob buy  Y 10@100
        mark X 80.5
    """)

    receipt = market.of("liquidation")[0]["receipt"]
    assert receipt["equity"] == "320"
    assert receipt["maintenance_margin"] == "291.5"
    assert receipt["position_maintenance"] == "191.5"
