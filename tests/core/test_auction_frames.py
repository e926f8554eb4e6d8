"""An uncross that is too large for a frame goes on in the next, before anything else (A14)."""

import json

import pytest

from engine.kernel import Kernel
from engine.restore import restore
from engine.snapshot import capture, state_hash
from engine.views import markets
from matching.messages import SetMarketState
from matching.terms import MarketState
from tests.core.bounds import lower
from tests.core.market import Event, Market

GATHERED = """
    instrument Y
    mark Y 100
    mm sell 9@100
    ann buy 9@100
    ann sell stop 1 trigger=99 id=stop
    state * auction
    ann sell 6@98 reduce id=exit
    bea sell 30@99 peak=3
    cy  sell 3@99 stp=cancel_oldest
    cy  buy  2@103
    dee buy  8@102 peak=2
    eve buy  4@101
    eve sell 5@97 stp=cancel_newest
    fay buy  3@104 stp=decrement
    hal buy  2@99
    fay sell 2@96 stp=decrement
    hal sell 14@98
    gil buy  20@99
    ivy sell Y 2@95
    ann sell Y 3@96
    ann sell Y 9@99
    ivy buy  Y 8@101
    mm  buy  Y 3@96
"""


def opened(market: Market) -> list[list[Event]]:
    """Open all markets; return the events frame by frame, restoring the kernel after each."""
    frames: list[list[Event]] = []
    twin, hashes = market.restarted(), list[tuple[str, str]]()
    market.send({"type": "set_market_state", "symbol": "*", "state": "open"})
    frames.append(market.last)
    kernel = twin.kernel
    events = kernel.apply(SetMarketState("*", MarketState.OPEN))
    counts = [len(events)]
    while kernel.is_busy():
        assert kernel.next_deadline_us() == market.now_us
        kernel.check()
        kernel = restored(kernel, hashes)
        counts.append(len(kernel.begin(market.now_us)))
    kernel = restored(kernel, hashes)
    assert all(before == after for before, after in hashes)
    while market.kernel.is_busy():
        out: list[bytes] = []
        market.machine.begin(market.now_us, out)
        market.kernel.check()
        frames.append([json.loads(event) for event in out])
    assert counts == [len(frame) for frame in frames]
    assert state_hash(kernel) == market.hash(), "a restart between frames changes nothing"
    return frames


def restored(kernel: Kernel, hashes: list[tuple[str, str]]) -> Kernel:
    """Return a kernel from a snapshot of this one, noting what both are worth."""
    twin = restore(list(capture(kernel)))
    hashes.append((state_hash(kernel), state_hash(twin)))
    return twin


def of_events(frames: list[list[Event]]) -> list[Event]:
    """Return the events of all frames, without the place of their input."""
    found = [event for frame in frames for event in frame]
    for event in found:
        event.pop("in", None)
    return found


@pytest.mark.parametrize("bound", [0, 1, 2, 3, 5, 8, 13])
def test_uncross_in_many_frames_is_the_one_in_one(
    bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is cut, and restored there, it says the same and leaves the same (A14, F)."""
    whole, cut = Market(), Market()
    for market in (whole, cut):
        market.play(GATHERED)
        market.forget()
    (at_once,) = opened(whole)
    kinds = [event["type"] for event in at_once]
    assert {"prevented_match", "order_cancelled", "order_replenished"} < set(kinds)
    assert kinds.count("auction_uncrossed") > 2, "one of the markets takes two rounds"
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", bound)

    frames = opened(cut)

    assert len(frames) > 1
    assert of_events(frames) == of_events([at_once])
    assert cut.hash() == whole.hash()


def test_stops_and_margins_wait_until_the_uncross_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The uncross is one command, however many frames it takes (A14, A11)."""
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 1)
    market = Market()
    market.play(GATHERED)
    market.forget()

    frames = opened(market)

    kinds = [event["type"] for event in of_events(frames)]
    assert kinds.index("order_triggered") > len(kinds) - 1 - kinds[::-1].index("market_state")
    symbols = [e["symbol"] for e in of_events(frames) if e["type"] == "market_state"]
    assert symbols == ["X", "Y"], "one after the other"
    for frame in frames[:-1]:
        assert not any(event["type"] == "order_triggered" for event in frame)


def test_sweep_over_too_many_orders_goes_on_with_the_same_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bound of one sweep cancels nothing in an auction: the order has its place (A1, A14)."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    market = Market()
    market.play("state X auction")
    for number in range(5):
        market.play(f"alice sell {number + 1}@{99 + number % 2}")
    market.play("bob buy 11@100\n carol buy 4@100")

    market.play("state X open")

    assert market.cancels == []
    assert market.fills == [
        *("bob<alice 1@100", "bob<alice 3@100", "bob<alice 5@100", "bob<alice 2@100"),
        "carol<alice 4@100",
    ]


def test_taker_that_finds_nobody_more_keeps_its_place() -> None:
    """It was there first, and what it hides it has given first (A4, A14)."""
    market = Market()
    market.play("""
        state X auction
        alice sell 8@98
        zed   sell 4@99
        alice buy  9@100 peak=3 stp=cancel_oldest
        carol buy  2@100
        state X open
    """)

    assert market.fills == ["alice<zed 4@100"]
    assert market.cancels == ["o1 8 self_trade"]
    assert market.bids() == ["alice 5@100 shows 3", "carol 2@100"]


def test_frame_of_the_bound_is_the_kernel_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it has ended the market is in auction, and no input comes between (A14)."""
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 1)
    market = Market()
    market.play("""
        state X auction
        alice sell 1@100
        alice sell 1@100
        bob   buy 1@100
        bob   buy 1@100
    """)

    market.send({"type": "set_market_state", "symbol": "X", "state": "halted"})

    assert [event["type"] for event in market.last] == ["auction_uncrossed", "trade"]
    assert market.kernel.is_busy()
    assert market.kernel.state.markets["X"].instrument.state is MarketState.AUCTION
    with pytest.raises(AssertionError, match="before any other input"):
        market.kernel.apply(SetMarketState("X", MarketState.OPEN))
    market.wait(0)
    assert [event["type"] for event in market.last] == ["trade", "market_state"]
    assert not market.kernel.is_busy()


def test_indication_counts_what_is_shown() -> None:
    """The price is the one that it will be; the quantity tells nobody's hidden size (A4, A14)."""
    market = Market()
    market.play("""
        state X auction
        alice sell 30@99 peak=10
        bob   buy  20@101
        carol buy  5@100
        carol buy  9@98
    """)

    view = markets(market.kernel.state)["X"]

    assert view["auction"] == {"price": "100", "quantity": "10"}
    market.play("alice cancel o1")
    assert markets(market.kernel.state)["X"]["auction"] is None
    market.play("state X open")
    assert "auction" not in markets(market.kernel.state)["X"]
