"""What one tick reaches may be more than a frame holds; the rest goes on before all else (D5)."""

import json

import pytest

from engine.restore import restore
from engine.snapshot import capture
from matching.messages import SetMarketState
from matching.terms import MarketState
from risk.messages import Tick
from tests.core.bounds import lower
from tests.core.market import Event, Market

WAITING = """
    tick 99 101
    cy  buy 5@101
    ann buy 1@98
    bob buy 1@97
    ann buy 1@97
    cy  buy 1@96.5
    cy  sell stop 5 trigger=97 reduce id=S
    dan buy 1@95
"""


def outside() -> Market:
    """Return a market in mode l1 in which a tick at 96 reaches four buyers and a stop."""
    market = Market(mode="l1")
    market.play(WAITING)
    market.forget()
    return market


def frames(market: Market) -> list[list[Event]]:
    """Run what is unfinished, restoring the kernel before each frame."""
    found: list[list[Event]] = []
    while market.kernel.is_busy():
        before = market.hash()
        market = market.restarted()
        assert market.hash() == before
        assert market.kernel.next_deadline_us() == market.now_us
        out: list[bytes] = []
        market.machine.begin(market.now_us, out)
        market.kernel.check()
        found.append([json.loads(event) for event in out])
    return found


def said(events: list[Event]) -> list[str]:
    """Return what the events say: trades by whose, the others by their type."""
    return [e["maker"]["account"] if e["type"] == "trade" else e["type"] for e in events]


def test_reached_orders_go_on_in_the_next_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two makers a sweep: an order of the house's for each, and stops and margins at the end."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 1)
    market = outside()

    first = market.send({"type": "l1", "symbol": "X", "bid": "96", "ask": "96.5"})

    assert said(first) == ["ann", "bob"]
    (later,) = frames(market)
    assert said(later) == ["ann", "cy", "order_triggered", "house"]
    takers = [e["taker"]["client_order_id"] for e in [*first, *later[:2]]]
    assert takers[0] == takers[1] != takers[2] == takers[3]


def test_nothing_enters_before_the_rest_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command in between would see a market that no longer is (D5)."""
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 0)
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 1)
    market = outside()
    market.kernel.begin(market.now_us)
    market.kernel.apply(Tick("X", 9600, 9650))

    assert market.kernel.is_busy()
    with pytest.raises(AssertionError, match="before any other input"):
        market.kernel.apply(SetMarketState("X", MarketState.HALTED))


def test_touch_that_grows_old_between_frames_fills_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A daemon that was down in between comes back to prices that count no longer (E3)."""
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 0)
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 1)
    market = Market(mode="l1", feed_stale_ms=1000)
    market.play(WAITING)
    market.kernel.begin(market.now_us)
    market.kernel.apply(Tick("X", 9600, 9650))
    kernel = restore(list(capture(market.kernel)))

    events = kernel.begin(market.now_us + 1_000_001)

    assert [type(event).__name__ for event in events] == ["OrderTriggered", "TriggerRejected"]
    assert not kernel.is_busy()
    kernel.check()


def test_markets_that_open_together_fill_after_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """States first, then fills by symbol, in as many frames as they need (A14, D5)."""
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 1)
    market = Market(mode="l1")
    market.play("""
        instrument W mode=l1
        tick X 99 101
        tick W 99 101
        state * auction
        ann buy X 1@102
        bob buy W 1@103
        bob sell W 1@98
    """)

    first = market.send({"type": "set_market_state", "symbol": "*", "state": "open"})

    assert said(first) == ["market_state", "market_state"]
    assert [said(frame) for frame in frames(market)] == [["bob", "bob"], ["ann"]]


def test_backstop_is_swept_once_all_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a frame ends changes nothing: what one part loses another may win back (D6)."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 1)
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 0)
    market = Market(mode="l1")
    market.play("""
        tick 99 101
        backstop sell 2@99
        backstop buy 1@98 id=a
        backstop buy 1@97 id=b
    """)

    first = market.send({"type": "l1", "symbol": "X", "bid": "96", "ask": "96.5"})

    assert said(first) == ["backstop"]
    (later,) = frames(market)
    assert said(later) == ["backstop", "balance_changed"]
    assert later[-1]["delta"] == "-3"
