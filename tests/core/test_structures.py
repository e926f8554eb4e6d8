"""The core's structures against models too simple to be wrong, in random order of operations."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.limits import ID_WINDOW_AGE_US
from matching.book import Book
from matching.id_window import IdWindow
from matching.ladder import Ladder
from matching.order import Conditions, Order
from matching.sweep import Sweep
from matching.terms import (
    BUY,
    SELL,
    CancelReason,
    OrderStatus,
    OrderType,
    StpMode,
    TimeInForce,
)
from risk.account import Account
from risk.position_book import PositionBook
from tests.core.bounds import lower
from tests.core.lengths import short
from tests.core.market import Market

SIDES = st.sampled_from((BUY, SELL))
PRICES = st.integers(95, 105)
LOTS = st.integers(1, 9)
OWNERS = st.sampled_from(("ann", "bea", "cy"))
PLACES = st.integers(0, 1_000)


def new_order(
    number: int, owner: str, side: int, price: int, lots: int, stp: StpMode, peak: int = 0
) -> Order:
    """Return a limit order as the kernel would make it."""
    conditions = Conditions(peak, 0, post_only=False, reduce_only=False) if peak else None
    return Order(
        number,
        owner,
        f"c{number}",
        "X",
        side,
        price,
        lots,
        OrderType.LIMIT,
        TimeInForce.GTC,
        stp,
        owner,
        None,
        0,
        0,
        conditions=conditions,
    )


class BookMachine(RuleBasedStateMachine):
    """A book against one list of orders in order of arrival (A1, A4, A5, A6)."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.resting: list[Order] = []
        self.number = 0

    def best_first(self, side: int) -> list[Order]:
        """Return a side's orders by price, then by arrival: sorting is stable."""
        return sorted(
            (order for order in self.resting if order.side == side),
            key=lambda order: -side * order.price_ticks,
        )

    def ladder(self, side: int) -> Ladder:
        """Return a side of the book."""
        return self.book.bids if side == BUY else self.book.asks

    @rule(
        owner=OWNERS,
        side=SIDES,
        price=PRICES,
        lots=LOTS,
        stp=st.sampled_from(StpMode),
        peak=st.sampled_from((0, 0, 1, 2)),
        rests=st.booleans(),
    )
    def enter(
        self, owner: str, side: int, price: int, lots: int, stp: StpMode, peak: int, rests: bool
    ) -> None:
        """Plan a sweep twice, compare it, carry it out, and perhaps rest."""
        self.number += 1
        order = new_order(self.number, owner, side, price, lots, stp, peak if peak < lots else 0)
        sweep = self.book.plan(order, price)
        again = self.book.plan(order, price)
        assert (sweep.bites, sweep.requeued) == (again.bites, again.requeued), (
            "it touched something"
        )

        bites, requeued, left = self.met_by(order)
        filled = sum(lots for lots in bites.values() if lots > 0)
        stops = {StpMode.CANCEL_NEWEST, StpMode.CANCEL_BOTH}
        met_own = any(lots < 0 for lots in bites.values())
        is_gone = stp is StpMode.DECREMENT and left == 0 and sweep.bites[-1][1] < 0
        ends = (met_own and stp in stops) or is_gone
        assert sweep.bites == list(bites.items())
        assert sweep.requeued == requeued
        assert (sweep.end, sweep.filled_lots) == (CancelReason.SELF_TRADE if ends else None, filled)
        self.carry_out(order, sweep)
        if left and rests and not ends:
            order.leaves_lots = left
            if order.conditions is not None:
                order.conditions.show(min(peak, left))
            self.book.rest(order)
            self.resting.append(order)

    def met_by(self, order: Order) -> tuple[dict[Order, int], list[tuple[Order, int]], int]:
        """Meet the first of a copied queue until nobody is left or wanted.

        Return lots by maker (below 0: prevented), who went to a tail showing what, and the rest.
        """
        left, bites, tails = order.leaves_lots, dict[Order, int](), dict[Order, int]()
        key = order.side * order.price_ticks
        queue = [
            (maker, maker.shown_lots, maker.leaves_lots)
            for maker in self.best_first(-order.side)
            if order.side * maker.price_ticks <= key
        ]
        while queue and left:
            maker, shown, leaves = queue.pop(0)
            if order.stp is not StpMode.NONE and maker.account_id == order.account_id:
                bites[maker] = -min(leaves, left)
                if order.stp is StpMode.DECREMENT:
                    left += bites[maker]
                elif order.stp is not StpMode.CANCEL_OLDEST:
                    break
                continue
            lots = min(shown, left)
            bites[maker] = bites.get(maker, 0) + lots
            left -= lots
            if lots == shown and leaves > lots:
                assert maker.conditions is not None
                shown = min(maker.conditions.display_lots, leaves - lots)
                tails.pop(maker, None)
                tails[maker] = shown
                level = [each for each, *_ in queue if each.price_ticks == maker.price_ticks]
                queue.insert(len(level), (maker, shown, leaves - lots))
            elif maker in tails and leaves > lots:
                tails[maker] -= lots
            else:
                tails.pop(maker, None)
        return bites, list(tails.items()), left

    def carry_out(self, order: Order, sweep: Sweep) -> None:
        """Do to the book and to the list what a sweep says."""
        for maker, lots in sweep.bites:
            if lots > 0:
                self.book.take(maker, lots)
            elif order.stp is StpMode.DECREMENT:
                maker.leaves_lots += lots
                if maker.conditions is not None:
                    maker.conditions.show(min(maker.conditions.shown_lots, maker.leaves_lots))
            goes = lots < 0 and order.stp in {StpMode.CANCEL_OLDEST, StpMode.CANCEL_BOTH}
            if goes or (lots < 0 and maker.leaves_lots == 0):
                self.book.remove(maker)
            if goes or maker.leaves_lots == 0:
                self.resting.remove(maker)
        for maker, shown in sweep.requeued:
            self.book.requeue(maker, shown)
            self.resting.remove(maker)
            self.resting.append(maker)

    @precondition(lambda self: self.resting)
    @rule(place=PLACES)
    def remove(self, place: int) -> None:
        """Take any order out, wherever it stands."""
        self.book.remove(self.resting.pop(place % len(self.resting)))

    @invariant()
    def book_is_the_sorted_list(self) -> None:
        """Both sides in queue order, the touch, and all that `check` knows."""
        self.book.check()
        assert self.book.is_empty() == (not self.resting)
        for side in (BUY, SELL):
            expected = self.best_first(side)
            ladder = self.ladder(side)
            assert [order for level in ladder for order in level] == expected
            assert len(ladder) == len({order.price_ticks for order in expected})
            touch = expected[0].price_ticks if expected else None
            assert self.book.touch_ticks(side) == touch
            for price in (95, 100, 105):
                crosses = touch is not None and side * touch >= side * price
                assert self.book.crosses(-side, price) == crosses


