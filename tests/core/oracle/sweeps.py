"""What an order would meet, bite by bite, on a copy of the queue (A1, A4, A5, A6, A8, A13).

In mode `l1` the one whom an order meets is the house, at the outside price (D5).
"""

from dataclasses import dataclass, field
from fractions import Fraction

from tests.core.oracle import links
from tests.core.oracle.numbers import ceiling, floor
from tests.core.oracle.world import HOUSE, Instrument, Order, World

MOST_MAKERS = 10_000


@dataclass
class Meeting:
    """A maker that was met: lots traded in all, or lots that prevention kept from trading.

    `link` is what the two are linked by, if they are: then the maker only goes.
    """

    maker: Order
    traded: int = 0
    prevented: int = 0
    link: str = ""


@dataclass
class Sweep:
    """Whom an order would meet, in the order of each maker's first meeting.

    `left` is what the order has left then and `end` why it stopped there; `renewed` are the
    icebergs that went to the tail of their level, the one that went last at the end.
    """

    left: int
    meetings: list[Meeting] = field(default_factory=list)
    end: str = ""
    renewed: list[Order] = field(default_factory=list)
    shown: list[tuple[Order, int]] = field(default_factory=list)

    @property
    def filled(self) -> int:
        """Return all that trades."""
        return sum(meeting.traded for meeting in self.meetings)


@dataclass
class Standing:
    """A maker as it stands in the copy of the queue."""

    maker: Order
    shown: int
    leaves: int


def makers(world: World, instrument: Instrument, side: int) -> list[Order]:
    """Return the resting orders of one side: better price first, then earlier arrival (A1)."""
    resting = [o for o in world.orders if o.instrument is instrument and o.side == side]
    return sorted(resting, key=lambda o: (-side * o.price, o.arrival))


def touch(world: World, instrument: Instrument, side: int) -> int | None:
    """Return the best price of a side: of what rests, or outside."""
    if instrument.is_outside:
        return instrument.outside(side, world.now)
    resting = makers(world, instrument, side)
    return resting[0].price if resting else None


def would_meet(world: World, instrument: Instrument, side: int, price: int) -> bool:
    """Tell whether an order at that price would meet anybody, of whatever owner (A7)."""
    best = touch(world, instrument, -side)
    return best is not None and side * best <= side * price


def protection(side: int, best: int, slippage: Fraction) -> int:
    """Return the worst price within the slippage of the best one, rounded toward it (A2)."""
    if side > 0:
        return min(floor(best * (1 + slippage)), 10**12)
    return max(1, ceiling(best * (1 - slippage)))


def protection_of(order: Order, best: int) -> int:
    """Return the worst price of an order that names none: by its own slippage, or the collar.

    Outside there is no worse one than the best.
    """
    if order.instrument.is_outside:
        return best
    slippage = order.instrument.rate("collar") if order.slippage is None else order.slippage
    return protection(order.side, best, slippage)


def plan(world: World, taker: Order, limit: int) -> Sweep:
    """Say what would happen; nothing does."""
    if taker.instrument.is_outside and taker.account.name != HOUSE:
        return _meet_house(world, taker, limit)
    return _Rehearsal(world, taker, limit).run()


def house_order(world: World, instrument: Instrument, side: int, price: int, lots: int) -> Order:
    """Return an order of the house, which has no number before it trades and pays no fee."""
    house, fee = world.trader(HOUSE), Fraction(0)
    return Order(house, instrument, "", side, price, lots, lots, "limit", "ioc", "none", fee, fee)


def _meet_house(world: World, taker: Order, limit: int) -> Sweep:
    """Say what an order that enters in mode `l1` gets: all that it may have, at the touch (D5)."""
    instrument, side, sweep = taker.instrument, taker.side, Sweep(taker.leaves)
    best = touch(world, instrument, -side)
    if best is None or side * best > side * limit:
        return sweep
    held = taker.account.position(instrument).lots
    lots = min(taker.leaves, max(0, -side * held)) if taker.reduce_only else taker.leaves
    assert lots > 0
    house = house_order(world, instrument, -side, best, lots)
    sweep.meetings, sweep.left = [Meeting(house, traded=lots)], taker.leaves - lots
    sweep.end = "reduce_only" if sweep.left else ""
    return sweep


def rests(order: Order, sweep: Sweep) -> bool:
    """Tell whether something will be left for the book."""
    may_rest = order.price > 0 and order.lifetime in {"gtc", "gtd", "day"}
    return may_rest and not sweep.end and sweep.left > 0


