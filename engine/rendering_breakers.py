"""Events of circuit breakers to JSON (E2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.decimals import to_text
from engine.limits import NEVER_US
from engine.rendering_admin import rate

if TYPE_CHECKING:
    from engine.grid import Grid
    from matching.messages import BreakerTripped

DECIMALS: Final = 8
"""Places of a reference, which is a fraction and rounded half up."""


def breaker_tripped(e: BreakerTripped, where: str, grid: Grid) -> str:
    """Write a breaker of an instrument; without `until` an operator ends it."""
    reference = reference_text(e.numerator, e.denominator, grid)
    return (
        f'{{"type":"breaker",{where}"scope":"instrument","symbol":"{e.symbol}","level":{e.level},'
        f'"move":"{rate(e.move_ppm)}","reference":"{reference}",'
        f'"price":"{grid.half_price_text(e.mark_half_ticks)}"'
        f"{_until(e.until_us)}{_auction(is_auction=e.auction)}}}"
    )


def reference_text(numerator: int, denominator: int, grid: Grid) -> str:
    """Return a reference of so many ticks as a price, rounded half up to DECIMALS places."""
    terms = grid.terms
    units = numerator * terms.tick_units * 10**DECIMALS
    whole = denominator * 10**terms.price_decimals
    return to_text((2 * units + whole) // (2 * whole), DECIMALS)


def until_ms(until_us: int) -> int | None:
    """Return a hold's end in ms, rounded up, None where an operator ends it."""
    return None if until_us == NEVER_US else -(-until_us // 1_000)


def _until(until_us: int) -> str:
    end_ms = until_ms(until_us)
    return "" if end_ms is None else f',"until":{end_ms}'


def _auction(*, is_auction: bool) -> str:
    return ',"auction":true' if is_auction else ""
