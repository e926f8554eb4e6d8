"""What a kill switch cancels, in which order, and over how many frames (E4)."""

import json

import pytest

from engine.restore import restore
from engine.snapshot import capture, state_hash
from matching.terms import KillMode, KillScope, Switch
from risk.guards.messages import Kill
from tests.core.bounds import lower
from tests.core.market import Market

ORDERS = """
    instrument Y
    mark Y 100
    mm  sell 40@100
    bob buy 20@100
    amy buy 20@100
    bob buy 1@90 id=b1 tag=t
    amy buy 1@91 id=a1
    bob sell 1@120 reduce id=b2
    amy sell stop 1 trigger=80 by=mark id=a2 tag=t
    bob sell stop 1 trigger=80 by=mark reduce id=b3 tag=t
    bob buy Y 1@90 id=b4
    amy sell 2@121 reduce id=a3 tag=t
    mm  buy 1@92 id=m1 tag=u
"""
PLACES = ("global", "symbol X", "symbol Y", "account bob", "account mm", "tag t", "tag u")
OPENING = {
    "global": "a1 a2 b1 b4 m1",
    "symbol X": "a1 a2 b1 m1",
    "symbol Y": "b4",
    "account bob": "b1 b4",
    "account mm": "m1",
    "tag t": "a2 b1",
    "tag u": "m1",
}
ALL = {
    "global": "a1 a2 a3 b1 b2 b3 b4 m1",
    "symbol X": "a1 a2 a3 b1 b2 b3 m1",
    "symbol Y": "b4",
    "account bob": "b1 b2 b3 b4",
    "account mm": "m1",
    "tag t": "a2 a3 b1 b3",
    "tag u": "m1",
}
GONE: dict[str, dict[str, str]] = {"no_new": {}, "reduce_only": OPENING, "cancel_all": ALL}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", GONE)
def test_mode_cancels_its_orders_of_the_scope(market: Market, mode: str, place: str) -> None:
    """By account, then in order of arrival; in any state of the market (E4)."""
    market.play(ORDERS)
    market.play("state * halted")
    market.forget()

    market.play(f"kill {place} {mode}")

    names = GONE[mode].get(place, "").split()
    assert [each.partition(" ")[0] for each in market.cancels] == names
    assert {e["reason"] for e in market.of("order_cancelled")} <= {"kill_switch"}
    assert market.kinds() == ["kill_switch"] + ["order_cancelled"] * len(names)


def test_looser_switch_brings_nothing_back(market: Market) -> None:
    """What was cancelled is gone; a stricter one takes what the looser one left (E4)."""
    market.play(ORDERS)
    market.forget()

    market.play("""
        kill account bob reduce_only
        kill account bob cancel_all
        kill account bob no_new
        resume account bob
    """)

    assert [each.partition(" ")[0] for each in market.cancels] == ["b1", "b4", "b2", "b3"]


def test_exits_of_brackets_are_kept_by_reduce_only(market: Market) -> None:
    """What is open stays protected; what is left of the entry goes (E4, A13)."""
    market.play("""
        bob bracket buy 10@100 tp=10@110 sl=90 slby=mark id=e tag=t
        mm  sell 4@100
    """)
    market.forget()

    market.play("kill tag t reduce_only")
    assert market.cancels == ["e 6 kill_switch"]
    assert (market.asks(), market.armed()) == (["bob 4@110"], ["e.sl sell 4 90"])
    market.forget()

    market.play("kill tag t cancel_all")
    assert market.cancels == ["e.tp1 4 kill_switch", "e.sl 4 kill_switch"]


def test_what_a_cancel_leaves_of_a_group_stays(market: Market) -> None:
    """A cancelled leg leaves the others alone, if they are not of the scope (E4, A13)."""
    market.play("""
        bob buy 1@99 oco=g tag=t
        bob buy 1@98 oco=g
        kill tag t cancel_all
    """)

    assert market.bids() == ["bob 1@98"]


def _crowd(market: Market, more: str = "") -> None:
    for trader in ("cy", "amy", "bob"):
        for price in ("99", "98", "97"):
            market.play(f"{trader} buy 1@{price} id={trader}{price} tag=t")
    market.play(more)
    market.forget()


def _frames(market: Market) -> list[list[str]]:
    """Go on frame by frame, from a snapshot each time; return the orders that each cancels."""
    frames: list[list[str]] = []
    while market.kernel.is_busy():
        assert market.kernel.next_deadline_us() == market.now_us
        kernel = restore(list(capture(market.kernel)))
        assert state_hash(kernel) == market.hash()
        out: list[bytes] = []
        market.machine.begin(market.now_us, out)
        events = [json.loads(event) for event in out]
        twin_events = kernel.begin(market.now_us)
        assert len(twin_events) == len(events)
        assert state_hash(kernel) == market.hash(), "a restart between frames changes nothing"
        frames.append([event["client_order_id"] for event in events])
    return frames


@pytest.mark.parametrize(
    "scope", [(KillScope.GLOBAL, ""), (KillScope.SYMBOL, "X"), (KillScope.TAG, "t")]
)
def test_cancels_go_on_over_frames(
    scope: tuple[KillScope, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame holds a bounded number of them, wherever one account's end (E4)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 2)
    market = Market()
    _crowd(market)

    events = market.kernel.apply(Kill(Switch(*scope, KillMode.CANCEL_ALL, "ann", "a test")))

    assert len(events) == 3
    assert _frames(market) == [["amy97", "bob99"], ["bob98", "bob97"], ["cy99", "cy98"], ["cy97"]]
    assert market.bids() == []


def test_what_is_spared_is_spared_in_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another tag, and what only reduces, wherever the cancels are cut (E4)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 1)
    market = Market()
    _crowd(
        market,
        """
        mm  sell 1@100
        bob buy  1@100
        bob sell 1@110 reduce tag=t
        bob buy  1@96
        zoe buy  1@96 tag=t
    """,
    )
    switch = Switch(KillScope.TAG, "t", KillMode.REDUCE_ONLY, "ann", "a test")

    market.kernel.apply(Kill(switch))

    assert _frames(market)[-1] != []
    assert market.bids() == ["bob 1@96"]
    assert market.asks() == ["bob 1@110"]


def test_cancels_are_done_before_any_later_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a command of the same array meets an order that is to go (E4)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 1)
    market = Market()
    _crowd(market)
    market.play("mm sell 9@105")
    market.forget()
    kill = {"type": "kill", "scope": "symbol", "symbol": "X", "mode": "cancel_all"}
    kill |= {"operator": "ann", "reason": "a test"}
    resume = {key: value for key, value in kill.items() if key != "mode"} | {"type": "resume"}

    market.deliver("admin", json.dumps([kill, resume]).encode())
    kinds = market.kinds()
    market.play("mm sell 1@97")

    assert kinds == ["kill_switch", *["order_cancelled"] * 10, "kill_switch"]
    assert market.fills == []
    assert market.asks() == ["mm 1@97"]


def test_two_masses_are_done_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account's own cancel_all stood first, and the switch takes what is left (E4, A14)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 2)
    market = Market()
    _crowd(market)

    market.play("cy cancel all")
    market.play("kill global cancel_all")
    market.wait(0)

    reasons = [each.rpartition(" ")[2] for each in market.cancels]
    assert reasons == ["cancel_all"] * 3 + ["kill_switch"] * 6
