"""Orders that end at one time, and what a liquidation cancels, over frames if need be (A3, A8)."""

import pytest

from tests.core.bounds import lower
from tests.core.market import Market


def _opened() -> Market:
    market = Market()
    market.play("""
        alice sell 1@101 gtd=3000
        bob   sell 2@101 gtd=2000
        alice sell 3@102 gtd=3000
        alice sell 4@103 gtd=3000
        alice sell 5@104 gtd=9000
        deposit carol 1000
    """)
    market.forget()
    return market


def _expired(market: Market) -> list[str]:
    return [event["leaves"] for event in market.of("order_expired")]


def test_expiries_go_on_over_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame holds a bounded number of events; the rest goes on at once (A3)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 3)
    market = _opened()
    market.now_us = 3_000_000
    frames, busy = [], True

    while busy:
        frames.append(len(market.kernel.begin(market.now_us)))
        busy = market.kernel.is_busy()
        next_us = market.kernel.next_deadline_us()
        assert next_us is not None
        assert (next_us <= market.now_us) == busy

    assert frames == [3, 1]
    assert market.asks() == ["alice 5@104"]
    assert market.kernel.next_deadline_us() == 9_000_000


def test_no_input_comes_between_the_expiries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes at that time meets none of them (A3)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 1)
    market = _opened()
    market.now_us = 3_000_000

    market.play("carol buy 9@104 ioc")

    assert _expired(market) == ["2", "1", "3", "4"]
    assert market.fills == ["carol<alice 5@104"]


def test_margins_are_looked_at_after_the_last_expiry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both timers are due; the review waits until all have expired (A3, D2)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 1)
    market = Market(None, mark_source="last", lot_size="0.1", collar="0.2")
    market.play("""
        mm   buy 0.1@100
        eve  sell 0.1@100
        deposit bob 20
        mm   sell 1@100
        bob  buy  1@100
        dave buy 0.1@90
        dave buy 5@85
        fay  buy 0.1@50 gtd=1250
        fay  buy 0.1@51 gtd=1250
        eve  sell 0.1@90
    """)
    assert len(market.of("liquidation")) == 1
    market.forget()

    market.wait(250)

    assert market.kinds()[:3] == ["order_expired", "order_expired", "liquidation"]


def test_expiries_survive_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle, they are finished after the restart (A3)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 2)
    market = _opened()
    market.now_us = 3_000_000
    market.kernel.begin(market.now_us)

    twin = market.restarted()

    assert twin.kernel.is_busy()
    assert twin.wait(0) == market.wait(0) != []
    assert twin.hash() == market.hash()


def test_liquidation_of_many_orders_leaves_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several frames, too, only what may add is cancelled (A8, D2)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 2)
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 21
        mm    sell 1@100
        bob   buy  1@100
        bob   sell 1@119 reduce
        bob   sell 0.1@120
        bob   sell 1@121 reduce
        bob   buy  0.1@10
        bob   sell 0.1@122
        carol buy  5@85
    """)
    market.forget()

    market.play("mark 88.8\n wait 0\n wait 250")

    reasons = [event["reason"] for event in market.of("order_cancelled")]
    assert reasons.count("liquidation") == 3
    assert len(reasons) == 3
    assert market.of("liquidation") != []
    assert market.asks() == ["bob 1@119", "bob 1@121"]
