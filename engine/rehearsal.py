"""A corner of the state, copied, on which a trading command can be carried out for a trial (C4).

The account, its positions, limits, and the orders that the command may change are copies; the
others that it would meet are represented by stand-ins of just the lots that it would take. The
parts of the kernel run on it unchanged, so that what they refuse and do is no second opinion. All
else, above all the real book, is asked and never changed.
"""

from __future__ import annotations

from copy import copy, deepcopy
from typing import TYPE_CHECKING

from engine.state import Market, State
from matching.book import Book
from matching.id_window import IdWindow
from matching.sweep import NO_SWEEP, Sweep

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from matching.brackets import Bracket, Exit
    from matching.groups import Group
    from matching.id_window import Entry
    from matching.order import Order
    from risk.account import Account
    from risk.instrument import Instrument
    from risk.position import Position

_OWN_TO_A_POSITION = ("account", "instrument", "open_index", "unbanded")


class KnownIds(IdWindow):
    """The ids of another window, to which nothing is added."""

    __slots__ = ("_known",)

    def __init__(self, known: IdWindow) -> None:
        super().__init__()
        self._known: IdWindow = known

    def find(self, account_id: str, client_order_id: str) -> Entry | None:
        """Return the entry of an accepted id, or None."""
        return self._known.find(account_id, client_order_id)

    def has_kept(self, account_id: str, client_order_id: str) -> bool:
        """Tell whether an id is still in the window itself."""
        return self._known.has_kept(account_id, client_order_id)

    def add(self, key: tuple[str, str], entry: Entry) -> None:
        """Forget at once: a trial consumes no id."""

    def make_room(self, now_us: int, live: Mapping[str, Container[str]]) -> None:
        """Let nobody go."""


class TrialBook(Book):
    """Copies of resting orders; what a sweep would meet is asked of the real book."""

    __slots__ = ("_real", "_rehearsal")

    def __init__(self, rehearsal: Rehearsal, real: Book) -> None:
        super().__init__()
        self._rehearsal: Rehearsal = rehearsal
        self._real: Book = real

    def touch_ticks(self, side: int) -> int | None:
        """Return the best price of `side` as it really is."""
        return self._real.touch_ticks(side)

    def crosses(self, side: int, price_ticks: int) -> bool:
        """Tell whether an order would really meet somebody."""
        return self._real.crosses(side, price_ticks)

    def plan(self, order: Order, limit_ticks: int) -> Sweep:
        """Return the sweep of the real book, with the copies and stand-ins in it."""
        return self._rehearsal.planned(self._real, order, limit_ticks)


