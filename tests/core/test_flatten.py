"""A kill switch closes what is open, as far as somebody buys it, and then goes on trying (E4)."""

import pytest

from tests.core.market import Market
from tests.core.unsold import long_at_100


def _long(market: Market) -> Market:
    """Let bob be long 10 and cy long 5 from mm; nobody bids."""
    market.play("""
        mm  sell 15@100
        bob buy  10@100
        cy  buy  5@100
    """)
    market.forget()
    return market


def _flattened(market: Market) -> list[str]:
    return [
        f"{e['account']} {e['side']} {e['quantity']}@{e['limit_price']}"
        for e in market.of("flatten")
    ]


def test_position_is_closed_within_the_collar(market: Market) -> None:
    """Like a market order: as far as the collar lets it, in the order of the book (E4, A2)."""
    _long(market).play("""
        amy buy 3@99
        amy buy 9@94.05
        amy buy 9@94.04
        bob buy 1@50 id=low
        bob sell 1@120 reduce id=exit
        kill account bob flatten
    """)

    assert market.last == [
        {
            "type": "kill_switch",
            "in": 0,
            "account": "bob",
            "action": "kill",
            "scope": "account",
            "target": "bob",
            "mode": "flatten",
            "operator": "ann",
            "reason": "a test",
        },
        *[e for e in market.last if e["type"] == "order_cancelled"],
        {
            "type": "flatten",
            "in": 0,
            "symbol": "X",
            "account": "bob",
            "client_order_id": "kill-9",
            "order_id": 9,
            "side": "sell",
            "quantity": "10",
            "limit_price": "94.05",
        },
        *market.of("trade"),
    ]
    assert market.cancels == ["low 1 kill_switch", "exit 1 kill_switch"]
    assert market.fills == ["bob<amy 3@99", "bob<amy 7@94.05"]
    assert (market.position("bob"), market.position("cy")) == ("0", "5")
    assert market.wait(5_000) == []


@pytest.mark.parametrize(
    ("place", "closed"),
    [("global", "bob cy"), ("symbol X", "bob cy"), ("symbol Y", ""), ("account cy", "cy")],
)
def test_scope_says_whose_positions(market: Market, place: str, closed: str) -> None:
    """Account by account; whoever is short may bid, for that reduces (E4)."""
    market.play("instrument Y")
    _long(market).play(f"""
        kill {place} flatten
        mm   buy 15@99
        wait 1000
    """)

    assert [event["account"] for event in market.of("flatten")] == closed.split()


def test_short_is_bought_back(market: Market) -> None:
    """The way out of a short is up (E4)."""
    _long(market).play("""
        amy sell 20@101
        kill account mm flatten
    """)

    assert _flattened(market) == ["mm buy 15@106.05"]
    assert market.position("mm") == "0"


def test_what_finds_nobody_is_tried_at_the_next_input_of_its_symbol(market: Market) -> None:
    """Once between two turns of the timer, which come every second (E4)."""
    market.play("instrument Y")
    market.play("mark Y 100")
    _long(market).play("""
        kill account bob flatten
        amy buy 1@99
    """)
    assert market.kinds()[-1] == "order_accepted", "the kill itself was this turn's input"
    market.wait(999)
    assert market.fills == []

    market.wait(1)
    assert market.fills == ["bob<amy 1@99"]

    market.play("""
        amy buy Y 1@98
        eve buy 1@98.001
        eve sell 1@99 reduce
        amy buy 2@98
    """)
    assert market.fills[1:] == ["bob<amy 2@98"]
    market.play("amy buy 3@97")
    assert market.fills[2:] == [], "once a turn"
    market.wait(1_000)
    assert market.fills[2:] == ["bob<amy 3@97"]
    assert market.of("flatten")[-1]["quantity"] == "7"


def test_timer_ends_when_all_is_flat(market: Market) -> None:
    """Nothing is written while nothing happens (E4)."""
    _long(market).play("""
        amy buy 20@99
        kill account bob flatten
    """)
    kinds = market.kinds()

    for _ in range(3):
        market.wait(1_000)

    assert market.kinds() == kinds
    if hasattr(market, "oracle"):
        return
    assert market.kernel.next_deadline_us() is None


@pytest.mark.parametrize("word", ["resume account bob", "kill account bob no_new"])
def test_resume_ends_it(market: Market, word: str) -> None:
    """What is left stays with its owner, who may trade it, or not (E4)."""
    _long(market).play(f"""
        kill account bob flatten
        {word}
        amy buy 20@99
        wait 1000
        amy buy 20@98
    """)

    assert market.fills == []
    assert market.position("bob") == "10"


@pytest.mark.parametrize("word", ["resume account bob", "kill account bob cancel_all"])
def test_timer_ends_with_the_switch(word: str) -> None:
    """No frame is written for what nobody wants any more (E4)."""
    market = _long(Market())
    market.play("kill account bob flatten")
    assert market.kernel.next_deadline_us() == market.now_us + 1_000_000

    market.play(word)

    assert market.kernel.next_deadline_us() is None


def test_one_switch_of_two_goes_on(market: Market) -> None:
    """The position is still under the other (E4)."""
    _long(market).play("""
        kill account bob flatten
        kill symbol X flatten
        resume account bob
        wait 1000
        resume symbol X
        amy buy 20@99
        wait 1000
    """)
    assert market.fills == []

    market.play("""
        amy cancel all
        kill account bob flatten
        kill account cy flatten
        resume account bob
        wait 1000
        amy buy 20@99
    """)
    assert market.fills == ["cy<amy 5@99"]


