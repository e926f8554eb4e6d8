"""At which one price a book that has gathered orders trades, when an auction ends (A14)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Depth = tuple[int, int]
"""A price in ticks, and the lots wanted there, hidden size included."""


class UncrossPrice:
    """The price in ticks, what trades at it, and bids − asks that could trade there, in lots."""

    __slots__ = ("imbalance_lots", "price_ticks", "volume_lots")

    def __init__(self, price_ticks: int, volume_lots: int, imbalance_lots: int) -> None:
        self.price_ticks: int = price_ticks
        self.volume_lots: int = volume_lots
        self.imbalance_lots: int = imbalance_lots


def uncross_price(
    bids: Iterable[Depth], asks: Iterable[Depth], reference_half: int
) -> UncrossPrice | None:
    """Return the price of greatest volume, least imbalance, nearest the reference, lowest.

    In this order; None where nothing would trade. The reference is in half ticks, 0 is none. Of all
    ticks only those are tried at which one of these could change: at an order's price or next to
    it, and about the reference. O(n log n) in the levels that cross.
    """
    bids, asks = list(bids), list(asks)
    if not bids or not asks:
        return None
    lowest = min(price for price, _ in asks)
    highest = max(price for price, _ in bids)
    bids = sorted(level for level in bids if level[0] >= lowest)
    asks = sorted(level for level in asks if level[0] <= highest)
    if not bids or not asks:
        return None
    bid_prices, ask_prices = [price for price, _ in bids], [price for price, _ in asks]
    bought = [0, *accumulate(lots for _, lots in bids)]
    sold = [0, *accumulate(lots for _, lots in asks)]

    tried = {reference_half // 2}  # of two ticks as near the lower is better
    for price in (*bid_prices, *ask_prices):
        tried.update((price - 1, price, price + 1))
    best: tuple[int, int, int, int] | None = None
    imbalance = 0
    for price in tried:
        if not lowest <= price <= highest:
            continue
        buying = bought[-1] - bought[bisect_left(bid_prices, price)]
        selling = sold[bisect_right(ask_prices, price)]
        away = abs(2 * price - reference_half) if reference_half else 0
        rank = (-min(buying, selling), abs(buying - selling), away, price)
        if best is None or rank < best:
            best, imbalance = rank, buying - selling
    assert best is not None
    assert best[0] < 0, "between the best ask and the best bid something always trades"
    return UncrossPrice(best[3], -best[0], imbalance)
