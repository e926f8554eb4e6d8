"""Events to JSON: integers to decimal strings, one compact object an event (protocol §2).

Identifiers were validated on their way in and need no escaping; only free text does. `in` is the
index of the input within its frame, absent for a timer. Words are read as `_value_` where it is
hot: `value` is a property, and costs a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.decimals import to_text
from engine.rendering_actions import dividend_paid, odd_lots, units_split
from engine.rendering_admin import ADMIN_ROUTES, loss_fields, money, rate
from engine.rendering_breakers import (
    breaker_tripped,
    market_breaker_tripped,
    market_breakers_set,
)
from engine.rendering_carry import funding_applied, swap_applied
from engine.rendering_guards import GUARD_ROUTES, LATE, flatten, overload, switch_fields
from engine.rendering_waterfall import deficit, deleveraged, takeover
from engine.rendering_what_if import margins_tried, what_if_result
from matching.messages import (
    AuctionUncrossed,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRef,
    OrderReplenished,
    OrderTriggered,
    PreventedMatch,
    Trade,
    TradeParty,
)
from matching.terms import SIDE_NAMES
from risk.actions.messages import DividendPaid, OddLots, UnitsSplit
from risk.foretold.messages import MarginsTried, RiskTried, WhatIfResult
from risk.guards.messages import (
    BreakerTripped,
    FlattenOrder,
    MarketBreakersSet,
    MarketBreakerTripped,
)
from risk.messages import (
    Deficit,
    Deleveraged,
    Failure,
    FundingApplied,
    Liquidation,
    MarginCall,
    MarginReceipt,
    Rejected,
    SwapApplied,
    Takeover,
    TriggerRejected,
)
from risk.terms import COUNT, RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.grid import Grid
    from engine.messages import Event, Input

_quote = msgspec.json.encode
_UNITS: Final[dict[str, Callable[[int], str]]] = {COUNT: str, RATE: rate}
_DUPLICATE: Final = ',"duplicate":true'


class Rendering:
    """Writes events. `grid_of` gives an instrument's grid as it is at that moment."""

    def __init__(self, grid_of: Callable[[str], Grid | None]) -> None:
        self._grid_of = grid_of
        self._routes: dict[type, Callable[[Any, str], str]] = {
            OrderAccepted: self._order_accepted,
            Trade: self._trade,
            OrderCancelled: self._order_cancelled,
            OrderAmended: self._order_amended,
            OrderReplenished: self._order_replenished,
            OrderExpired: self._order_expired,
            OrderTriggered: self._order_triggered,
            TriggerRejected: _trigger_rejected,
            PreventedMatch: self._prevented_match,
            AuctionUncrossed: self._auction_uncrossed,
            Liquidation: self._liquidation,
            MarginCall: _margin_call,
            Takeover: lambda e, where: takeover(e, where, self._grid(e.symbol)),
            Deleveraged: lambda e, where: deleveraged(e, where, self._grid(e.symbol)),
            Deficit: deficit,
            FlattenOrder: lambda e, where: flatten(e, where, self._grid(e.symbol)),
            FundingApplied: lambda e, where: funding_applied(e, where, self._grid(e.symbol)),
            SwapApplied: lambda e, where: swap_applied(e, where, self._grid(e.symbol)),
            DividendPaid: dividend_paid,
            OddLots: lambda e, where: odd_lots(e, where, self._grid(e.symbol)),
            UnitsSplit: units_split,
            BreakerTripped: lambda e, where: breaker_tripped(e, where, self._grid(e.symbol)),
            MarketBreakerTripped: market_breaker_tripped,
            MarketBreakersSet: market_breakers_set,
            WhatIfResult: self._what_if_result,
            RiskTried: _risk_tried,
            MarginsTried: margins_tried,
            **ADMIN_ROUTES,
            **GUARD_ROUTES,
        }

    def render(self, event: Event, index: int | None, cause: Input | None) -> bytes:
        """Return the event as JSON; `index` and `cause` are its input's place and the input."""
        where = "" if index is None else f'"in":{index},'
        if type(event) is Rejected:
            if event.code in LATE and event.failures:
                return overload(event, where)
            return _rejected(event, where, cause)
        return self._routes[type(event)](event, where).encode()

    def _grid(self, symbol: str) -> Grid:
        grid = self._grid_of(symbol)
        assert grid is not None, symbol
        return grid

    def _what_if_result(self, e: WhatIfResult, where: str) -> str:
        refusal = ""
        if e.refusal is not None:
            errors = ",".join(_failure(failure) for failure in _failures(e.refusal))
            path = e.refusal.path
            at = "" if path is None else f'"path":{_quote("$.command" + path[1:]).decode()},'
            code = e.refusal.code
            refusal = f'"code":{int(code)},"reason":"{code.reason}",{at}"errors":[{errors}]'
        return what_if_result(e, where, self._grid_of(e.symbol), refusal)

    def _order_accepted(self, e: OrderAccepted, where: str) -> str:
        grid = self._grid_of(e.symbol)
        terms = ""
        if grid is not None and e.order_type is not None and e.time_in_force is not None:
            terms = (
                f',"side":"{SIDE_NAMES[e.side]}","order_type":"{e.order_type._value_}",'
                f'"quantity":"{grid.quantity_text(e.quantity_lots)}",{_prices(e, grid)}'
                f'"time_in_force":"{e.time_in_force._value_}"'
            )
        return (
            f'{{"type":"order_accepted",{where}{_order(e)},"status":"{e.status._value_}"{terms}'
            f"{_DUPLICATE if e.duplicate else ''}}}"
        )

    def _trade(self, e: Trade, where: str) -> str:
        grid = self._grid(e.symbol)
        price = grid.price_text(e.price_ticks)
        return (
            f'{{"type":"trade",{where}"symbol":"{e.symbol}","trade_id":{e.trade_id},'
            f'"price":"{price}",'
            f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
            f'"aggressor_side":"{SIDE_NAMES[e.aggressor_side]}",'
            f'"maker":{_party(e.maker, grid)},"taker":{_party(e.taker, grid)}'
            f"{_arrival(e, grid, price) if e.touch_ticks else ''}"
            f"{_agreed(e) if e.trade_ref else ''}}}"
        )

    def _order_cancelled(self, e: OrderCancelled, where: str) -> str:
        leaves = self._grid(e.symbol).quantity_text(e.leaves_lots)
        return (
            f'{{"type":"order_cancelled",{where}{_order(e)},"reason":"{e.reason._value_}",'
            f'"leaves":"{leaves}"}}'
        )

    def _order_amended(self, e: OrderAmended, where: str) -> str:
        grid = self._grid(e.symbol)
        cause = "" if e.cause is None else f',"cause":"{e.cause.value}"'
        return (
            f'{{"type":"order_amended",{where}{_order(e)},'
            f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
            f"{_prices(e, grid)}"
            f'"leaves":"{grid.quantity_text(e.leaves_lots)}",'
            f'"kept_priority":{"true" if e.kept_priority else "false"}'
            f"{cause}}}"
        )

    def _order_replenished(self, e: OrderReplenished, where: str) -> str:
        grid = self._grid(e.symbol)
        return (
            f'{{"type":"order_replenished",{where}{_order(e)},'
            f'"shown":"{grid.quantity_text(e.shown_lots)}",'
            f'"leaves":"{grid.quantity_text(e.leaves_lots)}"}}'
        )

    def _order_expired(self, e: OrderExpired, where: str) -> str:
        leaves = self._grid(e.symbol).quantity_text(e.leaves_lots)
        return f'{{"type":"order_expired",{where}{_order(e)},"leaves":"{leaves}"}}'

    def _order_triggered(self, e: OrderTriggered, where: str) -> str:
        grid = self._grid(e.symbol)
        return (
            f'{{"type":"order_triggered",{where}{_order(e)},'
            f'"trigger_price":"{grid.price_text(e.trigger_ticks)}",'
            f'"reference":"{grid.half_price_text(e.reference_half_ticks)}"}}'
        )

    def _prevented_match(self, e: PreventedMatch, where: str) -> str:
        grid = self._grid(e.symbol)
        return (
            f'{{"type":"prevented_match",{where}"symbol":"{e.symbol}","mode":"{e.mode.value}",'
            f'"maker":{{{_reference(e.maker)}}},"taker":{{{_reference(e.taker)}}},'
            f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
            f'"price":"{grid.price_text(e.price_ticks)}"}}'
        )

    def _auction_uncrossed(self, e: AuctionUncrossed, where: str) -> str:
        grid = self._grid(e.symbol)
        return (
            f'{{"type":"auction_uncrossed",{where}"symbol":"{e.symbol}",'
            f'"price":"{grid.price_text(e.price_ticks)}",'
            f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
            f'"imbalance":"{grid.quantity_text(e.imbalance_lots)}"}}'
        )

    def _liquidation(self, e: Liquidation, where: str) -> str:
        grid = self._grid(e.symbol)
        return (
            f'{{"type":"liquidation",{where}"symbol":"{e.symbol}","account":"{e.account}",'
            f'"tier":{e.tier},"side":"{SIDE_NAMES[e.side]}",'
            f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
            f'"limit_price":"{grid.price_text(e.limit_ticks)}",'
            f'"receipt":{_receipt(e.receipt, grid)}}}'
        )


