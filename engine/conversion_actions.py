"""Corporate actions of the wire in integers (B6)."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from engine.conversion_admin import Defect
from engine.decimals import TooFine, to_units
from engine.limits import MAX_DIVIDEND, MAX_SPLIT, PPB
from matching.terms import Refusal
from risk.actions.messages import PayDividend, SplitUnits

if TYPE_CHECKING:
    from engine.wire_admin import CorporateActionWire

_PPB_DECIMALS = 9


def corporate_action(c: CorporateActionWire) -> PayDividend | SplitUnits:
    """Return the command of the action named; fields of the other one are refused."""
    digest = blake2b(b"action:" + c.action_id.encode(), digest_size=16).digest()
    if c.action == "split":
        return _split(c, digest)
    dividend = PayDividend(c.symbol, c.action_id, digest)
    try:
        _refuse_others({"$.numerator": c.numerator, "$.denominator": c.denominator})
        dividend.amount_ppb = _amount_ppb(c.amount)
    except Defect as defect:
        dividend.defect, dividend.defect_path = defect.code, defect.path
    return dividend


def _split(c: CorporateActionWire, digest: bytes) -> SplitUnits:
    split = SplitUnits(c.symbol, c.action_id, digest)
    try:
        _refuse_others({"$.amount": c.amount})
        split.numerator = _units(c.numerator, "$.numerator")
        split.denominator = _units(c.denominator, "$.denominator")
        if split.numerator == split.denominator:
            raise Defect(Refusal.OUT_OF_RANGE, "$.denominator")
    except Defect as defect:
        split.defect, split.defect_path = defect.code, defect.path
    return split


def _units(units: int | None, path: str) -> int:
    """Return one of the two numbers of a split."""
    if units is None:
        raise Defect(Refusal.MISSING_FIELD, path)
    if not 1 <= units <= MAX_SPLIT:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return units


def _refuse_others(fields: dict[str, str | int | None]) -> None:
    """Refuse what only the other action has."""
    for path, value in fields.items():
        if value is not None:
            raise Defect(Refusal.UNKNOWN_FIELD, path)


def _amount_ppb(amount: str | int | None) -> int:
    """Return a dividend in parts per billion of the settlement asset's unit; above zero."""
    path = "$.amount"
    if amount is None:
        raise Defect(Refusal.MISSING_FIELD, path)
    try:
        ppb = to_units(amount, _PPB_DECIMALS)
    except TooFine:
        raise Defect(Refusal.OUT_OF_RANGE, path) from None
    if not 0 < ppb <= MAX_DIVIDEND * PPB:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return ppb
