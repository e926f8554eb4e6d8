"""What wakes an armed order: its trigger, and the prices that it looks at (A11, A12)."""

from dataclasses import dataclass
from fractions import Fraction

from tests.core.oracle.numbers import ceiling, floor
from tests.core.oracle.world import Instrument, Order, World

Reference = Fraction | None
"""A price in ticks, which may lie between two; None while nobody has seen one."""


@dataclass(eq=False)
class Trigger:
    """A trigger in ticks, 0 while it waits for its activation price; `best` is the watermark.

    A falling one (-1) fires at references at or below it, a rising one (+1) at or above.
    """

    by: str
    side: int
    direction: int
    price: int = 0
    offset: int = 0
    bps: int = 0
    step: int = 0
    activation: int = 0
    best: Reference = None
    sequence: int = 0

    @property
    def trails(self) -> bool:
        """Tell whether it follows the market."""
        return bool(self.offset or self.bps)

    def is_reached(self, reference: Reference) -> bool:
        """Tell whether the order fires at that reference."""
        if reference is None or not self.price:
            return False
        return reference <= self.price if self.direction < 0 else reference >= self.price

    def depth(self, reference: Fraction) -> Fraction:
        """Return how far the reference has gone through it."""
        return abs(reference - self.price)

    def price_from(self, best: Fraction) -> int:
        """Return the trigger of a watermark, rounded away from the market (A12)."""
        share = Fraction(self.bps, 10_000)
        if self.side < 0:
            return max(1, floor(best * (1 - share) - self.offset))
        return ceiling(best * (1 + share) + self.offset)

    def see(self, reference: Reference) -> None:
        """Become active, or move, if the reference says so."""
        if reference is None or not self.trails:
            return
        if self.best is None:
            there = reference >= self.activation if self.side < 0 else reference <= self.activation
            if self.activation == 0 or there:
                self.best, self.price = reference, self.price_from(reference)
            return
        if reference > self.best if self.side < 0 else reference < self.best:
            self.best = reference
            price = self.price_from(reference)
            gained = price - self.price if self.side < 0 else self.price - price
            if gained >= max(self.step, 1):
                self.price = price


def reference_of(instrument: Instrument, trigger: Trigger) -> Reference:
    """Return the price that a trigger looks at, as it is now."""
    if trigger.by == "mark":
        return Fraction(instrument.mark2, 2) if instrument.mark2 else None
    if trigger.by == "last":
        ticks = instrument.last
    else:
        ticks = instrument.bid if trigger.side < 0 else instrument.ask
    return Fraction(ticks) if ticks else None


def trigger_of(order: Order) -> Trigger:
    """Return the trigger of an armed order."""
    trigger = order.trigger
    assert isinstance(trigger, Trigger)
    return trigger


def arm(world: World, order: Order) -> None:
    """Let an order sleep, behind all those armed before."""
    world.armings += 1
    trigger_of(order).sequence = world.armings
    if order not in world.armed:
        world.armed.append(order)
