"""What a liquidation's own prints breach waits for the next input, or for a timer (D2).

Here the last trade is the mark, so that every print moves it.
"""

from tests.core.market import Market


def _two_longs() -> Market:
    """Let bob stand at tier 1 at 90, and carl at 85.5; a buyer waits at 85."""
    market = Market(None, mark_source="last", lot_size="0.1", collar="0.2")
    market.play("""
        mm   buy 0.1@100
        eve  sell 0.1@100
        deposit bob 20
        deposit carl 24
        mm   sell 1@100
        bob  buy  1@100
        mm   sell 1@100
        carl buy  1@100
        dave buy  0.1@90
        dave buy  5@85
    """)
    market.forget()
    return market


def _crash(market: Market) -> None:
    """Print 90, which brings bob to tier 1; his slice prints 85."""
    market.play("eve sell 0.1@90")


def _actions(market: Market) -> list[str]:
    return [event["account"] for event in market.of("liquidation")]


def test_prints_of_a_liquidation_set_nothing_off_at_once() -> None:
    """A runaway cascade would be one endless command (D2)."""
    market = _two_longs()

    _crash(market)

    assert market.fills == ["eve<dave 0.1@90", "bob<dave 0.3@85"]
    assert _actions(market) == ["bob"]


def test_next_input_looks_at_it() -> None:
    """Whatever the input is about, even a refused one (D2)."""
    market = _two_longs()
    _crash(market)
    market.forget()

    market.play("eve cancel o99")

    assert market.kinds()[0] == "rejected"
    assert sorted(_actions(market)) == ["bob", "carl"]
    assert {event["in"] for event in market.events} == {0}


def test_timer_looks_at_it_after_a_quarter_of_a_second() -> None:
    """With nobody trading it must go on all the same; a timer's events have no input (D2)."""
    market = _two_longs()
    _crash(market)
    market.forget()
    assert market.kernel.next_deadline_us() == market.now_us + 250_000

    assert market.wait(249) == []
    market.wait(1)

    assert sorted(_actions(market)) == ["bob", "carl"]
    assert all("in" not in event for event in market.events)


def test_review_interval_is_configuration() -> None:
    """`review_ms` of the ladder (D2)."""
    market = _two_longs()
    market.play("ladder review_ms=40")
    _crash(market)
    market.forget()

    assert market.wait(39) == []
    market.wait(1)
    assert sorted(_actions(market)) == ["bob", "carl"]


def test_timer_rests_when_nothing_is_left_to_look_at() -> None:
    """A quiet shard writes no empty frames (D2)."""
    market = _two_longs()
    _crash(market)

    for _ in range(20):
        market.wait(250)

    assert market.kernel.next_deadline_us() is None
    assert market.wait(10_000) == []


def test_waiting_survives_a_snapshot() -> None:
    """A restart between the print and the timer forgets nobody (D2)."""
    market = _two_longs()
    _crash(market)
    twin = market.restarted()

    market.wait(250)
    twin.wait(250)

    assert twin.last == market.last != []
    assert twin.hash() == market.hash()


def test_worse_ratio_is_taken_anew_when_its_turn_comes() -> None:
    """Two stand at a tier; the first one's print is seen by the second one's action (D2)."""
    market = _two_longs()
    market.play("""
        deposit dora 20
        mm   sell 1@100 id=last
        dora buy 1@100
    """)
    market.forget()

    _crash(market)

    first, second = market.of("liquidation")
    assert (first["account"], first["tier"]) == ("bob", 1)
    assert (second["account"], second["tier"]) == ("dora", 3)