class Rehearsal:
    """The copies, and what each was made of. `state` is what the parts of the kernel work on."""

    __slots__ = (
        "_account_id",
        "_accounts",
        "_brackets",
        "_groups",
        "_orders",
        "_real",
        "_symbol",
        "state",
    )

    def __init__(self, real: State, account: Account | None, symbol: str) -> None:
        self._real: State = real
        self._symbol: str = symbol
        self._account_id: str = "" if account is None else account.account_id
        self._accounts: dict[str, Account] = {}
        self._orders: dict[Order, Order] = {}
        self._groups: dict[Group, tuple[Group, Group]] = {}
        self._brackets: dict[Bracket, tuple[Bracket, Bracket]] = {}
        state = self.state = State()
        state.now_us = real.now_us
        state.ladder, state.fee_tiers, state.switches = real.ladder, real.fee_tiers, real.switches
        state.ids = KnownIds(real.ids)
        state.next_order_id = real.next_order_id
        state.next_trade_id = real.next_trade_id
        state.next_arming = real.next_arming
        if symbol in real.markets:
            self._market(real.markets[symbol].instrument)
        if account is not None:
            self._copy_owner(account)

    # What is copied

    def _copy_owner(self, account: Account) -> None:
        """Copy the account that the command is of, with its limits; its orders stay for now."""
        state, account_id = self.state, account.account_id
        twin = self.account(account)
        for position in account.positions.values():
            self._position(position)
        if account_id in self._real.live:
            state.live[account_id] = dict(self._real.live[account_id])
        if account.guard is not None:
            guard = twin.guard = copy(account.guard)
            guard.account, guard.live = twin, state.live[account_id]
            guard.losses = deepcopy(account.guard.losses)

    def account(self, account: Account) -> Account:
        """Return the copy of an account, with its positions and without limits or orders.

        Of the venue's own, which are never short of margin, the positions only as they are met.
        """
        state, real, account_id = self.state, self._real, account.account_id
        twin = self._accounts.get(account_id)
        if twin is not None:
            return twin
        twin = self._accounts[account_id] = copy(account)
        twin.positions, twin.volumes, twin.guard = {}, dict(account.volumes), None
        if account is real.house:
            state.house = twin
        elif account is real.backstop:
            state.backstop = twin
        if account_id in real.accounts:
            state.add_account(twin)
        if not account.is_reserved:
            for position in account.positions.values():
                self._position(position)
        return twin

    def _position(self, position: Position) -> Position:
        """Return the copy of a position."""
        twin = self.account(position.account)
        instrument = self._market(position.instrument).instrument
        held = twin.positions.get(instrument.symbol)
        if held is None:
            held = self.state.positions.open_or_create(twin, instrument)
            for name in position.__slots__:
                if name not in _OWN_TO_A_POSITION:
                    setattr(held, name, getattr(position, name))
            if held.lots:
                held.open_index[twin.account_id] = held
        return held

    def _market(self, instrument: Instrument) -> Market:
        """Return the copy of a market: its prices, its state, and nobody in it."""
        state, symbol = self.state, instrument.symbol
        market = state.markets.get(symbol)
        if market is None:
            twin = copy(instrument)
            if symbol == self._symbol:
                twin.band = deepcopy(instrument.band)
            state.add_market(twin)
            market, real = state.markets[symbol], self._real.markets[symbol]
            market.book = TrialBook(self, real.book)
            market.outside = real.outside
        return market

    def copy_orders(self, orders: Iterable[Order]) -> None:
        """Copy orders of the account, so that they may change."""
        for order in orders:
            self.order(order)

    def order(self, order: Order) -> Order:
        """Return the copy of an order of the account, where the order stands."""
        twin = self._orders.get(order)
        if twin is not None:
            return twin
        twin = self._orders[order] = copy(order)
        twin.level = twin.before = twin.after = None
        market = self._market(order.position.instrument)
        twin.position = self._position(order.position)
        if order.conditions is not None:
            conditions = twin.conditions = copy(order.conditions)
            if conditions.group is not None:
                conditions.group = self.group(conditions.group)
            if conditions.bracket is not None:
                conditions.bracket = self._bracket(conditions.bracket)
        self.state.live[order.account_id][order.client_order_id] = twin
        if twin.is_armed:
            market.stops.arm(twin)
        elif order.level is not None:
            market.book.rest(twin)
        return twin

    def group(self, group: Group) -> Group:
        """Return the copy of a group, and copy its members with it."""
        known = self._groups.get(group)
        if known is not None:
            return known[1]
        twin = copy(group)
        self._groups[group] = self._groups[twin] = (group, twin)
        twin.held = {side: copy(hold) for side, hold in group.held.items()}
        twin.members = {self.order(order): lots for order, lots in group.members.items()}
        self.state.groups[group.account_id, group.symbol, group.name] = twin
        return twin

    def _bracket(self, bracket: Bracket) -> Bracket:
        known = self._brackets.get(bracket)
        if known is not None:
            return known[1]
        twin = copy(bracket)
        self._brackets[bracket] = self._brackets[twin] = (bracket, twin)
        self.state.brackets[bracket.order_id] = twin
        if bracket.entry is not None:
            twin.entry = self.order(bracket.entry)
        twin.take_profits = [self._exit(each) for each in bracket.take_profits]
        if bracket.stop_loss is not None:
            twin.stop_loss = self._exit(bracket.stop_loss)
        return twin

    def _exit(self, child: Exit) -> Exit:
        twin = copy(child)
        if child.order is not None:
            twin.order = self.order(child.order)
        return twin

    # What the real book says

    def planned(self, book: Book, order: Order, limit_ticks: int) -> Sweep:
        """Plan a sweep on the real book and say it in copies and stand-ins.

        Which icebergs go to the tail is left out: no account stands otherwise for that.
        """
        probe = copy(order)
        positions = self._real.positions.in_symbol(order.symbol)
        probe.position = positions.get(order.account_id, order.position)
        if order.conditions is not None:
            conditions = probe.conditions = copy(order.conditions)
            if conditions.group in self._groups:
                conditions.group = self._groups[conditions.group][0]
            if conditions.bracket in self._brackets:
                conditions.bracket = self._brackets[conditions.bracket][0]
        found = book.plan(probe, limit_ticks)
        if found is NO_SWEEP:
            return found
        sweep = Sweep(order)
        sweep.end, sweep.filled_lots = found.end, found.filled_lots
        sweep.wanted_lots, sweep.allowed_lots = found.wanted_lots, found.allowed_lots
        sweep.bites = [(self._met(maker, lots), lots) for maker, lots in found.bites]
        sweep.linked = {
            self._orders[maker]: lots
            for maker, lots in found.linked.items()
            if maker in self._orders
        }
        return sweep

    def _met(self, maker: Order, lots: int) -> Order:
        """Return the copy of an own maker, or a plain order of as many lots as another gives."""
        if maker.account_id == self._account_id:
            return self.order(maker)
        twin = copy(maker)
        twin.level = twin.before = twin.after = twin.conditions = None
        market = self.state.markets[maker.symbol]
        twin.position = self._position(maker.position)
        if maker.level is None:
            return twin  # the house, for the outside market
        twin.fee_hold_atoms = 0
        if lots > 0:
            twin.leaves_lots = lots
        notional = twin.leaves_lots * twin.price_ticks * market.instrument.unit_atoms
        twin.position.hold(twin.side, twin.leaves_lots, notional, 0)
        market.book.rest(twin)
        self.state.live[twin.account_id][twin.client_order_id] = twin
        return twin
