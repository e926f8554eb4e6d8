"""The size of the position that a command is about, by the method that was asked for (C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import MAX_PRICE_TICKS, PPM
from matching.messages import AmendOrder, CancelAll, PlaceOrder
from matching.terms import Refusal
from risk.foretold.messages import Sized
from risk.margin import equity_and_maintenance
from risk.messages import Rejected
from risk.sizing import (
    KELLY_CAP_PPM,
    fixed_amount_lots,
    fixed_fractional_lots,
    kelly_lots,
    kelly_ppm,
    risk_parity_lots,
)

if TYPE_CHECKING:
    from engine.state import State
    from risk.foretold.messages import SizingTerms, WhatIf


def size_of(state: State, question: WhatIf, terms: SizingTerms) -> Sized | Rejected:
    """Return the size that a method gives; refused without an entry, or with a stop right there.

    Equity is the account's unless it is named, the entry the command's price, else the touch that
    it would take, else the mark; the stop that of a bracket.
    """
    command, symbol = question.command, question.symbol
    market = state.markets.get(symbol)
    if market is None:
        return Rejected(Refusal.UNKNOWN_INSTRUMENT, symbol or None, command.account)
    equity = terms.equity_atoms
    if equity is None:
        account = state.find_account(command.account)
        equity = 0 if account is None else equity_and_maintenance(account)[0]
    entry = terms.entry_ticks or _entry_ticks(state, question)
    stop = terms.stop_ticks
    if not stop and isinstance(command, PlaceOrder) and command.bracket is not None:
        exit_terms = command.bracket.stop_loss
        stop = 0 if exit_terms is None else exit_terms.trigger_ticks
    path = "" if entry else "$.sizing.entry"
    if terms.method == "fixed_fractional" and not path and stop in (0, entry):
        path = "$.sizing.stop"
    if path:
        code = Refusal.INVALID_TERMS if entry else Refusal.PRICE_UNAVAILABLE
        return Rejected(code, symbol, command.account, path=path)
    unit = market.instrument.unit_atoms
    lots, fraction = _lots(terms, equity, entry, stop, unit)
    risk = lots * abs(entry - stop) * unit if stop else None
    return Sized(terms.method, lots, lots * entry * unit, risk, fraction)


def _lots(
    terms: SizingTerms, equity: int, entry_ticks: int, stop_ticks: int, unit_atoms: int
) -> tuple[int, int]:
    """Return the lots, and the part of equity that the method asks for in ppm, ⌊⌋."""
    pct, sigma, p, b = terms.pct_ppm, terms.sigma_ppm, terms.p_ppm, terms.b_ppm
    if terms.method == "kelly":
        cap = pct or KELLY_CAP_PPM
        return kelly_lots(equity, p, b, entry_ticks, unit_atoms, cap), kelly_ppm(p, b, cap)
    if terms.method == "fixed_fractional":
        return fixed_fractional_lots(equity, pct, entry_ticks, stop_ticks, unit_atoms), pct
    if terms.method == "risk_parity":
        lots = risk_parity_lots(equity, pct, sigma, entry_ticks, unit_atoms)
        return lots, pct * PPM // sigma
    amount = terms.amount_atoms
    fraction = amount * PPM // equity if equity > 0 else 0
    return fixed_amount_lots(amount, entry_ticks, unit_atoms), fraction


def _entry_ticks(state: State, question: WhatIf) -> int:
    """Return at what price the command would enter, in ticks; 0 where nobody knows."""
    command, market = question.command, state.markets[question.symbol]
    side, price = 0, 0
    if isinstance(command, PlaceOrder):
        side, price = command.side, command.price_ticks
    elif not isinstance(command, CancelAll):
        order = state.live.get(command.account, {}).get(command.client_order_id)
        if order is not None:
            side, price = order.side, order.price_ticks
        if isinstance(command, AmendOrder) and command.price_ticks is not None:
            price = command.price_ticks
    if not price and side:
        price = market.book.touch_ticks(-side) or 0
    assert price <= MAX_PRICE_TICKS
    return price or market.instrument.mark_half_ticks // 2
