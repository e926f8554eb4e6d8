"""The armed orders against a plain list that is searched from end to end (A11, A12)."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.arming import amended_trigger, new_trigger
from matching.messages import StopTerms
from matching.order import Conditions, Order
from matching.stops import References, StopBook
from matching.terms import BUY, SELL, OrderType, StpMode, TimeInForce, TriggerBy
from tests.core.lengths import short

SIDES = st.sampled_from((BUY, SELL))
BYS = st.sampled_from(TriggerBy)
PRICES = st.integers(96, 104)
MOVES = st.integers(-5, 5)
PLACES = st.integers(0, 1_000)
LEASHES = st.one_of(
    st.sampled_from((1, 2, 5, 130)).map(lambda ticks: StopTerms(trail_offset_ticks=ticks)),
    st.sampled_from((1, 50, 333, 9_999)).map(lambda bps: StopTerms(trail_bps=bps)),
)


@dataclass
class Sleeper:
    """What the list knows of an armed order. One without a trigger waits to become active."""

    order: Order
    by: TriggerBy
    side: int
    fires_below: bool
    place: int
    terms: StopTerms
    trigger: int | None
    best: Fraction | None = None

    def leashed(self, best: Fraction) -> int:
        """Return the trigger that belongs to the best price seen, rounded away from the market."""
        leash = Fraction(self.terms.trail_offset_ticks or 0)
        leash += best * (self.terms.trail_bps or 0) / 10_000
        return ceil(best + leash) if self.side == BUY else max(1, floor(best - leash))

    def see(self, price: Fraction) -> None:
        """Become active, or follow to a new extreme if the trigger gains a step."""
        if self.terms.trail_offset_ticks is None and self.terms.trail_bps is None:
            return
        if self.trigger is None:
            activation = self.terms.activation_ticks or 0
            if activation and (price > activation if self.side == BUY else price < activation):
                return
        elif self.best is None or (price >= self.best if self.side == BUY else price <= self.best):
            return
        self.best = price
        wanted, step = self.leashed(price), self.terms.trail_step_ticks or 1
        if self.trigger is None:
            self.trigger = wanted
        elif self.side == BUY:
            self.trigger = wanted if wanted <= self.trigger - step else self.trigger
        else:
            self.trigger = wanted if wanted >= self.trigger + step else self.trigger

    def depth(self, price: Fraction) -> Fraction | None:
        """Return how far the price is through the trigger, None where it has not got there."""
        if self.trigger is None:
            return None
        depth = self.trigger - price if self.fires_below else price - self.trigger
        return depth if depth >= 0 else None


class StopBookMachine(RuleBasedStateMachine):
    """A stop book and a list, given the same orders and the same prices (A11, A12)."""

    def __init__(self) -> None:
        super().__init__()
        self.book = StopBook()
        self.sleepers: list[Sleeper] = []
        self.halves = {"last": 200, "mark": 200, "bid": 199, "ask": 201}
        self.numbers = 0
        self.armings = 0

    @property
    def references(self) -> References:
        """Return the prices as the book takes them, in half ticks."""
        return References(*self.halves.values())

    def price(self, sleeper: Sleeper) -> Fraction:
        """Return the price that an order looks at: a seller at the bid, a buyer at the ask."""
        names = {TriggerBy.LAST: "last", TriggerBy.MARK: "mark"}
        name = names.get(sleeper.by, "ask" if sleeper.side == BUY else "bid")
        return Fraction(self.halves[name], 2)

    @rule(by=BYS, side=SIDES, price=PRICES, takes_profit=st.booleans())
    def arm(self, by: TriggerBy, side: int, price: int, takes_profit: bool) -> None:
        """Arm a stop or a take-profit, perhaps one that is reached already."""
        kind = OrderType.TAKE_PROFIT if takes_profit else OrderType.STOP
        below = (side == SELL) != takes_profit
        self.put(kind, side, below, StopTerms(price, by), price)

    @rule(
        by=BYS,
        side=SIDES,
        leash=LEASHES,
        step=st.sampled_from((None, 1, 3)),
        activation=st.none() | st.integers(98, 102),
    )
    def arm_trailing(
        self, by: TriggerBy, side: int, leash: StopTerms, step: int | None, activation: int | None
    ) -> None:
        """Arm an order that follows the market, at once or from a price on."""
        offset, bps = leash.trail_offset_ticks, leash.trail_bps
        terms = StopTerms(None, by, offset, bps, step, activation)
        sleeper = self.put(OrderType.TRAILING_STOP, side, side == SELL, terms, None)
        sleeper.see(self.price(sleeper))

    def put(
        self, kind: OrderType, side: int, below: bool, terms: StopTerms, price: int | None
    ) -> Sleeper:
        """Arm a new order in the book, and append it to the list."""
        self.numbers += 1
        order = new_order(self.numbers, side, kind)
        assert order.conditions is not None
        order.conditions.trigger = new_trigger(kind, side, terms, self.references)
        sleeper = Sleeper(order, terms.trigger_by(), side, below, 0, terms, price)
        self.sleepers.append(sleeper)
        self.lay_down(sleeper)
        return sleeper

    def lay_down(self, sleeper: Sleeper) -> None:
        """Arm an order behind all that were armed before."""
        self.armings += 1
        sleeper.place = self.armings
        conditions = sleeper.order.conditions
        assert conditions is not None
        assert conditions.trigger is not None
        conditions.trigger.sequence = self.armings
        self.book.arm(sleeper.order)

    @precondition(lambda self: self.sleepers)
    @rule(place=PLACES)
    def disarm(self, place: int) -> None:
        """Take any of them out."""
        sleeper = self.sleepers.pop(place % len(self.sleepers))
        self.book.disarm(sleeper.order)

    @precondition(lambda self: self.sleepers)
    @rule(place=PLACES, price=PRICES, leash=st.sampled_from((1, 4, 40)))
    def amend(self, place: int, price: int, leash: int) -> None:
        """Give one another trigger or leash; it goes behind the others, and never loosens."""
        sleeper = self.sleepers[place % len(self.sleepers)]
        terms, conditions = sleeper.terms, sleeper.order.conditions
        if terms.trail_offset_ticks is not None:
            change = StopTerms(trail_offset_ticks=leash)
            terms.trail_offset_ticks = leash
        elif terms.trail_bps is not None:
            change = StopTerms(trail_bps=leash)
            terms.trail_bps = leash
        else:
            change = StopTerms(price)
        assert conditions is not None
        assert conditions.trigger is not None
        trigger, defect = amended_trigger(conditions.trigger, change)
        assert defect is None
        if trigger is conditions.trigger:
            return
        self.book.disarm(sleeper.order)
        conditions.trigger = trigger
        if change.trigger_ticks is not None:
            sleeper.trigger = change.trigger_ticks
        elif sleeper.trigger is not None and sleeper.best is not None:
            tightest = min if sleeper.side == BUY else max
            sleeper.trigger = tightest(sleeper.trigger, sleeper.leashed(sleeper.best))
        self.lay_down(sleeper)

    @rule(which=st.sampled_from(("last", "mark", "bid ask", "last mark bid ask")), half=MOVES)
    def observe(self, which: str, half: int) -> None:
        """Let prices move by so many half ticks, and everybody see it."""
        for name in which.split():
            self.halves[name] = max(1, self.halves[name] + half)
        self.book.observe(self.references)
        for sleeper in self.sleepers:
            sleeper.see(self.price(sleeper))

    def most_deeply_crossed(self) -> Sleeper | None:
        """Return whom the prices have reached, of several the deepest, then the first armed."""
        reached = [
            (-depth, sleeper.place, sleeper)
            for sleeper in self.sleepers
            if (depth := sleeper.depth(self.price(sleeper))) is not None
        ]
        return min(reached, key=lambda each: each[:2])[2] if reached else None

    @precondition(lambda self: self.most_deeply_crossed() is not None)
    @rule()
    def fire(self) -> None:
        """Take out the one that fires next."""
        sleeper = self.most_deeply_crossed()
        assert sleeper is not None
        self.sleepers.remove(sleeper)
        self.book.disarm(sleeper.order)

    @invariant()
    def the_same_one_fires_next(self) -> None:
        """Ask both who is next."""
        expected = self.most_deeply_crossed()
        assert self.book.next_reached(self.references) is (expected and expected.order)

    @invariant()
    def book_is_the_list(self) -> None:
        """Find the same orders, with the same triggers and the same best prices."""
        self.book.check()
        assert self.book.count == len(self.sleepers)
        assert list(self.book) == [sleeper.order for sleeper in self.sleepers]
        for sleeper in self.sleepers:
            assert sleeper.order.trigger_ticks == (sleeper.trigger or 0)
            assert sleeper.order.conditions is not None
            assert sleeper.order.conditions.trigger is not None
            watermark_half = sleeper.order.conditions.trigger.watermark_half
            assert watermark_half == 2 * (sleeper.best or 0)


def new_order(number: int, side: int, kind: OrderType) -> Order:
    """Return an order that could be armed, as the kernel would make it."""
    conditions = Conditions(0, 0, post_only=False, reduce_only=False)
    return Order(
        number,
        "ann",
        f"c{number}",
        "X",
        side,
        0,
        1,
        kind,
        TimeInForce.GTC,
        StpMode.NONE,
        "ann",
        None,
        0,
        0,
        conditions=conditions,
    )


TestStopBook = StopBookMachine.TestCase
TestStopBook.settings = short(15)