def _prices(e: OrderAccepted | OrderAmended, grid: Grid) -> str:
    """Return peak, limit and trigger as fields, each where there is one."""
    prices = f'"display_quantity":"{grid.quantity_text(e.display_lots)}",' if e.display_lots else ""
    prices += f'"price":"{grid.price_text(e.price_ticks)}",' if e.price_ticks else ""
    if e.trigger_ticks:
        prices += f'"trigger_price":"{grid.price_text(e.trigger_ticks)}",'
    return prices


def _order(
    e: OrderAccepted
    | OrderCancelled
    | OrderAmended
    | OrderReplenished
    | OrderExpired
    | OrderTriggered
    | TriggerRejected,
) -> str:
    return (
        f'"symbol":"{e.symbol}","account":"{e.account}",'
        f'"client_order_id":"{e.client_order_id}","order_id":{e.order_id}'
    )


def _reference(order: OrderRef) -> str:
    return (
        f'"account":"{order.account}","client_order_id":"{order.client_order_id}",'
        f'"order_id":{order.order_id}'
    )


def _party(party: TradeParty, grid: Grid) -> str:
    return (
        f'{{"account":"{party.account}","client_order_id":"{party.client_order_id}",'
        f'"order_id":{party.order_id},"fee":"{to_text(party.fee_atoms, 8)}",'
        f'"realized_pnl":"{to_text(party.realized_atoms, 8)}",'
        f'"position":"{grid.quantity_text(party.position_lots)}",'
        f'"balance":"{to_text(party.balance_atoms, 8)}",'
        f'"leaves":"{grid.quantity_text(party.leaves_lots)}"}}'
    )


