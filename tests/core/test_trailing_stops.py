"""Trailing stops follow the market one way and fire when it turns (A12)."""

import pytest

from tests.core.market import Market


def _marks(market: Market, *marks: str) -> list[str]:
    """Play marks; return the first armed order's trigger after each, `fired` once it is gone."""
    triggers = []
    for mark in marks:
        market.play(f"mark {mark}")
        sleeping = market.armed()
        triggers.append(sleeping[0].split()[-1] if sleeping else "fired")
    return triggers


def test_trailing_stop_follows_and_fires_on_the_way_back(market: Market) -> None:
    """The vector of A12: offset 100, references 1000 1050 1020 1051 960 951."""
    market.play("""
        mark 1000
        mm  buy 1@940
        ann sell trailing_stop 1 offset=100 by=mark id=T
    """)
    assert market.last[0]["trigger_price"] == "900"
    assert market.armed() == ["T sell 1 900"]

    assert _marks(market, "1050", "1020", "1051", "960") == ["950", "950", "951", "951"]
    assert market.fired == []

    market.play("mark 951")
    assert market.fired == ["T 951 at 951"]
    assert market.fills == ["ann<mm 1@940"]


def test_trailing_stop_to_buy_mirrors_it(market: Market) -> None:
    """It follows a falling market, from above (A12)."""
    market.play("""
        mm  sell 1@104
        ann buy trailing_stop 1 offset=10 by=mark id=T
    """)

    assert _marks(market, "95", "98", "94.9", "104") == ["105", "105", "104.9", "104.9"]

    market.play("mark 104.9")
    assert market.fired == ["T 104.9 at 104.9"]
    assert market.fills == ["ann<mm 1@104"]


def test_trailing_stop_works_more_than_once(market: Market) -> None:
    """One that fires leaves the others following, and a new one starts afresh (A12)."""
    market.play("""
        mm  buy 9@90
        ann sell trailing_stop 1 offset=1 by=mark id=T1
        bea sell trailing_stop 1 offset=5 by=mark id=T2
        mark 102
        mark 101
    """)
    assert market.fired == ["T1 101 at 101"]

    market.play("""
        ann sell trailing_stop 1 offset=2 by=mark id=T3
        mark 104
    """)
    assert market.armed() == ["T2 sell 1 99", "T3 sell 1 102"]

    market.play("mark 102\n mark 110\n mark 105")
    assert market.fired == ["T1 101 at 101", "T3 102 at 102", "T2 105 at 105"]


@pytest.mark.parametrize(
    ("side", "bps", "mark", "trigger"),
    [
        ("sell", 100, "100", "99"),
        ("sell", 33, "100.01", "99.67"),
        ("buy", 33, "100.01", "100.35"),
        ("sell", 9_999, "100", "0.01"),
        ("buy", 9_999, "100", "199.99"),
        ("sell", 1, "100", "99.99"),
    ],
)
def test_basis_points_are_rounded_away_from_the_market(
    market: Market, side: str, bps: int, mark: str, trigger: str
) -> None:
    """A seller's trigger down, a buyer's up, to the tick (A12)."""
    market.play(f"""
        mark {mark}
        ann {side} trailing_stop 1 bps={bps} by=mark id=T
    """)

    assert market.armed() == [f"T {side} 1 {trigger}"]


@pytest.mark.parametrize(("side", "trigger"), [("sell", "98"), ("buy", "102.01")])
def test_mark_between_two_ticks_is_rounded_with_the_trigger(
    market: Market, side: str, trigger: str
) -> None:
    """A mid of 100.005 is exact; only the trigger is on the grid (A12, B2)."""
    market.play(f"""
        tick 100 100.01
        ann {side} trailing_stop 1 offset=2 by=mark id=T
    """)

    assert market.armed() == [f"T {side} 1 {trigger}"]


def test_half_a_tick_is_an_extreme_but_moves_no_trigger(market: Market) -> None:
    """The watermark rises by half ticks, the trigger by whole ones (A12)."""
    market.play("""
        ann sell trailing_stop 1 offset=2 by=mark id=T
        tick 100 100.01
    """)
    assert market.armed() == ["T sell 1 98"]

    market.play("tick 100 100.02")
    assert market.armed() == ["T sell 1 98.01"]

    market.play("tick 98 98.03")
    assert market.fired == []
    market.play("tick 98 98.02")
    assert market.fired == ["T 98.01 at 98.01"]


