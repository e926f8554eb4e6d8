"""What each aggressive execution cost against what it found: a row of `execution_log` each.

An execution is what one order took at one go: when it entered, was amended or fired, or as a
liquidation's or a kill switch's. Its first trade carries what it is measured against, and the
others follow that one in the same frame. What an auction, an outside price that came to a resting
order or a trade agreed elsewhere did is none.
"""

from decimal import Clamped, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final, NamedTuple

from engine.decimals import to_text
from persistence import event_shapes as shapes
from persistence.row_types import ExecutionRow

HOUSE: Final = "house"
PRICE_PLACES: Final = 8
BPS_PLACES: Final = 4

_BPS: Final = Decimal(10_000)
_ONE: Final = Decimal(1)
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
    side = first.aggressor_side
    sums = _sums(trades) if len(trades) > 1 else _sum(first)
    touch, mark = arrival.touch, arrival.mark
    asked = sums.filled
    if len(trades) > 1 or first.taker.leaves != "0":
        asked = _added(first.quantity, first.taker.leaves)
    return ExecutionRow(
        time_us,
        frame,
        index,
        first.taker.account,
        first.taker.order_id,
        first.taker.client_order_id,
        first.symbol,
        arrival.order_type,
        side,
        asked,
        sums.filled,
        sums.price,
        touch,
        mark,
        "0" if sums.only == touch else _slippage(sums, touch, side),
        None if mark is None else _slippage(sums, mark, side),
        sums.fee,
        len(trades),
        sums.by_house,
    )


class _Sums(NamedTuple):
    """What trades add up to: as exact numbers, of which the value may be that of 1, and as texts.

    `only` is the price where there is but one.
    """

    quantity: Decimal
    value: Decimal
    filled: str
    price: str
    fee: str
    by_house: str
    only: str = ""


def _sum(trade: shapes.Trade) -> _Sums:
    """Return a single trade, as most executions are: nothing need be added, nor parted."""
    price, quantity = trade.price, trade.quantity
    by_house = quantity if trade.maker.account == HOUSE else "0"
    value = Decimal(price)
    text = price
    if len(price.partition(".")[2]) > PRICE_PLACES:
        text = _quotient(value, _ONE, PRICE_PLACES)
    return _Sums(_ONE, value, quantity, text, trade.taker.fee, by_house, price)


def _sums(trades: list[shapes.Trade]) -> _Sums:
    """Return what several trades add up to."""
    filled = value = fee = by_house = _ZERO
    for trade in trades:
        quantity = Decimal(trade.quantity)
        filled = _plus(filled, quantity)
        value = _plus(value, _times(quantity, Decimal(trade.price)))
        fee = _plus(fee, Decimal(trade.taker.fee))
        if trade.maker.account == HOUSE:
            by_house = _plus(by_house, quantity)
    price = _quotient(value, filled, PRICE_PLACES)
    return _Sums(filled, value, f"{filled:f}", price, f"{fee:f}", f"{by_house:f}")


def _added(one: str, other: str) -> str:
    return f"{_plus(Decimal(one), Decimal(other)):f}"


def _slippage(sums: _Sums, price: str, side: str) -> str:
    """Return by how many basis points the average is worse than a price."""
    due = _times(sums.quantity, Decimal(price))
    lost = _minus(sums.value, due) if side == "buy" else _minus(due, sums.value)
    return _quotient(_times(lost, _BPS), due, BPS_PLACES)


def _quotient(over: Decimal, under: Decimal, places: int) -> str:
    """Return a quotient to so many places, half away from zero; `under` is above zero."""
    doubled = _times(_TWO, _EXACT.scaleb(over.copy_abs(), places))
    steps = _EXACT.divide_int(_plus(doubled, under), _times(_TWO, under))
    return to_text(-int(steps) if over < 0 else int(steps), places)
