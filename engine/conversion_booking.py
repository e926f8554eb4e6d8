"""Trades agreed elsewhere, from decimals to ticks and lots, and the signature they go by (B7)."""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Final

from engine.conversion_admin import Defect
from engine.conversion_orders import SIDES, price_ticks, quantity_lots
from engine.decimals import shortest
from matching.messages import BookTrade

if TYPE_CHECKING:
    from engine.grid import Grid
    from engine.wire_admin import BookTradeWire

HOUSE: Final = "house"
_POSITIONS: Final = {"buy": "LONG", "sell": "SHORT"}


def book_trade(c: BookTradeWire, grid: Grid | None) -> BookTrade:
    """Return the trade in integers; what is wrong with its decimals is its `defect`."""
    signature = b"" if c.timestamp is None else trade_signature(c, c.timestamp)
    trade = BookTrade(
        c.account,
        HOUSE if c.counter_account is None else c.counter_account,
        c.symbol,
        SIDES[c.side],
        c.trade_id,
        _digest(b"trade:" + c.trade_id.encode()),
        signature,
        _digest(b"signature:" + signature) if signature else b"",
    )
    if grid is not None:
        try:
            trade.quantity_lots = quantity_lots(grid, c.quantity, "$.quantity")
            trade.price_ticks = price_ticks(grid, c.price, "$.price")
        except Defect as defect:
            trade.defect, trade.defect_path = defect.code, defect.path
    return trade


def trade_signature(c: BookTradeWire, timestamp: int) -> bytes:
    """Return SHA-256 of `account:symbol:LONG:quantity:price:timestamp`, decimals at their shortest.

    A seller's is SHORT; the timestamp is in milliseconds.
    """
    parts = (c.account, c.symbol, _POSITIONS[c.side], shortest(c.quantity), shortest(c.price))
    return sha256(":".join((*parts, str(timestamp))).encode()).digest()


def _digest(text: bytes) -> bytes:
    """Return the digest by which an id is remembered, apart from those of other commands."""
    return blake2b(text, digest_size=16).digest()
