"""Take orders out of the books on request, one or many, in any market state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import cancelled, unknown
from engine.limits import MASS_CANCELS_PER_FRAME
from engine.state import MassCancel
from matching.messages import OrderExpired
from matching.terms import CancelReason, Refusal
from risk.messages import Rejected

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import State
    from matching.messages import CancelAll, CancelOrder


class Cancelling:
    """The part of the kernel that cancels."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def cancel(self, command: CancelOrder, events: list[Event]) -> None:
        """Cancel one of the account's own resting orders, in any market state."""
        orders = self._state.live.get(command.account)
        if orders is None:
            events.append(unknown(command, Refusal.UNKNOWN_ACCOUNT))
            return
        order = orders.get(command.client_order_id)
        if order is None:
            events.append(unknown(command, Refusal.UNKNOWN_ORDER))
            return
        self._execution.withdraw(self._state.markets[order.symbol], order)
        events.append(cancelled(order, CancelReason.REQUESTED))

    def cancel_all(self, command: CancelAll, events: list[Event]) -> None:
        """Cancel an account's orders in order of arrival; a large mass goes on in later frames."""
        if command.account not in self._state.accounts:
            events.append(Rejected(Refusal.UNKNOWN_ACCOUNT, account=command.account))
            return
        if command.symbol is not None and command.symbol not in self._state.markets:
            events.append(
                Rejected(Refusal.UNKNOWN_INSTRUMENT, symbol=command.symbol, account=command.account)
            )
            return
        mass = MassCancel(
            command.account, command.symbol or "", command.side, CancelReason.CANCEL_ALL
        )
        if not self.cancel_mass(mass, events):
            self._state.mass.append(mass)

    def expire(self, limit: int, events: list[Event]) -> None:
        """Let orders whose time is over leave, in order of (time, order id), at most `limit`."""
        state = self._state
        expiries = state.expiries
        while limit > 0 and expiries and expiries.peekitem(0)[0][0] <= state.now_us:
            order = expiries.peekitem(0)[1]
            self._execution.withdraw(state.markets[order.symbol], order)
            events.append(
                OrderExpired(
                    order.symbol,
                    order.account_id,
                    order.client_order_id,
                    order.order_id,
                    order.leaves_lots,
                )
            )
            limit -= 1

    def cancel_mass(self, mass: MassCancel, events: list[Event]) -> bool:
        """Cancel as much of a mass as fits a frame; return whether it is done."""
        orders = [
            order
            for order in self._state.live[mass.account_id].values()
            if mass.symbol in ("", order.symbol)
            and mass.side in (0, order.side)
            and not (mass.reason is CancelReason.LIQUIDATION and order.reduces_only)
        ]
        for order in orders[:MASS_CANCELS_PER_FRAME]:
            self._execution.withdraw(self._state.markets[order.symbol], order)
            events.append(cancelled(order, mass.reason))
        return len(orders) <= MASS_CANCELS_PER_FRAME
