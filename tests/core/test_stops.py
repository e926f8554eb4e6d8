"""Stops and take-profits wake one after the other, each to its end (A11)."""

import pytest

from tests.core.market import Market
from tests.core.naive_market import NaiveMarket

LAST_100 = """
    change X collar=0.5
    mm    sell 1@100
    carol buy  1@100
"""
"""A market that has traded at 100, with room for a market order to slip."""


def test_stops_fire_most_deeply_crossed_first_and_ties_as_armed(market: Market) -> None:
    """The vector of A11: a trade at 97 fires A, C, then B, whose depth counts from A's print."""
    market.play(LAST_100)
    market.play("""
        ann sell stop 1 trigger=99 id=A
        bea sell stop 1 trigger=98 id=B
        cy  sell stop 1 trigger=99 id=C
        mm  buy 1@97
        mm  buy 1@96
        mm  buy 2@95
    """)
    market.forget()

    market.play("carol sell 1@97")

    assert market.fired == ["A 99 at 97", "C 99 at 96", "B 98 at 95"]
    assert market.fills == ["carol<mm 1@97", "ann<mm 1@96", "cy<mm 1@95", "bea<mm 1@95"]
    assert market.armed() == []


def test_what_a_fired_order_prints_may_spare_another(market: Market) -> None:
    """A take-profit that fires deeper lifts the last trade above a stop reached before (A11)."""
    market.play(LAST_100)
    market.play("""
        ann sell stop 1 trigger=97 id=A
        bea sell stop 1 trigger=99 id=B
        cy  buy take_profit 1 trigger=98 id=C
        mm  buy  2@96
        mm  buy  2@97
        mm  sell 2@101
        carol sell 2@97
    """)

    assert market.fired == ["B 99 at 97", "C 98 at 96"]
    assert market.fills[-1] == "cy<mm 1@101"
    assert market.armed() == ["A sell 1 97"]


def test_running_command_finishes_its_own_matching_first(market: Market) -> None:
    """Only the last print of a sweep is a reference, and only once the sweep has ended (A11)."""
    market.play(LAST_100)
    market.play("""
        ann sell stop 1 trigger=99 id=A
        mm buy 1@98
        mm buy 1@97
        mm buy 2@96
    """)
    market.forget()

    market.play("carol sell 4@97")

    assert market.fired == ["A 99 at 97"]
    assert market.kinds() == ["order_accepted", "trade", "trade", "order_triggered", "trade"]
    assert market.fills == ["carol<mm 1@98", "carol<mm 1@97", "ann<mm 1@96"]


def test_print_of_a_fired_stop_fires_the_next(market: Market) -> None:
    """References are taken anew after each of them (A11)."""
    market.play(LAST_100)
    market.play("""
        ann sell stop 1 trigger=99 id=A
        bea sell stop 1 trigger=96 id=B
        mm  buy 1@99
        mm  buy 1@96
        mm  buy 1@95
        carol sell 1@99
    """)

    assert market.fired == ["A 99 at 99", "B 96 at 96"]
    assert market.fills[-1] == "bea<mm 1@95"


@pytest.mark.parametrize(
    ("order", "calm", "price"),
    [
        ("sell stop 1 trigger=98", "mark 98.01", "mark 98"),
        ("buy  stop 1 trigger=102", "mark 101.99", "mark 102"),
        ("sell take_profit 1 trigger=102", "mark 101.99", "mark 102"),
        ("buy  take_profit 1 trigger=98", "mark 98.01", "mark 98"),
        ("sell stop_limit 1@90 trigger=98", "mark 98.01", "mark 97"),
        ("buy  stop_limit 1@110 trigger=102", "mark 101.99", "mark 103"),
        ("sell take_profit_limit 1@90 trigger=102", "mark 101.99", "mark 103"),
        ("buy  take_profit_limit 1@110 trigger=98", "mark 98.01", "mark 97"),
    ],
)
def test_order_fires_at_its_trigger_or_through_it(
    market: Market, order: str, calm: str, price: str
) -> None:
    """A stop guards against the market, a take-profit waits for it; the trigger itself counts."""
    market.play("mm buy 5@99\n mm sell 5@101")
    market.play(f"ann {order} by=mark id=A")
    accepted = market.last[0]
    market.play(calm)
    assert market.fired == []

    market.play(price)

    trigger = order.split("trigger=")[1]
    assert market.fired == [f"A {trigger} at {price.split()[1]}"]
    assert len(market.fills) == 1
    assert (accepted["status"], accepted["trigger_price"]) == ("armed", trigger)
    assert ("price" in accepted) == ("@" in order)


def test_order_looks_only_at_the_price_it_names(market: Market) -> None:
    """Last trade, mark, and the outside bid for a seller or ask for a buyer (A11)."""
    market.play(LAST_100)
    market.play("""
        mm  buy  2@98
        mm  buy  9@97
        mm  sell 9@110
        ann sell stop 1 trigger=97 by=last    id=last
        ann sell stop 1 trigger=97 by=mark    id=mark
        ann sell stop 1 trigger=97 by=bid_ask id=bid
        ann buy  stop 1 trigger=103 by=bid_ask id=ask
        ann buy  stop 1 trigger=103 by=mark    id=up
    """)

    market.play("tick 97 103")
    assert market.fired == ["bid 97 at 97", "ask 103 at 103"]

    market.play("tick 98 108.01")
    assert market.fired[2:] == ["up 103 at 103.005"]

    market.play("tick 95.99 98")
    assert market.fired[3:] == ["mark 97 at 96.995"]

    market.play("carol sell 1@97")
    assert market.fired[4:] == ["last 97 at 97"]


