"""Scripts for the kernel: what is there before, what is measured, and what it must come to.

The commands are made before the clock runs. Each run begins with a kernel of its own and is
checked, so that a fast wrong run fails.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.cli.bench_flow import ACCOUNTS
from engine.cli.bench_kernel import SYMBOL, account_name, machine_for_bench
from matching.messages import (
    AmendOrder,
    CancelOrder,
    OrderReplenished,
    OrderTriggered,
    PlaceOrder,
    PreventedMatch,
    Trade,
)
from matching.terms import OrderType, StpMode, TimeInForce
from risk.messages import Rejected, TriggerRejected

if TYPE_CHECKING:
    from engine.kernel import Kernel
    from engine.messages import Command

CHUNK: Final = 500
LOTS: Final = 5
NAMES: Final = tuple(account_name(number) for number in range(ACCOUNTS))


class Outcome(NamedTuple):
    """What the measured commands caused, and how many orders rest and sleep after them."""

    trades: int = 0
    lots: int = 0
    prevented: int = 0
    replenished: int = 0
    fired: int = 0
    refused: int = 0
    resting: int = 0
    armed: int = 0


class Script(NamedTuple):
    """Commands to begin with, commands to measure, and what these must come to.

    `operations` is what a figure counts: the measured commands, or what they set off.
    """

    before: list[Command]
    flow: list[Command]
    outcome: Outcome
    operations: int


class Tape:
    """Writes the orders of a script, each under an id of its own."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self._number = 0

    def place(
        self, owner: int, side: int, price_ticks: int, lots: int = LOTS, **fields: Any
    ) -> CancelOrder:
        """Write a limit order, or what `fields` say; return the command that would cancel it."""
        account = NAMES[owner % ACCOUNTS]
        self._number += 1
        name = f"o{self._number}"
        order = {
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "stp": StpMode.NONE,
            **fields,
        }
        placed = PlaceOrder(
            account, SYMBOL, name, side, quantity_lots=lots, price_ticks=price_ticks, **order
        )
        placed.is_plain = placed.as_plain()
        self.commands.append(placed)
        return CancelOrder(account, name)

    def take_written(self) -> list[Command]:
        """Return what has been written since this was last asked."""
        written, self.commands = self.commands, []
        return written


def amend(order: CancelOrder, *, lots: int | None, price_ticks: int | None) -> AmendOrder:
    """Return the command that gives an order another total or price."""
    return AmendOrder(order.account, order.client_order_id, lots, price_ticks)


def begin(script: Script) -> Kernel:
    """Return a kernel in which everything that a script begins with has happened."""
    kernel = machine_for_bench().kernel
    for command in script.before:
        events = kernel.apply(command)
        assert not any(type(event) is Rejected for event in events), events
    return kernel


def run_script(script: Script) -> float:
    """Play a script to a fresh kernel; return operations per second once it has been checked."""
    kernel = begin(script)
    seconds = 0.0
    happened: Counter[type] = Counter()
    lots = 0
    gc.collect()
    gc.freeze()
    for start in range(0, len(script.flow), CHUNK):
        commands = script.flow[start : start + CHUNK]
        began = time.perf_counter()
        answers = [kernel.apply(command) for command in commands]
        seconds += time.perf_counter() - began
        happened.update(type(event) for events in answers for event in events)
        lots += sum(e.quantity_lots for events in answers for e in events if type(e) is Trade)
    gc.unfreeze()
    kernel.check()
    armed = sum(market.stops.count for market in kernel.state.markets.values())
    outcome = Outcome(
        happened[Trade],
        lots,
        happened[PreventedMatch],
        happened[OrderReplenished],
        happened[OrderTriggered],
        happened[Rejected] + happened[TriggerRejected],
        sum(len(orders) for orders in kernel.state.live.values()) - armed,
        armed,
    )
    assert outcome == script.outcome, f"{outcome}, but the script must come to {script.outcome}"
    return script.operations / seconds
