"""A shard as full as it is meant to get: orders by the hundred thousand, accounts by the tens."""

import random
from typing import Any

import msgspec

from engine.entries import decode_entry
from engine.machine import Machine
from matching.messages import PlaceOrder
from matching.terms import OrderType, StpMode, TimeInForce

SYMBOLS = tuple(f"S{number}" for number in range(10))
TIME_US = 1_700_000_000_000_000
_MID_TICKS = 10_000
_LEVELS = 500
_DAY_US = 24 * 3600 * 1_000_000


def full_machine(orders: int, accounts: int) -> Machine:
    """Return a machine with so many resting orders and accounts, half of which hold a position.

    Each account quotes in three instruments. Every tenth order is an iceberg, every tenth ends by
    itself; ids, digests of transfers and everything else that comes along is there too.
    """
    machine = Machine()
    machine.begin(TIME_US, [])
    for symbol in SYMBOLS:
        grid = {"tick_size": "0.01", "lot_size": "0.001", "maker_fee": "0.0002"}
        _send(machine, {"type": "create_instrument", "symbol": symbol, **grid})
        _send(machine, {"type": "l1", "symbol": symbol, "bid": "99.99", "ask": "100.01"})
    for number in range(accounts):
        name = _name(number)
        _send(machine, {"type": "create_account", "account": name})
        deposit = {"type": "deposit", "account": name, "amount": "1000000", "transfer_id": name}
        _send(machine, deposit)
    rng = random.Random(6)
    for number in range(0, accounts // 2, 2):
        symbol = SYMBOLS[rng.randrange(len(SYMBOLS))]
        for side in (1, -1):
            owner = number + (side < 0)
            machine.kernel.apply(_order(owner, symbol, f"p{owner}", side, _MID_TICKS, 100))
    for number in range(orders):
        side = 1 if number % 2 else -1
        price_ticks = _MID_TICKS - side * rng.randint(1, _LEVELS)
        order = _order(
            number % accounts,
            SYMBOLS[(number + rng.randrange(3)) % len(SYMBOLS)],
            f"order-{number}",
            side,
            price_ticks,
            rng.randint(1, 1_000),
        )
        if number % 10 == 7:
            order.display_lots, order.is_plain = -(-order.quantity_lots // 10), False
        if number % 10 == 8:
            order.time_in_force, order.is_plain = TimeInForce.GTD, False
            order.expires_us = TIME_US + _DAY_US + number
        machine.kernel.apply(order)
    assert sum(len(live) for live in machine.kernel.state.live.values()) == orders
    return machine


def _send(machine: Machine, command: dict[str, Any]) -> None:
    stream = "ticks" if command["type"] == "l1" else "admin"
    for item in decode_entry(stream, "1-0", msgspec.json.encode(command)):
        machine.apply(item, 0, [])


def _name(number: int) -> str:
    return f"account-{number:06}"


def _order(
    owner: int, symbol: str, name: str, side: int, price_ticks: int, lots: int
) -> PlaceOrder:
    return PlaceOrder(
        _name(owner),
        symbol,
        name,
        side,
        OrderType.LIMIT,
        TimeInForce.GTC,
        lots,
        price_ticks,
        StpMode.NONE,
        digest=owner.to_bytes(16, "big"),
        is_plain=True,
    )