class _Rehearsal:
    """One sweep on copies of the queue and of everybody's lots."""

    def __init__(self, world: World, taker: Order, limit: int) -> None:
        instrument, side = taker.instrument, taker.side
        self.world = world
        self.taker = taker
        self.queue = [
            Standing(maker, maker.shown, maker.leaves)
            for maker in makers(world, instrument, -side)
            if side * maker.price <= side * limit
        ]
        there = [*world.accounts.values(), taker.account]
        self.lots = {a.name: a.position(instrument).lots for a in there}
        self.sweep = Sweep(taker.leaves)
        self.bites: dict[Order, int] = {}

    def run(self) -> Sweep:
        """Meet the first of the queue until nobody is left or wanted."""
        sweep = self.sweep
        while self.queue and sweep.left > 0 and not sweep.end:
            first = self.queue[0]
            met = [meeting.maker for meeting in sweep.meetings]
            if first.maker not in met and len(met) == MOST_MAKERS:
                sweep.end = "max_fills"
                break
            link = links.between(self.taker, first.maker)
            if link:
                sweep.meetings.append(Meeting(first.maker, link=link))
                del self.queue[0]
            elif self.taker.stp != "none" and first.maker.account.owner == self.taker.account.owner:
                self.prevent(first)
            else:
                self.bite(first)
        sweep.shown = [(standing.maker, standing.shown) for standing in self.queue]
        sweep.renewed = [o for o in sweep.renewed if o in [s.maker for s in self.queue]]
        return sweep

    def prevent(self, first: Standing) -> None:
        """Do what the taker's mode says about an own order (A6)."""
        sweep, mode = self.sweep, self.taker.stp
        lots = min(first.leaves, sweep.left)
        sweep.meetings.append(Meeting(first.maker, prevented=lots))
        if mode == "decrement":
            sweep.left -= lots
            first.leaves -= lots
            first.shown = min(first.shown, first.leaves)
            if first.leaves == 0:
                del self.queue[0]
            if sweep.left == 0:
                sweep.end = "self_trade"
            return
        if mode in {"cancel_oldest", "cancel_both"}:
            del self.queue[0]
        if mode in {"cancel_newest", "cancel_both"}:
            sweep.end = "self_trade"

    def bite(self, first: Standing) -> None:
        """Trade with what the first one shows, as far as reduce-only lets either (A8)."""
        sweep, taker, maker = self.sweep, self.taker, first.maker
        lots = min(first.shown, sweep.left, self.cap(maker), self.reducible(taker))
        assert lots > 0
        self.meeting(maker).traded += lots
        self.bites[maker] = self.bites.get(maker, 0) + lots
        sweep.left -= lots
        first.shown -= lots
        first.leaves -= lots
        if first.shown == 0:
            self.renew(first)
        self.lots[maker.account.name] += maker.side * lots
        self.lots[taker.account.name] += taker.side * lots
        self.queue = [standing for standing in self.queue if self.cap(standing.maker) > 0]
        if sweep.left > 0 and self.reducible(taker) == 0:
            sweep.end = "reduce_only"

    def meeting(self, maker: Order) -> Meeting:
        """Return the maker's place among the meetings, a new one if this is its first bite."""
        for meeting in self.sweep.meetings:
            if meeting.maker is maker:
                return meeting
        self.sweep.meetings.append(Meeting(maker))
        return self.sweep.meetings[-1]

    def cap(self, maker: Order) -> int:
        """Return the most that a maker may trade at this instant."""
        return min(self.reducible(maker), links.allowed(self.world, maker, self.bites))

    def reducible(self, order: Order) -> int:
        """Return the most that an order may trade for its position (A8)."""
        if not order.reduce_only:
            return order.leaves
        return max(0, -order.side * self.lots[order.account.name])

    def renew(self, first: Standing) -> None:
        """Let a used-up order go, or an iceberg to the tail of its level with its next peak."""
        del self.queue[0]
        if first.leaves == 0:
            return
        assert first.maker.peak > 0
        first.shown = min(first.maker.peak, first.leaves)
        level = [s for s in self.queue if s.maker.price == first.maker.price]
        self.queue.insert(len(level), first)
        renewed = self.sweep.renewed
        self.sweep.renewed = [o for o in renewed if o is not first.maker] + [first.maker]