class PositionBookMachine(RuleBasedStateMachine):
    """The index of positions against a dictionary of lots (B1, B7)."""

    SYMBOLS: ClassVar = ("X", "Y")

    def __init__(self) -> None:
        super().__init__()
        market = Market()
        market.play("instrument Y")
        self.instruments = {s: market.kernel.state.markets[s].instrument for s in self.SYMBOLS}
        self.accounts = {name: Account(name) for name in ("ann", "bea", "cy")}
        self.book = PositionBook()
        self.held: dict[tuple[str, str], int] = {}
        self.trades = 0
        for symbol in self.SYMBOLS:
            self.book.add_symbol(symbol)

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        buyer=OWNERS,
        seller=OWNERS,
        lots=LOTS,
        price=PRICES,
        flat=st.booleans(),
    )
    def trade(
        self, symbol: str, buyer: str, seller: str, lots: int, price: int, flat: bool
    ) -> None:
        """Move lots from one account to another; sometimes exactly what the seller holds."""
        held = self.held.get((seller, symbol), 0)
        if flat and held > 0:
            lots = held
        self.trades += 1
        for name, signed in ((buyer, lots), (seller, -lots)):
            position = self.book.open_or_create(self.accounts[name], self.instruments[symbol])
            position.trade(signed, price, self.trades)
            self.held[name, symbol] = self.held.get((name, symbol), 0) + signed

    @rule(symbol=st.sampled_from(SYMBOLS))
    def list_again(self, symbol: str) -> None:
        """Delete a flat instrument and create it anew."""
        if any(lots for (_, held), lots in self.held.items() if held == symbol):
            return
        self.book.remove_symbol(symbol)
        self.book.add_symbol(symbol)
        self.held = {key: lots for key, lots in self.held.items() if key[1] != symbol}
        assert all(symbol not in account.positions for account in self.accounts.values())

    @invariant()
    def all_indexes_agree(self) -> None:
        """By account, by symbol, and the open ones."""
        self.book.check()
        for symbol in self.SYMBOLS:
            known = {name: lots for (name, held), lots in self.held.items() if held == symbol}
            assert {n: p.lots for n, p in self.book.in_symbol(symbol).items()} == known
            is_open = {name for name, lots in known.items() if lots}
            assert self.book.open_in(symbol).keys() == is_open
            for name, account in self.accounts.items():
                position = self.book.of(name, symbol)
                assert position is account.positions.get(symbol)
                assert (position.lots if position else 0) == known.get(name, 0)


