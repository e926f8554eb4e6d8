"""Cancel on silence: whoever is not heard of in time has its orders cancelled (E5)."""

import json
from collections.abc import Iterable

import pytest

from engine.codec import encode_cursors, seal
from engine.entries import decode_entry
from engine.machine import Machine
from engine.messages import Frame
from engine.replay import replay_frame
from engine.restore import restore
from engine.snapshot import capture, state_hash
from tests.core.bounds import lower
from tests.core.market import Market

ORDERS = """
    mm  sell 30@100
    bob buy 20@100
    amy buy 10@100
    bob buy  1@90 id=b1
    bob sell 1@120 reduce id=b2
    amy buy  1@91 id=a1
    bob buy  stop 1 trigger=130 by=mark id=b3
    bob sell stop 1 trigger=80 by=mark reduce id=b4
    bob sell 1@121 id=b5
"""


def _crowd(market: Market) -> Market:
    market.play(ORDERS)
    market.forget()
    return market


def test_silence_cancels_what_does_not_only_reduce(market: Market) -> None:
    """Resting and armed, in order of arrival; nobody else's, and never an exit (E5)."""
    _crowd(market).play("heartbeat bob 1000")

    assert market.wait(999) == []
    events = market.wait(1)

    assert events[0] == {"type": "heartbeat_missed", "account": "bob"}
    assert market.cancels == ["b1 1 heartbeat", "b3 1 heartbeat", "b5 1 heartbeat"]
    assert market.bids() == ["amy 1@91"]
    assert market.asks() == ["bob 1@120"]
    assert market.armed() == ["b4 sell 1 80"]


def test_each_heartbeat_sets_the_time_anew(market: Market) -> None:
    """Longer or shorter than the last one said (E5)."""
    _crowd(market).play("""
        heartbeat bob 2000
        wait 1999
        heartbeat bob 9000
        wait 8000
        heartbeat bob 1000
        wait 999
    """)
    assert market.of("heartbeat_missed") == []

    assert market.wait(1) != []


def test_heartbeat_says_when_it_must_be_followed(market: Market) -> None:
    """In milliseconds, rounded down, as the venues' countdowns answer (E5)."""
    market.play("bob cancel all")
    market.now_us += 1_999
    market.forget()
    market.play("""
        heartbeat bob 1500
        heartbeat bob 0
    """)

    said = {"type": "heartbeat", "in": 0, "account": "bob"}
    assert market.events == [
        said | {"timeout_ms": 1500, "expires_at": 2501},
        said | {"timeout_ms": 0},
    ]


def test_nobody_listens_after_silence_or_nought(market: Market) -> None:
    """Until the next heartbeat, which starts it again (E5)."""
    _crowd(market).play("""
        heartbeat bob 1000
        heartbeat amy 1000
        heartbeat amy 0
        wait 1000
        bob buy 1@90
        wait 90000000
    """)
    assert market.bids() == ["amy 1@91", "bob 1@90"]

    market.play("""
        heartbeat bob 1000
        wait 1000
    """)
    assert market.bids() == ["amy 1@91"]


@pytest.mark.parametrize("timeout", [1, 999, 86_400_001])
def test_timeout_is_bounded(market: Market, timeout: int) -> None:
    """A second to a day; the one before stays as it was (E5)."""
    _crowd(market).play(f"""
        heartbeat amy 1000
        heartbeat amy {timeout}
    """)

    assert (market.last[0]["code"], market.last[0]["path"]) == (107, "$.timeout_ms")
    market.wait(1_000)
    assert market.cancels == ["a1 1 heartbeat"]


def test_unknown_account_has_no_heartbeat(market: Market) -> None:
    """There is nothing to cancel, and nobody (E5)."""
    market.play("heartbeat nobody 1000")

    assert market.last[0]["code"] == 201
    assert market.wait(1_000) == []


def test_due_together_go_in_order_of_time_and_account(market: Market) -> None:
    """After what expires at that time, before any input of the batch (E5, A3)."""
    _crowd(market).play("""
        zoe buy 1@95 gtd=4000 id=z1
        heartbeat bob 2000
        heartbeat amy 2000
        wait 500
        heartbeat zoe 1000
        zoe buy 1@94 id=z2
    """)
    market.now_us += 5_000_000
    market.forget()

    market.play("mm sell 4@90")

    assert market.fills == []
    assert market.kinds()[0] == "order_expired"
    assert [event["account"] for event in market.of("heartbeat_missed")] == ["zoe", "amy", "bob"]
    assert market.kinds()[-1] == "order_accepted"


