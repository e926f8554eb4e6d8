"""From a frame's events to rows of Postgres; decimals stay the strings that the journal holds."""

from typing import Final

import msgspec

from engine.messages import Frame
from persistence.row_types import (
    BalanceRow,
    BreakerRow,
    FillRow,
    FundingRow,
    LiquidationRow,
    MarginCallRow,
    Rows,
    WaterfallRow,
)

_OPPOSITE: Final = {"buy": "sell", "sell": "buy"}
# A frame without one of these words has no rows, and a search in bytes costs next to nothing.
_WORDS: Final = (
    *(b'"trade"', b'"balance_changed"', b'"liquidation"', b'"funding"', b'"swap"'),
    *(b'"takeover"', b'"deleveraged"', b'"deficit"', b'"margin_call"', b'"breaker"'),
)
_BACKSTOP: Final = "backstop"


class _Kind(msgspec.Struct, gc=False):
    type: str


class _Party(msgspec.Struct, gc=False):
    account: str
    client_order_id: str
    order_id: int
    fee: str
    realized_pnl: str
    position: str


class _Trade(msgspec.Struct, gc=False):
    symbol: str
    trade_id: int
    price: str
    quantity: str
    aggressor_side: str
    maker: _Party
    taker: _Party


class _BalanceChanged(msgspec.Struct, gc=False):
    account: str
    delta: str
    balance: str
    cause: str


class _Liquidation(msgspec.Struct, gc=False):
    account: str
    symbol: str
    tier: int
    side: str
    quantity: str
    receipt: msgspec.Raw
    limit_price: str | None = None


class _Takeover(msgspec.Struct, gc=False):
    account: str
    symbol: str
    side: str
    quantity: str
    price: str
    realized_pnl: str
    receipt: msgspec.Raw


class _After(msgspec.Struct, gc=False):
    realized_pnl: str


class _Deleveraged(msgspec.Struct, gc=False):
    account: str
    counter_account: str
    symbol: str
    side: str
    quantity: str
    price: str
    account_after: _After
    counter_after: _After
    receipt: msgspec.Raw


class _Deficit(msgspec.Struct, gc=False):
    account: str
    amount: str
    receipt: msgspec.Raw


class _Ratio(msgspec.Struct, gc=False):
    equity: str
    maintenance_margin: str


class _MarginCall(msgspec.Struct, gc=False):
    account: str
    receipt: msgspec.Raw


class _Breaker(msgspec.Struct, gc=False):
    scope: str
    level: int
    move: str
    symbol: str | None = None
    reference: str | None = None
    price: str | None = None
    index_value: str | None = None
    auction: bool = False
    until: int | None = None


class _Carry(msgspec.Struct, gc=False):
    symbol: str
    mark_price: str
    paid: str
    received: str
    residue: str


class _Funding(_Carry, gc=False):
    funding_id: str
    rate: str


class _Swap(_Carry, gc=False):
    swap_id: str
    long_rate: str
    short_rate: str
    day_count: int
    days: int


_kinds = msgspec.json.Decoder(list[_Kind])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_trade = msgspec.json.Decoder(_Trade)
_balance = msgspec.json.Decoder(_BalanceChanged)
_liquidation = msgspec.json.Decoder(_Liquidation)
_takeover = msgspec.json.Decoder(_Takeover)
_deleveraged = msgspec.json.Decoder(_Deleveraged)
_deficit = msgspec.json.Decoder(_Deficit)
_margin_call = msgspec.json.Decoder(_MarginCall)
_breaker = msgspec.json.Decoder(_Breaker)
_ratio = msgspec.json.Decoder(_Ratio)
_funding = msgspec.json.Decoder(_Funding)
_swap = msgspec.json.Decoder(_Swap)


def append_rows(frame: Frame, rows: Rows) -> None:
    """Append the rows of a frame: two for a trade, one for whatever else has a table.

    Event types that have no table, also those of later releases, are passed over. Raises
    msgspec.ValidationError for an event that is not what its type says. O(events).
    """
    if not any(word in frame.events for word in _WORDS):
        return
    kinds = _kinds.decode(frame.events)
    raws = _raws.decode(frame.events)
    for index, (kind, raw) in enumerate(zip(kinds, raws, strict=True)):
        match kind.type:
            case "trade":
                rows.fills.extend(_fill_rows(frame, index, _trade.decode(raw)))
            case "balance_changed":
                rows.balances.append(_balance_row(frame, index, _balance.decode(raw)))
            case "liquidation":
                rows.liquidations.append(_liquidation_row(frame, index, _liquidation.decode(raw)))
            case "takeover" | "deleveraged" | "deficit":
                rows.waterfall.append(_waterfall_row(frame, index, kind.type, raw))
            case "funding":
                rows.funding.append(_funding_row(frame, index, _funding.decode(raw)))
            case "swap":
                rows.funding.append(_swap_row(frame, index, _swap.decode(raw)))
            case "margin_call":
                rows.margin_calls.append(_margin_call_row(frame, index, _margin_call.decode(raw)))
            case "breaker":
                rows.breakers.append(_breaker_row(frame, index, _breaker.decode(raw)))
            case _:
                pass