def _arrival(e: Trade, grid: Grid, price: str) -> str:
    """Say what the order that took is measured against: its type, the touch and the mark."""
    assert e.order_type is not None
    touch = price if e.touch_ticks == e.price_ticks else grid.price_text(e.touch_ticks)
    mark = f',"mark":"{grid.half_price_text(e.mark_half_ticks)}"' if e.mark_half_ticks else ""
    return f',"arrival":{{"order_type":"{e.order_type._value_}","touch":"{touch}"{mark}}}'


def _agreed(trade: Trade) -> str:
    """Name a trade that was agreed elsewhere (B7)."""
    signature = trade.trade_signature.hex()
    signed = f',"trade_signature":"{signature}"' if signature else ""
    return f',"trade_ref":"{trade.trade_ref}"{signed}'


def _receipt(receipt: MarginReceipt, grid: Grid | None) -> str:
    """Write the numerators of a ratio and, for a slice, its arithmetic (D8)."""
    parts = [
        f'"equity":"{money(receipt.equity_atoms)}"',
        f'"maintenance_margin":"{money(receipt.maintenance_atoms)}"',
    ]
    if grid is not None:
        parts += [
            f'"mark_price":"{grid.half_price_text(receipt.mark_half_ticks)}"',
            f'"mark_source":"{grid.terms.mark_source.value}"',
            f'"position":"{grid.quantity_text(receipt.position_lots)}"',
            f'"position_maintenance":"{money(receipt.position_maintenance_atoms)}"',
            f'"share":"{rate(receipt.share_ppm)}"',
            f'"bankruptcy_price":"{grid.price_text(receipt.bankruptcy_ticks)}"',
        ]
        if receipt.collar_ticks:
            parts.append(f'"collar_price":"{grid.price_text(receipt.collar_ticks)}"')
        if receipt.outside_ticks:
            parts.append(f'"outside_price":"{grid.price_text(receipt.outside_ticks)}"')
    return "{" + ",".join(parts) + "}"