class IdWindowMachine(RuleBasedStateMachine):
    """The window of ids against the whole history (A10)."""

    SIZE = 5
    MOST = 9

    def __init__(self) -> None:
        super().__init__()
        self.bounds = pytest.MonkeyPatch()
        lower(self.bounds, "ID_WINDOW_MAX", self.MOST)
        self.window = IdWindow(self.SIZE)
        self.history: list[tuple[tuple[str, str], Any]] = []
        self.live: dict[str, dict[str, None]] = {"ann": {}, "bea": {}}
        self.now_us = 0

    def teardown(self) -> None:
        """Give the bound back."""
        self.bounds.undo()

    @rule(account=st.sampled_from(("ann", "bea")), rests=st.booleans())
    def accept(self, account: str, rests: bool) -> None:
        """Accept an order, which rests or is done."""
        number = len(self.history)
        key = (account, f"c{number}")
        entry = (number.to_bytes(16, "big"), number, OrderStatus.DONE, self.now_us)
        assert self.window.find(*key) is None
        self.window.make_room(self.now_us, self.live)
        self.window.add(key, entry)
        self.history.append((key, entry))
        if rests:
            self.live[account][key[1]] = None

    @precondition(lambda self: any(self.live.values()))
    @rule(place=PLACES)
    def end(self, place: int) -> None:
        """Let one of the live orders end."""
        names = [(account, name) for account, live in self.live.items() for name in live]
        account, name = names[place % len(names)]
        del self.live[account][name]

    @rule(share=st.sampled_from((0.1, 0.5, 1.0)))
    def wait(self, share: float) -> None:
        """Let a part of a day pass."""
        self.now_us += round(ID_WINDOW_AGE_US * share)

    def must_be_known(self) -> Iterator[tuple[tuple[str, str], Any]]:
        """Yield the ids that no rule lets go."""
        youngest_first = self.history[::-1]
        for rank, (key, entry) in enumerate(youngest_first):
            is_young = self.now_us - entry[3] < ID_WINDOW_AGE_US
            if rank < self.SIZE or (is_young and rank < self.MOST) or key[1] in self.live[key[0]]:
                yield key, entry

    @invariant()
    def nothing_is_forgotten_too_early(self) -> None:
        """Find the last ones, the young ones and the live ones, all as they were."""
        for key, entry in self.must_be_known():
            assert self.window.find(*key) == entry

    @invariant()
    def window_is_bounded(self) -> None:
        """Beside the live ones no more than the most that may be."""
        assert len(self.window) <= self.MOST
        known = sum(self.window.find(*key) is not None for key, _ in self.history)
        assert known == len(self.window) + sum(1 for _ in self.window.spared())


def test_id_window_shrinks_again_after_a_busy_day() -> None:
    """What a day made large goes with the next days' ids, and does not stay for ever (A10)."""
    window = IdWindow(size=3)
    for number in range(10):
        window.make_room(0, {})
        window.add(("ann", f"c{number}"), (b"", number, OrderStatus.DONE, 0))
    assert len(window) == 10

    for number in range(10, 20):
        window.make_room(ID_WINDOW_AGE_US, {})
        window.add(("ann", f"c{number}"), (b"", number, OrderStatus.DONE, ID_WINDOW_AGE_US))

    assert len(window) == 10, "the young ones are kept"
    for number in range(20, 30):
        window.make_room(3 * ID_WINDOW_AGE_US, {})
        window.add(("ann", f"c{number}"), (b"", number, OrderStatus.DONE, 0))
    assert len(window) == 3


TestBook = BookMachine.TestCase
TestBook.settings = short(15)
TestPositionBook = PositionBookMachine.TestCase
TestPositionBook.settings = short(15)
TestIdWindow = IdWindowMachine.TestCase
TestIdWindow.settings = short(15)
