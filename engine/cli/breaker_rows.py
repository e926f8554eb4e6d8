"""What `pitboss state` tells of circuit breakers: rows of a table (E2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

BREAKER_COLUMNS: Final = ("market", "reference", "now", "tripped today", "levels")


def breaker_rows(view: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield a row an instrument with levels, and one for all of them where the market has some."""
    for symbol, market in view["markets"].items():
        found = market["breakers"]
        if found is not None:
            yield symbol, found["reference"], market["mark"], *_levels(found)
    whole = view.get("market_breakers")
    if whole is not None:
        yield "all", "1", whole["index"], *_levels(whole)


def held_text(market: dict[str, Any]) -> str:
    """Return until when a breaker holds a market, in words; nothing where none does."""
    held = market["held"]
    if held is None:
        return ""
    if held["until"] is None:
        return " by a breaker"
    ends = datetime.fromtimestamp(held["until"] / 1_000, UTC)
    return f" by a breaker until {ends:%Y-%m-%d %H:%M:%S} UTC"


def _levels(found: dict[str, Any]) -> tuple[str, str]:
    return str(found["tripped"]), ", ".join(map(_level, found["levels"]))


def _level(level: dict[str, Any]) -> str:
    end = f"for {level['halt_s']} s" if "halt_s" in level else "until opened"
    return f"{level['move']} {'auction' if 'auction' in level else 'halted'} {end}"
