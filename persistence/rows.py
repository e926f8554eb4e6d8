"""From a frame's events to rows of Postgres; decimals stay the strings that the journal holds."""

from typing import Final, NamedTuple

import msgspec

from engine.messages import Frame

_OPPOSITE: Final = {"buy": "sell", "sell": "buy"}
# A frame without one of these words has no rows, and a search in bytes costs next to nothing.
_WORDS: Final = (b'"trade"', b'"balance_changed"', b'"liquidation"')


class FillRow(NamedTuple):
    """One side of one trade, in the order of the columns of `insert_fills.sql`."""

    time_us: int
    frame: int
    event_index: int
    liquidity: str
    trade_id: int
    account_id: str
    counter_account_id: str
    order_id: int
    client_order_id: str
    symbol: str
    side: str
    quantity: str
    price: str
    fee: str
    realized_pnl: str
    position_after: str


class BalanceRow(NamedTuple):
    """One movement of a balance, in the order of the columns of `insert_balances.sql`."""

    time_us: int
    frame: int
    event_index: int
    account_id: str
    delta: str
    balance: str
    cause: str


class LiquidationRow(NamedTuple):
    """One liquidation action, in the order of the columns of `insert_liquidations.sql`."""

    time_us: int
    frame: int
    event_index: int
    account_id: str
    symbol: str
    tier: int
    side: str
    quantity: str
    limit_price: str | None
    receipt: str


class Rows(NamedTuple):
    """The rows of some frames, each list in the order of the journal."""

    fills: list[FillRow]
    balances: list[BalanceRow]
    liquidations: list[LiquidationRow]

    @property
    def total(self) -> int:
        """How many rows there are."""
        return len(self.fills) + len(self.balances) + len(self.liquidations)


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


_kinds = msgspec.json.Decoder(list[_Kind])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_trade = msgspec.json.Decoder(_Trade)
_balance = msgspec.json.Decoder(_BalanceChanged)
_liquidation = msgspec.json.Decoder(_Liquidation)


def no_rows() -> Rows:
    """Return empty lists to append to."""
    return Rows([], [], [])


def append_rows(frame: Frame, rows: Rows) -> None:
    """Append the rows of a frame: two for a trade, one for a balance movement or a liquidation.

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
