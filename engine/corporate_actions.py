"""Dividends and splits: what an operator announces of an instrument, once by its id (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.limits import MAX_ORDERS_RESTATED
from matching.terms import MarketState, Refusal
from risk.actions.messages import DividendPaid
from risk.carry import Dividend, paid_and_received
from risk.messages import Rejected

if TYPE_CHECKING:
    from engine.carrying import Carrying
    from engine.messages import Event
    from engine.state import Market, State
    from risk.actions.messages import PayDividend

_RESTS: Final = (MarketState.HALTED, MarketState.CLOSED)
_TOO_MANY: Final = f"more than {MAX_ORDERS_RESTATED} orders, resting and armed: cancel them first"


class CorporateActions:
    """The part of the kernel that carries out what companies do to their shares."""

    __slots__ = ("_carrying", "_state")

    def __init__(self, state: State, carrying: Carrying) -> None:
        self._state: State = state
        self._carrying: Carrying = carrying

    def pay_dividend(self, command: PayDividend, events: list[Event]) -> None:
        """Have shorts pay longs so much a unit; what waits below the market comes down by it."""
        refusal = self._refusal(command) or self._size_refusal(command.symbol)
        if refusal is not None:
            events.append(refusal)
            return
        dividend = Dividend(command.symbol, command.action_id, command.amount_ppb)
        payments = dividend.reckon(self._state.positions.open_in(command.symbol))
        paid, received = paid_and_received(payments)
        events.append(
            DividendPaid(command.symbol, command.action_id, command.amount_ppb, paid, received)
        )
        self._carrying.begin(dividend, command.digest, events)

    def _refusal(self, command: PayDividend) -> Rejected | None:
        """Ask of an action what is asked of all: instrument, numbers, id, market state."""
        market = self._state.markets.get(command.symbol)
        path: str | None = None
        if market is None:
            refusal = Refusal.UNKNOWN_INSTRUMENT
        elif command.defect is not None:
            refusal, path = command.defect, command.defect_path
        elif command.digest in self._state.transfers:
            refusal, path = Refusal.DUPLICATE, "$.action_id"
        elif market.instrument.state not in _RESTS:
            refusal = Refusal.MARKET_NOT_CLOSED
        else:
            return None
        return Rejected(refusal, symbol=command.symbol, path=path)

    def _size_refusal(self, symbol: str) -> Rejected | None:
        """Ask whether the orders can be restated within one frame."""
        if _order_count(self._state.markets[symbol]) <= MAX_ORDERS_RESTATED:
            return None
        return Rejected(Refusal.TOO_MANY, symbol=symbol, text=_TOO_MANY)


def _order_count(market: Market) -> int:
    """Return how many orders rest or sleep in a market. Linear in them."""
    resting = sum(
        1 for side in (market.book.bids, market.book.asks) for level in side for _ in level
    )
    return resting + market.stops.count
