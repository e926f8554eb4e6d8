"""What an aggressor would do to the book, level by level, touching nothing (A1, A4, A6, A8)."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

from engine.limits import MAX_SWEEP_MAKERS
from matching.terms import CancelReason, StpMode, TimeInForce

if TYPE_CHECKING:
    from matching.ladder import Level
    from matching.order import Order

NO_STP = StpMode.NONE
IOC = TimeInForce.IOC
FOK = TimeInForce.FOK
CANCEL_OLDEST = StpMode.CANCEL_OLDEST
DECREMENT = StpMode.DECREMENT


NOBODY: Final[dict[Any, int]] = {}
"""The linked makers of a sweep that meets none; never added to."""


class Sweep:
    """Whom an aggressor would meet, for how much, and why it ends.

    `bites` are (maker, lots) in order of each maker's first print: above 0 a trade, below 0 a match
    of that size with an own order, which self-trade prevention keeps from happening (A6); 0 is an
    order linked to the aggressor, which leaves without a trade (A13). `linked` is how much of each
    linked maker is traded.
    `requeued` are the icebergs that go to the tail of their level, in their new order, with what
    they then show (A4). `end` is set where the sweep must stop although wanted quantity and
    admissible makers are left.

    `wanted_lots` is what the aggressor still wants, `allowed_lots` what it may still trade before a
    reduce-only order has closed its position (-1: no such bound).
    """

    __slots__ = (
        "_counted",
        "_held",
        "allowed_lots",
        "bites",
        "end",
        "filled_lots",
        "linked",
        "order",
        "requeued",
        "wanted_lots",
    )

    def __init__(self, order: Order | None) -> None:
        self.order: Order | None = order
        self.bites: list[tuple[Order, int]] = []
        self.requeued: list[tuple[Order, int]] = []
        self.end: CancelReason | None = None
        self.filled_lots: int = 0
        self.wanted_lots: int = 0
        self.allowed_lots: int = -1
        self.linked: dict[Order, int] = NOBODY
        self._held: dict[Any, int] = {}
        self._counted: int = 0
        if order is not None:
            self.wanted_lots = order.leaves_lots
            if order.conditions is not None and order.conditions.reduce_only:
                self.allowed_lots = max(0, -order.side * order.position.lots)

    def meet_plain(self, level: Level) -> bool:
        """Plan a level of plain orders for an order without bound; tell whether the sweep ends."""
        order = self.order
        assert order is not None
        bites = self.bites
        wanted = self.wanted_lots
        maker = level.head
        while maker is not None:
            if len(bites) == MAX_SWEEP_MAKERS:
                self.end = CancelReason.MAX_FILLS
                break
            if maker.stp_key == order.stp_key and order.stp is not NO_STP:
                self.wanted_lots = wanted
                if self._prevent(order, maker, maker.leaves_lots):
                    return True
                wanted = self.wanted_lots
            elif maker.leaves_lots < wanted:
                bites.append((maker, maker.leaves_lots))
                self.filled_lots += maker.leaves_lots
                wanted -= maker.leaves_lots
            else:
                bites.append((maker, wanted))
                self.filled_lots += wanted
                self.wanted_lots = 0
                return True
            maker = maker.after
        self.wanted_lots = wanted
        return self.end is not None

    def meet(self, level: Level) -> bool:
        """Plan a level with icebergs or reduce-only orders, or for a reduce-only order.

        A used-up peak with hidden size behind it goes to the tail of the queue, inside the same
        sweep. A reduce-only maker trades at most its account's position as it is by then. Tell
        whether the sweep ends.
        """
        order = self.order
        assert order is not None
        next_in_line = level.head
        queue: deque[tuple[Order, int, int]] = deque()
        met: dict[Order, int] = {}
        tail: OrderedDict[Order, int] = OrderedDict()
        while self.end is None and self.wanted_lots > 0:
            if next_in_line is not None:
                maker, shown = next_in_line, next_in_line.shown_lots
                hidden = maker.leaves_lots - shown
                next_in_line = maker.after
            elif queue:
                maker, shown, hidden = queue.popleft()
            else:
                break
            if maker not in met and len(self.bites) == MAX_SWEEP_MAKERS:
                self.end = CancelReason.MAX_FILLS
            elif _are_linked(order, maker):
                self.bites.append((maker, 0))
            elif maker.stp_key == order.stp_key and order.stp is not NO_STP:
                self._prevent(order, maker, shown + hidden)
            else:
                self._trade(maker, shown, hidden, queue, met, tail)
            if self.allowed_lots == 0 and self.wanted_lots > 0 and self.end is None:
                self.end = CancelReason.REDUCE_ONLY
        self.requeued.extend(tail.items())
        return self.end is not None or self.wanted_lots == 0

    def _trade(
        self,
        maker: Order,
        shown: int,
        hidden: int,
        queue: deque[tuple[Order, int, int]],
        met: dict[Order, int],
        tail: OrderedDict[Order, int],
    ) -> None:
        """Plan one print with a maker that shows so much, and where it stands afterwards."""
        lots = min(shown, self.wanted_lots)
        capacity = self._capacity(maker)
        if maker.conditions is not None and maker.conditions.is_linked:
            linked = self._linked_capacity(maker)
            capacity = linked if capacity < 0 else min(capacity, linked)
        if capacity >= 0:
            lots = min(lots, capacity)
        assert self.order is not None
        if self.allowed_lots >= 0 and maker.position is not self.order.position:
            lots = min(lots, self.allowed_lots)
        if lots > 0:
            self._bite(maker, lots, met)
        was_in_tail = tail.pop(maker, 0) > 0
        if lots == capacity:
            return  # it has nothing left to reduce, or to share: what is left of it goes (A8, A13)
        if lots < shown:
            if was_in_tail:
                tail[maker] = shown - lots
                tail.move_to_end(maker, last=False)
        elif hidden > 0:
            assert maker.conditions is not None
            shown = min(maker.conditions.display_lots, hidden)
            queue.append((maker, shown, hidden - shown))
            tail[maker] = shown

    def _prevent(self, order: Order, maker: Order, lots: int) -> bool:
        """Plan a match with an own order by the taker's mode; tell whether the sweep ends."""
        lots = min(lots, self.wanted_lots)
        self.bites.append((maker, -lots))
        if order.stp is DECREMENT:
            self.wanted_lots -= lots
            if self.wanted_lots == 0:
                self.end = CancelReason.SELF_TRADE
        elif order.stp is not CANCEL_OLDEST:
            self.end = CancelReason.SELF_TRADE
        return self.end is not None

    def _bite(self, maker: Order, lots: int, met: dict[Order, int]) -> None:
        """Note a trade; a maker's prints are one bite, at the place of the first."""
        place = met.get(maker)
        if place is None:
            met[maker] = len(self.bites)
            self.bites.append((maker, lots))
            if self._counted == len(self.bites) - 1:
                self._count(maker, lots)
                self._counted += 1
        else:
            self.bites[place] = (maker, self.bites[place][1] + lots)
            if place < self._counted:
                self._count(maker, lots)
        if maker.conditions is not None and maker.conditions.is_linked:
            if self.linked is NOBODY:
                self.linked = {}
            self.linked[maker] = self.linked.get(maker, 0) + lots
        self.filled_lots += lots
        self.wanted_lots -= lots
        assert self.order is not None
        if self.allowed_lots >= 0 and maker.position is not self.order.position:
            self.allowed_lots -= lots

    def _capacity(self, maker: Order) -> int:
        """Return how much a reduce-only maker may trade by now; -1 for any other order."""
        if maker.conditions is None or not maker.conditions.reduce_only:
            return -1
        for bitten, lots in self.bites[self._counted :]:
            self._count(bitten, max(0, lots))
        self._counted = len(self.bites)
        held: int = maker.position.lots + self._held.get(maker.position, 0)
        left = max(0, -maker.side * held)
        assert self.order is not None
        # A trade within one account moves its position by nothing: while there is something to
        # reduce, there is as much afterwards.
        return -1 if left and maker.position is self.order.position else left

    def _linked_capacity(self, maker: Order) -> int:
        """Return how much a linked maker may trade by now (A13)."""
        conditions = maker.conditions
        assert conditions is not None
        capacity = maker.leaves_lots
        if conditions.group is not None:
            capacity = conditions.group.capacity(maker, self.linked)
        if conditions.bracket is not None:
            capacity = min(capacity, conditions.bracket.capacity(maker, self.linked))
        return capacity

    def _count(self, maker: Order, lots: int) -> None:
        """Add a bite to what the accounts will hold by then."""
        assert self.order is not None
        held = self._held
        held[maker.position] = held.get(maker.position, 0) + maker.side * lots
        taker = self.order.position
        held[taker] = held.get(taker, 0) - maker.side * lots


def _are_linked(order: Order, maker: Order) -> bool:
    """Tell whether aggressor and maker belong to one group or bracket (A13)."""
    if order.conditions is None or maker.conditions is None:
        return False
    return order.conditions.is_linked_to(maker.conditions)


NO_SWEEP: Final = Sweep(None)
"""The sweep that meets nobody. Shared: a plan is never changed once made."""


def will_rest(order: Order, sweep: Sweep) -> bool:
    """Tell whether something of the order is left for the book after the sweep."""
    if order.price_ticks == 0 or order.time_in_force is IOC or order.time_in_force is FOK:
        return False
    return sweep is NO_SWEEP or (sweep.end is None and sweep.wanted_lots > 0)
