"""When the market as a whole has moved too far, every instrument stops (E2)."""

from typing import Any

import pytest

from tests.core.breaker_words import DAY_MS
from tests.core.market import Market
from tests.core.words import GRID

LEVELS: list[dict[str, Any]] = [
    {"move": "0.07", "halt_s": 900},
    {"move": "0.13", "halt_s": 900},
    {"move": "0.20"},
]


def _market(weights: dict[str, int], **terms: Any) -> Market:
    """Return A, B and C with pushed marks of 100, 50 and 10, and an index of some of them."""
    market = Market(None, symbol="A", mark_source="pushed", **terms)
    for symbol in ("B", "C"):
        named = {"symbol": symbol, "mark_source": "pushed", **GRID}
        market.send({"type": "create_instrument", **named})
    market.play("""
        push A 100
        push B 50
        push C 10
    """)
    _set(market, weights, LEVELS)
    market.forget()
    return market


def _set(market: Market, weights: dict[str, int], levels: list[dict[str, Any]]) -> None:
    market.send({"type": "set_market_breakers", "weights": weights, "levels": levels})


def _said(market: Market) -> list[str]:
    """Return what breakers and market states said, shortly."""
    words = []
    for e in market.events:
        if e["type"] == "breaker":
            end = f" until {e['until']}" if "until" in e else ""
            words.append(f"{e.get('symbol', 'all')} {e['level']} {e.get('index_value', '')}{end}")
        elif e["type"] == "market_state":
            words.append(f"{e['symbol']} {e['state']}")
    return words


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("92", "47.01", []),
        ("92", "47", ["all 1 0.93 until 901000", "A halted", "B halted", "C halted"]),
        ("108", "52.99", []),
        ("108", "53", ["all 1 1.07 until 901000", "A halted", "B halted", "C halted"]),
    ],
)
def test_all_markets_halt_at_the_threshold_of_the_index(a: str, b: str, said: list[str]) -> None:
    """Here half of it is A and half B; C has no weight, and halts with the others (E2)."""
    market = _market({"A": 1, "B": 1})

    market.play(f"""
        push C 5
        push A {a}
        push B {b}
    """)

    assert _said(market) == said


def test_event_says_the_whole_of_it() -> None:
    """It concerns no symbol, and is in the journal once (E2)."""
    market = _market({"A": 2, "B": 1})

    market.play("push A 89")

    assert market.of("breaker") == [
        {
            "type": "breaker",
            "in": 0,
            "scope": "market",
            "level": 1,
            "move": "0.07",
            "index_value": "0.92666667",
            "until": 901_000,
        }
    ]


def test_weights_decide_and_only_what_has_a_price_counts() -> None:
    """An instrument that nobody has priced would count as fallen to nothing (E2)."""
    market = _market({"A": 1})
    market.send({"type": "create_instrument", "symbol": "D", "mark_source": "pushed", **GRID})
    _set(market, {"A": 13, "D": 87}, LEVELS)
    market.forget()

    market.play("push A 93.01")
    assert _said(market) == []
    market.play("""
        push D 7
        push A 50
    """)
    assert _said(market) == []
    market.play("push A 46")

    assert _said(market)[0] == "all 1 0.9298 until 901000"


def test_all_open_together_when_the_time_is_over() -> None:
    """Whoever opened first would be the only place to sell (E2)."""
    market = _market({"A": 1})
    market.play("push A 93")
    market.forget()

    market.wait(899_999)
    assert _said(market) == []
    market.wait(1)

    assert _said(market) == ["A open", "B open", "C open"]


def test_each_level_trips_once_a_day() -> None:
    """And the higher one goes on from the halt of the lower; at a fifth an operator opens (E2)."""
    market = _market({"A": 1})
    market.play("""
        push A 93
        push A 100
        push A 92
    """)
    market.wait(600_000)
    market.play("push A 87")
    market.wait(899_999)
    assert _said(market) == [
        *("all 1 0.93 until 901000", "A halted", "B halted", "C halted"),
        "all 2 0.87 until 1501000",
    ]
    market.wait(1)
    market.forget()

    market.play("push A 80")
    market.wait(DAY_MS)

    assert _said(market) == ["all 3 0.8", "A halted", "B halted", "C halted"]
    market.play("push A 81")
    market.play("push A 75")
    assert _said(market)[4:] == []


def test_next_day_begins_at_one() -> None:
    """References are those of the day for all (E2)."""
    market = _market({"A": 1})
    market.play("push A 93")
    market.wait(DAY_MS)
    market.forget()

    market.play("push A 87")
    assert _said(market) == []
    market.play("push A 86.49")

    assert _said(market)[0] == f"all 1 0.93 until {DAY_MS + 901_000}"


def test_markets_that_an_operator_has_stopped_stay_as_they_are() -> None:
    """They are not opened with the others (E2)."""
    market = _market({"A": 1})
    market.play("""
        state B closed
        state C auction
    """)
    market.forget()

    market.play("push A 93")
    market.wait(900_000)

    assert _said(market) == ["all 1 0.93 until 901000", "A halted", "A open"]


def test_own_halt_and_that_of_the_market_both_count() -> None:
    """A market opens when nothing holds it any more (E2)."""
    own = [{"move": "0.05", "halt_s": 60}, {"move": "0.1"}]
    market = _market({"A": 1, "B": 1}, breakers=own)

    market.play("push A 86")

    assert _said(market) == ["A 2 ", "A halted", "all 1 0.93 until 901000", "B halted", "C halted"]
    market.wait(900_000)
    assert _said(market)[5:] == ["B open", "C open"]


