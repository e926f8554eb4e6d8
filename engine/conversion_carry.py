"""Funding and swap of the wire in integers: rates in ppb, ids with their digests (B6)."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from engine.conversion_admin import Defect
from engine.decimals import TooFine, to_units
from engine.limits import MAX_CARRY_DAYS, MAX_RATE, PPB
from matching.terms import Refusal
from risk.messages import ApplyFunding, ApplySwap

if TYPE_CHECKING:
    from engine.wire_admin import ApplyFundingWire, ApplySwapWire

_PPB_DECIMALS: Final = 9
_DAY_COUNTS: Final = (360, 365)


def apply_funding(c: ApplyFundingWire) -> ApplyFunding:
    """Return the command with its rate in ppb."""
    funding = ApplyFunding(c.symbol, 0, c.funding_id, _digest(b"funding:", c.funding_id))
    try:
        funding.rate_ppb = _ppb(c.rate, "$.rate")
    except Defect as defect:
        funding.defect, funding.defect_path = defect.code, defect.path
    return funding


def apply_swap(c: ApplySwapWire) -> ApplySwap:
    """Return the command with its rates in ppb."""
    digest = _digest(b"swap:", c.swap_id)
    days = 1 if c.days is None else c.days
    swap = ApplySwap(c.symbol, 0, 0, c.day_count, days, c.swap_id, digest)
    try:
        swap.long_rate_ppb = _ppb(c.long_rate, "$.long_rate")
        swap.short_rate_ppb = _ppb(c.short_rate, "$.short_rate")
        if c.day_count not in _DAY_COUNTS:
            raise Defect(Refusal.OUT_OF_RANGE, "$.day_count")
        if not 1 <= days <= MAX_CARRY_DAYS:
            raise Defect(Refusal.OUT_OF_RANGE, "$.days")
    except Defect as defect:
        swap.defect, swap.defect_path = defect.code, defect.path
    return swap


def _ppb(rate: str | int, path: str) -> int:
    """Return a rate in parts per billion: funding rates have more places than others."""
    try:
        ppb = to_units(rate, _PPB_DECIMALS)
    except TooFine:
        raise Defect(Refusal.OUT_OF_RANGE, path) from None
    if abs(ppb) > MAX_RATE * PPB:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return ppb


def _digest(namespace: bytes, text: str) -> bytes:
    """Return the digest by which an id is remembered, apart from those of other commands."""
    return blake2b(namespace + text.encode(), digest_size=16).digest()
