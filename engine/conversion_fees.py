"""Fee tiers of the wire in integers (B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.conversion_admin import Defect, atoms_from_text, rate_ppm
from engine.limits import MAX_FEE_PPM
from matching.terms import Refusal
from risk.messages import BY_VOLUME, FeeTier, Rejected, SetFeeTiers

if TYPE_CHECKING:
    from engine.wire_admin import SetFeeTiersWire


def set_fee_tiers(c: SetFeeTiersWire) -> SetFeeTiers | Rejected:
    """Return the tiers in atoms and ppm: volumes rise from 0, names are unique."""
    tiers: list[FeeTier] = []
    try:
        for place, each in enumerate(c.tiers):
            path = f"$.tiers[{place}]"
            tier = FeeTier(
                each.name,
                atoms_from_text(each.volume, f"{path}.volume"),
                rate_ppm(each.maker_fee, f"{path}.maker_fee"),
                rate_ppm(each.taker_fee, f"{path}.taker_fee"),
            )
            field = _wrong_field(tier, tiers)
            if field is not None:
                raise Defect(Refusal.INVALID_TERMS, f"{path}.{field}")
            tiers.append(tier)
    except Defect as defect:
        return Rejected(defect.code, path=defect.path)
    return SetFeeTiers(tuple(tiers))


def _wrong_field(tier: FeeTier, before: list[FeeTier]) -> str | None:
    """Return the field of a tier that does not go with those before it, if any."""
    if tier.name == BY_VOLUME or tier.name in [each.name for each in before]:
        return "name"
    if tier.volume_atoms <= before[-1].volume_atoms if before else tier.volume_atoms != 0:
        return "volume"
    if abs(tier.maker_fee_ppm) > MAX_FEE_PPM:
        return "maker_fee"
    return "taker_fee" if abs(tier.taker_fee_ppm) > MAX_FEE_PPM else None
