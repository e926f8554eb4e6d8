"""The usual order's way in: a limit, good till cancelled, in an open market, that is nothing more.

It is asked and it does what `engine.trading` would, without what can only concern others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import refused
from engine.limits import MAX_OPEN_ORDERS_PER_ACCOUNT
from matching.messages import OrderAccepted
from matching.order import Order
from matching.sweep import NO_SWEEP
from matching.terms import MarketState, OrderStatus
from risk.admission import plain_failures

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.messages import PlaceOrder
    from risk.position import Position

OPEN = MarketState.OPEN
RESTING = OrderStatus.RESTING
DONE = OrderStatus.DONE


class PlainEntry:
    """The part of the kernel that most orders go through. Its length is what an order costs."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def takes(self, command: PlaceOrder, market: Market) -> bool:
        """Tell whether nothing about the order or its market asks for the long way."""
        state, instrument = self._state, market.instrument
        return (
            command.is_plain
            and instrument.state is OPEN
            and instrument.band is None
            and market.outside is None
            and not state.switches
            and not state.late
            and command.account in state.accounts
            and len(state.live[command.account]) < MAX_OPEN_ORDERS_PER_ACCOUNT
        )

    def place(
        self, command: PlaceOrder, market: Market, position: Position, events: list[Event]
    ) -> None:
        """Admit, match and rest an order of a known account under an id that is new."""
        state = self._state
        account_id, name = command.account, command.client_order_id
        side, lots, price_ticks = command.side, command.quantity_lots, command.price_ticks
        maker_fee_ppm, taker_fee_ppm = state.fees_of(position)
        ratio_ppm, now_us = state.ladder.admission_ratio_ppm, state.now_us
        failures = plain_failures(
            position, side, lots, price_ticks, taker_fee_ppm, ratio_ppm, now_us
        )
        if failures:
            events.append(refused(command, failures[0].code, failures))
            return
        account, order_id = position.account, state.next_order_id
        order = Order(
            order_id,
            account_id,
            name,
            command.symbol,
            side,
            price_ticks,
            lots,
            command.order_type,
            command.time_in_force,
            command.stp,
            account.stp_key,
            position,
            maker_fee_ppm,
            taker_fee_ppm,
            command.tag,
        )
        sweep = market.book.plan(order, price_ticks)
        rests = sweep is NO_SWEEP or (sweep.end is None and sweep.wanted_lots > 0)
        status = RESTING if rests else DONE
        state.next_order_id = order_id + 1
        state.ids.make_room(now_us, state.live)
        state.ids.add((account_id, name), (command.digest, order_id, status, now_us))
        if account.guard is not None:
            account.guard.note_order(now_us)
        events.append(
            OrderAccepted(
                command.symbol,
                account_id,
                name,
                order_id,
                status,
                side,
                command.order_type,
                command.time_in_force,
                lots,
                price_ticks,
            )
        )
        if sweep is NO_SWEEP:
            self._execution.rest(market, order)
        else:
            state.is_quiet = False
            self._execution.enter(market, order, sweep, events, rests=rests)
