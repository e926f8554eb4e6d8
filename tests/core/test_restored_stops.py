"""Armed orders survive a restart with all that they have seen (A11, A12, F)."""

import pytest

from tests.core.market import Market

ARMED = """
    change X collar=0.5
    session X 00:01
    mm  sell 9@100
    ann buy  9@100
    mm  buy  30@90
    mm  sell 30@112
    ann sell stop 1 trigger=95 by=mark id=stop
    ann sell stop_limit 20@94 trigger=94 by=mark peak=3 id=iceberg
    ann sell take_profit 2 trigger=110 by=mark reduce id=exit
    ann buy  take_profit_limit 3@96 trigger=96 by=bid_ask post id=post
    bea sell trailing_stop 1 offset=5 step=1 by=mark id=trail
    bea sell trailing_stop 1 bps=300 by=mark activation=108 id=wakes
    bea buy  trailing_stop_limit 1@120 bps=500 by=bid_ask id=ask
    bea sell stop 1 trigger=95 by=mark slippage=10 gtd=30000 id=slips
    cy  sell stop 1 trigger=93 day id=day
    bea amend trail offset=4
    mark 103
    mark 103.9
    mark 102
"""

LATER = (
    "mark 104.1\n mark 100.2\n mark 100.1",
    "mark 108\n mark 104.76",
    "mark 90\n carol sell 1@90",
    "mark 110\n mark 112",
    "wait 29000\n mark 95\n wait 30000",
    "ann cancel all\n bea amend trail offset=3\n mark 99",
    "ann sell 9@90\n mark 90",
    "state X halted\n mark 80\n state X open",
)


@pytest.mark.parametrize("later", LATER)
def test_restored_orders_go_on_as_if_nothing_had_been(later: str) -> None:
    """Triggers, trails, watermarks, activation, places, times: nothing is missing (A12, F)."""
    market = Market()
    market.play(ARMED)
    assert market.refusals == []
    twin = market.restarted()
    twin.kernel.check()
    assert twin.armed() == market.armed()
    assert twin.hash() == market.hash()
    market.forget()

    for line in later.splitlines():
        market.play(line)
        twin.play(line)
        assert twin.events == market.events, line
        twin = twin.restarted()
        market.forget()

    assert twin.hash() == market.hash()
    assert len(market.armed()) < len(ARMED.split("id=")) - 1


def test_watermark_is_remembered(market: Market) -> None:
    """Else a restart would loosen the trail at the next high (A12)."""
    market.play("""
        ann sell trailing_stop 1 offset=5 step=2 by=mark id=T
        mark 101.5
    """)
    twin = market.restarted()

    twin.play("mark 101.4")
    assert twin.armed() == ["T sell 1 95"]
    twin.play("mark 102")
    assert twin.armed() == ["T sell 1 97"]


def test_trail_restored_again_and_again_works_each_time(market: Market) -> None:
    """Not once only (F)."""
    market.play("ann sell trailing_stop 1 offset=5 by=mark id=T\n mm buy 1@50")
    triggers = []
    for mark in ("101", "103", "102", "104"):
        market.play(f"mark {mark}")
        market = market.restarted()
        triggers.append(market.armed()[0].split()[-1])
    assert triggers == ["96", "98", "98", "99"]

    market.play("mark 99")
    assert market.fired == ["T 99 at 99"]


def test_place_among_the_armed_is_remembered(market: Market) -> None:
    """By arming, not by order id: an amended trigger went behind (A11)."""
    market.play("""
        mm  buy 9@90
        ann sell stop 1 trigger=95 by=mark id=A
        bea sell stop 1 trigger=94 by=mark id=B
        cy  sell stop 1 trigger=95 by=mark id=C
        ann amend A trigger=94
        bea amend B trigger=95
    """)
    twin = market.restarted()
    assert twin.armed() == ["C sell 1 95", "A sell 1 94", "B sell 1 95"]

    twin.play("dot sell stop 1 trigger=95 by=mark id=D\n mark 94")
    assert [fired.split()[0] for fired in twin.fired] == ["C", "B", "D", "A"]


def test_last_trade_is_remembered(market: Market) -> None:
    """A stop on the last trade can be armed and refused after a restart (A11)."""
    market.play("mm sell 1@100\n bea buy 1@100")
    twin = market.restarted()

    twin.play("ann sell stop 1 trigger=100\n ann sell stop 1 trigger=99")

    assert twin.refusals == ["would_trigger"]
    assert len(twin.armed()) == 1
