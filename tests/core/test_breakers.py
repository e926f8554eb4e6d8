"""A mark that moves too far halts its market, for a while or until an operator (E2)."""

import pytest

from tests.core.breaker_words import DAY_MS, LEVELS, told, watched
from tests.core.market import Market


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("95.01", []),
        ("95", ["1 95 of 100 until 61000", "halted"]),
        ("104.99", []),
        ("105", ["1 105 of 100 until 61000", "halted"]),
        ("90.01", ["1 90.01 of 100 until 61000", "halted"]),
        ("90", ["2 90 of 100 until 301000", "auction"]),
        ("120", ["3 120 of 100", "halted"]),
    ],
)
def test_threshold_itself_trips_and_one_tick_less_does_not(price: str, said: list[str]) -> None:
    """Up as down; of several levels at once the highest acts (E2)."""
    market = watched()

    market.play(f"push X {price}")

    assert told(market) == said


def test_event_says_all_there_is_to_know() -> None:
    """Who asks why his market stands still finds everything in one place (E2)."""
    market = watched()

    market.play("push X 90")

    assert market.of("breaker") == [
        {
            "type": "breaker",
            "in": 0,
            "scope": "instrument",
            "symbol": "X",
            "level": 2,
            "move": "0.1",
            "reference": "100",
            "price": "90",
            "until": 301_000,
            "auction": True,
        }
    ]


def test_each_level_trips_once_and_takes_those_below_with_it() -> None:
    """A price that swings around a threshold would halt the market all day (E2)."""
    market = watched()

    market.play("""
        push X 90
        push X 100
        push X 95
        push X 105
        push X 90
        push X 110
        push X 81
    """)

    assert told(market) == ["2 90 of 100 until 301000", "auction"]


def test_halt_ends_by_itself_and_trading_goes_on() -> None:
    """Nothing need come in: the engine writes a frame when the time is over (E2)."""
    market = watched()
    market.play("push X 95")
    assert market.kernel.next_deadline_us() == 61_000_000

    market.wait(59_999)
    market.play("bob buy 1@95")
    assert market.refusals == ["market_not_open"]
    market.forget()

    assert [(e["type"], e["state"], "in" in e) for e in market.wait(1)] == [
        ("market_state", "open", False)
    ]
    assert market.kernel.next_deadline_us() is None
    market.play("""
        bob buy 1@95
        ann sell 1@95
    """)
    assert market.fills == ["ann<bob 1@95"]


def test_auction_gathers_and_ends_at_one_price() -> None:
    """After ten per cent the market finds its price in one step (A14)."""
    market = watched()
    market.play("""
        push X 90
        ann sell 5@88
        bob buy 5@92
    """)
    assert market.fills == []

    market.wait(300_000)

    assert market.kinds()[-3:] == ["auction_uncrossed", "trade", "market_state"]
    assert market.fills == ["bob<ann 5@90"]


def test_last_level_waits_for_an_operator() -> None:
    """No clock opens a market that has lost a fifth (E2)."""
    market = watched()
    market.play("push X 80")

    market.wait(DAY_MS * 3)
    assert told(market) == ["3 80 of 100", "halted"]
    market.play("state X open")

    assert told(market)[2:] == ["open"]


def test_higher_level_takes_over_the_halt_of_a_lower_one() -> None:
    """Its state and its end count; the end of the first halt opens nothing (E2)."""
    market = watched()
    market.play("push X 95")
    market.wait(10_000)
    market.play("push X 90")
    market.wait(299_999)
    assert told(market) == [
        "1 95 of 100 until 61000",
        "halted",
        "2 90 of 100 until 311000",
        "auction",
    ]

    market.wait(1)

    assert told(market)[4:] == ["open"]


def test_halt_does_not_end_an_auction_that_a_breaker_called() -> None:
    """Leaving it would trade at the worst moment: it gathers on, until an operator (A14)."""
    market = watched()
    market.play("""
        push X 90
        ann sell 5@88
        bob buy 5@92
        push X 80
    """)

    market.wait(DAY_MS)

    assert told(market) == ["2 90 of 100 until 301000", "auction", "3 80 of 100"]
    assert market.fills == []
    market.play("state X open")
    assert market.fills == ["bob<ann 5@88"]


