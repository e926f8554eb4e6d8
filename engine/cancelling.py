"""Take orders out of the books on request, one or many, in any market state."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from engine.answers import cancelled, unknown
from engine.limits import MASS_CANCELS_PER_FRAME
from engine.state import MassCancel
from matching.messages import OrderExpired
from matching.terms import CancelReason, Refusal
from risk.messages import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import State
    from matching.messages import CancelAll, CancelOrder
    from matching.order import Order

_NOTHING: Final[dict[str, Order]] = {}
"""The orders of an account that nobody knows yet; never added to."""


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
        self.cancel_or_go_on(mass, events)

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
        """Cancel as much of a mass as fits a frame; return whether it is done.

        By account, and an account's orders in order of arrival.
        """
        if mass.waiting is None:
            mass.waiting = deque(self._accounts_of(mass))
        orders = list(islice(self._orders_of(mass, mass.waiting), MASS_CANCELS_PER_FRAME + 1))
        for order in orders[:MASS_CANCELS_PER_FRAME]:
            self._execution.withdraw(self._state.markets[order.symbol], order)
            events.append(cancelled(order, mass.reason))
        if len(orders) <= MASS_CANCELS_PER_FRAME:
            return True
        while mass.waiting[0] != orders[-1].account_id:
            mass.waiting.popleft()
        return False

    def cancel_or_go_on(self, mass: MassCancel, events: list[Event]) -> None:
        """Cancel what fits a frame of a mass; what is left goes on before any other input."""
        if not self.cancel_mass(mass, events):
            self._state.mass.append(mass)

    def _accounts_of(self, mass: MassCancel) -> list[str]:
        """Return the accounts that may have orders of a mass."""
        if mass.account_id:
            return [mass.account_id]
        if mass.symbol:
            return sorted(self._state.markets[mass.symbol].positions)
        return sorted(self._state.live)

    def _orders_of(self, mass: MassCancel, account_ids: Iterable[str]) -> Iterator[Order]:
        """Yield the orders of a mass among those of some accounts."""
        for account_id in account_ids:
            for order in self._state.live.get(account_id, _NOTHING).values():
                if (
                    mass.symbol in ("", order.symbol)
                    and mass.side in (0, order.side)
                    and mass.tag in ("", order.tag)
                    and not (mass.keeps_exits and order.reduces_only)
                ):
                    yield order
