"""Mode `l1`: linked orders and stops, whose reference is the outside (A11, A13, D5)."""

from typing import Any

from tests.core.market import Market


def outside(**terms: Any) -> Market:
    """Return a market against an outside of 99 and 101."""
    market = Market(mode="l1", **terms)
    market.play("tick 99 101")
    market.forget()
    return market


def test_first_hit_of_a_group_spares_one_leg() -> None:
    """Both legs are reached by one tick, and one of them fills (A13)."""
    market = outside()
    market.play("""
        bob buy 5@98 oco=g
        bob buy 5@97 oco=g
        tick 95 96
    """)

    assert market.fills == ["house<bob 5@98"]
    assert market.cancels == ["o2 5 oco"]


def test_bracket_lives_against_the_outside() -> None:
    """Entry at the touch, take-profit as it is reached, stop-loss on the bid (A11, A13)."""
    market = outside()
    market.play("""
        bob bracket buy 10@101 tp=4@110 sl=95 id=e
        tick 110 111
        tick 95.01 95.5
        tick 95 96
    """)

    assert market.fills == ["bob<house 10@101", "house<bob 4@110", "bob<house 6@95"]
    assert market.fired == ["e.sl 95 at 95"]


def test_stops_look_at_the_outside_unless_they_say_otherwise() -> None:
    """A seller at the bid; the last trade may be hours old (A11)."""
    market = outside()
    market.play("""
        ann sell stop 1 trigger=97 id=S
        ann sell stop 1 trigger=97 by=last id=L
        cy  sell trailing_stop 1 offset=2 id=T
    """)
    assert market.refusals == ["price_unavailable"]  # nothing has traded yet

    market.play("tick 97.01 98\n tick 97 98")

    assert market.fired == ["S 97 at 97", "T 97 at 97"]


def test_repeat_knows_the_default_reference() -> None:
    """Said or unsaid, it is the same order; another reference makes another one (A10)."""
    market = outside()
    market.play("""
        ann buy 1@101
        ann sell stop 1 trigger=97 id=S
        ann sell stop 1 trigger=97 by=bid_ask id=S
        ann sell stop 1 trigger=97 by=last id=S
    """)

    assert [e.get("reason", e.get("duplicate", "new")) for e in market.events] == [
        *("new", "new", "new", True, "id_reused"),
    ]
    market.forget()

    market.play("""
        ann bracket buy 1@90 sl=85 id=B
        ann bracket buy 1@90 sl=85 slby=bid_ask id=B
        ann bracket buy 1@90 sl=85 slby=last id=B
    """)

    assert [e.get("reason", e.get("duplicate", "new")) for e in market.events] == [
        *("new", True, "id_reused"),
    ]


def test_fills_print() -> None:
    """Stops on the last trade see them, and so does a mark by the last trade (A11, B2)."""
    market = outside(mark_source="last")
    market.play("""
        bob buy 1@101
        ann sell stop 1 trigger=98.5 by=last id=S
        bob buy 1@98.5
        tick 97 98
    """)

    assert market.fills == ["bob<house 1@101", "house<bob 1@98.5", "ann<house 1@97"]
    assert market.fired == ["S 98.5 at 98.5"]
    assert market.kernel.state.markets["X"].instrument.mark_half_ticks == 2 * 9700


def test_fills_come_before_stops() -> None:
    """A limit that the tick reached is not overtaken by a stop that it reached too (D5, A11)."""
    market = outside()
    market.play("""
        bob buy 5@101
        bob sell stop 5 trigger=98 reduce id=S
        ann buy 1@98
        tick 97 98
    """)

    assert market.fills == ["bob<house 5@101", "house<ann 1@98", "bob<house 5@97"]
