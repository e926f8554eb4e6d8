"""The kernel behind its codec: an input in, encoded events out. Live, replayed or simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.conversion import Conversion
from engine.conversion_orders import SIDES
from engine.kernel import Kernel
from engine.overload import opens_at_a_glance, overloaded
from engine.rendering import Rendering
from engine.wire import PlaceOrderWire
from matching.messages import (
    AmendOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    PlaceOrder,
    Trade,
)
from risk.account import BACKSTOP, HOUSE
from risk.actions.messages import OddLots, UnitsSplit
from risk.guards.messages import Overloaded
from risk.messages import (
    AccountCreated,
    BalanceChanged,
    Deficit,
    Deleveraged,
    Rejected,
    Takeover,
)

if TYPE_CHECKING:
    from engine.messages import Command, Event, Input
    from matching.terms import Terms


_ABOUT_ACCOUNTS = (
    OrderAccepted,
    OrderCancelled,
    OrderAmended,
    OrderExpired,
    BalanceChanged,
    AccountCreated,
    Takeover,
    Deleveraged,
    Deficit,
    OddLots,
)


class Machine:
    """One kernel and its conversions. The same inputs at the same times give the same bytes."""

    def __init__(self, kernel: Kernel | None = None) -> None:
        self.kernel = Kernel() if kernel is None else kernel
        self._state = self.kernel.state
        self._conversion = Conversion(self._terms_of)
        self._rendering = Rendering(self._conversion.grid)
        self._changed: dict[str, None] = {}

    def begin(self, now_us: int, out: list[bytes]) -> None:
        """Open a batch: mass actions and timers; append their encoded events to `out`."""
        render = self._rendering.render
        events = self.kernel.begin(now_us)
        out.extend([render(event, None, None) for event in events])
        self._note_changed(events)

    def apply(self, item: Input, index: int, out: list[bytes]) -> None:
        """Apply the input at `index` of its frame; append its encoded events to `out`.

        A mass action that the input before it left unfinished is finished first: that happens only
        within an array, whose commands share a frame.
        """
        while self.kernel.is_busy():
            self.begin(self._state.now_us, out)
        if item.retry_ms:
            command = self._late(item)
        else:
            command = self._conversion.to_core(item.command, self._symbol_of_order)
        render = self._rendering.render
        events = self.kernel.apply(command)
        out.extend([render(event, index, item) for event in events])
        self._note_changed(events)

    def _late(self, item: Input) -> Command:
        """Return a command that came while the engine was behind, or memory short (E6).

        What opens at a glance is not even converted: refusing must be quick.
        """
        wire, failures = item.command, overloaded(item.retry_ms, is_short=item.is_short)
        if type(wire) is PlaceOrderWire and not wire.reduce_only:
            name, side = wire.client_order_id, SIDES[wire.side]
            if opens_at_a_glance(self._state, wire.account, wire.symbol, name, side):
                code = failures[0].code
                return Rejected(code, wire.symbol, wire.account, name, failures=failures)
        command = self._conversion.to_core(wire, self._symbol_of_order)
        assert isinstance(command, PlaceOrder | AmendOrder)
        return Overloaded(command, failures)

    def take_changed(self) -> dict[str, None]:
        """Return the accounts that events have named since this was last asked."""
        changed, self._changed = self._changed, {}
        return changed

    def _note_changed(self, events: list[Event]) -> None:
        for event in events:
            if type(event) is Trade:
                self._changed[event.maker.account] = None
                self._changed[event.taker.account] = None
            elif type(event) is Rejected:
                continue  # nothing changed; there may be many (E6)
            elif isinstance(event, _ABOUT_ACCOUNTS):
                self._changed[event.account] = None
                if type(event) is Deleveraged:
                    self._changed[event.counter_account] = None
                elif type(event) is Takeover:
                    self._changed[BACKSTOP] = None
                elif type(event) is OddLots:
                    self._changed[HOUSE] = None
            elif type(event) is UnitsSplit:
                held = self._state.positions.open_in(event.symbol)
                self._changed.update(dict.fromkeys(held))

    def _terms_of(self, symbol: str) -> Terms | None:
        market = self._state.markets.get(symbol)
        return None if market is None else market.instrument.terms

    def _symbol_of_order(self, account: str, client_order_id: str) -> str | None:
        orders = self._state.live.get(account)
        order = None if orders is None else orders.get(client_order_id)
        return None if order is None else order.symbol
