"""Events to JSON: integers to decimal strings, one compact object an event (protocol §2).

Identifiers were validated on their way in and need no escaping; only free text does. `in` is the
index of the input within its frame, absent for a timer. Words are read as `_value_` where it is
hot: `value` is a property, and costs a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.conversion_admin import ASSET_DECIMALS
from engine.decimals import to_text
from engine.limits import PPM
from matching.messages import (
    InstrumentCreated,
    InstrumentDeleted,
    InstrumentUpdated,
    MarketStateChanged,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRef,
    OrderReplenished,
    PreventedMatch,
    Trade,
    TradeParty,
)
from matching.terms import SIDE_NAMES, Terms
from risk.messages import (
    AccountCreated,
    AccountUpdated,
    BalanceChanged,
    Failure,
    Liquidation,
    LiquidationSet,
    MarginCall,
    MarginReceipt,
    Rejected,
    RiskSet,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.grid import Grid
    from engine.messages import Event, Input

_quote = msgspec.json.encode
_DUPLICATE: Final = ',"duplicate":true'


def money(atoms: int) -> str:
    """Return an amount of the settlement asset as a decimal string."""
    return to_text(atoms, ASSET_DECIMALS)


def rate(ppm: int) -> str:
    """Return a rate or a leverage of `ppm` as a decimal string."""
    return to_text(ppm, 6)


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
            PreventedMatch: self._prevented_match,
            Liquidation: self._liquidation,
            MarginCall: _margin_call,
            InstrumentCreated: _instrument_created,
            InstrumentUpdated: _instrument_updated,
            InstrumentDeleted: _instrument_deleted,
            MarketStateChanged: _market_state,
            AccountCreated: _account_created,
            AccountUpdated: _account_updated,
            BalanceChanged: _balance_changed,
            RiskSet: _risk_set,
            LiquidationSet: _liquidation_set,
        }

    def render(self, event: Event, index: int | None, cause: Input | None) -> bytes:
        """Return the event as JSON; `index` and `cause` are its input's place and the input."""
        where = "" if index is None else f'"in":{index},'
        if type(event) is Rejected:
            return _rejected(event, where, cause)
        return self._routes[type(event)](event, where).encode()

    def _grid(self, symbol: str) -> Grid:
        grid = self._grid_of(symbol)
        assert grid is not None, symbol
        return grid

    def _order_accepted(self, e: OrderAccepted, where: str) -> str:
        grid = self._grid_of(e.symbol)
        terms = ""
        if grid is not None and e.order_type is not None and e.time_in_force is not None:
            price = f'"price":"{grid.price_text(e.price_ticks)}",' if e.price_ticks else ""
            terms = (
                f',"side":"{SIDE_NAMES[e.side]}","order_type":"{e.order_type._value_}",'
                f'"quantity":"{grid.quantity_text(e.quantity_lots)}",{price}'
                f'"time_in_force":"{e.time_in_force._value_}"'
            )
        return (
            f'{{"type":"order_accepted",{where}{_order(e)},"status":"{e.status._value_}"{terms}'
            f"{_DUPLICATE if e.duplicate else ''}}}"
        )

    def _trade(self, e: Trade, where: str) -> str:
        grid = self._grid(e.symbol)
        return (
            f'{{"type":"trade",{where}"symbol":"{e.symbol}","trade_id":{e.trade_id},'
            f'"price":"{grid.price_text(e.price_ticks)}",'
            f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
            f'"aggressor_side":"{SIDE_NAMES[e.aggressor_side]}",'
            f'"maker":{_party(e.maker, grid)},"taker":{_party(e.taker, grid)}}}'
        )

    def _order_cancelled(self, e: OrderCancelled, where: str) -> str:
        leaves = self._grid(e.symbol).quantity_text(e.leaves_lots)
        return (
            f'{{"type":"order_cancelled",{where}{_order(e)},"reason":"{e.reason._value_}",'
            f'"leaves":"{leaves}"}}'
        )

    def _order_amended(self, e: OrderAmended, where: str) -> str:
        grid = self._grid(e.symbol)
        return (
            f'{{"type":"order_amended",{where}{_order(e)},'
            f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
            f'"price":"{grid.price_text(e.price_ticks)}",'
            f'"leaves":"{grid.quantity_text(e.leaves_lots)}",'
            f'"kept_priority":{"true" if e.kept_priority else "false"}}}'
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

    def _prevented_match(self, e: PreventedMatch, where: str) -> str:
        grid = self._grid(e.symbol)
        return (
            f'{{"type":"prevented_match",{where}"symbol":"{e.symbol}","mode":"{e.mode.value}",'
            f'"maker":{{{_reference(e.maker)}}},"taker":{{{_reference(e.taker)}}},'
            f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
            f'"price":"{grid.price_text(e.price_ticks)}"}}'
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


def _order(
    e: OrderAccepted | OrderCancelled | OrderAmended | OrderReplenished | OrderExpired,
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


def _failure(failure: Failure) -> str:
    limits = _limits(failure)
    return (
        f'{{"code":{int(failure.code)},"reason":"{failure.code.reason}"'
        f"{',' + limits if limits else ''}}}"
    )


def _limits(failure: Failure) -> str:
    if failure.limit_atoms is None:
        return ""
    return (
        f'"limit":"{money(failure.limit_atoms)}","used":"{money(failure.used_atoms or 0)}",'
        f'"requested":"{money(failure.requested_atoms or 0)}"'
    )


def terms_fields(terms: Terms) -> str:
    """Return an instrument's terms as the fields of a JSON object."""
    fields = {
        "tick_size": to_text(terms.tick_units, terms.price_decimals),
        "lot_size": to_text(terms.lot_units, terms.quantity_decimals),
        "contract_size": to_text(terms.contract_units, terms.contract_decimals),
        "initial_margin": rate(terms.initial_margin_ppm),
        "maintenance_margin": rate(terms.maintenance_margin_ppm),
        "max_leverage": rate(terms.max_leverage_ppm),
        "maker_fee": rate(terms.maker_fee_ppm),
        "taker_fee": rate(terms.taker_fee_ppm),
        "collar": rate(terms.collar_ppm),
        "mark_source": terms.mark_source.value,
    }
    if terms.session_end_minute >= 0:
        hours, minutes = divmod(terms.session_end_minute, 60)
        fields["session_end"] = f"{hours:02}:{minutes:02}"
    return ",".join(f'"{name}":"{value}"' for name, value in fields.items())


def _instrument_created(e: InstrumentCreated, where: str) -> str:
    return (
        f'{{"type":"instrument_created",{where}"symbol":"{e.symbol}",{terms_fields(e.terms)},'
        f'"state":"{e.state.value}"}}'
    )


def _instrument_updated(e: InstrumentUpdated, where: str) -> str:
    fields = terms_fields(e.terms)
    return f'{{"type":"instrument_updated",{where}"symbol":"{e.symbol}",{fields}}}'


def _instrument_deleted(e: InstrumentDeleted, where: str) -> str:
    return f'{{"type":"instrument_deleted",{where}"symbol":"{e.symbol}"}}'


def _market_state(e: MarketStateChanged, where: str) -> str:
    return f'{{"type":"market_state",{where}"symbol":"{e.symbol}","state":"{e.state.value}"}}'


def _account(e: AccountCreated | AccountUpdated) -> str:
    leverage = f',"leverage":"{rate(e.leverage_ppm)}"' if e.leverage_ppm else ""
    group = f',"stp_group":"{e.stp_group}"' if e.stp_group else ""
    return f'"account":"{e.account}","status":"{e.status._value_}"{leverage}{group}'


def _account_created(e: AccountCreated, where: str) -> str:
    return f'{{"type":"account_created",{where}{_account(e)}}}'


def _account_updated(e: AccountUpdated, where: str) -> str:
    return f'{{"type":"account_updated",{where}{_account(e)}}}'


def _balance_changed(e: BalanceChanged, where: str) -> str:
    return (
        f'{{"type":"balance_changed",{where}"account":"{e.account}",'
        f'"delta":"{money(e.delta_atoms)}","balance":"{money(e.balance_atoms)}",'
        f'"cause":"{e.cause}","transfer_id":"{e.transfer_id}"}}'
    )


def _risk_set(e: RiskSet, where: str) -> str:
    return (
        f'{{"type":"risk_set",{where}"account":"{e.account}",'
        f'"max_order_notional":"{money(e.max_order_notional_atoms)}",'
        f'"max_exposure":"{money(e.max_exposure_atoms)}"}}'
    )


def _liquidation_set(e: LiquidationSet, where: str) -> str:
    ladder = e.ladder
    return (
        f'{{"type":"liquidation_set",{where}"margin_call":"{rate(ladder.margin_call_ppm)}",'
        f'"tier1":"{rate(ladder.tier1_ppm)}","tier1_share":"{rate(ladder.tier1_share_ppm)}",'
        f'"tier2":"{rate(ladder.tier2_ppm)}","tier2_share":"{rate(ladder.tier2_share_ppm)}",'
        f'"tier3":"{rate(ladder.tier3_ppm)}",'
        f'"admission_ratio":"{rate(ladder.admission_ratio_ppm)}",'
        f'"review_ms":{ladder.review_us // 1_000}}}'
    )


assert PPM == 10**6, "rates are written with six places"
