"""Positions are closed on an operator's word, as far as the book will have them (E4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import cancelled
from engine.limits import FLATTEN_EVENTS_PER_FRAME, FLATTEN_RETRY_US
from engine.prices import market_limit_ticks
from engine.selling import sell_off
from matching.terms import CancelReason, KillMode, KillScope, MarketState
from risk.account import HOUSE
from risk.guards.messages import FlattenOrder
from risk.messages import Rejected
from risk.switches import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.execution import Execution
    from engine.messages import Command, Event
    from engine.state import Market, State
    from matching.terms import Switch
    from risk.position import Position
    from risk.switches import Place

SYMBOL = KillScope.SYMBOL
ACCOUNT = KillScope.ACCOUNT


class Flattening:
    """The part of the kernel that closes the positions under switches of the mode `flatten`.

    They are tried when the switch is put on, at every turn of the timer, and between two turns once
    more, at the next input of their symbol, until they are flat or the switch has gone.
    """

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def begin(self, switch: Switch, events: list[Event]) -> None:
        """Close what a new switch is over; where its cancels go on over frames, after them."""
        state = self._state
        if switch.scope is SYMBOL:
            symbols = [switch.target]
        elif switch.scope is ACCOUNT:
            account = state.find_account(switch.target)
            assert account is not None
            symbols = [symbol for symbol, held in account.positions.items() if held.lots]
        else:
            symbols = list(state.markets)
        self._start([symbol for symbol in symbols if self._held(symbol)], by_input=True)
        if state.unsold and not state.close_at_us:
            state.close_at_us = state.now_us + FLATTEN_RETRY_US
        if not state.mass:
            self.go_on(events)

    def forget(self) -> None:
        """Let those alone that no switch of the mode is over any more."""
        unsold = self._state.unsold
        for symbol in [symbol for symbol in unsold if not self._held(symbol)]:
            del unsold[symbol]
        if not unsold:
            self._state.close_at_us = 0

    def turn(self, events: list[Event]) -> None:
        """Try all that is left once more; the timer is due."""
        self._state.close_at_us = self._state.now_us + FLATTEN_RETRY_US
        self._start(list(self._state.unsold), by_input=False)
        self.go_on(events)

    def try_again(self, command: Command, events: list[Event]) -> bool:
        """Try the symbol of an accepted input, if none has been since the timer's last turn.

        `events` are the input's; it names a symbol itself, or in the first of them. Returns whether
        anything was tried.
        """
        state = self._state
        if state.is_unfinished() or (events and isinstance(events[0], Rejected)):
            return False
        named = getattr(command, "symbol", None)
        if not named and events:
            named = getattr(events[0], "symbol", None)
        waiting = [
            symbol
            for symbol, was_tried in state.unsold.items()
            if not was_tried and named in (symbol, "*")
        ]
        if waiting:
            self._start(waiting, by_input=True)
            self.go_on(events)
        return bool(waiting)

    def go_on(self, events: list[Event]) -> None:
        """Close, symbol by symbol and account by account, as much as fits a frame."""
        state = self._state
        for symbol in sorted(state.closing):
            if not self._close(symbol, events):
                return
        if not state.unsold:
            state.close_at_us = 0

    def _start(self, symbols: Iterable[str], *, by_input: bool) -> None:
        for symbol in symbols:
            self._state.closing[symbol] = ""
            self._state.unsold[symbol] = by_input

    def _held(self, symbol: str, after: str = "") -> list[str]:
        """Return the accounts after one whose position in a symbol is to be closed, in order."""
        state = self._state
        if symbol not in state.markets:
            return []
        held = state.positions.open_in(symbol)
        names: Iterable[str] = held
        if not (self._flattens(EVERYWHERE) or self._flattens((SYMBOL, symbol))):
            if len(state.switches) < len(held):
                names = [n for scope, n in state.switches if scope is ACCOUNT and n in held]
            names = [name for name in names if self._flattens((ACCOUNT, name))]
        if state.markets[symbol].outside is not None:
            # The house is everybody's other side there: it is flat once they are.
            names = [name for name in names if name != HOUSE]
        return sorted(name for name in names if name > after)

    def _flattens(self, place: Place) -> bool:
        switch = self._state.switches.get(place)
        return switch is not None and switch.mode is KillMode.FLATTEN

    def _close(self, symbol: str, events: list[Event]) -> bool:
        """Try everybody in a symbol who has not been yet; return whether that fitted the frame."""
        state = self._state
        for name in self._held(symbol, state.closing[symbol]):
            if len(events) >= FLATTEN_EVENTS_PER_FRAME:
                return False
            market = state.markets[symbol]
            if market.instrument.state is not MarketState.OPEN:
                break
            state.closing[symbol] = name
            self._sell(market, market.positions[name], events)
        del state.closing[symbol]
        if not self._held(symbol):
            state.unsold.pop(symbol, None)
        return True

    def _sell(self, market: Market, position: Position, events: list[Event]) -> None:
        """Send a position to the market, within the collar; nothing where nobody is there.

        The account's own exits that are not marked reduce-only go first: once it is flat they would
        open.
        """
        state, symbol = self._state, position.instrument.symbol
        side = -1 if position.lots > 0 else 1
        if market.book.touch_ticks(-side) is None:
            return
        account_id = position.account.account_id
        for order in list(state.live[account_id].values()):
            if order.symbol == symbol and order.side == side and not order.reduces_only:
                self._execution.withdraw(market, order)
                events.append(cancelled(order, CancelReason.KILL_SWITCH))
        touch = market.book.touch_ticks(-side)
        assert touch is not None
        lots = abs(position.lots)
        limit = market_limit_ticks(market.instrument.terms, side, touch, None)
        events.append(FlattenOrder(symbol, account_id, state.next_order_id, side, lots, limit))
        sell_off(state, self._execution, position, "kill", (lots, limit), events)
