"""A review acts on as many accounts as fit a frame; the others wait for the next (D2)."""

import json
from typing import Any

import pytest

from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture
from tests.core.bounds import lower
from tests.core.duel import Duel
from tests.core.market import Market
from tests.core.tapes import tape

BOUND = "REVIEW_EVENTS_PER_FRAME"


def _crowd(**terms: str) -> Market:
    """Return a market in which five stand at tier 1 at 89.9, the poorer the earlier in the row."""
    market = Market(lot_size="0.1", **terms)
    for number in range(5):
        market.play(f"""
            deposit a{number} 20.0{number}
            mm sell 1@100
            a{number} buy 1@100
        """)
    market.play("buyer buy 2@89")
    market.forget()
    return market


def _frames(market: Market) -> list[list[dict[str, Any]]]:
    """Go on frame by frame; return the events of each."""
    frames = []
    while market.kernel.is_busy():
        assert market.kernel.next_deadline_us() == market.now_us
        out: list[bytes] = []
        market.machine.begin(market.now_us, out)
        market.kernel.check()
        frames.append([json.loads(event) for event in out])
    return frames


def _acted(events: list[dict[str, Any]]) -> list[str]:
    return [event["account"] for event in events if event["type"] == "liquidation"]


def _untold(market: Market) -> list[dict[str, Any]]:
    """Return all events without what input they belong to."""
    return [{k: v for k, v in event.items() if k != "in"} for event in market.events]


def test_review_goes_on_over_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are called at once; then as many are closed as the frame has room for (D2)."""
    lower(monkeypatch, BOUND, 5)
    market = _crowd()

    market.play("mark 89.9")

    assert market.kinds() == ["margin_call"] * 5 + ["liquidation", "trade"]
    assert _acted(market.events) == ["a0"]
    first, second = _frames(market)
    assert _acted(first) == ["a1", "a2", "a3"]
    assert _acted(second) == ["a4"]
    assert not any("in" in event for event in first + second)


def test_frame_that_is_full_already_leaves_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The margin calls alone fill it (D2)."""
    lower(monkeypatch, BOUND, 4)
    market = _crowd()

    market.play("mark 89.9")

    assert market.kinds() == ["margin_call"] * 5
    assert list(market.kernel.state.cases) == ["a0", "a1", "a2", "a3", "a4"]


@pytest.mark.parametrize("source", ["l1_mid", "last"])
@pytest.mark.parametrize("bound", [0, 1, 5, 7])
def test_review_over_frames_is_the_same_as_in_one(
    monkeypatch: pytest.MonkeyPatch, bound: int, source: str
) -> None:
    """Where a frame ends changes nothing (D2)."""
    whole, parts = (_crowd(mark_source=source) for _ in range(2))
    crash = "mark 89.9"
    if source == "last":
        crash = "buyer cancel all\n x buy 0.1@89.9\n x buy 2@89\n mm sell 0.1@89.9"

    whole.play(crash)
    lower(monkeypatch, BOUND, bound)
    parts.play(crash)
    assert parts.kernel.state.cases
    for each in (whole, parts):
        each.wait(0)
        each.wait(249)
        each.wait(1)

    assert _untold(parts) == _untold(whole)
    assert parts.hash() == whole.hash()


def test_backstop_is_swept_once_a_review(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has made is in the fund for nobody before the last has been acted on (D6)."""
    whole, parts = (_crowd() for _ in range(2))
    for market in (whole, parts):
        market.play("buyer cancel all\n fund 100\n ladder max_tries=1")
        market.play("zoe buy 0.3@100\n backstop sell 0.3@100")
        market.forget()

    whole.play("mark 89.9")
    lower(monkeypatch, BOUND, 0)
    parts.play("mark 89.9")
    parts.wait(0)

    assert [event["receipt"]["insurance"] for event in parts.of("takeover")] == ["100"] * 5
    (swept,) = parts.of("balance_changed")
    assert (swept["account"], swept["cause"]) == ("backstop", "insurance")
    assert _untold(parts) == _untold(whole)


def test_orders_that_do_not_fit_keep_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose orders are still being cancelled is acted on later; the others are not kept (D2)."""
    whole, parts = (_crowd() for _ in range(2))
    for market in (whole, parts):
        for name in ("a0", "a0", "a0", "a2", "a2", "a2", "a2", "a2"):
            market.play(f"{name} sell 0.1@120")

    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 2)
    whole.play("mark 89.9")
    lower(monkeypatch, BOUND, 0)
    parts.play("mark 89.9")
    for market in (whole, parts):
        market.wait(0)
        assert _acted(market.events) == ["a1", "a3", "a4"]
        assert len(market.cancels) == 8
        market.wait(250)
        assert _acted(market.events)[3:5] == ["a0", "a2"]

    assert _untold(parts) == _untold(whole)
    assert parts.hash() == whole.hash()


