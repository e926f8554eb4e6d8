"""Prices that are derived from other prices, and the way they round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import MAX_PRICE_TICKS, PPM
from matching.terms import CancelReason, MarketMode
from risk.margin import divide_up

if TYPE_CHECKING:
    from matching.terms import Terms
    from risk.instrument import Instrument


L1 = MarketMode.L1


def protection_ticks(side: int, touch_ticks: int, slippage_ppm: int) -> int:
    """Return the worst price within `slippage_ppm` of the far touch, rounded toward it (A2)."""
    if side > 0:
        return touch_ticks * (PPM + slippage_ppm) // PPM
    return max(1, divide_up(touch_ticks * (PPM - slippage_ppm), PPM))


def market_limit_ticks(terms: Terms, side: int, touch_ticks: int, slippage_ppm: int | None) -> int:
    """Return the worst price of a market order: its slippage from the touch, or the collar (A2).

    In mode `l1` the touch itself: it takes all of the order, at no other price (D5).
    """
    if terms.mode is L1:
        return touch_ticks
    if slippage_ppm is None:
        slippage_ppm = terms.collar_ppm
    return min(protection_ticks(side, touch_ticks, slippage_ppm), MAX_PRICE_TICKS)


def cut_by_band(
    instrument: Instrument, side: int, limit_ticks: int, now_us: int
) -> tuple[int, CancelReason]:
    """Return a market order's limit, or the edge of the price band where that is nearer (E1).

    With it the reason for which what lies beyond is cancelled.
    """
    bounds = instrument.price_bounds(now_us)
    if bounds is not None:
        edge_ticks = bounds[1] if side > 0 else bounds[0]
        if side * (limit_ticks - edge_ticks) > 0:
            return edge_ticks, CancelReason.PRICE_BAND
    return limit_ticks, CancelReason.COLLAR
