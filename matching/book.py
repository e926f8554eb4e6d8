"""An order book under price-time priority (A1): plan a sweep, then carry it out.

The plan is read-only. Fill-or-kill, admission and what-if ask the very plan that would follow,
so there is no second piece of matching code to disagree with the first (`matching.sweep`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.ladder import Ladder
from matching.sweep import NO_SWEEP, Sweep
from matching.terms import BUY, SELL

if TYPE_CHECKING:
    from matching.order import Order


class Book:
    """The two sides of one instrument."""

    __slots__ = ("_ladders", "asks", "bids")

    def __init__(self) -> None:
        self.bids: Ladder = Ladder(BUY)
        self.asks: Ladder = Ladder(SELL)
        self._ladders: dict[int, Ladder] = {BUY: self.bids, SELL: self.asks}

    def touch_ticks(self, side: int) -> int | None:
        """Return the best resting price of `side`, or None where nothing rests."""
        best = self._ladders[side].best
        return None if best is None else best.price_ticks

    def side(self, side: int) -> Ladder:
        """Return the orders of one side."""
        return self._ladders[side]

    def crosses(self, side: int, price_ticks: int) -> bool:
        """Tell whether an order of `side` at that limit would meet a maker."""
        best = self._ladders[-side].best
        return best is not None and best.key <= side * price_ticks

    def plan(self, order: Order, limit_ticks: int) -> Sweep:
        """Return what `order` would trade down to `limit_ticks`, touching nothing.

        Cost is linear in the makers met. At most MAX_SWEEP_MAKERS are (A1).
        """
        makers = self._ladders[-order.side]
        limit_key = order.side * limit_ticks
        level = makers.best
        if level is None or level.key > limit_key:
            return NO_SWEEP
        sweep = Sweep(order)
        rank = 0
        while level is not None and level.key <= limit_key:
            if level.conditional or sweep.allowed_lots >= 0:
                ends = sweep.meet(level)
            else:
                ends = sweep.meet_plain(level)
            if ends:
                break
            rank += 1
            level = makers.level_at(rank)
        return sweep

    def take(self, maker: Order, lots: int) -> None:
        """Fill `lots` of a resting order; at zero it leaves the book."""
        assert 0 < lots <= maker.leaves_lots
        maker.leaves_lots -= lots
        if maker.conditions is not None:
            maker.conditions.show(maker.conditions.shown_lots - lots)
        if maker.leaves_lots == 0:
            self._ladders[maker.side].remove(maker)

    def requeue(self, order: Order, shown_lots: int) -> None:
        """Send an iceberg with a new peak behind everybody at its price (A4)."""
        level, conditions = order.level, order.conditions
        assert level is not None
        assert conditions is not None
        conditions.show(shown_lots)
        level.remove(order)
        level.append(order)

    def rest(self, order: Order) -> None:
        """Queue `order` at its price, behind everybody there."""
        assert order.leaves_lots > 0
        self._ladders[order.side].add(order)

    def return_to_head(self, order: Order, shown_lots: int) -> None:
        """Put an order before everybody at its price again, showing at most what it had shown.

        So it keeps its place when it took while it rested (A14).
        """
        level = order.level
        assert level is not None
        level.remove(order)
        level.prepend(order)
        if order.conditions is not None:
            order.conditions.show(min(shown_lots, order.leaves_lots))

    def remove(self, order: Order) -> None:
        """Take a resting order out of the book. O(1) within its level."""
        self._ladders[order.side].remove(order)

    def is_empty(self) -> bool:
        """Tell whether nothing rests on either side."""
        return self.bids.best is None and self.asks.best is None

    def check(self, *, may_cross: bool = False) -> None:
        """Assert every invariant of the book; above all that it crosses only where it may."""
        self.bids.check()
        self.asks.check()
        bid, ask = self.bids.best, self.asks.best
        if bid is not None and ask is not None and not may_cross:
            assert bid.price_ticks < ask.price_ticks, "a book is never crossed after a command"
