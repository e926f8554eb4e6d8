"""A book whose orders meet an outside market instead of each other (D5, mode `l1`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from matching.book import Book
from matching.sweep import NO_SWEEP, Sweep
from matching.terms import BUY, SELL, CancelReason

if TYPE_CHECKING:
    from matching.order import Order


class Outside(Protocol):
    """The outside market, as far as a book looks at it."""

    def touch(self, side: int) -> int:
        """Return the outside price of a side in ticks, 0 where there is none that counts."""

    def offer(self, side: int, price_ticks: int, lots: int) -> Order:
        """Return an order of the house's; it rests nowhere."""


UNLIMITED_LOTS: Final = 2**62
"""More than any sweep trades."""


class OutsideBook(Book):
    """Resting orders and, before them, an outside bid and ask of any size.

    What is planned here trades with an order of the house's alone, in full and at the touch. The
    resting orders wait for the outside to reach them (`plan_reached`), and may cross each other.
    """

    __slots__ = ("_outside",)

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._outside: Outside = outside

    def touch_ticks(self, side: int) -> int | None:
        """Return the outside price of `side`, or None where there is none that counts."""
        return self._outside.touch(side) or None

    def crosses(self, side: int, price_ticks: int) -> bool:
        """Tell whether an order of `side` at that limit would trade with the outside."""
        touch = self._outside.touch(-side)
        return touch > 0 and side * touch <= side * price_ticks

    def plan(self, order: Order, limit_ticks: int) -> Sweep:
        """Return what `order` would trade with the outside down to `limit_ticks`: all or nothing.

        A reduce-only order trades at most its account's position (A8).
        """
        if not self.crosses(order.side, limit_ticks):
            return NO_SWEEP
        sweep = Sweep(order)
        lots = order.leaves_lots
        if sweep.allowed_lots >= 0:
            lots = min(lots, sweep.allowed_lots)
            sweep.allowed_lots -= lots
        if lots > 0:
            maker = self._outside.offer(-order.side, self._outside.touch(-order.side), lots)
            sweep.bites.append((maker, lots))
            sweep.filled_lots = lots
            sweep.wanted_lots -= lots
        if sweep.wanted_lots > 0:
            sweep.end = CancelReason.REDUCE_ONLY
        return sweep

    def reached_side(self) -> int:
        """Return the side of the resting orders that the outside has reached, buyers first; or 0.

        A buyer is reached once the outside offers at its price or below.
        """
        for side in (BUY, SELL):
            best = self.side(side).best
            if best is not None and self.crosses(side, best.price_ticks):
                return side
        return 0

    def plan_reached(self, side: int) -> Sweep:
        """Return a sweep of an order of the house's over all that is reached of `side`.

        That order is then as large as what the makers may trade.
        """
        touch = self._outside.touch(-side)
        order = self._outside.offer(-side, touch, UNLIMITED_LOTS)
        sweep = super().plan(order, touch)
        order.quantity_lots = order.leaves_lots = sweep.filled_lots
        return sweep
