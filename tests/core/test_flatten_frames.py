"""Closing many positions goes on over frames, before anything else (E4)."""

import json

import pytest

from engine.restore import restore
from engine.snapshot import capture, state_hash
from matching.terms import KillMode, KillScope, Switch
from risk.guards.messages import Kill
from tests.core.bounds import lower
from tests.core.market import Event, Market

NAMES = ("amy", "bob", "cy", "dee", "eve")


def _ready() -> Market:
    """Let five be long, four of them under switches that found no buyer; now there is one."""
    market = Market()
    market.play("mm sell 15@100")
    for lots, name in enumerate(NAMES, start=1):
        market.play(f"{name} buy {lots}@100")
    for name in NAMES[:4]:
        market.play(f"kill account {name} flatten")
    market.play("""
        amy sell 1@130
        eve buy  1@90
        eve sell 1@120 reduce
        eve buy  1@91
        zoe buy  9@99
        zoe buy  9@98
    """)
    market.forget()
    return market


def _frames(market: Market) -> list[list[Event]]:
    """Kill the fifth; return the events frame by frame, restoring the kernel after each."""
    switch = Switch(KillScope.ACCOUNT, "eve", KillMode.FLATTEN, "ann", "why")
    twin = market.restarted().kernel
    counts = [len(twin.apply(Kill(switch)))]
    kill = {"type": "kill", "scope": "account", "account": "eve", "mode": "flatten"}
    frames = [market.send(kill | {"operator": "ann", "reason": "why"})]
    while market.kernel.is_busy():
        assert market.kernel.next_deadline_us() == market.now_us
        twin = restore(list(capture(twin)))
        assert state_hash(twin) == market.hash()
        counts.append(len(twin.begin(market.now_us)))
        out: list[bytes] = []
        market.machine.begin(market.now_us, out)
        market.kernel.check()
        frames.append([json.loads(event) for event in out])
    assert counts == [len(frame) for frame in frames]
    assert state_hash(twin) == market.hash(), "a restart between frames changes nothing"
    return frames


def _of(frames: list[list[Event]]) -> list[Event]:
    """Return the events of all frames, without the place of their input."""
    found = [event for frame in frames for event in frame]
    for event in found:
        event.pop("in", None)
    return found


@pytest.mark.parametrize("bound", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("cancels", [1, 2, 5_000])
def test_closing_in_many_frames_is_the_one_in_one(
    bound: int, cancels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First all cancels, then everybody once; wherever it is cut, and restored there (E4)."""
    whole, cut = _ready(), _ready()
    (at_once,) = _frames(whole)
    closed = [event["account"] for event in at_once if event["type"] == "flatten"]
    assert closed == list(NAMES)
    assert whole.position("eve") == "0"
    lower(monkeypatch, "FLATTEN_EVENTS_PER_FRAME", bound)
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", cancels)

    frames = _frames(cut)

    assert len(frames) > 1
    assert _of(frames) == _of([at_once])
    assert cut.hash() == whole.hash()


def test_no_command_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even of the same array: whoever is to be closed does not trade before (E4)."""
    lower(monkeypatch, "FLATTEN_EVENTS_PER_FRAME", 1)
    market = _ready()
    kill = {"type": "kill", "scope": "account", "account": "eve", "mode": "flatten"}
    kill |= {"operator": "ann", "reason": "why"}
    resumes = [
        {key: value for key, value in kill.items() if key != "mode"}
        | {"type": "resume", "account": name}
        for name in NAMES
    ]

    market.deliver("admin", json.dumps([kill, *resumes]).encode())

    assert [e["account"] for e in market.of("flatten")] == list(NAMES)
    assert market.kinds()[-5:] == ["kill_switch"] * 5


def test_timer_closes_over_frames_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn has begun: the next is a second after it, not before all have been tried (E4)."""
    lower(monkeypatch, "FLATTEN_EVENTS_PER_FRAME", 1)
    market = _ready()
    market.now_us += 1_000_000

    frames, busy = [], True
    while busy:
        frames.append(len(market.kernel.begin(market.now_us)))
        busy = market.kernel.is_busy()

    assert frames == [3, 2, 2, 3], "one account a frame; amy has an exit, dee meets two bids"
    assert market.position("dee") == "0"
    assert market.kernel.next_deadline_us() is None


def test_everybody_is_tried_once_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was cut off by the collar does not come before those who have not been (E4)."""
    lower(monkeypatch, "FLATTEN_EVENTS_PER_FRAME", 1)
    market = Market()
    market.play("""
        mm  sell 10@100
        amy buy  5@100
        bob buy  5@100
        kill account amy flatten
        kill account bob flatten
        zoe buy  2@99
        zoe buy  9@90
        wait 1000
    """)

    assert market.fills[2:] == ["amy<zoe 2@99", "bob<zoe 5@90"]
    market.wait(1_000)
    assert market.fills[4:] == ["amy<zoe 3@90"]


def test_stops_are_looked_at_after_each_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cascade that does not fit goes on first; the closing follows (E4, A11)."""
    lower(monkeypatch, "FLATTEN_EVENTS_PER_FRAME", 1)
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 1)
    market = _ready()
    market.play("""
        zoe sell stop_limit 1@97 trigger=99 id=s1 stp=none
        zoe sell stop_limit 1@97 trigger=99 id=s2 stp=none
    """)
    market.forget()

    market.wait(1_000)

    kinds = market.kinds()
    assert kinds.count("flatten") == 4
    assert market.fired == ["s1 99 at 99", "s2 99 at 99"]
    second = [place for place, kind in enumerate(kinds) if kind == "flatten"][1]
    assert max(p for p, kind in enumerate(kinds) if kind == "order_triggered") < second
