"""The house: whom orders trade with in mode `l1`, at the outside market's prices (D5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import UNCROSS_EVENTS_PER_FRAME
from matching.order import Order
from matching.terms import MarketState, OrderType, StpMode, TimeInForce

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.outside import OutsideBook
    from risk.instrument import Instrument


class OutsideMarket:
    """What the book of an instrument in mode `l1` may know of the outside."""

    __slots__ = ("_instrument", "_state")

    def __init__(self, state: State, instrument: Instrument) -> None:
        self._state: State = state
        self._instrument: Instrument = instrument

    def touch(self, side: int) -> int:
        """Return the outside price of a side in ticks, 0 where there is none that counts."""
        return self._instrument.outside_ticks(side, self._state.now_us)

    def offer(self, side: int, price_ticks: int, lots: int) -> Order:
        """Return an order of the house's that stands for the outside market.

        It gets its id as it fills, pays no fee, and nothing prevents its trades.
        """
        house = self._state.house
        return Order(
            0,
            house.account_id,
            "",
            self._instrument.symbol,
            side,
            price_ticks,
            lots,
            OrderType.LIMIT,
            TimeInForce.IOC,
            StpMode.NONE,
            house.stp_key,
            self._state.positions.open_or_create(house, self._instrument),
            0,
            0,
        )


def enter_house(state: State, order: Order) -> None:
    """Give an order of the house's that is about to fill its id, and let the house be known."""
    if order.account_id not in state.accounts:
        state.add_account(state.house)
    order.order_id = state.next_order_id
    order.client_order_id = f"house-{order.order_id}"
    state.next_order_id += 1


class House:
    """The part of the kernel that fills resting orders as the outside market reaches them."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def fill_reached(self, events: list[Event]) -> None:
        """Fill what is reached, market by market: the buyers first, best price first (D5).

        A frame that has grown long stops here; `state.reached` goes on in the next one.
        """
        state = self._state
        for symbol in sorted(state.reached):
            market = state.markets[symbol]
            book = market.outside
            assert book is not None
            while market.instrument.state is MarketState.OPEN and (side := book.reached_side()):
                if len(events) > UNCROSS_EVENTS_PER_FRAME:
                    return
                self._sweep(market, book, side, events)
            del state.reached[symbol]

    def _sweep(self, market: Market, book: OutsideBook, side: int, events: list[Event]) -> None:
        """Let one order of the house's take what is reached of a side, each at its own price."""
        sweep = book.plan_reached(side)
        assert sweep.filled_lots > 0, "every sweep takes something out of the book"
        order = sweep.order
        assert order is not None
        enter_house(self._state, order)
        self._execution.enter(market, order, sweep, events, rests=False)
