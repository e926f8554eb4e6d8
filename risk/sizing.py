"""How large should a position be? Pure functions over integers, all ⌊⌋ to the lot (C4).

A lot at a price of so many ticks is worth `price × unit_atoms`. Nothing is rounded before the last
division, so a size never exceeds what the method asks for. Without equity the size is 0.
"""

from __future__ import annotations

from typing import Final

from engine.limits import MAX_QUANTITY_LOTS, PPM

KELLY_CAP_PPM: Final = 250_000
"""The most of its equity that an account puts in by Kelly unless it says another cap."""


def kelly_ppm(p_ppm: int, b_ppm: int, cap_ppm: int = KELLY_CAP_PPM) -> int:
    """Return f = p − (1 − p) ⁄ b in ppm, ⌊⌋, not below 0 and not above the cap.

    `p_ppm` is the chance to win, `b_ppm` what is then won for each unit at stake.
    """
    numerator, denominator = _kelly(p_ppm, b_ppm, cap_ppm)
    return numerator * PPM // denominator


def kelly_lots(
    equity_atoms: int,
    p_ppm: int,
    b_ppm: int,
    entry_ticks: int,
    unit_atoms: int,
    cap_ppm: int = KELLY_CAP_PPM,
) -> int:
    """Return the lots whose notional at entry is f of equity."""
    numerator, denominator = _kelly(p_ppm, b_ppm, cap_ppm)
    return _lots(equity_atoms * numerator, denominator * entry_ticks * unit_atoms)


def fixed_fractional_lots(
    equity_atoms: int, pct_ppm: int, entry_ticks: int, stop_ticks: int, unit_atoms: int
) -> int:
    """Return the lots that lose `pct_ppm` of equity between entry and stop: not the same price."""
    assert entry_ticks != stop_ticks
    return _lots(equity_atoms * pct_ppm, PPM * abs(entry_ticks - stop_ticks) * unit_atoms)


def risk_parity_lots(
    equity_atoms: int, pct_ppm: int, sigma_ppm: int, entry_ticks: int, unit_atoms: int
) -> int:
    """Return the lots whose notional moves by `pct_ppm` of equity where the price moves by sigma.

    So every instrument adds the same risk: notional = equity × pct ⁄ sigma.
    """
    return _lots(equity_atoms * pct_ppm, sigma_ppm * entry_ticks * unit_atoms)


def fixed_amount_lots(amount_atoms: int, entry_ticks: int, unit_atoms: int) -> int:
    """Return the lots that the amount buys at entry, fees aside."""
    return _lots(amount_atoms, entry_ticks * unit_atoms)


def _kelly(p_ppm: int, b_ppm: int, cap_ppm: int) -> tuple[int, int]:
    """Return Kelly's fraction within 0 and the cap, exactly, as numerator and denominator."""
    assert 0 <= p_ppm <= PPM
    assert b_ppm > 0
    assert 0 <= cap_ppm <= PPM
    numerator, denominator = p_ppm * b_ppm - (PPM - p_ppm) * PPM, b_ppm * PPM
    if numerator * PPM > cap_ppm * denominator:
        return cap_ppm, PPM
    return max(0, numerator), denominator


def _lots(numerator: int, denominator: int) -> int:
    """Return ⌊numerator ⁄ denominator⌋, not below 0 and not above what an order may have."""
    assert denominator > 0
    return min(max(0, numerator // denominator), MAX_QUANTITY_LOTS)
