"""Every order event of a venue, as CSV (the format of the R package `ob-analytics`).

Header `id,timestamp,exchange.timestamp,price,volume,action,direction`; times in ms, prices in USD,
volumes in satoshi (1e-8 BTC). The venue's own fills are not replayed: our engine matches these
orders itself, so a later `deleted` of an order that it has already filled is refused, and that is
how it should be.
"""

from collections.abc import Iterator
from typing import Final

from feeds.sources.lines import LineFile
from feeds.sources.record import Command, Record, Source, shortest

SYMBOL: Final = "BTCUSD"
ACCOUNTS: Final = 200

_HEADER: Final = "id,timestamp,exchange.timestamp,price,volume,action,direction"
_SATOSHI_PER_LOT: Final = 1_000
_LOTS_PER_BTC: Final = 100_000
_SIDES: Final = {"bid": "buy", "ask": "sell"}
_EXPORT: Final = "export the file again with ob-analytics' columns"
_MAX_DIGITS: Final = 18


def source(symbol: str | None = None) -> Source:
    """Return the format for `symbol` (default `BTCUSD`).

    Under another symbol the orders go to other accounts too: an account takes an order id once.
    Margin is wide on purpose: what is recorded here traded on a cash market, so the deposits cover
    every order ever entered and no order may fail for want of margin.
    """
    symbol = symbol or SYMBOL
    return Source(setup=tuple(_setup(symbol)), read=lambda lines: _read(lines, symbol))


def account_of(order_id: int, symbol: str = SYMBOL) -> str:
    """Return the account that an order of the venue is given to, spread by order id."""
    venue = "bitstamp" if symbol == SYMBOL else f"bitstamp-{symbol}"
    return f"{venue}-{order_id % ACCOUNTS:03d}"


def quantity_of(satoshi: int) -> tuple[str, bool]:
    """Return satoshi as BTC, rounded down to the lot (at least one), and whether that rounded."""
    lots = max(satoshi // _SATOSHI_PER_LOT, 1)
    whole, part = divmod(lots, _LOTS_PER_BTC)
    quantity = f"{whole}.{part:05d}".rstrip("0").rstrip(".")
    return quantity, lots * _SATOSHI_PER_LOT != satoshi


def _setup(symbol: str) -> Iterator[Command]:
    yield {
        "type": "create_instrument",
        "symbol": symbol,
        "tick_size": "0.01",
        "lot_size": "0.00001",
        "mark_source": "last",
        "max_leverage": 1,
        "initial_margin": "1",
        "maintenance_margin": "0.01",
        "collar": "0.9",
    }
    accounts = [account_of(number, symbol) for number in range(ACCOUNTS)]
    for account in accounts:
        yield {"type": "create_account", "account": account}
    for account in accounts:
        yield {
            "type": "deposit",
            "account": account,
            "amount": "100000000",
            "transfer_id": f"feed-bitstamp-{account}",
        }


def _read(lines: LineFile, symbol: str) -> Iterator[Record]:
    rows = iter(lines)
    header = next(rows, None)
    if header is None or header.replace('"', "") != _HEADER:
        lines.refuse(f"the header is not {_HEADER}", _EXPORT)
    for row in rows:
        fields = row.replace('"', "").split(",")
        if len(fields) != 7:
            lines.refuse(f"{len(fields)} fields instead of 7", _EXPORT)
        order_id, time_ms, _, price, volume, action, direction = fields
        event = (_whole(lines, order_id, "id"), _whole(lines, volume, "volume"), action)
        command, rounded = _command(lines, event, price, direction, symbol)
        yield Record(action, command, _whole(lines, time_ms, "timestamp"), rounded)


def _command(
    lines: LineFile, event: tuple[int, int, str], price: str, direction: str, symbol: str
) -> tuple[Command, bool]:
    order_id, satoshi, action = event
    owner = {"account": account_of(order_id, symbol), "client_order_id": str(order_id)}
    if action == "deleted":
        return {"type": "cancel_order", **owner}, False
    quantity, rounded = quantity_of(satoshi)
    if action == "changed":
        return {"type": "amend_order", **owner, "quantity": quantity}, rounded
    if action != "created":
        lines.refuse(f"unknown action {action!r}", "it must be created, changed or deleted")
    side = _SIDES.get(direction)
    if side is None:
        lines.refuse(f"unknown direction {direction!r}", "it must be bid or ask")
    limit = shortest(price)
    if limit is None:
        lines.refuse(f"price {price!r} is not a decimal", _EXPORT)
    command: Command = {
        "type": "place_order",
        **owner,
        "symbol": symbol,
        "side": side,
        "order_type": "limit",
        "quantity": quantity,
        "price": limit,
        "time_in_force": "gtc",
    }
    return command, rounded


def _whole(lines: LineFile, text: str, column: str) -> int:
    """Parse a non-negative whole number; a bound on its digits keeps `int` cheap."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        lines.refuse(f"{column} {text!r} is not a whole number", _EXPORT)
    return int(text)
