"""An order book under price-time priority (A1): plan a sweep, then carry it out.

The plan is read-only. Fill-or-kill, admission and what-if ask the very plan that would follow,
so there is no second piece of matching code to disagree with the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.limits import MAX_SWEEP_MAKERS
from matching.ladder import Ladder
from matching.terms import BUY, SELL, CancelReason, StpMode

if TYPE_CHECKING:
    from matching.order import Order

NO_STP = StpMode.NONE
CANCEL_OLDEST = StpMode.CANCEL_OLDEST


class Sweep:
    """What an aggressor would do to the book: whom it meets, for how much, and why it ends.

    `bites` are (maker, lots) in order of priority; 0 lots is a match with an own order that
    self-trade prevention keeps from happening (A6). `end` is set where the sweep must stop although
    wanted quantity and admissible makers are left.
    """

    __slots__ = ("bites", "end", "filled_lots")

    def __init__(self) -> None:
        self.bites: list[tuple[Order, int]] = []
        self.filled_lots: int = 0
        self.end: CancelReason | None = None


NO_SWEEP: Final = Sweep()
"""The sweep that meets nobody. Shared: a plan is never changed."""


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
        sweep = Sweep()
        bites = sweep.bites
        wanted_lots = order.leaves_lots
        rank = 0
        while level is not None and level.key <= limit_key:
            maker = level.head
            while maker is not None:
                if len(bites) == MAX_SWEEP_MAKERS:
                    sweep.end = CancelReason.MAX_FILLS
                    sweep.filled_lots = order.leaves_lots - wanted_lots
                    return sweep
                if maker.stp_key == order.stp_key and order.stp is not NO_STP:
                    bites.append((maker, 0))
                    if order.stp is not CANCEL_OLDEST:
                        sweep.end = CancelReason.SELF_TRADE
                        sweep.filled_lots = order.leaves_lots - wanted_lots
                        return sweep
                elif maker.leaves_lots < wanted_lots:
                    bites.append((maker, maker.leaves_lots))
                    wanted_lots -= maker.leaves_lots
                else:
                    bites.append((maker, wanted_lots))
                    sweep.filled_lots = order.leaves_lots
                    return sweep
                maker = maker.after
            rank += 1
            level = makers.level_at(rank)
        sweep.filled_lots = order.leaves_lots - wanted_lots
        return sweep

    def take(self, maker: Order, lots: int) -> None:
        """Fill `lots` of a resting order; at zero it leaves the book."""
        assert 0 < lots <= maker.leaves_lots
        maker.leaves_lots -= lots
        if maker.leaves_lots == 0:
            self._ladders[maker.side].remove(maker)

    def rest(self, order: Order) -> None:
        """Queue `order` at its price, behind everybody there."""
        assert order.leaves_lots > 0
        self._ladders[order.side].add(order)

    def remove(self, order: Order) -> None:
        """Take a resting order out of the book. O(1) within its level."""
        self._ladders[order.side].remove(order)

    def is_empty(self) -> bool:
        """Tell whether nothing rests on either side."""
        return self.bids.best is None and self.asks.best is None

    def check(self) -> None:
        """Assert every invariant of the book; above all that it is never crossed."""
        self.bids.check()
        self.asks.check()
        bid, ask = self.bids.best, self.asks.best
        if bid is not None and ask is not None:
            assert bid.price_ticks < ask.price_ticks, "a book is never crossed after a command"