def test_longer_hold_of_the_market_outlasts_a_breaker_of_its_own() -> None:
    """The later end counts, whichever came first (E2)."""
    market = _market({"A": 1, "B": 1}, breakers=[{"move": "0.18", "halt_s": 60}])
    market.play("push A 86")
    market.play("push A 82")

    assert [e["until"] for e in market.of("breaker")] == [901_000, 901_000]
    assert _said(market)[4:] == ["A 1  until 901000"]


def test_auction_of_a_breaker_gathers_on_through_a_halt_of_all() -> None:
    """Ending it would trade at the worst moment (A14)."""
    own = [{"move": "0.05", "halt_s": 60, "auction": True}]
    market = _market({"B": 1}, breakers=own)
    market.play("""
        push A 95
        push B 46
    """)

    assert _said(market)[1:] == ["A auction", "all 1 0.92 until 901000", "B halted", "C halted"]
    market.wait(900_000)
    assert _said(market)[5:] == ["A open", "B open", "C open"]


def test_operator_opens_one_and_the_others_wait() -> None:
    """His word ends the hold of what he names (E2)."""
    market = _market({"A": 1})
    market.play("""
        push A 93
        state A open
    """)
    market.forget()

    market.wait(900_000)

    assert _said(market) == ["B open", "C open"]


@pytest.mark.parametrize(("weights", "levels"), [({}, LEVELS), ({"A": 1}, []), ({}, [])])
def test_none_are_off(weights: dict[str, int], levels: list[dict[str, Any]]) -> None:
    """Without weights or without levels nothing looks at anything any more (E2)."""
    market = _market({"A": 1})

    _set(market, weights, levels)
    market.play("push A 1")

    assert market.of("market_breakers_set") == [
        {"type": "market_breakers_set", "in": 0, "weights": {}, "levels": []}
    ]
    assert _said(market) == []


def test_the_same_ones_stay_tripped_and_others_have_not() -> None:
    """Sending the settings again is no second halt (E2)."""
    market = _market({"A": 1})
    market.play("""
        push A 93
        state * open
    """)
    market.forget()

    _set(market, {"A": 1}, LEVELS)
    market.play("push A 92")
    assert _said(market) == []
    _set(market, {"A": 2}, LEVELS)
    market.play("push A 93")

    assert _said(market)[0] == "all 1 0.93 until 901000"


def test_deleted_instrument_takes_its_weight_along() -> None:
    """What is left is the market (E2)."""
    market = _market({"A": 1, "B": 999})
    market.play("""
        push B 49
        delete B
        push A 93
    """)

    assert _said(market)[0] == "all 1 0.93 until 901000"


def test_deleted_instrument_is_not_weighed_in_the_place_of_another() -> None:
    """Where one goes, the next to get a price is a new part of the index (E2)."""
    market = _market({"A": 1})
    market.send({"type": "create_instrument", "symbol": "D", "mark_source": "pushed", **GRID})
    _set(market, {"A": 1, "D": 1}, LEVELS)
    market.play("""
        push A 99
        delete A
        push D 10
    """)
    market.forget()

    market.play("push D 9.3")

    assert _said(market)[0] == "all 1 0.93 until 901000"


@pytest.mark.parametrize(
    ("weights", "levels", "code", "path"),
    [
        ({"A": 1, "Z": 1}, LEVELS, 202, "$.weights.Z"),
        ({"A": 1}, [{"move": "0"}], 409, "$.levels[0].move"),
        ({"A": 1}, [{"move": "0.1"}, {"move": "0.05"}], 409, "$.levels[1].move"),
        ({"A": 0}, LEVELS, 107, "$.weights[...]"),
        ({"A": 1_000_001}, LEVELS, 107, "$.weights[...]"),
        ({f"S{n}": 1 for n in range(101)}, LEVELS, 107, "$.weights"),
        ({"A": 1}, [{"move": "0.1", "halt_s": 1, "auction": True}], 103, "$.levels[0].auction"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    weights: dict[str, int], levels: list[dict[str, Any]], code: int, path: str
) -> None:
    """All markets stop at once: there is nothing to gather an auction for (E2)."""
    market = _market({"A": 1})
    before = market.hash()

    _set(market, weights, levels)

    assert [(e["code"], e["path"]) for e in market.events] == [(code, path)]
    assert market.hash() == before


def test_hundred_instruments_are_weighed_exactly() -> None:
    """However little their references have in common (E2)."""
    market = Market(None, mark_source="pushed")
    symbols = [f"S{n}" for n in range(100)]
    for number, symbol in enumerate(symbols):
        named = {"symbol": symbol, "mark_source": "pushed", "price_band": "0.9", **GRID}
        market.send({"type": "create_instrument", **named})
        market.play(f"push {symbol} {1000 + 7 * number}.{number:02}")
    _set(market, dict.fromkeys(symbols, 1_000_000), LEVELS)
    market.forget()

    market.play("push S0 7999.99")
    assert market.of("breaker") == []
    twin = market.restarted()
    for each in (market, twin):
        each.play("push S0 8000")

    assert [e["index_value"] for e in twin.of("breaker")] == ["1.07"]
    assert twin.last == market.last
    assert twin.hash() == market.hash()
