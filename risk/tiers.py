"""The ladder of liquidation tiers, and the prices at which its steps lie (D1-D4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import PPM
from risk.margin import divide_up, equity_and_maintenance, margin_ratio_reaches

if TYPE_CHECKING:
    from risk.account import Account
    from risk.brackets import Bracket
    from risk.messages import SetLiquidation
    from risk.position import Position


def is_called(maintenance_atoms: int, equity_atoms: int, ladder: SetLiquidation) -> bool:
    """Tell whether the ratio lies above the margin call's threshold, not at it (D1)."""
    return maintenance_atoms > 0 and maintenance_atoms * PPM > ladder.margin_call_ppm * equity_atoms


def tier_reached(maintenance_atoms: int, equity_atoms: int, ladder: SetLiquidation) -> int:
    """Return the highest tier (1, 2, 3) that the ratio reaches, or 0 (D1)."""
    if margin_ratio_reaches(maintenance_atoms, equity_atoms, ladder.tier3_ppm):
        return 3
    if margin_ratio_reaches(maintenance_atoms, equity_atoms, ladder.tier2_ppm):
        return 2
    if margin_ratio_reaches(maintenance_atoms, equity_atoms, ladder.tier1_ppm):
        return 1
    return 0


def tier_share_ppm(tier: int, ladder: SetLiquidation) -> int:
    """Return the share of a position that a tier closes, in ppm."""
    return {1: ladder.tier1_share_ppm, 2: ladder.tier2_share_ppm, 3: PPM}[tier]


def slice_lots(position: Position, share_ppm: int) -> int:
    """Return ⌈lots × share⌉, at least one lot: what one action closes (D2)."""
    return max(1, divide_up(abs(position.lots) * share_ppm, PPM))


def largest_first(account: Account) -> list[Position]:
    """Return the open positions: greatest notional first, then earlier opened, then symbol."""
    open_positions = [p for p in account.positions.values() if p.lots != 0]
    open_positions.sort(key=lambda p: (-abs(p.value_atoms()), p.opened_by, p.instrument.symbol))
    return open_positions


def tier_price_ticks(position: Position, threshold_ppm: int) -> int | None:
    """Return the price at which the ratio reaches the threshold, all else unchanged (D3).

    P = (θ(balance + U − Q·EP) − M + d) ⁄ (rate·|Q| − θ·Q), with U and M of the other positions, and
    the rate and the deduction d of the bracket in which the notional then lies; rounded toward the
    market (long: up, short: down). None where there is no such price.
    """
    equity, maintenance = equity_and_maintenance(position.account)
    instrument = position.instrument
    rest = equity - position.value_atoms()  # balance + U − Q·EP
    others = maintenance - position.maintenance_atoms()
    numerator = threshold_ppm * rest - others * PPM
    if not instrument.brackets:
        rate_ppm = instrument.terms.maintenance_margin_ppm
        return _price_ticks(position, threshold_ppm, numerator, rate_ppm)
    for bracket in instrument.brackets:
        price = _price_ticks(
            position, threshold_ppm, numerator + bracket.deduction, bracket.maintenance_ppm, bracket
        )
        if price is not None:
            return price
    return None


def _price_ticks(
    position: Position,
    threshold_ppm: int,
    numerator: int,
    rate_ppm: int,
    bracket: Bracket | None = None,
) -> int | None:
    """Return numerator ⁄ (rate·|Q| − θ·Q), rounded toward the market, if it lies in the bracket."""
    lots, unit_atoms = position.lots, position.instrument.unit_atoms
    denominator = (rate_ppm * abs(lots) - threshold_ppm * lots) * unit_atoms
    if denominator == 0 or numerator * denominator <= 0:
        return None
    numerator, denominator = abs(numerator), abs(denominator)
    if bracket is not None:
        notional = abs(lots) * unit_atoms * numerator  # by the denominator, as the bounds
        if notional < bracket.bound_atoms * denominator:
            return None
        if bracket.end_atoms and notional > bracket.end_atoms * denominator:
            return None
    if lots > 0:
        return divide_up(numerator, denominator)
    return numerator // denominator or None


def bankruptcy_ticks(position: Position) -> int:
    """Return the price at which closing uses up the position's part of the equity (D4).

    Equity is shared out by maintenance margin, so that slices of several positions agree; rounded
    in the account's favour (a long's up, a short's down), at least one tick.
    """
    assert position.lots != 0
    equity, maintenance = equity_and_maintenance(position.account)
    own = position.maintenance_atoms()
    value = position.value_atoms()
    # P = (value − equity × own ⁄ maintenance) ⁄ (lots × unit), in one fraction
    numerator = value * maintenance - equity * own
    denominator = position.lots * position.instrument.unit_atoms * maintenance
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    if position.lots > 0:
        return max(1, divide_up(numerator, denominator))
    return max(1, numerator // denominator)
