"""When a bracket's children come: after the command, before the stops, frame by frame (A13)."""

import json

import pytest

from matching.terms import MarketState
from tests.core.bounds import lower
from tests.core.market import Event, Market

TWO_ENTRIES = """
    alice bracket buy 3@101 tp=3@105 sl=95 id=a
    carol bracket buy 3@100 tp=3@106 sl=94 id=c
"""


def _named(events: list[Event], kind: str) -> list[str]:
    return [event["client_order_id"] for event in events if event["type"] == kind]


def test_children_come_before_any_stop_is_looked_at(market: Market) -> None:
    """The take-profit prints 102 before anybody sees the entry's 103 (A11, A13)."""
    market.play("""
        bob   buy  1@102
        mm    sell 1@102
        dave  buy  2@101
        alice bracket buy 2@100 tp=2@101 sl=90
        eve   buy stop 2 trigger=103
        alice amend o4 @103
        dave  buy  2@102
        mm    sell 2@101.50
    """)

    assert market.fills[1:] == ["mm<alice 2@103", "alice<dave 2@102"]
    assert market.fired == []
    assert market.armed() == ["o5 buy 2 103"]


def test_entry_filled_by_a_stop_is_covered_before_the_next_stop(market: Market) -> None:
    """Each stop of a cascade is run to its end, children and all (A11, A13)."""
    market.play("""
        mm    buy  1@99
        bob   buy  1@100
        zoe   sell 1@100
        alice bracket buy 4@98 tp=4@104 sl=90 id=a
        eve   sell stop 2 trigger=99 id=s1
        eve   sell stop 2 trigger=98 id=s2
    """)
    market.forget()

    market.play("zoe sell 1@99")

    names = [(e["type"], e["client_order_id"]) for e in market.events if "client_order_id" in e]
    assert names[1:] == [
        ("order_triggered", "s1"),
        ("order_accepted", "a.tp1"),
        ("order_accepted", "a.sl"),
        ("order_triggered", "s2"),
        ("order_amended", "a.tp1"),
        ("order_amended", "a.sl"),
    ]


def test_brackets_are_covered_in_the_order_their_entries_filled(market: Market) -> None:
    """Makers by their first print, then the taker (A13)."""
    market.play(TWO_ENTRIES)
    market.forget()

    market.play("dave bracket sell 8@100 tp=8@90 sl=110 id=d")

    accepted = _named(market.events, "order_accepted")
    assert accepted == ["d", "a.tp1", "a.sl", "c.tp1", "c.sl", "d.tp1", "d.sl"]


def test_bracket_filled_by_a_child_queues_behind(market: Market) -> None:
    """The first bracket's children all come before the second's (A13)."""
    market.play("""
        carol bracket buy 2@106 tp=2@110 sl=90 id=c
        alice bracket buy 2@100 tp=1@105,1@104 sl=95 id=a
        alice amend a @107
        mm    sell 2@107
    """)

    accepted = _named(market.events, "order_accepted")
    assert accepted[-4:] == ["a.tp1", "a.tp2", "c.tp1", "c.sl"]
    assert market.fills == ["mm<alice 2@107", "alice<carol 1@106", "alice<carol 1@106"]


def test_children_go_on_in_the_next_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many children a frame; the rest before any other input, and before stops (A13)."""
    market = Market()
    market.play(f"{TWO_ENTRIES}\n bob buy 1@102\n mm sell 1@102")
    market.play("eve sell stop 1 trigger=100 id=s\n dave buy 1@99")
    whole = market.restarted()
    whole.play("mm sell 6@100")
    lower(monkeypatch, "MAX_CHILDREN_PER_FRAME", 2)
    market.forget()

    market.play("mm sell 6@100")
    assert _named(market.events, "order_accepted")[1:] == ["a.tp1", "a.sl"]
    assert market.kernel.is_busy()
    assert market.kernel.next_deadline_us() == market.now_us
    rest = market.wait(0)
    assert _named(rest, "order_accepted") == ["c.tp1", "c.sl"]
    assert all("in" not in event for event in rest)
    assert not market.kernel.is_busy()

    assert market.fired == whole.fired == ["s 100 at 100"]
    assert market.hash() == whole.hash()


def test_queue_outlives_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for its children is state (A13)."""
    lower(monkeypatch, "MAX_CHILDREN_PER_FRAME", 1)
    market = Market()
    market.play(f"{TWO_ENTRIES}\n mm sell 6@100")
    twin = market.restarted()
    assert twin.hash() == market.hash()

    assert twin.wait(0) == market.wait(0) != []

    assert twin.hash() == market.hash()
    assert twin.armed() == ["a.sl sell 3 95", "c.sl sell 3 94"]


def test_array_waits_until_the_children_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command of the same entry comes between (A13)."""
    lower(monkeypatch, "MAX_CHILDREN_PER_FRAME", 1)
    market = Market()
    market.play(f"{TWO_ENTRIES}\n mm buy 1@1")
    order = {"type": "place_order", "account": "mm", "symbol": "X", "order_type": "limit"}
    first = order | {"side": "sell", "quantity": "6", "price": "100", "client_order_id": "n1"}
    second = order | {"side": "buy", "quantity": "1", "price": "90", "client_order_id": "n2"}
    market.forget()

    market.deliver("orders", json.dumps([first, second]).encode())

    accepted = _named(market.events, "order_accepted")
    assert accepted == ["n1", "a.tp1", "a.sl", "c.tp1", "c.sl", "n2"]


def _filled_by_a_liquidation(market: Market) -> None:
    """Let bob, long 50 with 1,000, fall at 81; his slice fills alice's entry."""
    market.play("""
        deposit bob 1000
        mm    sell 50@100
        bob   buy  50@100
        alice bracket buy 60@81 tp=60@90 sl=75 id=a
    """)
    market.forget()
    market.play("mark 80.50")


def test_entry_filled_by_a_liquidation_is_covered_in_the_next_frame() -> None:
    """Before anything else, be it the timers due: it must not stay naked (D2, A13)."""
    market = Market(collar="0.5")
    _filled_by_a_liquidation(market)
    assert market.of("liquidation")
    assert market.of("trade")
    assert _named(market.events, "order_accepted") == []
    assert market.kernel.is_busy()

    covered = market.wait(0)

    assert _named(covered, "order_accepted") == ["a.tp1", "a.sl"]
    assert not market.kernel.is_busy()


def test_bracket_waits_while_its_market_is_not_open() -> None:
    """Its children come when it opens (A13, A14)."""
    market = Market(collar="0.5")
    _filled_by_a_liquidation(market)
    market.kernel.state.markets["X"].instrument.state = MarketState.HALTED
    assert _named(market.wait(0), "order_accepted") == []
    assert not market.kernel.is_busy()
    twin = market.restarted()
    assert twin.hash() == market.hash()

    assert twin.play("state X open") == market.play("state X open")

    assert _named(market.last, "order_accepted") == ["a.tp1", "a.sl"]
