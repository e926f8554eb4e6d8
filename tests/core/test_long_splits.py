"""Splits with more odd lots than a frame holds (B6)."""

import json

import pytest

from tests.core.bounds import lower
from tests.core.market import Market


def _crowd() -> Market:
    """Return a halted market with five longs and five shorts of 3, one with an exit."""
    market = Market()
    for number in range(5):
        market.play(f"""
            s{number} sell 3@100
            a{number} buy  3@100
        """)
    market.play("""
        a1 sell 2@101
        state X halted
    """)
    market.forget()
    return market


def test_odd_lots_go_on_over_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is restated before the last of them is paid out, and then all at once (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 4)
    market = _crowd()

    market.play("split X 1:2")
    frames = [market.kinds()]
    while market.kernel.is_busy():
        assert market.kernel.next_deadline_us() == market.now_us
        assert market.position("s4") == "-3"
        market.forget()
        out: list[bytes] = []
        market.machine.begin(market.now_us, out)
        market.kernel.check()
        frames.append([json.loads(event)["type"] for event in out])

    assert frames == [
        ["odd_lots"] * 4,
        ["odd_lots"] * 4,
        ["odd_lots"] * 2 + ["corporate_action", "order_amended"],
    ]
    assert market.position("s4") == "-1"


def test_split_over_frames_is_the_same_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a frame ends changes nothing (B6)."""
    whole, parts = _crowd(), _crowd()

    whole.play("split X 1:2")
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 3)
    parts.play("split X 1:2")
    parts.wait(0)

    drop = [{k: v for k, v in event.items() if k != "in"} for event in parts.events]
    assert drop == [{k: v for k, v in event.items() if k != "in"} for event in whole.events]
    assert parts.hash() == whole.hash()


def test_split_survives_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle, it is finished after the restart, and done once (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 3)
    market = _crowd()
    market.play("split X 1:2 id=s")

    twin = market.restarted()

    assert twin.kernel.is_busy()
    assert twin.hash() == market.hash()
    assert twin.wait(0) == market.wait(0) != []
    assert twin.hash() == market.hash()
    twin.play("split X 1:2 id=s")
    assert twin.refusals == ["duplicate"]


def test_nothing_comes_between_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within an array the split is finished before the next command (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 1)
    market = _crowd()

    market.deliver(
        "admin",
        b"""[
        {"type":"corporate_action","action":"split","symbol":"X","action_id":"s","numerator":1,
         "denominator":2},
        {"type":"set_market_state","symbol":"X","state":"open"}
        ]""",
    )

    last = ["corporate_action", "order_amended", "market_state"]
    assert market.kinds() == ["odd_lots"] * 10 + last


def test_no_order_expires_between_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes between frames; who holds odd lots must not change meanwhile (A3, B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 4)
    market = _crowd()
    market.play("""
        state X open
        cy sell 4@105 gtd=1500 id=cy
        state X halted
    """)
    market.forget()

    market.play("split X 1:2")
    assert market.kinds() == ["odd_lots"] * 4
    market.forget()
    market.wait(600)

    restated = ["corporate_action", "order_amended", "order_amended"]
    assert market.kinds() == ["odd_lots"] * 6 + restated + ["order_expired"]
    assert market.of("order_expired")[0]["leaves"] == "2"
