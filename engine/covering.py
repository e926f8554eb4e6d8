"""A bracket's children: placed and grown as its entry fills (A13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import amended
from engine.limits import MAX_CHILDREN_PER_FRAME
from matching.messages import OrderAccepted
from matching.order import Conditions, Order
from matching.stops import Trigger
from matching.sweep import will_rest
from matching.terms import CancelReason, MarketState, OrderStatus, OrderType, Refusal, TimeInForce
from risk.messages import Rejected

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.brackets import Bracket, Exit
    from risk.position import Position


class Covering:
    """The part of the kernel that protects what a bracket's entry has opened."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def run(self, events: list[Event]) -> None:
        """Look after the brackets whose entries have filled, in the order in which they did.

        A frame goes on to another one while it has looked at fewer than MAX_CHILDREN_PER_FRAME
        children; `state.due` holds those that wait for the next frame. Where the market is not open
        a bracket waits until it is.
        """
        state = self._state
        looked = 0
        while state.due and looked < MAX_CHILDREN_PER_FRAME:
            order_id, bracket = next(iter(state.due.items()))
            market = state.markets[bracket.symbol]
            if market.instrument.state is not MarketState.OPEN:
                state.shelved.setdefault(bracket.symbol, {})[order_id] = bracket
                del state.due[order_id]
                continue
            for child in bracket.children():
                looked += 1
                if not bracket.is_hit:
                    self._cover(market, bracket, child, events)
            del state.due[order_id]
            state.drop_if_over(bracket)

    def _cover(self, market: Market, bracket: Bracket, child: Exit, events: list[Event]) -> None:
        """Place one child, or let it grow to what it is to cover by now."""
        wanted = bracket.remaining()[child]
        order = child.order
        if order is None:
            if wanted > 0 and not child.has_left:
                self._place(market, bracket, child, wanted, events)
            return
        grown = wanted - order.leaves_lots
        if grown <= 0:
            return
        is_armed = order.is_armed
        if not is_armed:
            self._execution.release(market, order)
        order.quantity_lots += grown
        order.leaves_lots += grown
        if not is_armed:
            self._execution.rest(market, order)
        events.append(amended(order, kept_priority=is_armed, cause=CancelReason.BRACKET))

    def _place(
        self, market: Market, bracket: Bracket, child: Exit, lots: int, events: list[Event]
    ) -> None:
        """Let a child enter as a command of its own; where it may not, say so, once and for all."""
        state = self._state
        position = market.positions[bracket.account_id]
        fees_ppm = state.fees_of(position)
        order = _order(bracket, child, lots, state.next_order_id, position, fees_ppm)
        refusal = self._refusal(order)
        if refusal is not None:
            child.has_left = True
            name = child.client_order_id
            events.append(Rejected(refusal, bracket.symbol, bracket.account_id, name))
            return
        state.next_order_id += 1
        child.order = order
        assert order.conditions is not None
        if child.trigger_ticks:
            self._accept(order, OrderStatus.ARMED, events)
            self._execution.arm(market, order)
            state.referenced[order.symbol] = None
            return
        sweep = market.book.plan(order, order.price_ticks)
        rests = will_rest(order, sweep)
        self._accept(order, OrderStatus.RESTING if rests else OrderStatus.DONE, events)
        self._execution.enter(market, order, sweep, events, rests=rests)

    def _refusal(self, order: Order) -> Refusal | None:
        """Ask what still binds an order that only reduces: its name, and its position."""
        if order.client_order_id in self._state.live[order.account_id]:
            return Refusal.ID_REUSED
        if order.position.lots * order.side >= 0:
            return Refusal.NOTHING_TO_REDUCE
        return None

    def _accept(self, order: Order, status: OrderStatus, events: list[Event]) -> None:
        """Say that a child has entered; its id was consumed with its bracket's."""
        state = self._state
        if not state.ids.has_kept(order.account_id, order.client_order_id):
            state.ids.make_room(state.now_us, state.live)
        key = (order.account_id, order.client_order_id)
        state.ids.confirm(key, order.order_id, status, state.now_us)
        events.append(
            OrderAccepted(
                order.symbol,
                order.account_id,
                order.client_order_id,
                order.order_id,
                status,
                order.side,
                order.order_type,
                order.time_in_force,
                order.quantity_lots,
                order.price_ticks,
                order.trigger_ticks,
            )
        )


def _order(
    bracket: Bracket,
    child: Exit,
    lots: int,
    order_id: int,
    position: Position,
    fees_ppm: tuple[int, int],
) -> Order:
    """Make a child's order: against the entry's side, reduce-only, good till cancelled."""
    order_type = OrderType.LIMIT
    if child.trigger_ticks:
        order_type = OrderType.STOP_LIMIT if child.price_ticks else OrderType.STOP
    conditions = Conditions(0, 0, post_only=False, reduce_only=True)
    conditions.bracket = bracket
    side = -bracket.side
    if child.trigger_ticks:
        conditions.trigger = Trigger(child.by, side, side, child.trigger_ticks)
    return Order(
        order_id,
        bracket.account_id,
        child.client_order_id,
        bracket.symbol,
        side,
        child.price_ticks,
        lots,
        order_type,
        TimeInForce.GTC,
        bracket.stp,
        position.account.stp_key,
        position,
        *fees_ppm,
        bracket.tag,
        conditions,
    )