def test_trigger_moves_by_a_step_at_least(market: Market) -> None:
    """Small gains are saved up in the watermark until they make a step (A12)."""
    market.play("ann sell trailing_stop 1 offset=10 step=2 by=mark id=T")

    marks = ("101", "101.99", "101", "102", "103.99", "104.5")
    assert _marks(market, *marks) == ["90", "90", "90", "92", "92", "94.5"]


def test_trigger_never_loosens(market: Market) -> None:
    """Whatever the market does, back and forth (A12)."""
    market.play("ann sell trailing_stop 1 offset=10 by=mark id=T")

    assert _marks(market, "105", "96", "104.99", "105.01", "95.02") == ["95"] * 3 + ["95.01"] * 2


def test_activation_price_is_waited_for(market: Market) -> None:
    """The trail starts at the first reference at or beyond it, from that reference (A12)."""
    market.play("""
        mm  buy 1@99
        ann sell trailing_stop 1 offset=2 activation=105 by=mark id=T
    """)
    assert market.last[0]["status"] == "armed"
    assert "trigger_price" not in market.last[0]

    assert _marks(market, "90", "104.99", "106", "105", "107") == ["0", "0", "104", "104", "105"]

    market.play("mark 105")
    assert market.fired == ["T 105 at 105"]


def test_activation_of_a_buyer_is_below_the_market(market: Market) -> None:
    """And the activation price itself will do (A12)."""
    market.play("ann buy trailing_stop 1 offset=2 activation=95 by=mark id=T")

    assert _marks(market, "110", "95.01", "95", "94") == ["0", "0", "97", "96"]


@pytest.mark.parametrize("activation", ["90", "100"])
def test_activation_price_reached_at_entry_activates_at_once(
    market: Market, activation: str
) -> None:
    """With the reference of that moment, not the activation price (A12)."""
    market.play(f"ann sell trailing_stop 1 offset=2 activation={activation} by=mark id=T")

    assert market.last[0]["trigger_price"] == "98"
    assert market.armed() == ["T sell 1 98"]


def test_trailing_on_last_sees_the_end_of_each_sweep(market: Market) -> None:
    """One look a command: prints within a sweep are nobody's watermark (A11, A12)."""
    market.play("""
        change X collar=0.5
        mm  sell 1@100
        bea buy  1@100
        ann sell trailing_stop 1 offset=5 id=T
        mm  sell 1@101
        mm  sell 1@103
        bea buy  2@103
    """)

    assert market.armed() == ["T sell 1 98"]


def test_trail_sees_the_print_of_each_fired_stop(market: Market) -> None:
    """Between two of a cascade the references are looked at anew (A11, A12)."""
    market.play("""
        change X collar=0.5
        mm  sell 1@100
        bea buy  1@100
        ann sell trailing_stop 1 offset=2 id=T
        bea buy stop 1 trigger=101 id=S1
        bea sell take_profit 1 trigger=108 id=S2
        mm  sell 1@101
        mm  sell 1@108
        mm  buy  5@100.5
        cy  buy  1@101
    """)

    assert market.fired == ["S1 101 at 101", "S2 108 at 108", "T 106 at 100.5"]


def test_trailing_looks_at_the_outside_bid_or_ask(market: Market) -> None:
    """A seller at the bid, a buyer at the ask (A11, A12)."""
    market.play("""
        tick 100 102
        ann sell trailing_stop 1 offset=5 by=bid_ask id=S
        bea buy  trailing_stop 1 offset=5 by=bid_ask id=B
        tick 101 102
        tick 99 100
    """)

    assert market.armed() == ["S sell 1 96", "B buy 1 105"]


def test_trail_goes_on_in_a_halted_market_and_fires_once_it_opens(market: Market) -> None:
    """References are seen, nothing is triggered (A11, A14)."""
    market.play("""
        mm  buy 1@99
        ann sell trailing_stop 1 offset=5 by=mark id=T
        state X halted
        mark 110
        mark 104
    """)
    assert market.fired == []
    assert market.armed() == ["T sell 1 105"]

    market.play("state X open")
    assert market.fired == ["T 105 at 104"]


def test_trailing_stop_limit_rests_at_its_price(market: Market) -> None:
    """Fired, it is a limit order like any other (A12)."""
    market.play("""
        ann sell trailing_stop_limit 5@101 offset=1 by=mark id=T
        mark 99
    """)

    assert market.fired == ["T 99 at 99"]
    assert market.asks() == ["ann 5@101"]


def test_trigger_is_at_least_one_tick(market: Market) -> None:
    """There is no price below (A12)."""
    market.play("ann sell trailing_stop 1 offset=200 by=mark id=T")

    assert market.armed() == ["T sell 1 0.01"]
