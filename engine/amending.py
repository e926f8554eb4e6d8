"""Resting orders change: every check first, the old order untouched on refusal (A9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import amend_refused, amended, unknown
from engine.arming import amended_trigger, limit_of, no_trigger, references
from engine.linked_entry import shared_hold, shared_with, shares_quantity
from engine.order_terms import PEAKS_PER_ORDER, display_fits
from matching.sweep import will_rest
from matching.terms import MarketState, Refusal, TimeInForce
from risk.admission import Replaced, admission_failures, reduces
from risk.margin import divide_up

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.messages import AmendOrder
    from matching.order import Order
    from matching.stops import Trigger
    from risk.messages import Rejected

OPEN = MarketState.OPEN
AUCTION = MarketState.AUCTION
GTD = TimeInForce.GTD


class Amending:
    """The part of the kernel that changes resting orders."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def amend(self, command: AmendOrder, events: list[Event]) -> None:
        """Change a resting order's total or price (A9); on refusal the old one is untouched."""
        state = self._state
        orders = state.live.get(command.account)
        if orders is None:
            events.append(unknown(command, Refusal.UNKNOWN_ACCOUNT))
            return
        order = orders.get(command.client_order_id)
        if order is None:
            events.append(unknown(command, Refusal.UNKNOWN_ORDER))
            return
        if command.defect is not None:
            events.append(amend_refused(order, command.defect, path=command.defect_path))
            return
        if (
            command.quantity_lots is None
            and command.price_ticks is None
            and command.display_lots is None
            and command.expires_us is None
            and command.stop is None
        ):
            events.append(amend_refused(order, Refusal.NOTHING_TO_AMEND))
            return
        market = state.markets[order.symbol]
        if command.quantity_lots is not None and shares_quantity(order):
            events.append(amend_refused(order, Refusal.INVALID_OCO, path="$.quantity"))
            return
        if order.is_armed:
            self._amend_armed(market, command, order, events)
            return
        price_ticks = order.price_ticks if command.price_ticks is None else command.price_ticks
        total_lots = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
        leaves_lots = total_lots - order.filled_lots
        defect = self._amend_defect(command, order, total_lots)
        if command.stop is not None:
            defect = no_trigger(command.stop)
        if defect is not None:
            events.append(amend_refused(order, defect[0], path=defect[1]))
        elif leaves_lots <= 0:
            self._complete(market, order, events)
        elif price_ticks == order.price_ticks and leaves_lots <= order.leaves_lots:
            self._execution.shrink(market, order, leaves_lots)
            self._take_over(command, order)
            events.append(amended(order, kept_priority=True))
        else:
            self._replace(market, command, order, price_ticks, leaves_lots, events)

    def _amend_armed(
        self, market: Market, command: AmendOrder, order: Order, events: list[Event]
    ) -> None:
        """Change an order that sleeps; a new trigger sends it behind those armed before (A11)."""
        conditions = order.conditions
        assert conditions is not None
        old = conditions.trigger
        assert old is not None
        total_lots = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
        price_ticks = order.price_ticks if command.price_ticks is None else command.price_ticks
        trigger, defect = amended_trigger(old, command.stop)
        if defect is None and command.price_ticks is not None and order.price_ticks == 0:
            defect = Refusal.PRICE_NOT_ALLOWED, "$.price"
        defect = defect or self._amend_defect(command, order, total_lots)
        if defect is not None:
            events.append(amend_refused(order, defect[0], path=defect[1]))
            return
        is_new = trigger is not old
        if is_new or price_ticks != order.price_ticks or total_lots > order.quantity_lots:
            refusal = self._armed_refusal(market, order, trigger, price_ticks, total_lots)
            if refusal is not None:
                events.append(refusal)
                return
            self._count(order)
        if is_new:
            self._execution.disarm(market, order)
            conditions.trigger = trigger
        order.quantity_lots = order.leaves_lots = total_lots
        order.price_ticks = price_ticks
        self._take_over(command, order)
        if is_new:
            self._execution.arm(market, order)
            if trigger.is_reached(references(market).of(trigger.by, trigger.side)):
                self._state.referenced[order.symbol] = None
        events.append(amended(order, kept_priority=not is_new))

    def _armed_refusal(
        self, market: Market, order: Order, trigger: Trigger, price_ticks: int, lots: int
    ) -> Rejected | None:
        """Ask of a changed armed order what a new one would be asked."""
        if market.instrument.state not in (OPEN, AUCTION):
            return amend_refused(order, Refusal.MARKET_NOT_OPEN)
        if not market.instrument.terms.fires_at_once and trigger.is_reached(
            references(market).of(trigger.by, trigger.side)
        ):
            return amend_refused(order, Refusal.WOULD_TRIGGER)
        touch_ticks = trigger.price_ticks or trigger.activation_ticks
        limit_ticks = price_ticks or limit_of(market, order, touch_ticks)
        replaced = shared_with(order, lots, limit_ticks)
        return self._money_refusal(order, limit_ticks, lots, replaced)

    def _amend_defect(
        self, command: AmendOrder, order: Order, total_lots: int
    ) -> tuple[Refusal, str] | None:
        """Ask what an amend may not do to the conditions of an order; return refusal and path."""
        conditions = order.conditions
        peak_lots = 0 if conditions is None else conditions.display_lots
        if command.display_lots is not None:
            if peak_lots == 0 or not display_fits(command.display_lots, total_lots):
                return Refusal.INVALID_DISPLAY, "$.display_quantity"
        elif peak_lots and peak_lots < divide_up(total_lots, PEAKS_PER_ORDER):
            return Refusal.INVALID_DISPLAY, "$.quantity"
        if command.expires_us is not None and (
            order.time_in_force is not GTD or command.expires_us <= self._state.now_us
        ):
            return Refusal.INVALID_EXPIRY, "$.expires_at"
        return None

    def _take_over(self, command: AmendOrder, order: Order) -> None:
        """Give an order the new peak and expiry of an amend; the peak now shown stays."""
        conditions = order.conditions
        if conditions is None:
            return
        if command.display_lots is not None:
            conditions.display_lots = command.display_lots
        if command.expires_us is not None:
            expiries = self._state.expiries
            is_waiting = expiries.pop((conditions.expires_us, order.order_id), None)
            conditions.expires_us = command.expires_us
            if is_waiting is not None:
                expiries[command.expires_us, order.order_id] = order

    def _count(self, order: Order) -> None:
        """Count what was asked like a new order as one, for the account's rate of orders (C2)."""
        guard = order.position.account.guard
        if guard is not None:
            guard.note_order(self._state.now_us)

    def _complete(self, market: Market, order: Order, events: list[Event]) -> None:
        """End an order whose total is now no more than what it has traded."""
        self._execution.withdraw(market, order)
        order.quantity_lots = order.filled_lots
        order.leaves_lots = 0
        events.append(amended(order, kept_priority=True))

    def _replace(
        self,
        market: Market,
        command: AmendOrder,
        order: Order,
        price_ticks: int,
        leaves_lots: int,
        events: list[Event],
    ) -> None:
        """Re-enter an order at another price or with more quantity, checked like a new one.

        An iceberg takes more quantity as hidden size, where it stands.
        """
        refusal = self._refusal(market, order, price_ticks, leaves_lots)
        if refusal is not None:
            events.append(refusal)
            return
        self._count(order)
        self._take_over(command, order)
        if order.is_iceberg and price_ticks == order.price_ticks:
            self._execution.shrink(market, order, leaves_lots)
            events.append(amended(order, kept_priority=True))
            return
        self._execution.release(market, order)
        order.quantity_lots += leaves_lots - order.leaves_lots
        order.leaves_lots = leaves_lots
        order.price_ticks = price_ticks
        events.append(amended(order, kept_priority=False))
        if market.instrument.state is OPEN:
            sweep = market.book.plan(order, price_ticks)
            self._execution.enter(market, order, sweep, events, rests=will_rest(order, sweep))
        else:
            self._execution.rest(market, order)
        if order.level is None:
            del self._state.live[order.account_id][order.client_order_id]

    def _refusal(
        self, market: Market, order: Order, price_ticks: int, leaves_lots: int
    ) -> Rejected | None:
        """Ask of an amend what a new order would be asked: state, money, post-only."""
        group = None if order.conditions is None else order.conditions.group
        if group is None:
            replaced = Replaced(
                order.leaves_lots,
                order.leaves_lots * order.price_ticks * market.instrument.unit_atoms,
                order.fee_hold_atoms,
            )
        else:
            replaced = shared_hold(
                group, order.position, order.side, leaves_lots, price_ticks, order
            )
        is_moved = price_ticks != order.price_ticks
        reducing = order.reduces_only or reduces(order.position, order.side, leaves_lots, replaced)
        market_state = market.instrument.state
        if market_state not in (OPEN, AUCTION) and (is_moved or not reducing):
            return amend_refused(order, Refusal.MARKET_NOT_OPEN)
        if market_state is AUCTION and is_moved and order.posts_only:
            return amend_refused(order, Refusal.NOT_IN_AUCTION, path="$.price")
        if is_moved and market.instrument.is_outside_band(price_ticks, self._state.now_us):
            return amend_refused(order, Refusal.OUTSIDE_PRICE_BAND, path="$.price")
        refusal = self._money_refusal(order, price_ticks, leaves_lots, replaced)
        if refusal is not None:
            return refusal
        if is_moved and order.posts_only and market.book.crosses(order.side, price_ticks):
            return amend_refused(order, Refusal.POST_ONLY_WOULD_TRADE, path="$.price")
        return None

    def _money_refusal(
        self, order: Order, price_ticks: int, lots: int, replaced: Replaced
    ) -> Rejected | None:
        """Ask the checks of C1 over money of what an order is to become."""
        state = self._state
        if state.late and not (
            order.reduces_only or reduces(order.position, order.side, lots, replaced)
        ):
            return amend_refused(order, state.late[0].code, state.late)
        failures = admission_failures(
            order.position,
            order.side,
            lots,
            price_ticks,
            order.taker_fee_ppm,
            state.ladder.admission_ratio_ppm,
            state.now_us,
            limited=order.price_ticks > 0,
            reduce_only=order.reduces_only,
            replaced=replaced,
            switch=state.switch_over(order.symbol, order.account_id, order.tag)
            if state.switches
            else None,
        )
        return amend_refused(order, failures[0].code, failures) if failures else None
