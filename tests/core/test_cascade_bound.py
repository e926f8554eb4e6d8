"""A cascade is bounded a frame and a command, and nothing overtakes it (A11, E6)."""

import json

import pytest

from engine.entries import decode_entry
from engine.kernel import Kernel
from tests.core.bounds import lower
from tests.core.market import Market


def _armed_at(market: Market, stops: int) -> None:
    """Let stops sleep one below the other, each print reaching the next, then trade at 99."""
    market.play("change X collar=0.5\n mm sell 1@100\n bea buy 1@100")
    for number in range(stops):
        market.play(f"ann sell stop 1 trigger={99 - number} id=s{number}")
        market.play(f"mm buy 1@{98 - number}")
    market.play("mm buy 1@99")
    market.forget()


def _ids(market: Market) -> list[str]:
    return [event["client_order_id"] for event in market.of("order_triggered")]


def test_cascade_goes_on_in_the_next_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many a frame; the rest before any other input (A11)."""
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 3)
    market = Market()
    _armed_at(market, 8)

    market.play("bea sell 1@99")
    assert _ids(market) == ["s0", "s1", "s2"]
    assert market.kernel.is_busy()
    assert market.kernel.next_deadline_us() == market.now_us

    out: list[bytes] = []
    market.machine.begin(market.now_us, out)
    fired = [json.loads(e) for e in out if json.loads(e)["type"] == "order_triggered"]
    assert [event["client_order_id"] for event in fired] == ["s3", "s4", "s5"]
    assert all("in" not in event for event in fired)

    market.play("bea buy 1@1 id=later")
    assert _ids(market)[3:] == ["s6", "s7"]
    assert market.kinds()[-1] == "order_accepted"
    assert not market.kernel.is_busy()
    assert market.kernel.next_deadline_us() is None


def test_cascade_says_the_same_in_many_frames_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the frames differ (A11)."""
    whole = Market()
    _armed_at(whole, 8)
    whole.play("bea sell 1@99")
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 3)
    parts = Market()
    _armed_at(parts, 8)
    parts.play("bea sell 1@99")
    parts.wait(0)

    def without_input(market: Market) -> list[dict[str, object]]:
        return [{key: e[key] for key in e if key != "in"} for e in market.events]

    assert without_input(parts) == without_input(whole)
    assert parts.hash() == whole.hash()


def test_no_command_of_the_same_entry_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next of an array waits until the cascade has run to its end (A11)."""
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 2)
    market = Market()
    _armed_at(market, 6)
    order = {
        "type": "place_order",
        "account": "bea",
        "symbol": "X",
        "side": "sell",
        "order_type": "limit",
        "quantity": "1",
        "price": "99",
        "client_order_id": "first",
    }
    entry = json.dumps([order, order | {"side": "buy", "price": "1", "client_order_id": "second"}])

    market.deliver("orders", entry.encode())

    named = [(e["type"], e.get("client_order_id")) for e in market.events if e["type"] != "trade"]
    expected = [("order_triggered", f"s{n}") for n in range(6)]
    assert named == [
        ("order_accepted", "first"),
        *expected,
        ("order_accepted", "second"),
    ]


def test_input_in_the_middle_of_a_cascade_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel does not trust its caller with the order of things (A11)."""
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 2)
    market = Market()
    _armed_at(market, 6)
    market.play("bea sell 1@99")
    kernel: Kernel = market.kernel
    (item,) = decode_entry("orders", "9-0", b"{")

    with pytest.raises(AssertionError, match="before any other input"):
        kernel.apply(market.machine._conversion.to_core(item.command, lambda _, __: None))


def test_bound_of_a_frame_is_over_all_instruments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening all markets at once is no way around it (A11)."""
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 3)
    market = Market(collar="0.5")
    market.play("instrument Y collar=0.5\n mark Y 100\n mm buy 9@90\n mm buy Y 9@90")
    for number in range(4):
        market.play(f"""
            ann sell   stop 1 trigger=95 by=mark id=x{number}
            ann sell Y stop 1 trigger=95 by=mark id=y{number}
        """)
    market.play("state * halted\n mark 94\n mark Y 94")
    market.forget()

    market.play("state * open")
    assert _ids(market) == ["x0", "x1", "x2"]

    market.wait(0)
    assert _ids(market)[3:] == ["x3", "y0", "y1", "y2", "y3"]


def test_cascade_without_end_halts_the_instrument(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rest still armed; opening it again lets them go on (A11)."""
    lower(monkeypatch, "MAX_CASCADE", 4)
    market = Market()
    _armed_at(market, 6)

    market.play("bea sell 1@99")
    assert _ids(market) == ["s0", "s1", "s2", "s3"]
    assert market.last[-1] == {
        "type": "market_state",
        "in": 0,
        "symbol": "X",
        "state": "halted",
    }
    assert market.armed() == ["s4 sell 1 95", "s5 sell 1 94"]
    assert not market.kernel.is_busy()

    market.play("bea buy 1@1\n state X open")
    assert market.refusals == ["market_not_open"]
    assert _ids(market)[4:] == ["s4", "s5"]


def test_bound_counts_over_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cascade does not start afresh with each frame (A11)."""
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 2)
    lower(monkeypatch, "MAX_CASCADE", 5)
    market = Market()
    _armed_at(market, 8)

    market.play("bea sell 1@99")
    market.wait(0)

    assert _ids(market) == ["s0", "s1", "s2", "s3", "s4"]
    assert market.kinds().count("market_state") == 1
    assert len(market.armed()) == 3


def test_cascade_that_ends_at_its_bound_halts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many are allowed, one more is not (A11)."""
    lower(monkeypatch, "MAX_CASCADE", 6)
    market = Market()
    _armed_at(market, 6)

    market.play("bea sell 1@99")

    assert len(_ids(market)) == 6
    assert market.of("market_state") == []


def test_restored_cascade_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many have fired is part of the state (A11)."""
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 2)
    lower(monkeypatch, "MAX_CASCADE", 5)
    market = Market()
    _armed_at(market, 8)
    market.play("bea sell 1@99")
    market.forget()

    twin = market.restarted()
    market.wait(0)
    twin.wait(0)

    assert twin.events == market.events
    assert _ids(twin) == ["s2", "s3", "s4"]
    assert twin.hash() == market.hash()


def test_margins_wait_for_the_end_of_the_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops, then margins, however many frames the stops take (A11, D2)."""
    lower(monkeypatch, "MAX_CASCADE_PER_FRAME", 2)
    market = Market(mark_source="last")
    market.play("""
        change X collar=0.5
        deposit poor 210
        mm   sell 10@100
        poor buy  10@100
    """)
    _armed_at(market, 12)

    market.play("bea sell 1@99")
    assert market.of("margin_call") == []
    market.wait(0)

    kinds = market.kinds()
    assert kinds.index("margin_call") > max(
        index for index, kind in enumerate(kinds) if kind == "order_triggered"
    )


def test_liquidation_sets_off_no_stop_in_its_own_frame() -> None:
    """Prints of liquidations wait, so the two cannot chase each other without end (D2, F)."""
    market = Market(mark_source="last", collar="0.5")
    market.play("""
        deposit poor 205
        mm   sell 10@100
        poor buy  10@100
        ann  sell stop 1 trigger=85 id=A
        mm   buy 1@89
        mm   buy 20@84
        bea  sell 1@89
    """)
    assert market.of("liquidation") != []
    assert market.fired == []

    market.wait(250)
    assert market.fired == ["A 85 at 84"]
