"""An instrument may let a stop fire that is reached when it arrives (A11 g)."""

import pytest

from tests.core.market import Market


@pytest.fixture
def ready(venue: type[Market]) -> Market:
    """Return a market that fires what is reached, whose last trade was at 100."""
    market = venue(stop_already_reached="fire")
    market.play("""
        mm   sell 2@100
        bob  buy  2@100
        mm   buy  1@98
        mm   buy  5@95
        mm   sell 5@103
    """)
    market.forget()
    return market


@pytest.mark.parametrize(
    ("order", "fills"),
    [
        ("sell stop 1 trigger=101", ["bob<mm 1@98"]),
        ("sell stop_limit 1@96 trigger=100", ["bob<mm 1@98"]),
        ("buy stop_limit 1@103 trigger=100", ["bob<mm 1@103"]),
        ("sell take_profit 1 trigger=99", ["bob<mm 1@98"]),
        ("sell stop 1 trigger=101 by=mark", ["bob<mm 1@98"]),
        ("sell stop 1 trigger=99.99 by=bid_ask", ["bob<mm 1@98"]),
    ],
)
def test_reached_order_fires_at_once(ready: Market, order: str, fills: list[str]) -> None:
    """It is accepted as armed like any other, and fires at the end of its own command (A11)."""
    ready.play(f"bob {order} id=s")

    assert [event["type"] for event in ready.last] == [
        *("order_accepted", "order_triggered", "trade"),
    ]
    assert ready.last[0]["status"] == "armed"
    assert ready.fills == fills
    assert ready.armed() == []


def test_repeat_says_what_was_said(ready: Market) -> None:
    """The acceptance of an order that has long traded is still `armed` (A10, A11)."""
    ready.play("""
        bob sell stop 1 trigger=101 id=s
        bob sell stop 1 trigger=101 id=s
    """)

    first, again = ready.of("order_accepted")
    assert again == first | {"duplicate": True}
    assert len(ready.fills) == 1


def test_by_default_a_reached_order_is_refused(venue: type[Market]) -> None:
    """Most people who name a reached trigger have mistyped it (A11)."""
    market = venue()

    market.play("""
        bob sell stop 1 trigger=101 by=mark
        change X stop_already_reached=fire
        bob sell stop 1 trigger=101 by=mark
        change X stop_already_reached=reject
        bob sell stop 1 trigger=101 by=mark
    """)

    assert market.refusals == ["would_trigger"] * 2
    assert market.failed == ["o2 no_liquidity"]
    said = [event.get("stop_already_reached") for event in market.of("instrument_updated")]
    assert said == ["fire", None]


def test_order_without_a_reference_is_still_refused(venue: type[Market]) -> None:
    """What nobody has seen is not reached (A11)."""
    market = venue(stop_already_reached="fire")

    market.play("bob sell stop 1 trigger=101")

    assert market.refusals == ["price_unavailable"]


def test_most_deeply_crossed_still_fires_first(ready: Market) -> None:
    """What it sets off comes after it, each to its end (A11)."""
    ready.play("""
        bob sell stop 1 trigger=97 id=later
        mm  sell stop_limit 1@97 trigger=99 id=last
        bob sell stop 2 trigger=200 id=first
    """)

    assert ready.fired == ["first 200 at 100", "last 99 at 95", "later 97 at 95"]


def test_amended_trigger_fires_at_once(ready: Market) -> None:
    """An amend asks what a new order is asked (A9, A11)."""
    ready.play("""
        bob sell stop 1 trigger=99 id=s
        bob amend s trigger=101
    """)

    assert [event["type"] for event in ready.last] == [
        *("order_amended", "order_triggered", "trade"),
    ]
    assert ready.refusals == []


def test_fired_order_is_asked_everything(ready: Market) -> None:
    """Accepted and refused in one command: it says both (A11)."""
    ready.play("bob sell stop_limit 1@98 trigger=101 post id=s")

    assert [event["type"] for event in ready.last] == [
        *("order_accepted", "order_triggered", "trigger_rejected"),
    ]
    assert ready.failed == ["s post_only_would_trade"]


def test_reached_order_waits_for_the_opening(ready: Market) -> None:
    """In an auction nothing fires; it is armed, and the opening looks (A11, A14)."""
    ready.play("""
        state X auction
        bob sell stop 1 trigger=101 id=s
        bob sell stop 1 trigger=99 id=t
        bob amend t trigger=105
    """)
    assert (ready.fired, ready.refusals) == ([], [])
    assert ready.armed() == ["s sell 1 101", "t sell 1 105"]

    ready.play("state X open")

    assert ready.fired == ["t 105 at 100", "s 101 at 98"]


def test_reached_order_waits_over_a_restart() -> None:
    """It is armed like any other (A11)."""
    market = Market(stop_already_reached="fire")
    market.play("""
        mm    buy 5@95
        state X auction
        bob   sell stop 1 trigger=101 by=mark
    """)

    twin = market.restarted()

    assert twin.play("state X open") == market.play("state X open")
    assert twin.fired == ["o2 101 at 100"]
