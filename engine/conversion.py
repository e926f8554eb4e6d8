"""The wire's commands to the core's: decimals to ticks, lots, atoms and ppm (architecture §5).

It runs command by command, just before the kernel does, with the instrument as it is then. What a
conversion finds wrong travels on as the command's `defect`, so that the kernel reports it in its
place among the other refusals. The same frame therefore always gives the same events.
"""

from __future__ import annotations

from hashlib import blake2b
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.conversion_admin import (
    Defect,
    create_account,
    create_instrument,
    set_liquidation,
    set_risk,
    transfer,
    update_account,
    update_instrument,
)
from engine.decimals import shortest
from engine.grid import Grid, OffGrid
from engine.limits import (
    MAX_PRICE_TICKS,
    MAX_QUANTITY_LOTS,
)
from engine.messages import Verdict
from engine.wire import (
    AmendOrderWire,
    AnyWire,
    CancelAllWire,
    CancelOrderWire,
    CreateAccountWire,
    CreateInstrumentWire,
    DeleteInstrumentWire,
    DepositWire,
    L1Wire,
    MarkPriceWire,
    PlaceOrderWire,
    SetLiquidationWire,
    SetMarketStateWire,
    SetRiskWire,
    UpdateAccountWire,
    UpdateInstrumentWire,
    WithdrawWire,
)
from matching.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    PlaceOrder,
    SetMarketState,
    StopTerms,
)
from matching.terms import BUY, SELL, OrderType, Refusal, StpMode, Terms, TimeInForce, TriggerBy
from risk.messages import (
    DeleteInstrument,
    MarkPrice,
    Rejected,
    Tick,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.messages import Command

_SIDES: Final = {"buy": BUY, "sell": SELL}
_encode = msgspec.msgpack.Encoder().encode

_STOP_FIELDS: Final = (
    "trigger_price",
    "trigger_by",
    "trail_offset",
    "trail_bps",
    "trail_step",
    "activation_price",
)
_stop_fields: Callable[[Any], tuple[Any, ...]] = attrgetter(*_STOP_FIELDS)
_NO_STOP: Final = (None,) * len(_STOP_FIELDS)
_MARKET_KINDS: Final = (
    OrderType.MARKET,
    OrderType.STOP,
    OrderType.TAKE_PROFIT,
    OrderType.TRAILING_STOP,
)


class Conversion:
    """Turns the wire's commands into the core's. `terms_of` gives an instrument's terms as now."""

    def __init__(self, terms_of: Callable[[str], Terms | None]) -> None:
        self._terms_of = terms_of
        self._grids: dict[str, Grid] = {}
        self._routes: dict[type, Callable[[Any], Command]] = {
            PlaceOrderWire: self._place_order,
            CancelOrderWire: lambda c: CancelOrder(c.account, c.client_order_id),
            CancelAllWire: lambda c: CancelAll(c.account, c.symbol, _SIDES.get(c.side, 0)),
            L1Wire: self._tick,
            MarkPriceWire: self._mark_price,
            CreateInstrumentWire: create_instrument,
            UpdateInstrumentWire: lambda c: update_instrument(c, terms_of(c.symbol)),
            DeleteInstrumentWire: lambda c: DeleteInstrument(c.symbol),
            SetMarketStateWire: lambda c: SetMarketState(c.symbol, c.state),
            CreateAccountWire: create_account,
            UpdateAccountWire: update_account,
            DepositWire: lambda c: transfer(c, 1),
            WithdrawWire: lambda c: transfer(c, -1),
            SetRiskWire: set_risk,
            SetLiquidationWire: set_liquidation,
            Verdict: _refuse,
        }

    def grid(self, symbol: str) -> Grid | None:
        """Return the grid of an instrument as it is now, or None where there is no such one."""
        terms = self._terms_of(symbol)
        if terms is None:
            self._grids.pop(symbol, None)
            return None
        grid = self._grids.get(symbol)
        if grid is None or grid.terms is not terms:
            grid = self._grids[symbol] = Grid(terms)
        return grid

    def to_core(
        self, command: AnyWire | Verdict, find_order_symbol: Callable[[str, str], str | None]
    ) -> Command:
        """Return the command in integers. Never raises on a decoded command.

        `find_order_symbol(account, client_order_id)` tells which instrument an amend is about.
        """
        if type(command) is AmendOrderWire:
            symbol = find_order_symbol(command.account, command.client_order_id)
            return self._amend_order(command, symbol)
        return self._routes[type(command)](command)

    def _place_order(self, c: PlaceOrderWire) -> PlaceOrder:
        time_in_force = c.time_in_force
        if time_in_force is None:
            is_market = c.order_type is OrderType.MARKET
            time_in_force = TimeInForce.IOC if is_market else TimeInForce.GTC
        slippage = c.max_slippage_bps
        order = PlaceOrder(
            c.account,
            c.symbol,
            c.client_order_id,
            _SIDES[c.side],
            c.order_type,
            time_in_force,
            0,
            0,
            c.stp or StpMode.CANCEL_NEWEST,
            None if slippage is None else slippage * 100,
            c.tag or "",
            0,
            0 if c.expires_at is None else c.expires_at * 1_000 or -1,  # 0 means absent, not 1970
            c.post_only is True,
            c.reduce_only is True,
        )
        grid = self.grid(c.symbol)
        if grid is not None:
            try:
                _check_supported(c)
                order.quantity_lots = _lots(grid, c.quantity, "$.quantity")
                if c.price is not None:
                    order.price_ticks = _price_ticks(grid, c.price, "$.price")
                if c.display_quantity is not None:
                    path = "$.display_quantity"
                    order.display_lots = _lots(grid, c.display_quantity, path)
                if _stop_fields(c) != _NO_STOP:
                    order.stop = _stop_terms(grid, c, c.trigger_by)
                    order.stop.trail_step_ticks = _optional_ticks(
                        grid, c.trail_step, "$.trail_step"
                    )
                    order.stop.activation_ticks = _optional_ticks(
                        grid, c.activation_price, "$.activation_price"
                    )
            except Defect as defect:
                order.defect, order.defect_path = defect.code, defect.path
        order.digest = _content_digest(c, time_in_force, order.stp)
        return order

    def _amend_order(self, c: AmendOrderWire, symbol: str | None) -> AmendOrder:
        amend = AmendOrder(c.account, c.client_order_id, None, None)
        grid = None if symbol is None else self.grid(symbol)
        if grid is None:
            return amend
        try:
            if c.quantity is not None:
                amend.quantity_lots = _lots(grid, c.quantity, "$.quantity")
            if c.price is not None:
                amend.price_ticks = _price_ticks(grid, c.price, "$.price")
            if c.display_quantity is not None:
                amend.display_lots = _lots(grid, c.display_quantity, "$.display_quantity")
            if c.expires_at is not None:
                amend.expires_us = c.expires_at * 1_000
            if (c.trigger_price, c.trail_offset, c.trail_bps) != (None, None, None):
                amend.stop = _stop_terms(grid, c, None)
        except Defect as defect:
            amend.defect, amend.defect_path = defect.code, defect.path
        return amend

    def _tick(self, c: L1Wire) -> Tick:
        tick = Tick(c.symbol, 0, 0, c.source or "", c.seq, None if c.ts is None else c.ts * 1_000)
        grid = self.grid(c.symbol)
        if grid is not None:
            try:
                tick.bid_ticks = _price_ticks(grid, c.bid, "$.bid")
                tick.ask_ticks = _price_ticks(grid, c.ask, "$.ask")
            except Defect as defect:
                tick.defect, tick.defect_path = defect.code, defect.path
        return tick

    def _mark_price(self, c: MarkPriceWire) -> MarkPrice:
        mark = MarkPrice(c.symbol, 0)
        grid = self.grid(c.symbol)
        if grid is not None:
            try:
                mark.price_ticks = _price_ticks(grid, c.price, "$.price")
            except Defect as defect:
                mark.defect, mark.defect_path = defect.code, defect.path
        return mark


def _content_digest(c: PlaceOrderWire, time_in_force: TimeInForce, stp: StpMode) -> bytes:
    """Return 16 bytes that tell one order's content from another's, however it was written (A10).

    Defaults are filled in and decimals in their shortest form; the instrument does not matter, so a
    repeat is known even when it is gone.
    """
    content = (
        c.symbol,
        c.side,
        c.order_type,
        time_in_force,
        shortest(c.quantity),
        None if c.price is None else shortest(c.price),
        stp,
        c.max_slippage_bps,
        c.tag,
        c.oco_group,
        _stop_content(c),
        None if c.display_quantity is None else shortest(c.display_quantity),
        c.expires_at,
        bool(c.post_only),
        bool(c.reduce_only),
    )
    return blake2b(_encode(content), digest_size=16).digest()


def _check_supported(c: PlaceOrderWire) -> None:
    """Refuse, by name, what the protocol knows and this release does not do yet."""
    if c.max_slippage_bps is not None and c.order_type not in _MARKET_KINDS:
        raise Defect(Refusal.NOT_SUPPORTED, "$.max_slippage_bps")
    if c.oco_group is not None:
        raise Defect(Refusal.NOT_SUPPORTED, "$.oco_group")


def _stop_terms(grid: Grid, c: PlaceOrderWire | AmendOrderWire, by: TriggerBy | None) -> StopTerms:
    """Return what a command says about its trigger, in ticks."""
    return StopTerms(
        _optional_ticks(grid, c.trigger_price, "$.trigger_price"),
        by,
        _optional_ticks(grid, c.trail_offset, "$.trail_offset"),
        c.trail_bps,
    )


def _stop_content(c: PlaceOrderWire) -> tuple[str | None, ...] | None:
    """Return the trigger's fields in one canonical form; None where there are none."""
    values = _stop_fields(c)
    if values == _NO_STOP:
        return None
    by = c.trigger_by or TriggerBy.LAST
    prices = (c.trigger_price, c.trail_offset, c.trail_bps, c.trail_step, c.activation_price)
    return (by.value, *(None if price is None else shortest(price) for price in prices))


def _optional_ticks(grid: Grid, price: str | int | None, path: str) -> int | None:
    return None if price is None else _price_ticks(grid, price, path)


def _price_ticks(grid: Grid, price: str | int, path: str) -> int:
    """Return a price in ticks, within bounds."""
    try:
        ticks = grid.ticks(price)
    except OffGrid:
        raise Defect(Refusal.OFF_TICK, path) from None
    if ticks <= 0:
        raise Defect(Refusal.NON_POSITIVE_PRICE, path)
    if ticks > MAX_PRICE_TICKS:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return ticks


def _lots(grid: Grid, quantity: str | int, path: str) -> int:
    """Return a quantity in lots, within bounds."""
    try:
        lots = grid.lots(quantity)
    except OffGrid:
        raise Defect(Refusal.OFF_LOT, path) from None
    if lots <= 0:
        raise Defect(Refusal.QUANTITY_NOT_POSITIVE, path)
    if lots > MAX_QUANTITY_LOTS:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return lots


def _refuse(verdict: Verdict) -> Rejected:
    return Rejected(
        Refusal(verdict.code), path=verdict.path, text=verdict.text, digest=verdict.digest
    )
