"""Armed orders are orders: held, named, cancelled and expired, though they do not rest (A11)."""

from tests.core.market import Market


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


def test_repeat_of_an_armed_order_is_told_the_same(market: Market) -> None:
    """The original acceptance, trigger and all; a default said aloud changes nothing (A10)."""
    market.play("mm sell 1@100\n carol buy 1@100")
    market.play("ann sell stop 1 trigger=95 id=A")
    first = market.last[0]

    market.play("ann sell stop 1 trigger=95.00 by=last id=A")

    assert market.last == [first | {"duplicate": True}]
    market.play("ann sell stop 1 trigger=94 id=A")
    assert market.refusals == ["id_reused"]
