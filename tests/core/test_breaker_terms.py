"""How breakers are set, changed and taken away (E2)."""

from typing import Any

import pytest

from tests.core.breaker_words import LEVELS, told, watched


def test_same_price_again_is_no_move() -> None:
    """Levels that are set while the price is far away act at its next move (E2)."""
    market = watched([])
    market.play("push X 95")
    market.send({"type": "update_instrument", "symbol": "X", "breakers": LEVELS})
    market.forget()

    market.play("""
        push X 95
        push X 90.25
    """)

    assert told(market) == ["1 90.25 of 95 until 61000", "halted"]


def test_update_without_levels_switches_off_and_leaves_the_halt_its_end() -> None:
    """Who takes breakers away does not thereby open a market (E2)."""
    market = watched()
    market.play("push X 95")
    updated = market.send({"type": "update_instrument", "symbol": "X", "breakers": []})
    assert "breakers" not in updated[-1]

    market.play("push X 50")
    assert told(market) == ["1 95 of 100 until 61000", "halted"]
    market.wait(60_000)

    assert told(market)[2:] == ["open"]


def test_other_levels_have_not_tripped_and_the_same_ones_have() -> None:
    """Their numbers mean something else; what stays the same stays tripped (E2)."""
    market = watched()
    market.play("push X 95")
    market.play("state X open")
    market.forget()

    market.send({"type": "update_instrument", "symbol": "X", "breakers": LEVELS})
    market.play("push X 94.9")
    assert told(market) == []
    market.send({"type": "update_instrument", "symbol": "X", "breakers": LEVELS[:1]})
    market.play("push X 95")

    assert told(market)[0] == "1 95 of 100 until 61000"


def test_deleted_instrument_leaves_no_clock() -> None:
    """Another one may take its name (E2)."""
    market = watched()
    market.play("push X 95")

    market.play("delete X")
    assert market.kernel.next_deadline_us() is None
    market.play("instrument X mark_source=pushed")
    market.wait(60_000)

    assert told(market) == ["1 95 of 100 until 61000", "halted"]


@pytest.mark.parametrize(
    ("levels", "code", "path"),
    [
        ([{"move": "0"}], 409, "$.breakers[0].move"),
        ([{"move": "-0.1"}], 409, "$.breakers[0].move"),
        ([{"move": "1.000001"}], 409, "$.breakers[0].move"),
        ([{"move": "0.1"}, {"move": "0.1"}], 409, "$.breakers[1].move"),
        ([{"move": "0.1"}, {"move": "0.2", "auction": True}], 409, "$.breakers[1].auction"),
        ([{"move": "0.0000001"}], 107, "$.breakers[0].move"),
        ([{"move": "0.1", "halt_s": 0}], 107, "$.breakers[0].halt_s"),
        ([{"move": f"0.{n:02}"} for n in range(1, 12)], 107, "$.breakers"),
        ([{"halt_s": 60}], 105, "$.breakers[0].move"),
        ([{"move": "0.1", "halt_ms": 60}], 103, "$.breakers[0].halt_ms"),
    ],
)
def test_levels_that_cannot_be_are_refused(
    levels: list[dict[str, Any]], code: int, path: str
) -> None:
    """In a new instrument as in a change; nothing else of the command holds then (E2)."""
    market = watched()
    before = market.hash()

    market.send({"type": "update_instrument", "symbol": "X", "breakers": levels, "collar": "0.1"})
    create = {"type": "create_instrument", "symbol": "Y", "tick_size": 1, "lot_size": 1}
    market.send({**create, "breakers": levels})

    assert [(e["code"], e["path"]) for e in market.events] == [(code, path)] * 2
    assert market.hash() == before


def test_greatest_number_of_levels_is_taken_and_told() -> None:
    """What holds stands in the event of an instrument, as it was written (E2)."""
    levels = [{"move": f"0.{n:02}".rstrip("0"), "halt_s": n} for n in range(1, 10)]
    levels.append({"move": "1", "halt_s": 604_800, "auction": True})
    market = watched([])

    updated = market.send({"type": "update_instrument", "symbol": "X", "breakers": levels})

    assert updated[-1]["breakers"] == levels


def test_restored_market_goes_on_in_the_middle_of_everything() -> None:
    """What tripped, from where, and until when, all of it is in the snapshot (E2)."""
    market = watched(price_band="0.5")
    market.play("""
        ann sell 1@100
        bob buy 1@100
        ann sell 2@100.01
        bob buy 2@100.01
        push X 95
    """)

    twin = market.restarted()
    assert twin.hash() == market.hash()
    for each in (market, twin):
        each.forget()
        each.wait(30_000)
        each.play("push X 90")
        each.wait(300_000)
        each.play("push X 80")

    assert twin.events == market.events
    assert [e["level"] for e in twin.of("breaker")] == [2, 3]
    assert twin.hash() == market.hash()