def test_exits_of_brackets_stay(market: Market) -> None:
    """What is open stays protected; what is left of the entry goes (E5, A13)."""
    market.play("""
        bob bracket buy 10@100 tp=10@110 sl=90 slby=mark id=e
        mm  sell 4@100
        heartbeat bob 1000
        wait 1000
    """)

    assert market.cancels == ["e 6 heartbeat"]
    assert (market.asks(), market.armed()) == (["bob 4@110"], ["e.sl sell 4 90"])


def test_cancels_go_on_over_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any input, one account after the other, and after a restart (E5)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 2)
    market = _crowd(Market())
    market.play("""
        heartbeat bob 1000
        heartbeat amy 1000
    """)
    market.now_us += 1_000_000
    twin = market.restarted().kernel

    frames = []
    while True:
        frames.append([json.loads(event)["type"] for event in _begin(market)])
        twin.begin(market.now_us)
        assert state_hash(twin) == market.hash()
        twin = restore(list(capture(twin)))
        if not market.kernel.is_busy():
            break
        assert market.kernel.next_deadline_us() in (market.now_us, 2_000_000)

    missed, gone = "heartbeat_missed", "order_cancelled"
    assert frames == [[missed, gone], [missed, gone, gone], [gone]]
    assert market.kernel.next_deadline_us() is None


def _begin(market: Market) -> list[bytes]:
    out: list[bytes] = []
    market.machine.begin(market.now_us, out)
    return out


def test_deadline_is_a_timer_of_the_engine() -> None:
    """It wakes up for it, at that time, and knows it after a restart (E5)."""
    market = _crowd(Market())
    market.play("""
        heartbeat bob 3000
        heartbeat amy 2000
    """)
    twin = market.restarted()

    assert market.kernel.next_deadline_us() == market.now_us + 2_000_000
    assert twin.kernel.next_deadline_us() == market.kernel.next_deadline_us()
    assert twin.wait(2_000) == market.wait(2_000) != []
    assert twin.hash() == market.hash()
    assert market.kernel.next_deadline_us() == market.now_us + 1_000_000


def _recorded(machine: Machine, times_us: Iterable[int]) -> list[Frame]:
    """Return frames at those times, empty but for a heartbeat at each full second up to three."""
    frames: list[Frame] = []
    parent, cursors = b"", encode_cursors({})
    for n, time_us in enumerate(times_us, start=1):
        events, bodies = list[bytes](), list[bytes]()
        machine.begin(time_us, events)
        if time_us % 1_000_000 == 0 and 1_000_000 < time_us <= 3_000_000:
            beat = b'{"type":"heartbeat","account":"bob","timeout_ms":1500}'
            (item,) = decode_entry("orders", f"{n}-0", beat)
            machine.apply(item, 0, events)
            bodies.append(item.body)
        frames.append(seal(n, parent, time_us, bodies, events, cursors))
        parent = frames[-1].hash
    return frames


def test_silence_falls_into_the_same_frame_at_any_speed() -> None:
    """The journal's time decides, not how long it takes to read it (E5)."""
    live = _crowd(Market())
    frozen = list(capture(live.kernel))

    frames = _recorded(live.machine, range(1_000_000, 6_000_000, 100_000))

    missed = [frame.time_us for frame in frames if b"heartbeat_missed" in frame.events]
    assert missed == [4_500_000]
    replayed = Machine(restore(frozen))
    for frame in frames:
        replay_frame(replayed, frame)
    assert state_hash(replayed.kernel) == live.hash()


@pytest.mark.parametrize("step_ms", [1, 7, 250, 4_000])
def test_more_frames_in_between_change_nothing(step_ms: int) -> None:
    """A busy venue and a quiet one cancel at the same time, if they write a frame then (E5)."""
    market, other = _crowd(Market()), _crowd(Market())
    for each in (market, other):
        each.play("heartbeat bob 4000")
        each.forget()

    market.wait(4_000)
    for _ in range(4_000 // step_ms):
        other.wait(step_ms)
    other.wait(4_000 % step_ms)

    assert other.events == market.events
    assert other.hash() == market.hash()
