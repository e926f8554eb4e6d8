"""Breakers look at every price before anything that could trade at it (E2)."""

from typing import Any

import pytest

from tests.core.bounds import lower
from tests.core.breaker_words import told, watched
from tests.core.market import Market

LEVELS = [{"move": "0.12", "halt_s": 60}]


def _market(**terms: Any) -> Market:
    """Return a market that is marked by its trades, the first of them at 100."""
    market = Market(None, mark_source="last", breakers=LEVELS, **terms)
    market.play("""
        ann sell 1@100
        dan buy 1@100
    """)
    market.forget()
    return market


def test_child_that_trades_at_once_trips_before_the_stops() -> None:
    """What a bracket sells as its entry fills is a price like any other (A13)."""
    market = _market()
    market.play("""
        mm  buy 9@85
        cy  sell stop 1 trigger=90 id=S
        ann sell 1@99
        bob bracket buy market 1 tp=1@85 sl=80 id=e
    """)

    assert market.fills == ["bob<ann 1@99", "bob<mm 1@85"]
    assert told(market) == ["1 85 of 100 until 61000", "halted"]
    assert market.fired == []


@pytest.mark.parametrize("restarts", [False, True])
def test_uncross_over_frames_trips_when_the_market_is_open(
    monkeypatch: pytest.MonkeyPatch, *, restarts: bool
) -> None:
    """Until then it is in an operator's auction, and a level would trip in silence (A14)."""
    market = _market()
    market.play("""
        state X auction
        ann sell 1@85
        ann sell 1@85
        bob buy 1@85
        dan buy 1@85
    """)
    market.forget()
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 1)

    market.play("state X open")
    assert market.kinds() == ["auction_uncrossed", "trade"]
    if restarts:
        events, market = market.events, market.restarted()
        market.events = events
    market.wait(0)

    assert told(market) == ["open", "1 85 of 100 until 61000", "halted"]


def test_end_of_a_halt_is_told_in_whole_milliseconds_and_never_too_early() -> None:
    """Engine time is finer than what is told (E2)."""
    market = watched()
    market.now_us += 1

    market.play("push X 95")

    assert told(market)[0] == "1 95 of 100 until 61001"
    market.wait(60_000)
    assert told(market)[2:] == ["open"]