def test_shorter_halt_of_a_higher_level_ends_no_longer_one() -> None:
    """Two reasons to stand still are none to open earlier (E2)."""
    market = watched([{"move": "0.05", "halt_s": 300}, {"move": "0.1", "halt_s": 60}])
    market.play("push X 95")

    market.play("push X 90")

    assert told(market) == ["1 95 of 100 until 301000", "halted", "2 90 of 100 until 301000"]
    market.wait(300_000)
    assert told(market)[3:] == ["open"]


@pytest.mark.parametrize("state", ["halted", "closed", "auction"])
def test_market_that_an_operator_stopped_is_his(state: str) -> None:
    """A level counts as tripped, but neither halts nor opens what an operator has in hand (E2)."""
    market = watched()
    market.play(f"state X {state}")
    market.forget()

    market.play("push X 90")
    market.wait(301_000)
    assert told(market) == []
    market.play("""
        state X open
        push X 89
    """)

    assert told(market) == ["open"]


@pytest.mark.parametrize("state", ["open", "halted", "closed", "auction"])
def test_operator_ends_what_a_breaker_began(state: str) -> None:
    """His word is the last; the breaker's clock is forgotten (E2)."""
    market = watched()
    market.play("push X 95")

    market.play(f"state X {state}")
    market.wait(3_600_000)

    assert told(market)[2:] == [state]
    assert market.kernel.next_deadline_us() is None


def test_stops_do_not_fire_on_the_price_that_halts() -> None:
    """They are looked at again when the market opens, at the price of then (A11)."""
    market = watched()
    market.play("""
        mm  buy 9@90
        ann sell stop 1 trigger=97 by=mark id=A
        ben sell stop 1 trigger=96 by=mark id=B
        push X 95
    """)
    assert market.fired == []

    market.play("push X 96.5")
    market.wait(60_000)

    assert market.fired == ["A 97 at 96.5"]


def test_margins_wait_while_a_breaker_holds_the_market() -> None:
    """A halted market sells nobody's position; when it opens they are looked at (D6)."""
    market = watched()
    market.play("""
        deposit bob 20
        mm  sell 1@100
        bob buy 1@100
        mm  buy 1@85
        push X 90
    """)
    assert market.of("margin_call")
    assert market.of("liquidation") == []

    market.wait(300_000)

    assert [e["tier"] for e in market.of("liquidation")] == [1]


def test_trade_that_is_the_mark_trips_before_the_next_stop() -> None:
    """Stops that fire one by one would run through every level together (A11)."""
    market = Market(None, mark_source="last", breakers=LEVELS)
    market.play("""
        mm  buy 1@97
        mm  buy 1@95
        mm  buy 1@89
        ann sell 1@100
        bob buy 1@100
        ann sell stop 1 trigger=99 id=A
        ben sell stop 1 trigger=98 id=B
        cy  sell stop 1 trigger=96 id=C
        dan sell 1@97
    """)

    assert market.fired == ["A 99 at 97"]
    assert told(market) == ["1 95 of 100 until 61000", "halted"]
    assert market.armed() == ["B sell 1 98", "C sell 1 96"]


def test_print_of_a_liquidation_trips_too() -> None:
    """What the engine sells itself is a price like any other (D2)."""
    market = Market(None, mark_source="last", breakers=[{"move": "0.12", "halt_s": 60}])
    market.play("""
        deposit bob 20
        mm  sell 1@100
        bob buy 1@100
        mm  buy 1@90
        mm  buy 1@88
        eve sell 1@90
    """)

    assert [e["tier"] for e in market.of("liquidation")] == [1]
    assert market.fills[-1] == "bob<mm 1@88"
    assert market.kinds()[-2:] == ["breaker", "market_state"]


def test_reopening_price_may_trip_the_next_level() -> None:
    """An auction that ends far away halts the market again at once (A14)."""
    market = Market(None, mark_source="last", breakers=LEVELS)
    market.play("""
        ann sell 1@100
        bob buy 1@100
        bob buy 1@89
        ann sell 1@89
        ann sell 5@79
        bob buy 5@79
    """)

    market.wait(300_000)

    assert told(market) == ["2 89 of 100 until 301000", "auction", "open", "3 79 of 100", "halted"]
