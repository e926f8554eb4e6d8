"""What each aggressive execution cost against what it found: a row of `execution_log` each.

An execution is what one order took at one go: when it entered, was amended or fired, or as a
liquidation's or a kill switch's. Its first trade carries what it is measured against, and the
others follow that one in the same frame. What an auction, an outside price that came to a resting
order or a trade agreed elsewhere did is none.
"""

from decimal import Clamped, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final

from engine.decimals import to_text
from persistence import event_shapes as shapes
from persistence.row_types import ExecutionRow

HOUSE: Final = "house"
PRICE_PLACES: Final = 8
BPS_PLACES: Final = 4

_BPS: Final = Decimal(10_000)
_TWO: Final = Decimal(2)
_ZERO: Final = Decimal(0)
# Far more digits than any product of the engine's integers has; a lost one is an error.
_EXACT: Final = Context(
    prec=200, traps=[Clamped, DivisionByZero, Inexact, InvalidOperation, Overflow]
)
_plus: Final = _EXACT.add
_minus: Final = _EXACT.subtract
_times: Final = _EXACT.multiply


class Executions:
    """Folds the trades of one frame, in their order, into the rows of its executions."""

    __slots__ = ("_frame", "_rows", "_time_us", "_trades")

    def __init__(self, time_us: int, frame: int, rows: list[ExecutionRow]) -> None:
        self._time_us = time_us
        self._frame = frame
        self._rows = rows
        self._trades: list[tuple[int, shapes.Trade]] = []

    def trade(self, index: int, trade: shapes.Trade) -> None:
        """Take the trade at a place of the frame: it begins an execution, goes on, or is none."""
        if trade.arrival is None:
            if not self._trades:
                return
            first = self._trades[0][1]
            if first.taker.order_id == trade.taker.order_id and first.cause == trade.cause:
                self._trades.append((index, trade))
                return
        self.end()
        if trade.arrival is not None:
            self._trades.append((index, trade))

    def end(self) -> None:
        """Write the row of what has been going on, if anything has."""
        if self._trades:
            trades, self._trades = self._trades, []
            index = trades[0][0]
            self._rows.append(
                execution_row(self._time_us, self._frame, index, [trade for _, trade in trades])
            )


def execution_row(time_us: int, frame: int, index: int, trades: list[shapes.Trade]) -> ExecutionRow:
    """Return the row of trades that are one execution, the first of which carries its arrival.

    The average price is rounded half up to 8 places; slippage, in basis points, likewise to 4, from
    the exact sums: above zero is worse than what was found, whichever side took. Raises
    decimal.Inexact rather than lose a digit of a sum.
    """
    first = trades[0]
    arrival = first.arrival
    assert arrival is not None
    filled = value = fee = by_house = _ZERO
    for trade in trades:
        quantity = Decimal(trade.quantity)
        filled = _plus(filled, quantity)
        value = _plus(value, _times(quantity, Decimal(trade.price)))
        fee = _plus(fee, Decimal(trade.taker.fee))
        if trade.maker.account == HOUSE:
            by_house = _plus(by_house, quantity)
    is_buy = first.aggressor_side == "buy"
    asked = _plus(Decimal(first.quantity), Decimal(first.taker.leaves))
    return ExecutionRow(
        time_us,
        frame,
        index,
        first.taker.account,
        first.taker.order_id,
        first.taker.client_order_id,
        first.symbol,
        arrival.order_type,
        first.aggressor_side,
        f"{asked:f}",
        f"{filled:f}",
        _quotient(value, filled, PRICE_PLACES),
        arrival.touch,
        arrival.mark,
        _slippage(value, filled, arrival.touch, is_buy=is_buy),
        None if arrival.mark is None else _slippage(value, filled, arrival.mark, is_buy=is_buy),
        f"{fee:f}",
        len(trades),
        f"{by_house:f}",
    )


def _slippage(value: Decimal, filled: Decimal, price: str, *, is_buy: bool) -> str:
    """Return by how many basis points the average is worse than a price."""
    due = _times(filled, Decimal(price))
    lost = _minus(value, due) if is_buy else _minus(due, value)
    return _quotient(_times(lost, _BPS), due, BPS_PLACES)


def _quotient(over: Decimal, under: Decimal, places: int) -> str:
    """Return a quotient to so many places, half away from zero; `under` is above zero."""
    doubled = _times(_TWO, _EXACT.scaleb(over.copy_abs(), places))
    steps = _EXACT.divide_int(_plus(doubled, under), _times(_TWO, under))
    return to_text(-int(steps) if over < 0 else int(steps), places)
