"""Armed orders of one instrument: when each of them wakes up (A11, A12).

References are prices in half ticks, since a mark may lie between two ticks; a reference of 0 has
not been seen. Arming, disarming and finding the next one to fire are O(log n); a reference that
reaches nobody looks at nobody but the first of each queue.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from sortedcontainers import SortedDict

from matching.terms import BUY, TriggerBy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matching.order import Order

RISING: Final = 1
FALLING: Final = -1
BASIS_POINTS: Final = 10_000

Queue = SortedDict[tuple[int, int], "Order"]


class References:
    """The prices that triggers look at, as they stand now, in half ticks; 0 is not seen."""

    __slots__ = ("ask_half", "bid_half", "last_half", "mark_half")

    def __init__(self, last_half: int, mark_half: int, bid_half: int, ask_half: int) -> None:
        self.last_half: int = last_half
        self.mark_half: int = mark_half
        self.bid_half: int = bid_half
        self.ask_half: int = ask_half

    def of(self, by: TriggerBy, side: int) -> int:
        """Return what an order of `side` looks at: a seller at the bid, a buyer at the ask."""
        if by is TriggerBy.LAST:
            return self.last_half
        if by is TriggerBy.MARK:
            return self.mark_half
        return self.ask_half if side > 0 else self.bid_half


class Trigger:
    """When an armed order fires: at `price_ticks`, coming from the other side of it.

    A trailing one has an offset in ticks or in basis points; its price follows `watermark_half`,
    the best reference since it became active. A price of 0 waits for `activation_ticks`.
    """

    __slots__ = (
        "activation_ticks",
        "bps",
        "by",
        "direction",
        "offset_ticks",
        "price_ticks",
        "sequence",
        "side",
        "step_ticks",
        "watermark_half",
    )

    def __init__(self, by: TriggerBy, side: int, direction: int, price_ticks: int) -> None:
        self.by: TriggerBy = by
        self.side: int = side
        self.direction: int = direction
        self.price_ticks: int = price_ticks
        self.sequence: int = 0
        self.offset_ticks: int = 0
        self.bps: int = 0
        self.step_ticks: int = 0
        self.activation_ticks: int = 0
        self.watermark_half: int = 0

    @property
    def trails(self) -> bool:
        """Tell whether the trigger follows the market."""
        return self.offset_ticks > 0 or self.bps > 0

    def is_reached(self, reference_half: int) -> bool:
        """Tell whether the order fires at that reference."""
        return (
            self.price_ticks > 0
            and reference_half > 0
            and self.direction * (reference_half - 2 * self.price_ticks) >= 0
        )

    def is_activated_by(self, reference_half: int) -> bool:
        """Tell whether a waiting trailing order becomes active at that reference (A12)."""
        return -self.side * (reference_half - 2 * self.activation_ticks) >= 0

    def follow(self, reference_half: int) -> None:
        """Take a new extreme; the trigger moves if it gains a step, and never loosens.

        Rounded away from the market: a seller's trigger down, a buyer's up (A12).
        """
        self.watermark_half = reference_half
        price = self.price_at(reference_half)
        gain = -self.side * (price - self.price_ticks)
        if self.price_ticks == 0 or gain >= max(1, self.step_ticks):
            self.price_ticks = price

    def price_at(self, watermark_half: int) -> int:
        """Return the trigger that belongs to a watermark, in ticks, at least one."""
        if self.bps:
            factor = BASIS_POINTS + self.side * self.bps
            numerator, denominator = watermark_half * factor, 2 * BASIS_POINTS
        else:
            numerator, denominator = watermark_half + 2 * self.side * self.offset_ticks, 2
        if self.side == BUY:
            return -(-numerator // denominator)
        return max(1, numerator // denominator)

    def fire_key(self) -> tuple[int, int]:
        """Return what a queue is ordered by: the most deeply crossed first, then as armed."""
        return self.direction * self.price_ticks, self.sequence

    def move_key(self) -> tuple[int, int]:
        """Return what the followers are ordered by: who moves, or wakes, first."""
        at_half = self.watermark_half if self.price_ticks else 2 * self.activation_ticks
        return -self.side * at_half, self.sequence


class StopBook:
    """The armed orders, in queues by reference, side and direction."""

    __slots__ = ("_active", "_fire", "_waiting", "count")

    def __init__(self) -> None:
        self.count: int = 0
        self._fire: dict[tuple[TriggerBy, int, int], Queue] = {}
        self._active: dict[tuple[TriggerBy, int], Queue] = {}
        self._waiting: dict[tuple[TriggerBy, int], Queue] = {}

    def arm(self, order: Order) -> None:
        """Let an order with a trigger sleep until it is reached."""
        self.count += 1
        self._put(order, _trigger(order))

    def disarm(self, order: Order) -> None:
        """Take an armed order out."""
        self.count -= 1
        self._take(order, _trigger(order))

    def observe(self, references: References) -> None:
        """Let trailing orders see the references: wake those waiting, move those that gain."""
        if not self._active and not self._waiting:
            return
        for (by, side), queue in self._waiting.items():
            reference = references.of(by, side)
            while queue and reference and queue.peekitem(0)[0][0] <= -side * reference:
                self._follow(queue.peekitem(0)[1], reference)
        for (by, side), queue in self._active.items():
            reference = references.of(by, side)
            while queue and reference and queue.peekitem(0)[0][0] < -side * reference:
                self._follow(queue.peekitem(0)[1], reference)

    def next_reached(self, references: References) -> Order | None:
        """Return the order that fires next: the most deeply crossed, then the first armed."""
        best: tuple[int, int] | None = None
        chosen: Order | None = None
        for (by, side, direction), queue in self._fire.items():
            reference = references.of(by, side)
            if not queue or not reference:
                continue
            (key, sequence), order = queue.peekitem(0)
            depth = direction * reference - 2 * key
            if depth >= 0 and (best is None or (-depth, sequence) < best):
                best, chosen = (-depth, sequence), order
        return chosen

    def reached(self, references: References, most: int) -> list[tuple[tuple[int, int], Order]]:
        """Return whom those references reach, at most so many of a queue, each with a key.

        In order of the keys they would fire if nothing changed in between. Nobody moves.
        """
        found: list[tuple[tuple[int, int], Order]] = []
        for (by, side, direction), queue in self._fire.items():
            reference = references.of(by, side)
            for (key, sequence), order in islice(queue.items(), most if reference else 0):
                depth = direction * reference - 2 * key
                if depth < 0:
                    break
                found.append(((-depth, sequence), order))
        return found

    def __iter__(self) -> Iterator[Order]:
        found = [order for queue in self._fire.values() for order in queue.values()]
        found += [order for queue in self._waiting.values() for order in queue.values()]
        return iter(sorted(found, key=lambda order: order.order_id))

    def _follow(self, order: Order, reference_half: int) -> None:
        trigger = _trigger(order)
        self._take(order, trigger)
        trigger.follow(reference_half)
        self._put(order, trigger)

    def _put(self, order: Order, trigger: Trigger) -> None:
        place = (trigger.by, trigger.side)
        if trigger.price_ticks == 0:
            self._waiting.setdefault(place, SortedDict())[trigger.move_key()] = order
            return
        queue = self._fire.setdefault((*place, trigger.direction), SortedDict())
        queue[trigger.fire_key()] = order
        if trigger.trails:
            self._active.setdefault(place, SortedDict())[trigger.move_key()] = order

    def _take(self, order: Order, trigger: Trigger) -> None:
        place = (trigger.by, trigger.side)
        if trigger.price_ticks == 0:
            assert self._waiting[place].pop(trigger.move_key()) is order
            return
        assert self._fire[(*place, trigger.direction)].pop(trigger.fire_key()) is order
        if trigger.trails:
            assert self._active[place].pop(trigger.move_key()) is order

    def check(self) -> None:
        """Assert every invariant of the armed orders."""
        fire = {order: key for queue in self._fire.values() for key, order in queue.items()}
        waiting = {order: key for queue in self._waiting.values() for key, order in queue.items()}
        active = {order: key for queue in self._active.values() for key, order in queue.items()}
        assert self.count == len(fire) + len(waiting)
        assert not fire.keys() & waiting.keys()
        for order, key in fire.items():
            assert order.level is None, "an armed order does not rest"
            assert key == _trigger(order).fire_key()
            assert (order in active) == _trigger(order).trails
        for order, key in active.items():
            assert key == _trigger(order).move_key()
        for order, key in waiting.items():
            assert key == _trigger(order).move_key()
            assert _trigger(order).price_ticks == 0


def _trigger(order: Order) -> Trigger:
    """Return the trigger of an armed order."""
    assert order.conditions is not None
    trigger = order.conditions.trigger
    assert trigger is not None
    return trigger
