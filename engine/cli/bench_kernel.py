"""The kernel with full risk, beside a book from PyPI that knows no risk at all.

Both play the same flow in one process, in turn. Each run is checked: the orders left resting and
the lots traded must be the same, so that a fast wrong run fails.
"""

from __future__ import annotations

import gc
import time
from typing import Any, NamedTuple

import msgspec

from engine.cli.bench_flow import ACCOUNTS, MID_TICKS, Step
from engine.entries import decode_entry
from engine.machine import Machine
from matching.messages import CancelOrder, PlaceOrder, Trade
from matching.terms import OrderType, StpMode, TimeInForce

SYMBOL = "BENCH"
_CHUNK = 500


class Run(NamedTuple):
    """Seconds for the flow, and what it left: lots resting, lots traded."""

    seconds: float
    resting_lots: int
    traded_lots: int


def machine_for_bench(accounts: int = ACCOUNTS) -> Machine:
    """Return a machine with one instrument, fees and so many well-funded accounts."""
    machine = Machine()
    machine.begin(1_000_000, [])
    for stream, command in set_up(accounts):
        for item in decode_entry(stream, "1-0", msgspec.json.encode(command)):
            machine.apply(item, 0, [])
    return machine


def set_up(accounts: int = ACCOUNTS) -> list[tuple[str, dict[str, Any]]]:
    """Return (stream, command) of what must exist before the flow."""
    commands: list[tuple[str, dict[str, Any]]] = [
        (
            "admin",
            {
                "type": "create_instrument",
                "symbol": SYMBOL,
                "tick_size": "0.01",
                "lot_size": "0.001",
                "maker_fee": "0.0002",
                "taker_fee": "0.0005",
            },
        )
    ]
    for number in range(accounts):
        name = account_name(number)
        commands.append(("admin", {"type": "create_account", "account": name}))
        deposit = {"type": "deposit", "account": name, "amount": 10**9, "transfer_id": name}
        commands.append(("admin", deposit))
    bid, ask = MID_TICKS - 1, MID_TICKS + 1
    tick = {"type": "l1", "symbol": SYMBOL, "bid": f"{bid / 100:.2f}", "ask": f"{ask / 100:.2f}"}
    commands.append(("ticks", tick))
    return commands


def account_name(number: int) -> str:
    """Return the name of an account of the benchmark."""
    return f"bench-{number:03}"


def run_kernel(before: list[Step], flow: list[Step]) -> Run:
    """Play the flow to the kernel; commands are made just before they are applied."""
    machine = machine_for_bench()
    kernel = machine.kernel
    orders = [*before, *flow]
    for place, step in enumerate(before):
        kernel.apply(command_of(orders, step, place))
    seconds = 0.0
    traded = 0
    gc.collect()
    gc.freeze()
    for start in range(0, len(flow), _CHUNK):
        chunk = flow[start : start + _CHUNK]
        commands = [
            command_of(orders, step, place) for place, step in enumerate(chunk, start + len(before))
        ]
        began = time.perf_counter()
        answers = [kernel.apply(command) for command in commands]
        seconds += time.perf_counter() - began
        traded += sum(e.quantity_lots for events in answers for e in events if type(e) is Trade)
    gc.unfreeze()
    kernel.check()
    resting = sum(o.leaves_lots for live in kernel.state.live.values() for o in live.values())
    return Run(seconds, resting, traded)


def run_yardstick(before: list[Step], flow: list[Step]) -> Run:
    """Play the flow to lightmatchingengine, called as its documentation shows.

    It asserts when an order that is filled is cancelled; the benchmark looks first, at no cost to
    its figure beyond one attribute.
    """
    from lightmatchingengine.lightmatchingengine import (  # noqa: PLC0415 - a development dependency
        LightMatchingEngine,
    )

    engine = LightMatchingEngine()
    orders: dict[int, Any] = {}
    for place, step in enumerate(before):
        side = 1 if step.side > 0 else 2
        orders[place], _ = engine.add_order(SYMBOL, step.price_ticks, step.lots, side)
    answers: list[Any] = []
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    for place, step in enumerate(flow, len(before)):
        if step.side:
            side = 1 if step.side > 0 else 2
            answer = engine.add_order(SYMBOL, step.price_ticks, step.lots, side)
            orders[place] = answer[0]
            answers.append(answer)
        elif orders[step.target].leaves_qty:
            engine.cancel_order(orders[step.target].order_id, SYMBOL)
    seconds = time.perf_counter() - began
    gc.unfreeze()
    resting = sum(order.leaves_qty for order in orders.values())
    # Each trade stands there once for the aggressor and once for every maker.
    traded = sum(
        trade.trade_qty
        for order, trades in answers
        for trade in trades
        if trade.order_id == order.order_id
    )
    return Run(seconds, resting, traded)


def command_of(orders: list[Step], step: Step, place: int) -> PlaceOrder | CancelOrder:
    """Return the step at a place among the orders as a command of the core."""
    if step.side == 0:
        owner = account_name(orders[step.target].account)
        return CancelOrder(owner, f"o{step.target}")
    return PlaceOrder(
        account_name(step.account),
        SYMBOL,
        f"o{place}",
        step.side,
        OrderType.LIMIT,
        TimeInForce.GTC,
        step.lots,
        step.price_ticks,
        StpMode.NONE,
        digest=place.to_bytes(16, "big"),
        is_plain=True,
    )