def test_next_frame_is_no_price_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the prints breach waits for the next input or the timer, as in one frame (D2)."""
    lower(monkeypatch, BOUND, 0)
    market = _crowd(mark_source="last", collar="0.2")
    market.play("buyer cancel all\n deposit late 25\n mm sell 1@100\n late buy 1@100")
    market.play("x buy 0.1@89.9\n x buy 9@82\n ann sell stop 1 trigger=85 id=asleep")
    market.forget()

    market.play("mm sell 0.1@89.9")
    said = [*market.events, *(event for frame in _frames(market) for event in frame)]

    assert _acted(said) == ["a0", "a1", "a2", "a3", "a4"]
    assert "order_triggered" not in {event["type"] for event in said}
    assert market.kernel.state.review_at_us == market.now_us + 250_000
    market.forget()
    market.wait(250)
    assert market.fired == ["asleep 85 at 82"]
    assert "late" in _acted(market.events)


def test_each_is_looked_at_again_when_its_turn_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom the one before it has saved is left alone (D2)."""
    lower(monkeypatch, BOUND, 0)
    market = Market("115", lot_size="0.1")
    market.play("""
        instrument Y lot_size=0.1
        mark Y 100
        deposit bob 23.1
        mm  sell 1@115
        bob buy  1@115
        mark 105
        deposit amy 42
        mm  buy  1@105
        amy sell 1@105
        mm  sell Y 1@100
        amy buy  Y 1@100
        mark Y 80
        bob sell 0.3@105 reduce
    """)
    market.forget()

    market.play("ladder tier1=0.8 admission_ratio=0.7")
    assert list(market.kernel.state.cases) == ["amy", "bob"]
    market.wait(0)

    assert market.fills == ["amy<bob 0.3@105"]
    assert _acted(market.events) == ["amy"]


def test_no_input_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within an array the review is finished before the next command (D2)."""
    lower(monkeypatch, BOUND, 0)
    market = _crowd()
    market.play("mark 92")
    market.forget()

    market.deliver(
        "admin",
        b"""[
        {"type":"set_liquidation","tier1":"0.7","admission_ratio":"0.6"},
        {"type":"set_market_state","symbol":"X","state":"halted"}
        ]""",
    )

    assert _acted(market.events) == ["a0", "a1", "a2", "a3", "a4"]
    assert market.kinds()[-1] == "market_state"


def test_restored_review_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is still to be looked at, and in which order, is part of the state (D2)."""
    lower(monkeypatch, BOUND, 5)
    market = _crowd()
    market.play("mark 89.9")
    market.forget()

    twin = market.restarted()
    assert twin.kernel.is_busy()
    for each in (market, twin):
        each.wait(0)

    assert twin.events == market.events
    assert _acted(twin.events) == ["a1", "a2", "a3", "a4"]
    assert twin.hash() == market.hash()


class Interrupted(Duel):
    """A duel in which the machine is killed between any two frames of a review."""

    kills = 0

    def later(self) -> list[dict[str, Any]]:
        """Go on with the review in a machine restored from a snapshot, frame by frame."""
        said: list[dict[str, Any]] = []
        while self.machine.kernel.state.cases:
            self.machine = Machine(restore(list(capture(self.machine.kernel))))
            out: list[bytes] = []
            self.machine.begin(self.now_us, out)
            said += [json.loads(event) for event in out]
            self.kills += 1
        return said


def kills_between_actions(monkeypatch: pytest.MonkeyPatch, seeds: range) -> int:
    """Play tapes with an action a frame; return how often the machine was killed."""
    lower(monkeypatch, BOUND, 0)
    kills = 0
    for seed in seeds:
        duel = Interrupted()
        for step in tape(seed, 300, gaps=True):
            duel.play(step)
        kills += duel.kills
    return kills


def test_killed_between_actions_it_agrees_with_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which acts on all of them at once (D2, D6, D7)."""
    assert kills_between_actions(monkeypatch, range(2)) > 5, "nobody waits for anybody in the tapes"
