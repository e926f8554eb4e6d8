"""How often accounts are looked at while a price carries them towards their threshold (D9).

With one instrument a band ends at the threshold. With n alike each may use up 1 ⁄ n of the slack:
if one alone moves, the account comes up for a look with (n − 1) ⁄ n of it left, and again, until
only a half tick for each is left. See `most_looks`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from engine.cli.bench_flow import MID_TICKS
from engine.entries import decode_entry
from engine.machine import Machine
from risk.account import Account
from risk.messages import MarginCall, Tick

if TYPE_CHECKING:
    from engine.kernel import Kernel

INSTRUMENTS: Final = (1, 5, 20)
_HOLDERS: Final = 20
_FALL_PERCENT: Final = 20  # what one instrument may lose until the margin call


class Approach(NamedTuple):
    """How a price came near: accounts, half ticks and per cent of its way, and looks at them."""

    holders: int
    half_ticks: int
    percent: float
    looks: int

    @property
    def looks_per_percent(self) -> float:
        """Looks an account and per cent of movement."""
        return self.looks / self.holders / self.percent


def most_looks(instruments: int, half_ticks: int) -> float:
    """Return a bound on the looks at one account on a way of so many half ticks.

    From the whole way to the last n half ticks every look leaves (n − 1) ⁄ n of it: that makes
    ln(way ⁄ n) ⁄ −ln(1 − 1 ⁄ n) of them, none for n = 1; then one a half tick.
    """
    if instruments == 1:
        return 1
    looks = math.log(half_ticks / instruments) / -math.log(1 - 1 / instruments)
    return looks + instruments


def approach(instruments: int, stride: int = 1) -> Approach:
    """Let one of so many prices fall, `stride` ticks at a time, until margins are called.

    The accounts are long one lot of each, and all alike.
    """
    kernel = _kernel(instruments)
    mid, ticks = MID_TICKS, 0
    began = kernel.looks
    while True:
        mid -= stride
        before = kernel.looks
        events = kernel.apply(Tick("L0", mid - 1, mid + 1))
        if any(type(event) is MarginCall for event in events):
            break
        ticks += stride
    percent = 100 * ticks / MID_TICKS
    return Approach(_HOLDERS, 2 * ticks, percent, before - began)


def _kernel(instruments: int) -> Kernel:
    """Return a kernel with the holders, whom one instrument's fall by a fifth has called."""
    machine = Machine()
    machine.begin(1_000_000, [])
    for number in range(instruments):
        symbol = f"L{number}"
        _apply(machine, "admin", type="create_instrument", symbol=symbol, **_GRID)
        bid, ask = (f"{(MID_TICKS + side) / 100:.2f}" for side in (-1, 1))
        _apply(machine, "ticks", type="l1", symbol=symbol, bid=bid, ask=ask)
    kernel = machine.kernel
    state = kernel.state
    unit_atoms = state.markets["L0"].instrument.unit_atoms
    price = MID_TICKS * unit_atoms
    maker = Account("maker")
    maker.balance_atoms = _HOLDERS * instruments * price
    holders = [Account(f"holder-{number}") for number in range(_HOLDERS)]
    for holder in holders:
        # Half of the equity is what maintenance takes of what is left, a tenth.
        fall = price * _FALL_PERCENT // 100
        holder.balance_atoms = fall + (instruments * price - fall) // 5
    for account in (maker, *holders):
        state.accounts[account.account_id] = account
        state.live[account.account_id] = {}
        state.ledger.deposits += account.balance_atoms
        state.ledger.balances += account.balance_atoms
        lots = 1 if account is not maker else -_HOLDERS
        for number in range(instruments):
            instrument = state.markets[f"L{number}"].instrument
            state.positions.restore(account, instrument, lots, lots * price, number + 1)
    kernel.rebuild_bands()
    kernel.check()
    return kernel


def _apply(machine: Machine, stream: str, **command: Any) -> None:
    for item in decode_entry(stream, "1-0", msgspec.json.encode(command)):
        machine.apply(item, 0, [])


_GRID: Final = {"tick_size": "0.01", "lot_size": "1"}
