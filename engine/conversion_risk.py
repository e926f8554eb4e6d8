"""An account's own limits on the wire, in integers: money in atoms, shares and factors in ppm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.conversion_admin import Defect, atoms_from_text, rate_ppm
from engine.limits import MAX_BRACKET_ATOMS
from matching.terms import Refusal
from risk.terms import PRESETS, SetRisk

if TYPE_CHECKING:
    from engine.wire_admin import SetRiskWire

MONEY: Final = {
    "max_order_notional": "max_order_notional_atoms",
    "max_position_notional": "max_position_notional_atoms",
    "max_exposure": "max_exposure_atoms",
    "day_loss": "day_loss_atoms",
}
RATES: Final = {
    "max_position": "max_position_ppm",
    "max_instrument_exposure": "max_instrument_ppm",
    "max_heat": "max_heat_ppm",
    "min_reward_risk": "min_reward_risk_ppm",
    "max_leverage": "max_leverage_ppm",
    "day_loss_rate": "day_loss_ppm",
    "week_loss_rate": "week_loss_ppm",
    "month_loss_rate": "month_loss_ppm",
}
COUNTS: Final = ("max_positions", "max_correlated", "max_order_rate", "losing_streak")
BASES: Final = {
    "max_position_basis": "position_by_notional",
    "max_instrument_exposure_basis": "instrument_by_notional",
}
"""How the wire's names, and those of events, stand for the fields of `risk.profile.Profile`."""


def set_risk(c: SetRiskWire) -> SetRisk:
    """Return the changes to an account's limits; what is absent stays."""
    if c.profile is not None and c.profile not in PRESETS:
        return SetRisk(c.account, defect=Refusal.INVALID_TERMS, defect_path="$.profile")
    given = {name: value for name in c.__struct_fields__ if (value := getattr(c, name)) is not None}
    changes: dict[str, Any] = {name: given[name] for name in COUNTS if name in given}
    try:
        for name, value in given.items():
            if name in MONEY:
                changes[MONEY[name]] = _atoms(value, f"$.{name}")
            elif name in RATES:
                changes[RATES[name]] = _ppm(value, f"$.{name}")
            elif name in BASES:
                changes[BASES[name]] = value == "notional"
    except Defect as defect:
        return SetRisk(c.account, defect=defect.code, defect_path=defect.path)
    if c.pyramiding is not None:
        changes["no_pyramiding"] = not c.pyramiding
    return SetRisk(c.account, c.profile, changes)


def _atoms(amount: str | int, path: str) -> int:
    """Return an amount in atoms that a snapshot can hold as an integer. Raises Defect."""
    atoms = atoms_from_text(amount, path)
    if atoms > MAX_BRACKET_ATOMS:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return atoms


def _ppm(rate: str | int, path: str) -> int:
    """Return a rate in ppm, not below 0. Raises Defect."""
    ppm = rate_ppm(rate, path)
    if ppm < 0:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return ppm
