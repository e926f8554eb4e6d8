"""What a tick costs while many positions are safe (D9): it must not depend on how many."""

from __future__ import annotations

import gc
import time
from typing import Final

from engine.cli.bench_flow import MID_TICKS
from engine.cli.bench_kernel import SYMBOL, machine_for_bench
from engine.kernel import Kernel
from risk.account import Account
from risk.messages import Tick

TICKS: Final = 2_000
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
"""Positions; the first is what the others are set against."""


def kernel_with_positions(count: int) -> Kernel:
    """Return a kernel in which so many accounts hold a lot each, half of them short, all safe."""
    kernel = machine_for_bench().kernel
    state = kernel.state
    instrument = state.markets[SYMBOL].instrument
    price = MID_TICKS * instrument.unit_atoms
    for number in range(count):
        account = Account(f"holder-{number}")
        account.balance_atoms = price * (2 + number % 100)
        state.accounts[account.account_id] = account
        state.live[account.account_id] = {}
        state.ledger.deposits += account.balance_atoms
        state.ledger.balances += account.balance_atoms
        side = 1 if number % 2 else -1
        state.positions.restore(account, instrument, side, side * price, number + 1)
    kernel.rebuild_bands()
    return kernel


def run_ticks(kernel: Kernel, count: int = TICKS) -> float:
    """Return ticks per second of a price that moves to and fro by 0.3 %; nobody may be called."""
    commands = [
        Tick(SYMBOL, MID_TICKS - 1 + number % 31, MID_TICKS + 1 + number % 31)
        for number in range(count)
    ]
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    answers = [kernel.apply(command) for command in commands]
    seconds = time.perf_counter() - began
    gc.unfreeze()
    assert not any(answers), "safe positions are not called"
    return count / seconds
