"""From a frame's events to rows of Postgres; decimals stay the strings that the journal holds."""

from typing import Final

import msgspec

from engine.messages import Frame
from persistence import event_shapes as shapes
from persistence.admin_rows import append_admin_rows
from persistence.executions import Executions
from persistence.position_lives import BACKSTOP, Place, PositionLives
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
    *(b'"takeover"', b'"deleveraged"', b'"deficit"', b'"margin_call"', b'"odd_lots"'),
    *(b'"corporate_action"', b'"instrument_', b'"breaker"'),
)

_kinds = msgspec.json.Decoder(list[shapes.Kind])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_trade = msgspec.json.Decoder(shapes.Trade)
_balance = msgspec.json.Decoder(shapes.BalanceChanged)
_odd_lots = msgspec.json.Decoder(shapes.OddLots)
_action = msgspec.json.Decoder(shapes.CorporateAction)
_liquidation = msgspec.json.Decoder(shapes.Liquidation)
_takeover = msgspec.json.Decoder(shapes.Takeover)
_deleveraged = msgspec.json.Decoder(shapes.Deleveraged)
_deficit = msgspec.json.Decoder(shapes.Deficit)
_margin_call = msgspec.json.Decoder(shapes.MarginCall)
_breaker = msgspec.json.Decoder(shapes.Breaker)
_ratio = msgspec.json.Decoder(shapes.Ratio)
_funding = msgspec.json.Decoder(shapes.Funding)
_swap = msgspec.json.Decoder(shapes.Swap)
_instrument = msgspec.json.Decoder(shapes.Instrument)
_deleted = msgspec.json.Decoder(shapes.Deleted)


def append_rows(frame: Frame, rows: Rows, lives: PositionLives) -> None:
    """Append the rows of a frame: two for a trade, one for whatever else has a table.

    One more stands for the trades that an order took at one go, and one for each command of an
    operator's.

    What moves a position is told to `lives` too. Event types that have no table, also those of
    later releases, are passed over. Raises msgspec.ValidationError for an event that is not what
    its type says, and LivesContradict. O(events).
    """
    append_admin_rows(frame, rows.admin)
    if not any(word in frame.events for word in _WORDS):
        return
    kinds = _kinds.decode(frame.events)
    raws = _raws.decode(frame.events)
    executions = Executions(frame.time_us, frame.n, rows.executions)
    for index, (kind, raw) in enumerate(zip(kinds, raws, strict=True)):
        match kind.type:
            case "trade":
                trade = _trade.decode(raw)
                rows.fills.extend(_fill_rows(frame, index, trade))
                lives.trade(Place(frame.time_us, frame.n, index), trade)
                executions.trade(index, trade)
            case "balance_changed":
                rows.balances.append(_balance_row(frame, index, _balance.decode(raw)))
            case "odd_lots":
                odd = _odd_lots.decode(raw)
                rows.balances.append(_odd_lots_row(frame, index, odd))
                lives.odd_lots(Place(frame.time_us, frame.n, index), odd)
            case "liquidation":
                rows.liquidations.append(_liquidation_row(frame, index, _liquidation.decode(raw)))
            case "takeover" | "deleveraged" | "deficit":
                rows.waterfall.append(
                    _waterfall_row(Place(frame.time_us, frame.n, index), kind.type, raw, lives)
                )
            case "funding" | "swap":
                rows.funding.append(_boundary_row(frame, index, kind.type, raw))
            case "margin_call":
                rows.margin_calls.append(_margin_call_row(frame, index, _margin_call.decode(raw)))
            case "breaker":
                rows.breakers.append(_breaker_row(frame, index, _breaker.decode(raw)))
            case (
                "instrument_created"
                | "instrument_updated"
                | "instrument_deleted"
                | "corporate_action"
            ):
                _tell_instrument(Place(frame.time_us, frame.n, index), kind.type, raw, lives)
            case _:
                pass
    executions.end()


def _tell_instrument(place: Place, kind: str, raw: msgspec.Raw, lives: PositionLives) -> None:
    if kind == "instrument_deleted":
        lives.instrument_deleted(place, _deleted.decode(raw).symbol)
    elif kind == "corporate_action":
        lives.corporate_action(place, _action.decode(raw))
    elif kind == "instrument_created":
        lives.instrument_created(place, _instrument.decode(raw), bytes(raw).decode())
    else:
        lives.instrument_updated(place, _instrument.decode(raw), bytes(raw).decode())


def _fill_rows(frame: Frame, index: int, trade: shapes.Trade) -> tuple[FillRow, FillRow]:
    maker, taker, side = trade.maker, trade.taker, trade.aggressor_side
    return (
        _fill_row(frame, index, trade, "maker", maker, taker, _OPPOSITE[side]),
        _fill_row(frame, index, trade, "taker", taker, maker, side),
    )


def _fill_row(
    frame: Frame,
    index: int,
    trade: shapes.Trade,
    liquidity: str,
    own: shapes.Party,
    other: shapes.Party,
    side: str,
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


def _balance_row(frame: Frame, index: int, event: shapes.BalanceChanged) -> BalanceRow:
    return BalanceRow(
        frame.time_us, frame.n, index, event.account, event.delta, event.balance, event.cause
    )


def _odd_lots_row(frame: Frame, index: int, event: shapes.OddLots) -> BalanceRow:
    """Return what paying out odd lots has moved; the house's side is its counterpart."""
    moved = (event.account, event.realized_pnl, event.balance)
    return BalanceRow(frame.time_us, frame.n, index, *moved, "odd_lots")


def _liquidation_row(frame: Frame, index: int, event: shapes.Liquidation) -> LiquidationRow:
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


def _waterfall_row(at: Place, kind: str, raw: msgspec.Raw, lives: PositionLives) -> WaterfallRow:
    place = (*at, kind)
    if kind == "deficit":
        debt = _deficit.decode(raw)
        receipt = bytes(debt.receipt).decode()
        nothing = (None, None, None, None, None, None, None)
        return WaterfallRow(*place, debt.account, *nothing, debt.amount, receipt)
    if kind == "takeover":
        e = _takeover.decode(raw)
        lives.takeover(at, e)
        named = (e.account, BACKSTOP, e.symbol, e.side, e.quantity, e.price)
        return WaterfallRow(*place, *named, e.realized_pnl, None, None, bytes(e.receipt).decode())
    d = _deleveraged.decode(raw)
    lives.deleveraged(at, d)
    named = (d.account, d.counter_account, d.symbol, _OPPOSITE[d.side], d.quantity, d.price)
    results = (d.account_after.realized_pnl, d.counter_after.realized_pnl)
    return WaterfallRow(*place, *named, *results, None, bytes(d.receipt).decode())


def _boundary_row(frame: Frame, index: int, kind: str, raw: msgspec.Raw) -> FundingRow:
    if kind == "funding":
        return _funding_row(frame, index, _funding.decode(raw))
    return _swap_row(frame, index, _swap.decode(raw))


def _funding_row(frame: Frame, index: int, event: shapes.Funding) -> FundingRow:
    rates = (event.rate, _negative(event.rate))
    return _carry_row(frame, index, event, ("funding", event.funding_id), rates, (None, None))


def _swap_row(frame: Frame, index: int, event: shapes.Swap) -> FundingRow:
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
    event: shapes.Carry,
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


def _margin_call_row(frame: Frame, index: int, event: shapes.MarginCall) -> MarginCallRow:
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


def _breaker_row(frame: Frame, index: int, event: shapes.Breaker) -> BreakerRow:
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
