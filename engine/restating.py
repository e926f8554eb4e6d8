"""Orders that a corporate action gives new terms, where they stand (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import amended, cancelled
from matching.stops import FALLING
from matching.terms import BUY, SELL, CancelReason
from risk.margin import divide_up

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.brackets import Bracket
    from matching.order import Order
    from risk.carry import Dividend

CORPORATE_ACTION = CancelReason.CORPORATE_ACTION


class Restating:
    """The part of the kernel that changes orders because what they are about has changed.

    Every order keeps its place: those of a side are taken out and queued again one by one, the
    first first. Nobody can be met, since the market does not trade.
    """

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def lower(self, market: Market, dividend: Dividend, events: list[Event]) -> None:
        """Lower what waits below the market by a dividend, ⌈⌉ to the tick: it falls by itself.

        That is the bids, and armed orders that a falling price fires, with their limits. Trailing
        ones follow the market anyway. One that would come to zero is cancelled.
        """
        ticks = divide_up(*dividend.ticks(market.instrument.terms))
        for bracket in self._state.brackets.values():
            if bracket.symbol == dividend.symbol:
                _lower_unplaced(bracket, ticks)
        for order in [order for level in market.book.bids for order in level]:
            if order.price_ticks <= ticks:
                self._cancel(market, order, events)
            else:
                self._reprice(market, order, order.price_ticks - ticks, events)
        for order in list(market.stops):
            self._lower_armed(market, order, ticks, events)

    def _reprice(self, market: Market, order: Order, price_ticks: int, events: list[Event]) -> None:
        """Queue a resting order at another price, showing what it showed."""
        shown_lots = order.shown_lots
        self._execution.release(market, order)
        order.price_ticks = price_ticks
        self._execution.rest(market, order)
        if order.conditions is not None:
            order.conditions.show(shown_lots)
        events.append(amended(order, kept_priority=True, cause=CORPORATE_ACTION))

    def _lower_armed(self, market: Market, order: Order, ticks: int, events: list[Event]) -> None:
        """Lower an order that a falling price fires; it stays as long armed as it is."""
        assert order.conditions is not None
        trigger = order.conditions.trigger
        assert trigger is not None
        if trigger.direction != FALLING or trigger.trails:
            return
        if trigger.price_ticks <= ticks or 0 < order.price_ticks <= ticks:
            self._cancel(market, order, events)
            return
        market.stops.disarm(order)
        trigger.price_ticks -= ticks
        if order.price_ticks:
            order.price_ticks -= ticks
        market.stops.arm(order)
        events.append(amended(order, kept_priority=True, cause=CORPORATE_ACTION))

    def _cancel(self, market: Market, order: Order, events: list[Event]) -> None:
        self._execution.withdraw(market, order)
        events.append(cancelled(order, CORPORATE_ACTION))


def _lower_unplaced(bracket: Bracket, ticks: int) -> None:
    """Lower the children still to come as if they were there; one at zero never comes."""
    for child in bracket.children():
        # A child trades against the entry's side; what sells below the market is a stop-loss.
        is_below = bracket.side == (BUY if child.trigger_ticks else SELL)
        if not is_below or child.order is not None or child.has_left:
            continue
        if any(0 < price <= ticks for price in (child.trigger_ticks, child.price_ticks)):
            child.has_left = True
            continue
        child.price_ticks -= ticks if child.price_ticks else 0
        child.trigger_ticks -= ticks if child.trigger_ticks else 0
