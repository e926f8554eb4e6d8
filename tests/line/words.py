"""The few commands that the tests of the line speak: one instrument `X`, a rich `ann` and `bea`."""

from typing import Any

Command = dict[str, Any]

MARKET: list[Command] = [
    {"type": "create_instrument", "symbol": "X", "tick_size": "0.01", "lot_size": "1"},
    {"type": "create_account", "account": "ann"},
    {"type": "create_account", "account": "bea"},
    {"type": "deposit", "account": "ann", "amount": "1000000", "transfer_id": "t-ann"},
    {"type": "deposit", "account": "bea", "amount": "1000000", "transfer_id": "t-bea"},
]


def tick(bid: str = "99.99", ask: str = "100.01", **more: Any) -> Command:
    """Show the outside market."""
    return {"type": "l1", "symbol": "X", "bid": bid, "ask": ask, **more}


def order(
    name: str, side: str = "buy", price: str = "99", quantity: str = "1", account: str = "ann"
) -> Command:
    """Place a limit order; at the prices given it rests."""
    return {
        "type": "place_order",
        "account": account,
        "symbol": "X",
        "side": side,
        "order_type": "limit",
        "price": price,
        "quantity": quantity,
        "client_order_id": name,
    }


def cancel_all(account: str = "ann") -> Command:
    """Cancel whatever an account has resting."""
    return {"type": "cancel_all", "account": account}


def deposit(name: str, amount: str = "1", account: str = "ann") -> Command:
    """Pay in."""
    return {"type": "deposit", "account": account, "amount": amount, "transfer_id": name}
