"""A market with breakers, and what they say of it."""

from typing import Any

from tests.core.market import Market

DAY_MS = 24 * 3600 * 1_000
LEVELS: list[dict[str, Any]] = [
    {"move": "0.05", "halt_s": 60},
    {"move": "0.10", "halt_s": 300, "auction": True},
    {"move": "0.20"},
]


def watched(levels: list[dict[str, Any]] | None = None, **terms: Any) -> Market:
    """Return a market whose mark is pushed in steps of a cent, from 100."""
    market = Market(mark_source="pushed", breakers=LEVELS if levels is None else levels, **terms)
    market.play("push X 100")
    market.forget()
    return market


def told(market: Market) -> list[str]:
    """Return what breakers and market states said, shortly."""
    words = []
    for e in market.events:
        if e["type"] == "breaker":
            end = f" until {e['until']}" if "until" in e else ""
            words.append(f"{e['level']} {e['price']} of {e['reference']}{end}")
        elif e["type"] == "market_state":
            words.append(e["state"])
    return words
