"""Position sizing (C4), against the rule's own words in exact fractions."""

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from engine.limits import MAX_QUANTITY_LOTS
from risk import sizing

PPM = 10**6
equities = st.integers(-(10**12), 10**16)
rates = st.integers(1, PPM)
prices = st.integers(1, 10**7)
units = st.integers(2, 10**6)


def _lots(wanted: Fraction) -> int:
    return min(max(0, floor(wanted)), MAX_QUANTITY_LOTS)


def test_kelly_by_hand() -> None:
    """Of 0.6 − 0.4 ⁄ 2 = 0.4; with a quarter as the cap, 0.25; of a bad bet, nothing."""
    assert sizing.kelly_ppm(600_000, 2_000_000, PPM) == 400_000
    assert sizing.kelly_ppm(600_000, 2_000_000) == 250_000
    assert sizing.kelly_ppm(300_000, 2_000_000) == 0
    # 1000 at 0.4 in lots worth 7 each: 400 ⁄ 7 = 57.1
    assert sizing.kelly_lots(1_000, 600_000, 2_000_000, 7, 1, PPM) == 57


def test_fixed_fractional_by_hand() -> None:
    """1 % of 10,000 at risk over 3 a lot: 33.3 lots, whichever side the stop lies on."""
    assert sizing.fixed_fractional_lots(10_000, 10_000, 100, 97, 1) == 33
    assert sizing.fixed_fractional_lots(10_000, 10_000, 97, 100, 1) == 33


def test_risk_parity_by_hand() -> None:
    """10,000 × 1 % ⁄ 4 % = 2,500 of notional; twice the volatility is half of it."""
    assert sizing.risk_parity_lots(10_000, 10_000, 40_000, 100, 1) == 25
    assert sizing.risk_parity_lots(10_000, 10_000, 80_000, 100, 1) == 12


def test_fixed_amount_by_hand() -> None:
    """999 at 100 a lot are 9 lots, never 10."""
    assert sizing.fixed_amount_lots(999, 100, 1) == 9


@given(equities, st.integers(0, PPM), st.integers(1, 100 * PPM), prices, units, rates)
def test_kelly_is_the_rule_to_the_lot(
    equity: int, p: int, b: int, entry: int, unit: int, cap: int
) -> None:
    """One ⌊⌋ at the end and none before it: no rounding of f can cost or add a lot."""
    chance, odds = Fraction(p, PPM), Fraction(b, PPM)
    f = min(max(Fraction(0), chance - (1 - chance) / odds), Fraction(cap, PPM))
    assert sizing.kelly_lots(equity, p, b, entry, unit, cap) == _lots(equity * f / (entry * unit))
    assert sizing.kelly_ppm(p, b, cap) == floor(f * PPM)


@given(equities, rates, st.integers(1, 1000 * PPM), prices, prices, units)
def test_other_methods_are_the_rule_to_the_lot(
    equity: int, pct: int, sigma: int, entry: int, stop: int, unit: int
) -> None:
    """The same of the methods that put in a part of equity, or an amount."""
    part = equity * Fraction(pct, PPM)
    if stop != entry:
        wanted = _lots(part / (abs(entry - stop) * unit))
        assert sizing.fixed_fractional_lots(equity, pct, entry, stop, unit) == wanted
    wanted = _lots(part / (Fraction(sigma, PPM) * entry * unit))
    assert sizing.risk_parity_lots(equity, pct, sigma, entry, unit) == wanted
    assert sizing.fixed_amount_lots(equity, entry, unit) == _lots(Fraction(equity, entry * unit))
