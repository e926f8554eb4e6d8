"""Overload: what an order that came while the engine was behind is asked beside the rest (E6).

The same is asked while Redis is short of memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.messages import PlaceOrder
from matching.terms import Refusal
from risk.messages import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.messages import Event
    from engine.state import State
    from matching.messages import AmendOrder
    from risk.guards.messages import Overloaded


class Overload:
    """The part of the kernel that lets in what reduces, and nothing else, of what came late."""

    __slots__ = ("_amend", "_place", "_state")

    def __init__(
        self,
        state: State,
        place: Callable[[PlaceOrder, list[Event]], None],
        amend: Callable[[AmendOrder, list[Event]], None],
    ) -> None:
        self._state: State = state
        self._place: Callable[[PlaceOrder, list[Event]], None] = place
        self._amend: Callable[[AmendOrder, list[Event]], None] = amend

    def apply(self, late: Overloaded, events: list[Event]) -> None:
        """Run a command whose admission also asks whether it reduces.

        What it causes, stops that it fires and the children of a bracket, is not asked: refusing
        them would take nothing off the queue.
        """
        command = late.command
        self._state.late = late.failures
        if isinstance(command, PlaceOrder):
            self._place(command, events)
        else:
            self._amend(command, events)
        self._state.late = ()


def overloaded(retry_ms: int, *, is_short: bool) -> tuple[Failure, ...]:
    """Refuse what does not reduce, with the time after which to try again."""
    assert retry_ms > 0
    return (Failure(Refusal.MEMORY if is_short else Refusal.OVERLOAD, retry_ms=retry_ms),)


def opens_at_a_glance(
    state: State, account_id: str, symbol: str, client_order_id: str, side: int
) -> bool:
    """Tell whether a new order that is not reduce-only has nothing to reduce, in any quantity.

    It is said of an account and a symbol that are known and of a new id only: whoever repeats an
    order is told what became of it (A10).
    """
    market = state.markets.get(symbol)
    if market is None or account_id not in state.accounts:
        return False
    position = market.positions.get(account_id)
    if position is not None and position.lots * side < 0:
        return False
    return state.ids.find(account_id, client_order_id) is None
