"""Equity, margin and the margin ratio of an account: pure functions over integers (B2-B4, D1)."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from engine.limits import PPM
from risk.brackets import bracketed_maintenance_atoms

if TYPE_CHECKING:
    from risk.account import Account
    from risk.instrument import Instrument


def divide_up(numerator: int, denominator: int) -> int:
    """Return ⌈numerator ⁄ denominator⌉ for a positive denominator."""
    return -(-numerator // denominator)


def fee_hold_atoms(notional_atoms: int, taker_fee_ppm: int) -> int:
    """Return the worst-case taker fee of an open order, ⌈notional × rate⌉; a rebate holds none."""
    if taker_fee_ppm <= 0:
        return 0
    return -(-notional_atoms * taker_fee_ppm // PPM)


def equity_and_maintenance(account: Account) -> tuple[int, int]:
    """Return (equity, maintenance margin) in atoms. Linear in the account's positions."""
    equity = account.balance_atoms
    maintenance = 0
    for position in account.positions.values():
        if position.lots == 0:
            continue
        instrument = position.instrument
        value = position.lots * instrument.mark_half_ticks * instrument.half_atoms
        equity += value - position.cost_atoms
        notional = value if value >= 0 else -value
        if instrument.brackets:
            maintenance += bracketed_maintenance_atoms(instrument.brackets, notional)
        else:
            maintenance += -(-notional * instrument.terms.maintenance_margin_ppm // PPM)
    return equity, maintenance


def equity_and_maintenance_with(account: Account, trial: Instrument) -> tuple[int, int]:
    """Return both as if the account's instrument of that symbol were another: its mark, its rates.

    The account holds lots of it.
    """
    equity, maintenance = equity_and_maintenance(account)
    position = account.positions[trial.symbol]
    changed = copy(position)
    changed.instrument = trial
    equity += changed.value_atoms() - position.value_atoms()
    return equity, maintenance + changed.maintenance_atoms() - position.maintenance_atoms()


class Standing:
    """How an account stands now; every field in atoms.

    `initial` covers positions and open orders by the worse side, `position_initial` the positions
    alone, `fee_hold` the worst-case taker fees of open orders; `free` is what remains (B3).
    """

    __slots__ = ("equity", "fee_hold", "free", "initial", "maintenance", "position_initial")

    def __init__(self, account: Account) -> None:
        self.equity, self.maintenance = equity_and_maintenance(account)
        positions = account.positions.values()
        self.initial: int = sum(position.initial_atoms() for position in positions)
        self.position_initial: int = sum(p.position_margin_atoms() for p in positions)
        self.fee_hold: int = sum(position.fee_hold_atoms for position in positions)
        self.free: int = self.equity - self.initial - self.fee_hold


def margin_ratio_reaches(maintenance_atoms: int, equity_atoms: int, threshold_ppm: int) -> bool:
    """Tell whether maintenance / equity >= threshold, by cross-multiplication.

    No quotient is formed, so no rounding can move an account across a tier. An account without
    positive equity has reached every tier as soon as it must maintain anything at all.
    """
    assert maintenance_atoms >= 0
    if equity_atoms <= 0:
        return maintenance_atoms > 0
    return maintenance_atoms * PPM >= threshold_ppm * equity_atoms


def margin_ratio_ppm(maintenance_atoms: int, equity_atoms: int) -> int:
    """Return the ratio for display, ⌈⌉ in ppm; 1 at equity <= 0 with something to maintain."""
    if equity_atoms <= 0:
        return PPM if maintenance_atoms > 0 else 0
    return divide_up(maintenance_atoms * PPM, equity_atoms)
