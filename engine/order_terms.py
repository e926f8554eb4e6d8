"""What follows from an order's own terms: how small a peak may be, when a day order ends."""

from __future__ import annotations

from typing import Final

from risk.margin import divide_up
from risk.price_band import DAY_US, MINUTE_US

PEAKS_PER_ORDER: Final = 100
"""An iceberg shows at least so small a part of itself (A4)."""


def display_fits(display_lots: int, quantity_lots: int) -> bool:
    """Tell whether a peak is within ⌈quantity ⁄ 100⌉ and the quantity (A4)."""
    return divide_up(quantity_lots, PEAKS_PER_ORDER) <= display_lots <= quantity_lots


def next_session_end_us(session_end_minute: int, now_us: int) -> int:
    """Return the next time of day `session_end_minute` (UTC) strictly after now, in µs."""
    end_us = now_us - now_us % DAY_US + session_end_minute * MINUTE_US
    return end_us if end_us > now_us else end_us + DAY_US
