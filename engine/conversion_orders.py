"""Orders, brackets and amends from decimals to ticks and lots, and the digest of their content."""

from __future__ import annotations

from hashlib import blake2b
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.conversion_admin import Defect
from engine.decimals import shortest
from engine.grid import OffGrid
from engine.limits import MAX_PRICE_TICKS, MAX_QUANTITY_LOTS
from engine.wire import PlaceOrderWire
from matching.messages import AmendOrder, BracketTerms, ExitTerms, PlaceOrder, StopTerms
from matching.terms import (
    BUY,
    SELL,
    FillRule,
    MarketMode,
    OrderType,
    Refusal,
    StpMode,
    TimeInForce,
    TriggerBy,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.grid import Grid
    from engine.wire import AmendOrderWire, OrderBody, PlaceBracketWire, StopLossWire

SIDES: Final = {"buy": BUY, "sell": SELL}
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


_TRIGGERED: Final = frozenset(OrderType) - {OrderType.LIMIT, OrderType.MARKET}


def place_order(c: PlaceOrderWire, grid: Grid | None) -> PlaceOrder:
    """Return a new order in integers; what is wrong with its decimals is its `defect`."""
    order = _order(c, c.account, c.symbol)
    if grid is not None:
        try:
            _fill_in(order, c, grid)
        except Defect as defect:
            order.defect, order.defect_path = defect.code, defect.path
    order.is_plain = order.as_plain()
    order.digest = _digest(_content(c, order, grid))
    return order


def _order(c: OrderBody, account: str, symbol: str) -> PlaceOrder:
    """Return what an order says without its decimals."""
    time_in_force = c.time_in_force
    if time_in_force is None:
        is_market = c.order_type is OrderType.MARKET
        time_in_force = TimeInForce.IOC if is_market else TimeInForce.GTC
    slippage = c.max_slippage_bps
    order = PlaceOrder(
        account,
        symbol,
        c.client_order_id,
        SIDES[c.side],
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
    if c.oco_group is not None:
        order.oco_group = c.oco_group
    order.fill_rule = c.fill_rule
    return order


def _fill_in(order: PlaceOrder, c: OrderBody, grid: Grid) -> None:
    """Give an order its prices and quantities. Raises Defect."""
    if c.max_slippage_bps is not None and c.order_type not in _MARKET_KINDS:
        raise Defect(Refusal.NOT_SUPPORTED, "$.max_slippage_bps")
    order.quantity_lots = quantity_lots(grid, c.quantity, "$.quantity")
    if c.price is not None:
        order.price_ticks = price_ticks(grid, c.price, "$.price")
    if c.display_quantity is not None:
        order.display_lots = quantity_lots(grid, c.display_quantity, "$.display_quantity")
    if _stop_fields(c) != _NO_STOP:
        order.stop = _stop_terms(grid, c, c.trigger_by)
        if c.order_type in _TRIGGERED and order.stop.by is None:
            order.stop.by = _default_reference(grid)
        order.stop.trail_step_ticks = _optional_ticks(grid, c.trail_step, "$.trail_step")
        order.stop.activation_ticks = _optional_ticks(
            grid, c.activation_price, "$.activation_price"
        )


def place_bracket(c: PlaceBracketWire, grid: Grid | None) -> PlaceOrder:
    """Return the entry of a bracket, with what is to follow it. Paths are those of the bracket."""
    entry, stop_loss = c.entry, c.stop_loss
    take_profits = c.take_profit or []
    order = _order(entry, c.account, c.symbol)
    bracket = BracketTerms([], None, c.fill_rule or FillRule.INCREMENTAL, _misplaced(c))
    order.bracket = bracket
    if grid is not None:
        try:
            _fill_in_entry(order, entry, grid)
            for place, each in enumerate(take_profits):
                path = f"$.take_profit[{place}]"
                bracket.take_profits.append(
                    ExitTerms(
                        price_ticks(grid, each.price, f"{path}.price"),
                        quantity_lots(grid, each.quantity, f"{path}.quantity"),
                    )
                )
            if stop_loss is not None:
                bracket.stop_loss = _stop_loss(grid, stop_loss)
        except Defect as defect:
            order.defect, order.defect_path = defect.code, defect.path
    exits = [(shortest(each.price), shortest(each.quantity)) for each in take_profits]
    last = None
    if stop_loss is not None:
        price = None if stop_loss.price is None else shortest(stop_loss.price)
        by = stop_loss.trigger_by or _default_reference(grid)
        last = (shortest(stop_loss.trigger_price), price, by.value)
    order.digest = _digest((_content(entry, order, grid), exits, last, bracket.rule.value))
    return order


def _fill_in_entry(order: PlaceOrder, entry: OrderBody, grid: Grid) -> None:
    """Give an entry its prices and quantities. Raises Defect, with the path in the bracket."""
    try:
        _fill_in(order, entry, grid)
    except Defect as defect:
        raise Defect(defect.code, f"$.entry{defect.path[1:]}") from None


def _stop_loss(grid: Grid, stop_loss: StopLossWire) -> ExitTerms:
    trigger_ticks = price_ticks(grid, stop_loss.trigger_price, "$.stop_loss.trigger_price")
    limit_ticks = _optional_ticks(grid, stop_loss.price, "$.stop_loss.price") or 0
    by = stop_loss.trigger_by or _default_reference(grid)
    return ExitTerms(limit_ticks, 0, trigger_ticks, by)


def _misplaced(c: PlaceBracketWire) -> str:
    """Return where the entry says something else than its bracket, empty where nowhere."""
    if c.entry.account not in (None, c.account):
        return "$.entry.account"
    return "" if c.entry.symbol in (None, c.symbol) else "$.entry.symbol"


def amend_order(c: AmendOrderWire, grid: Grid | None) -> AmendOrder:
    """Return an amend in integers; without a grid the order is unknown anyway."""
    amend = AmendOrder(c.account, c.client_order_id, None, None)
    if grid is None:
        return amend
    try:
        if c.quantity is not None:
            amend.quantity_lots = quantity_lots(grid, c.quantity, "$.quantity")
        if c.price is not None:
            amend.price_ticks = price_ticks(grid, c.price, "$.price")
        if c.display_quantity is not None:
            amend.display_lots = quantity_lots(grid, c.display_quantity, "$.display_quantity")
        if c.expires_at is not None:
            amend.expires_us = c.expires_at * 1_000
        if (c.trigger_price, c.trail_offset, c.trail_bps) != (None, None, None):
            amend.stop = _stop_terms(grid, c, None)
    except Defect as defect:
        amend.defect, amend.defect_path = defect.code, defect.path
    return amend


def _digest(content: tuple[Any, ...]) -> bytes:
    """Return 16 bytes that tell one command's content from another's (A10)."""
    return blake2b(_encode(content), digest_size=16).digest()


def _content(c: OrderBody, order: PlaceOrder, grid: Grid | None) -> tuple[Any, ...]:
    """Return what makes an order the same, however it was written.

    Defaults are filled in and decimals in their shortest form; of the instrument only its mode
    matters, and only for triggers, so a repeat is known even when it is gone.
    """
    return (
        order.symbol,
        c.side,
        c.order_type,
        order.time_in_force,
        shortest(c.quantity),
        None if c.price is None else shortest(c.price),
        order.stp,
        c.max_slippage_bps,
        c.tag,
        c.oco_group,
        c.fill_rule,
        _stop_content(c, grid),
        None if c.display_quantity is None else shortest(c.display_quantity),
        c.expires_at,
        bool(c.post_only),
        bool(c.reduce_only),
    )


def _stop_terms(grid: Grid, c: OrderBody | AmendOrderWire, by: TriggerBy | None) -> StopTerms:
    """Return what a command says about its trigger, in ticks."""
    return StopTerms(
        _optional_ticks(grid, c.trigger_price, "$.trigger_price"),
        by,
        _optional_ticks(grid, c.trail_offset, "$.trail_offset"),
        c.trail_bps,
    )


def _stop_content(c: OrderBody, grid: Grid | None) -> tuple[str | None, ...] | None:
    """Return the trigger's fields in one canonical form; None where there are none."""
    values = _stop_fields(c)
    if values == _NO_STOP:
        return None
    by = c.trigger_by or _default_reference(grid)
    prices = (c.trigger_price, c.trail_offset, c.trail_bps, c.trail_step, c.activation_price)
    return (by.value, *(None if price is None else shortest(price) for price in prices))


def _default_reference(grid: Grid | None) -> TriggerBy:
    """Return what a trigger that names no reference looks at: in mode `l1` the outside (A11)."""
    if grid is not None and grid.terms.mode is MarketMode.L1:
        return TriggerBy.BID_ASK
    return TriggerBy.LAST


def _optional_ticks(grid: Grid, price: str | int | None, path: str) -> int | None:
    return None if price is None else price_ticks(grid, price, path)


def price_ticks(grid: Grid, price: str | int, path: str) -> int:
    """Return a price in ticks, within bounds. Raises Defect."""
    try:
        ticks = grid.ticks(price)
    except OffGrid:
        raise Defect(Refusal.OFF_TICK, path) from None
    if ticks <= 0:
        raise Defect(Refusal.NON_POSITIVE_PRICE, path)
    if ticks > MAX_PRICE_TICKS:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return ticks


def quantity_lots(grid: Grid, quantity: str | int, path: str) -> int:
    """Return a quantity in lots, within bounds. Raises Defect."""
    try:
        lots = grid.lots(quantity)
    except OffGrid:
        raise Defect(Refusal.OFF_LOT, path) from None
    if lots <= 0:
        raise Defect(Refusal.QUANTITY_NOT_POSITIVE, path)
    if lots > MAX_QUANTITY_LOTS:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return lots