def _margin_call(e: MarginCall, where: str) -> str:
    return (
        f'{{"type":"margin_call",{where}"account":"{e.account}",'
        f'"receipt":{_receipt(e.receipt, None)}}}'
    )


def _rejected(e: Rejected, where: str, cause: Input | None) -> bytes:
    """Write a refusal; where the entry itself was at fault, say which one it was."""
    parts = [f'{{"type":"rejected",{where}"code":{int(e.code)},"reason":"{e.code.reason}"']
    for name, value in (
        ("symbol", e.symbol),
        ("account", e.account),
        ("client_order_id", e.client_order_id),
    ):
        if value is not None:
            parts.append(f'"{name}":"{value}"')
    if e.path is not None:
        parts.append(f'"path":{_quote(e.path).decode()}')
    if e.text is not None:
        parts.append(f'"text":{_quote(e.text).decode()}')
    if e.digest is not None:
        parts.append(f'"digest":"{e.digest}"')
        if cause is not None:
            parts.append(f'"stream":"{cause.stream}","entry":"{cause.entry_id}"')
    if e.failures:
        first = _limits(e.failures[0])
        if first:
            parts.append(f'"detail":{{{first}}}')
        parts.append(f'"errors":[{",".join(_failure(failure) for failure in e.failures)}]')
    return (",".join(parts) + "}").encode()


def _trigger_rejected(e: TriggerRejected, where: str) -> str:
    first = e.failures[0]
    errors = ",".join(_failure(failure) for failure in e.failures)
    return (
        f'{{"type":"trigger_rejected",{where}{_order(e)},"code":{int(first.code)},'
        f'"reason":"{first.code.reason}","errors":[{errors}]}}'
    )


def _risk_tried(e: RiskTried, where: str) -> str:
    """Write what limits would refuse, an order by its id, a lot more of a position without."""
    refused = []
    for each in e.refused:
        named = f'"client_order_id":"{each.client_order_id}",' if each.client_order_id else ""
        errors = ",".join(_failure(failure) for failure in each.failures)
        refused.append(f'{{"symbol":"{each.symbol}",{named}"errors":[{errors}]}}')
    paused = ",".join(f"{{{loss_fields(hit)}}}" for hit in e.paused)
    return (
        f'{{"type":"dry_run",{where}"command":"set_risk","account":"{e.account}",'
        f'"refused":[{",".join(refused)}],"refused_count":{e.refused_count},"paused":[{paused}]}}'
    )


def _failures(refusal: Rejected) -> tuple[Failure, ...]:
    """Return every check that fails, of a refusal without checks that alone."""
    return refusal.failures or (Failure(refusal.code),)


def _failure(failure: Failure) -> str:
    limits = _limits(failure)
    return (
        f'{{"code":{int(failure.code)},"reason":"{failure.code.reason}"'
        f"{',' + limits if limits else ''}}}"
    )


def _limits(failure: Failure) -> str:
    if failure.switch is not None:
        return switch_fields(failure.switch)
    if failure.limit_atoms is None:
        return ""
    write = _UNITS.get(failure.unit, money)
    return (
        f'"limit":"{write(failure.limit_atoms)}","used":"{write(failure.used_atoms or 0)}",'
        f'"requested":"{write(failure.requested_atoms or 0)}"'
    )
