"""Events of circuit breakers to JSON (E2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.decimals import to_text
from engine.limits import NEVER_US
from engine.rendering_admin import levels_text, rate

if TYPE_CHECKING:
    from engine.grid import Grid
    from risk.guards.messages import BreakerTripped, MarketBreakersSet, MarketBreakerTripped

DECIMALS: Final = 8
"""Places of a reference and of the index, which are fractions and rounded half up."""


def breaker_tripped(e: BreakerTripped, where: str, grid: Grid) -> str:
    """Write a breaker of an instrument; without `until` an operator ends it."""
    reference = reference_text(e.numerator, e.denominator, grid)
    return (
        f'{{"type":"breaker",{where}"scope":"instrument","symbol":"{e.symbol}","level":{e.level},'
        f'"move":"{rate(e.move_ppm)}","reference":"{reference}",'
        f'"price":"{grid.half_price_text(e.mark_half_ticks)}"'
        f"{_until(e.until_us)}{_auction(is_auction=e.auction)}}}"
    )


def market_breaker_tripped(e: MarketBreakerTripped, where: str) -> str:
    """Write a breaker of the whole market with its index, 1 at the references.

    As `index_value`, since `index` is an event's place in its frame to whoever prints it.
    """
    return (
        f'{{"type":"breaker",{where}"scope":"market","level":{e.level},"move":"{rate(e.move_ppm)}",'
        f'"index_value":"{index_text(e.value, e.whole)}"{_until(e.until_us)}}}'
    )


def market_breakers_set(e: MarketBreakersSet, where: str) -> str:
    """Write what holds of the market's breakers; nothing is off."""
    weights = ",".join(f'"{symbol}":{weight}' for symbol, weight in e.weights.items())
    return (
        f'{{"type":"market_breakers_set",{where}"weights":{{{weights}}},'
        f'"levels":{levels_text(e.levels)}}}'
    )


def index_text(value: int, whole: int) -> str:
    """Return the index as a decimal, rounded half up to DECIMALS places."""
    return to_text((2 * value * 10**DECIMALS + whole) // (2 * whole), DECIMALS)


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
