"""Prices that are derived from other prices, and the way they round."""

from __future__ import annotations

from engine.limits import PPM
from risk.margin import divide_up


def protection_ticks(side: int, touch_ticks: int, slippage_ppm: int) -> int:
    """Return the worst price within `slippage_ppm` of the far touch, rounded toward it (A2)."""
    if side > 0:
        return touch_ticks * (PPM + slippage_ppm) // PPM
    return max(1, divide_up(touch_ticks * (PPM - slippage_ppm), PPM))