def _fill_rows(frame: Frame, index: int, trade: _Trade) -> tuple[FillRow, FillRow]:
    maker, taker, side = trade.maker, trade.taker, trade.aggressor_side
    return (
        _fill_row(frame, index, trade, "maker", maker, taker, _OPPOSITE[side]),
        _fill_row(frame, index, trade, "taker", taker, maker, side),
    )


def _fill_row(
    frame: Frame, index: int, trade: _Trade, liquidity: str, own: _Party, other: _Party, side: str
) -> FillRow:
    return FillRow(
        frame.time_us,
        frame.n,
        index,
        liquidity,
        trade.trade_id,
        own.account,
        other.account,
        own.order_id,
        own.client_order_id,
        trade.symbol,
        side,
        trade.quantity,
        trade.price,
        own.fee,
        own.realized_pnl,
        own.position,
    )


def _balance_row(frame: Frame, index: int, event: _BalanceChanged) -> BalanceRow:
    return BalanceRow(
        frame.time_us, frame.n, index, event.account, event.delta, event.balance, event.cause
    )


def _liquidation_row(frame: Frame, index: int, event: _Liquidation) -> LiquidationRow:
    return LiquidationRow(
        frame.time_us,
        frame.n,
        index,
        event.account,
        event.symbol,
        event.tier,
        event.side,
        event.quantity,
        event.limit_price,
        bytes(event.receipt).decode(),
    )


def _waterfall_row(frame: Frame, index: int, kind: str, raw: msgspec.Raw) -> WaterfallRow:
    place = (frame.time_us, frame.n, index, kind)
    if kind == "deficit":
        debt = _deficit.decode(raw)
        receipt = bytes(debt.receipt).decode()
        nothing = (None, None, None, None, None, None, None)
        return WaterfallRow(*place, debt.account, *nothing, debt.amount, receipt)
    if kind == "takeover":
        e = _takeover.decode(raw)
        named = (e.account, _BACKSTOP, e.symbol, e.side, e.quantity, e.price)
        return WaterfallRow(*place, *named, e.realized_pnl, None, None, bytes(e.receipt).decode())
    d = _deleveraged.decode(raw)
    named = (d.account, d.counter_account, d.symbol, _OPPOSITE[d.side], d.quantity, d.price)
    results = (d.account_after.realized_pnl, d.counter_after.realized_pnl)
    return WaterfallRow(*place, *named, *results, None, bytes(d.receipt).decode())


def _funding_row(frame: Frame, index: int, event: _Funding) -> FundingRow:
    rates = (event.rate, _negative(event.rate))
    return _carry_row(frame, index, event, ("funding", event.funding_id), rates, (None, None))


def _swap_row(frame: Frame, index: int, event: _Swap) -> FundingRow:
    rates = (event.long_rate, event.short_rate)
    return _carry_row(
        frame, index, event, ("swap", event.swap_id), rates, (event.days, event.day_count)
    )


def _negative(decimal: str) -> str:
    if decimal == "0":
        return decimal
    return decimal[1:] if decimal.startswith("-") else f"-{decimal}"


def _carry_row(
    frame: Frame,
    index: int,
    event: _Carry,
    named: tuple[str, str],
    rates: tuple[str, str],
    days: tuple[int | None, int | None],
) -> FundingRow:
    return FundingRow(
        frame.time_us,
        frame.n,
        index,
        *named,
        event.symbol,
        *rates,
        *days,
        event.mark_price,
        event.paid,
        event.received,
        event.residue,
    )


def _margin_call_row(frame: Frame, index: int, event: _MarginCall) -> MarginCallRow:
    ratio = _ratio.decode(event.receipt)
    return MarginCallRow(
        frame.time_us,
        frame.n,
        index,
        event.account,
        ratio.equity,
        ratio.maintenance_margin,
        bytes(event.receipt).decode(),
    )


def _breaker_row(frame: Frame, index: int, event: _Breaker) -> BreakerRow:
    return BreakerRow(
        frame.time_us,
        frame.n,
        index,
        event.scope,
        event.symbol,
        event.level,
        event.move,
        event.reference,
        event.price,
        event.index_value,
        event.auction,
        event.until,
    )