def test_closed_market_waits(market: Market) -> None:
    """The market's state binds; opening it is an input of its symbol (E4, A14)."""
    _long(market).play("""
        amy buy 20@99
        state X halted
        kill account bob flatten
        wait 1000
        wait 1000
    """)
    assert market.fills == []

    market.play("state * open")

    assert market.fills == ["bob<amy 10@99"]


def test_own_exit_does_not_open_once_the_position_is_closed(market: Market) -> None:
    """It reduced when it came; it would be a short by itself (E4)."""
    _long(market).play("""
        kill account bob flatten
        bob sell 10@110 id=exit
        amy buy 10@99
        wait 1000
    """)

    assert market.cancels == ["exit 10 kill_switch"]
    assert market.asks() == []
    assert market.position("bob") == "0"


def test_two_whose_exits_meet_need_nobody(market: Market) -> None:
    """All is stopped, and those who want out the other way are let in (E4)."""
    _long(market).play("""
        kill global flatten
        mm  buy 6@99
        wait 1000
    """)

    assert market.fills == ["bob<mm 6@99"]
    assert _flattened(market) == ["bob sell 10@94.05"]
    assert market.wait(1_000) == []


def test_what_it_prints_fires_stops_and_moves_margins(market: Market) -> None:
    """Its trades are trades: of somebody else's stop it knows nothing (E4, A11)."""
    _long(market).play("""
        amy buy 10@96
        amy buy 5@95
        cy  sell stop 5 trigger=97 id=s
        kill account bob flatten
    """)

    assert market.fills == ["bob<amy 10@96", "cy<amy 5@95"]
    assert market.fired == ["s 97 at 96"]


def test_liquidation_goes_on_under_a_switch() -> None:
    """Its slices, the takeover and the fund are the venue's, and bound by no switch (E4, D6)."""
    stopped, free = (long_at_100(ladder="max_tries=1") for _ in range(2))
    stopped.play("kill global no_new")
    stopped.play("kill account bob reduce_only")
    for market in (stopped, free):
        market.forget()
        market.play("mark 90")

    assert stopped.events == free.events
    assert "takeover" in stopped.kinds()


def test_account_that_is_liquidated_is_closed_too(market: Market) -> None:
    """The slice first, then what the operator wants; nothing is sold twice (E4, D2)."""
    market.play("""
        deposit bob 110
        mm  sell 10@10
        mark 10
        bob buy 10@10
    """)
    market.forget()

    market.play("""
        kill account bob flatten
        mark 1
        amy buy 20@0.5
        wait 1000
        wait 1000
    """)

    assert market.position("bob") == "0"
    assert sum(int(e["quantity"]) for e in market.of("trade")) == 10


def test_backstop_is_closed_with_all_the_others(market: Market) -> None:
    """An operator who says everybody means everybody (E4, D6)."""
    market.play("""
        backstop buy 3@100
        mm  sell 3@100
        amy buy 5@99
        kill account backstop flatten
    """)

    assert market.fills[-1] == "backstop<amy 3@99"
    assert market.balance("backstop") == "0"


def test_flatten_survives_a_restart() -> None:
    """What is left is tried on, at the same moments (E4)."""
    market = _long(Market())
    market.play("""
        kill global flatten
        wait 1000
        mm buy 1@99
    """)

    twin = market.restarted()

    assert twin.hash() == market.hash()
    for each in (market, twin):
        each.play("mm buy 2@98")
    assert twin.last == market.last
    assert twin.wait(1_000) == market.wait(1_000) != []
    assert twin.hash() == market.hash()


def test_band_is_not_asked(market: Market) -> None:
    """The way out is bounded by the collar alone (E4, E1)."""
    _long(market).play("""
        change X price_band=0.01
        amy buy 4@99.5
        change X price_band=0
        amy buy 9@96
        change X price_band=0.01
        kill account bob flatten
    """)

    assert market.fills == ["bob<amy 4@99.5", "bob<amy 6@96"]


def test_instrument_that_is_gone_is_not_waited_for(market: Market) -> None:
    """Everybody got out by himself; the timer finds nothing and ends (E4)."""
    market.play("instrument Y")
    market.play("mark Y 100")
    market.play("""
        mm  sell Y 1@100
        bob buy  Y 1@100
        kill account bob flatten
        mm  buy  Y 1@99
        bob sell Y 1@99
        delete Y
        wait 1000
        instrument Y
        wait 1000
    """)

    assert market.of("flatten") == []
    assert market.refusals == []


def test_outside_market_takes_everybody_but_the_house(kind: type[Market]) -> None:
    """The house is the other side of all of them, and flat when they are (E4, D5)."""
    market = kind(None, mode="l1")
    market.play("""
        tick 99 101
        bob buy  3@101
        cy  sell 5@99
        kill global flatten
        wait 5000
    """)

    assert _flattened(market) == ["bob sell 3@99", "cy buy 5@101"]
    assert market.fills[-2:] == ["bob<house 3@99", "cy<house 5@101"]
    assert {name: market.position(name) for name in ("bob", "cy", "house")} == {
        "bob": "0",
        "cy": "0",
        "house": "0",
    }
