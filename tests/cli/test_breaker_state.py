"""How `pitboss state` shows circuit breakers (E2)."""

from typing import Any

from engine import breaker_views, views
from engine.cli.breaker_rows import breaker_rows, held_text
from tests.core.breaker_words import LEVELS, watched
from tests.core.market import Market

ALL = {"type": "set_market_breakers", "weights": {"X": 3}, "levels": [{"move": "0.6"}]}


def _view(market: Market) -> dict[str, Any]:
    state = market.kernel.state
    return {
        "markets": views.markets(state),
        "market_breakers": breaker_views.market_breakers(state),
    }


def test_market_without_breakers_shows_none() -> None:
    """Nothing is said of what is off (E2)."""
    view = _view(Market())

    assert (view["markets"]["X"]["breakers"], view["markets"]["X"]["held"]) == (None, None)
    assert view["market_breakers"] is None
    assert list(breaker_rows(view)) == []


def test_levels_what_tripped_and_the_reference_are_shown() -> None:
    """Traders see how far away the next halt is (E2)."""
    market = watched()
    market.send(ALL)
    market.play("push X 90")

    view = _view(market)

    assert view["markets"]["X"]["breakers"] == {
        "levels": [
            {"move": "0.05", "halt_s": 60},
            {"move": "0.1", "halt_s": 300, "auction": True},
            {"move": "0.2"},
        ],
        "tripped": 2,
        "reference": "100",
    }
    assert view["market_breakers"] == {
        "weights": {"X": 3},
        "levels": [{"move": "0.6"}],
        "tripped": 0,
        "index": "0.9",
    }
    assert list(breaker_rows(view)) == [
        (
            *("X", "100", "90", "2"),
            "0.05 halted for 60 s, 0.1 auction for 300 s, 0.2 halted until opened",
        ),
        ("all", "1", "0.9", "0", "0.6 halted until opened"),
    ]


def test_hold_tells_when_it_ends() -> None:
    """Or that it waits for somebody (E2)."""
    market = watched()
    told = []
    for line in ("push X 95", "push X 80", "state X halted"):
        market.play(line)
        told.append(_view(market)["markets"]["X"])

    assert [each["held"] for each in told] == [{"until": 61_000}, {"until": None}, None]
    assert [held_text(each) for each in told] == [
        *(" by a breaker until 1970-01-01 00:01:01 UTC", " by a breaker", ""),
    ]


def test_before_the_first_price_there_is_nothing_to_measure_from() -> None:
    """An index of nothing is no number (E2)."""
    market = Market(None, mark_source="pushed", breakers=LEVELS)
    market.send(ALL)

    view = _view(market)

    assert view["markets"]["X"]["breakers"]["reference"] is None
    assert view["market_breakers"]["index"] is None