def test_last_trade_is_the_default_and_no_tick_moves_it(market: Market) -> None:
    """A tick is no trade (A11)."""
    market.play(LAST_100)
    market.play("""
        ann sell stop 1 trigger=99 id=A
        mark 90
    """)

    assert market.fired == []
    assert market.armed() == ["A sell 1 99"]


def test_pushed_mark_fires_what_looks_at_it() -> None:
    """Whoever says the mark, a tick or a price of its own (A11, B2)."""
    for kind in (Market, NaiveMarket):
        market = kind(mark_source="pushed")
        market.play("""
            push X 100
            mm  buy 1@90
            ann sell stop 1 trigger=95 by=mark id=A
            tick 80 81
        """)
        assert market.fired == []

        market.play("push X 95")
        assert market.fired == ["A 95 at 95"]


def test_instruments_are_looked_at_in_the_order_of_their_symbols(market: Market) -> None:
    """When one command opens several (A11, A14)."""
    market.play("""
        instrument B
        instrument A
        mark A 100
        mark B 100
        ann sell B stop_limit 1@100 trigger=95 by=mark id=b
        ann sell A stop_limit 1@100 trigger=95 by=mark id=a
        ann sell X stop_limit 1@100 trigger=95 by=mark id=x
        state * halted
        mark X 90
        mark B 90
        mark A 90
        state * open
    """)

    assert market.fired == ["a 95 at 90", "b 95 at 90", "x 95 at 90"]


def test_fired_limit_order_rests_and_keeps_what_it_carries(market: Market) -> None:
    """Peak, post-only, reduce-only and time count from activation (A11)."""
    market.play("""
        ann sell stop_limit 30@100 trigger=95 by=mark peak=10 id=A gtd=9000
        mark 95
    """)
    assert market.asks() == ["ann 30@100 shows 10"]

    market.wait(8_000)

    assert market.of("order_expired")[0]["leaves"] == "30"
    assert market.asks() == []


def test_fired_market_order_is_protected_and_never_rests(market: Market) -> None:
    """By its own slippage from the far touch of that moment, else the collar (A2, A11)."""
    market.play("""
        mm  buy 1@90
        mm  buy 1@89
        mm  buy 1@87
        ann sell stop 3 trigger=95 by=mark slippage=200 id=A
        bea sell stop 3 trigger=94 by=mark id=B
    """)

    market.play("mark 95")
    assert market.fills == ["ann<mm 1@90", "ann<mm 1@89"]
    assert market.cancels == ["A 1 collar"]

    market.play("mark 94")
    assert market.fills[2:] == ["bea<mm 1@87"]
    assert market.cancels[1:] == ["B 2 ioc_remainder"]
    assert market.asks() == []


@pytest.mark.parametrize("state", ["halted", "closed"])
def test_nothing_fires_unless_the_market_is_open(market: Market, state: str) -> None:
    """Opening it looks at the armed orders as they stand then (A11, A14)."""
    market.play(f"""
        mm  buy 5@90
        ann sell stop 1 trigger=95 by=mark id=A
        bea sell stop 1 trigger=97 by=mark id=B
        state X {state}
        mark 94
        mark 96
    """)
    assert market.fired == []

    market.play("state X open")
    assert market.fired == ["B 97 at 96"]

    market.play(f"""
        state X {state}
        mark 95
        state * open
    """)
    assert market.fired == ["B 97 at 96", "A 95 at 95"]


def test_stop_fires_before_margins_are_looked_at(market: Market) -> None:
    """Order of a tick: mark, stops on it, then margins; who was quick is not liquidated (A11)."""
    market.play("""
        change X collar=0.5
        deposit bob 200
        mm  sell 10@100
        bob buy  10@100
        mm  buy  20@88
        bob sell stop 10 trigger=90 by=mark reduce id=A
        mark 88.5
    """)

    assert market.fired == ["A 90 at 88.5"]
    assert market.of("liquidation") == []
    assert market.position("bob") == "0"
    assert market.balance("bob") == "80"


def test_prints_of_a_liquidation_wait_for_the_next_input(market: Market) -> None:
    """They are looked at after the next input, or when the margins are looked at again (D2)."""
    market.play("""
        change X collar=0.5
        mm  sell 10@100
        mm  buy  50@86
        deposit bob 200
        bob buy  10@100
        ann sell stop 1 trigger=90 id=A
        mark 86
    """)
    assert len(market.of("liquidation")) == 1
    assert market.fired == []
    waiting, twin = market.restarted(), market.restarted()

    waiting.play("bob cancel nothing")
    assert waiting.fired == ["A 90 at 86"]

    twin.wait(249)
    assert twin.fired == []
    twin.wait(1)
    assert twin.fired == ["A 90 at 86"]


def test_deleting_the_instrument_of_a_liquidation_is_no_accident(market: Market) -> None:
    """Its print had still to be looked at, and there is nothing to look at any more (A11)."""
    market.play("""
        change X collar=0.5
        deposit bob 200
        mm  sell 10@100
        bob buy  10@100
        mm  buy  10@85
        bob sell stop 10 trigger=50 reduce id=A
        mark 86
    """)
    assert market.position("bob") == "0"

    market.play("delete X")

    assert market.kinds()[-1] == "instrument_deleted"


def test_prevention_covers_a_fired_stop(market: Market) -> None:
    """Its mode was set when it was armed (A6)."""
    market.play("""
        mm  buy 5@90
        ann buy 5@91 id=own
        ann sell stop 5 trigger=95 by=mark stp=cancel_oldest id=A
        mark 95
    """)

    assert market.cancels == ["own 5 self_trade"]
    assert market.fills == ["ann<mm 5@90"]
