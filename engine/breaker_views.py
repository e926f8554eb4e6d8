"""Circuit breakers as others may see them (E2): JSON-ready values, as in `engine.views`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.grid import Grid
from engine.rendering_admin import levels_text
from engine.rendering_breakers import index_text, reference_text, until_ms

if TYPE_CHECKING:
    from engine.state import State
    from risk.instrument import Instrument


def breakers(instrument: Instrument) -> dict[str, Any] | None:
    """Return an instrument's levels, how many of them have tripped today, and its reference.

    None where it has no levels; the reference, to 8 places, is null before the first price.
    """
    watch = instrument.watch
    if watch is None or not instrument.terms.breakers:
        return None
    reference = None
    if watch.has_reference:
        grid = Grid(instrument.terms)
        reference = reference_text(watch.numerator, watch.denominator, grid)
    return {
        "levels": msgspec.json.decode(levels_text(instrument.terms.breakers)),
        "tripped": watch.tripped,
        "reference": reference,
    }


def held(state: State, symbol: str) -> dict[str, Any] | None:
    """Return until when a breaker holds a market, null for an operator; None where none does."""
    end_us = state.holds.ends_us.get(symbol)
    return None if end_us is None else {"until": until_ms(end_us)}


def market_breakers(state: State) -> dict[str, Any] | None:
    """Return the market's breakers and its index to 8 places; None where there are none."""
    index = state.index
    if not index.levels:
        return None
    index.gather(state.markets[symbol].instrument for symbol in index.weights)
    value, whole = index.value()
    return {
        "weights": dict(index.weights),
        "levels": msgspec.json.decode(levels_text(index.levels)),
        "tripped": index.tripped,
        "index": index_text(value, whole) if whole else None,
    }
