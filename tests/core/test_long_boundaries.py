"""Funding and swap of more positions than a frame holds (B6)."""

import json
from collections import Counter
from typing import Any

import pytest

from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture
from tests.core.bounds import lower
from tests.core.duel import Duel
from tests.core.market import Market
from tests.core.tapes import tape

SEEDS = (0, 1, 2, 6, 15, 19)
"""Of tapes that hold much at their boundaries; tests/test_restarts.py plays all of them."""


def _crowd() -> Market:
    """Return a market with five longs of 1 and five shorts, 10 having become liquidatable."""
    market = Market(lot_size="0.1", funding_cap="1")
    market.play("deposit a3 20.9")
    for number in range(5):
        market.play(f"""
            s{number} sell 1@100
            a{number} buy  1@100
        """)
    market.play("buyer buy 5@99")
    market.forget()
    return market


def test_boundary_goes_on_over_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame holds a bounded number of events; margins wait for the last part (B6, D2)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 3)
    market = _crowd()

    market.play("funding X 0.099 id=f")
    frames = [market.kinds()]
    while market.kernel.is_busy():
        assert market.kernel.next_deadline_us() == market.now_us
        out: list[bytes] = []
        market.machine.begin(market.now_us, out)
        market.kernel.check()
        frames.append([_kind(event) for event in out])

    assert frames == [
        ["funding"] + ["balance_changed"] * 3,
        ["balance_changed"] * 3,
        ["balance_changed"] * 3,
        ["balance_changed", "margin_call", "liquidation", "trade"],
    ]
    (funding,) = market.of("funding")
    assert (funding["paid"], funding["received"]) == ("49.5", "49.5")


def _kind(event: bytes) -> str:
    return event.split(b'"', 4)[3].decode()


@pytest.mark.parametrize("boundary", ["funding X 0.099", "swap X 1.2 -1.1 day_count=360 days=90"])
def test_boundary_over_frames_is_the_same_as_in_one(
    monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    """Where a frame ends changes nothing (B6)."""
    whole, parts = _crowd(), _crowd()

    whole.play(boundary)
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 2)
    parts.play(boundary)
    parts.wait(0)

    drop = [{k: v for k, v in event.items() if k != "in"} for event in parts.events]
    assert drop == [{k: v for k, v in event.items() if k != "in"} for event in whole.events]
    assert parts.hash() == whole.hash()


@pytest.mark.parametrize("boundary", ["funding X 0.099", "swap X 1.2 -1.1 day_count=360 days=90"])
def test_boundary_survives_a_snapshot(monkeypatch: pytest.MonkeyPatch, boundary: str) -> None:
    """Killed in the middle, it is finished after the restart, and never paid twice (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 3)
    market = _crowd()
    market.play(boundary + " id=f")

    twin = market.restarted()

    assert twin.kernel.is_busy()
    assert twin.wait(0) == market.wait(0) != []
    assert twin.hash() == market.hash()
    twin.play(boundary + " id=f")
    assert twin.refusals == ["duplicate"]


def test_nothing_comes_between_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within an array the boundary is finished before the next command (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 1)
    market = _crowd()

    market.deliver(
        "admin",
        b"""[
        {"type":"apply_funding","symbol":"X","rate":"0.001","funding_id":"f"},
        {"type":"set_market_state","symbol":"X","state":"halted"}
        ]""",
    )

    assert market.kinds() == ["funding"] + ["balance_changed"] * 10 + ["market_state"]


class Interrupted(Duel):
    """A duel in which the machine is killed between any two frames of a boundary or a split."""

    def __init__(self) -> None:
        super().__init__()
        self.kills: Counter[str] = Counter()

    def later(self) -> list[dict[str, Any]]:
        """Go on with the payments in a machine restored from a snapshot, frame by frame."""
        said: list[dict[str, Any]] = []
        while (state := self.machine.kernel.state).carry or state.split:
            self.kills["split" if state.split else "carry"] += 1
            self.machine = Machine(restore(list(capture(self.machine.kernel))))
            out: list[bytes] = []
            self.machine.begin(self.now_us, out)
            said += [json.loads(event) for event in out]
        return said


def kills_between_payments(
    monkeypatch: pytest.MonkeyPatch, payments: int, seeds: tuple[int, ...]
) -> Counter[str]:
    """Play tapes with so many payments a frame; return how often the machine was killed in what."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", payments)
    kills: Counter[str] = Counter()
    for seed in seeds:
        duel = Interrupted()
        for step in tape(seed, 300):
            duel.play(step)
        kills += duel.kills
    return kills


def test_killed_between_payments_it_agrees_with_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it holds and however it is margined (B6)."""
    kills = kills_between_payments(monkeypatch, 1, (6,))

    assert kills["carry"] > 5, "the tape holds nothing at its boundaries"
    assert kills["split"] > 3, "the tape holds no odd lots"
