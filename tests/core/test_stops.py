"""Stops and take-profits wake one after the other, each to its end (A11)."""

import pytest

from tests.core.market import Market

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


def test_nothing_is_held_for_an_armed_order(market: Market) -> None:
    """Margin is asked at entry and held once it has fired (B3)."""
    market.play("""
        deposit bob 1000
        mm  buy 1@99
        mm  cancel o1
        bob sell stop_limit 10@99 trigger=95 by=mark id=A
    """)
    assert market.free("bob") == "1000"

    market.play("mark 95")

    assert market.asks() == ["bob 10@99"]
    assert market.free("bob") == "802"


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


def test_instrument_with_armed_orders_is_not_deleted(market: Market) -> None:
    """An armed order is an order (A11)."""
    market.play("""
        ann sell stop 1 trigger=95 by=mark id=A
        delete X
    """)

    assert market.refusals == ["instrument_not_flat"]


def test_armed_orders_leave_like_resting_ones(market: Market) -> None:
    """By a cancel, a mass cancel, expiry and liquidation (A11)."""
    market.play("""
        change X collar=0.5
        deposit bob 200
        mm  sell 10@100
        mm  buy  50@86
        bob buy  10@100
        bob sell stop 1 trigger=80 by=mark id=A
        bob sell stop 2 trigger=80 by=mark id=B gtd=2000
        bob sell stop 3 trigger=80 by=mark id=C
        bob sell stop 4 trigger=80 by=mark id=D
        bob sell stop 5 trigger=80 by=mark id=E reduce
        ann buy take_profit 6 trigger=80 by=mark id=F
        bob cancel A
        wait 1000
        ann cancel all buy
        mark 89.5
    """)

    assert market.cancels[:2] == ["A 1 requested", "F 6 cancel_all"]
    assert market.cancels[2:] == ["C 3 liquidation", "D 4 liquidation"]
    assert [(e["client_order_id"], e["leaves"]) for e in market.of("order_expired")] == [("B", "2")]
    assert market.armed() == ["E sell 5 80"]


def test_armed_exits_go_with_the_resting_ones_when_the_position_does(market: Market) -> None:
    """In order of arrival, whether they rest or sleep (A8)."""
    market.play("""
        mm  sell 10@100
        ann buy  10@100
        ann sell stop 5 trigger=90 by=mark reduce id=A
        ann sell 5@110 reduce id=B
        ann sell stop 5 trigger=91 by=mark reduce id=C
        ann sell stop 5 trigger=92 by=mark id=D
        mm  buy 10@99
        ann sell 10@99
    """)

    assert market.cancels == ["A 5 reduce_only", "B 5 reduce_only", "C 5 reduce_only"]
    assert market.armed() == ["D sell 5 92"]


def test_armed_exits_take_no_room_from_each_other(market: Market) -> None:
    """Two exits of the whole position may wait on either side of it (A8, C1)."""
    market.play("""
        deposit bob 210
        mm  sell 10@100
        bob buy  10@100
        bob sell stop 10 trigger=95 by=mark id=A
        bob sell take_profit 10 trigger=105 by=mark id=B
    """)

    assert market.refusals == []
    assert market.armed() == ["A sell 10 95", "B sell 10 105"]


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


def test_repeat_of_an_armed_order_is_told_the_same(market: Market) -> None:
    """The original acceptance, trigger and all; a default said aloud changes nothing (A10)."""
    market.play(LAST_100)
    market.play("ann sell stop 1 trigger=95 id=A")
    first = market.last[0]

    market.play("ann sell stop 1 trigger=95.00 by=last id=A")

    assert market.last == [first | {"duplicate": True}]
    market.play("ann sell stop 1 trigger=94 id=A")
    assert market.refusals == ["id_reused"]
