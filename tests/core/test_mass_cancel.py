"""Cancelling many orders: in order of arrival, and over several frames if need be (A14)."""

import pytest

from engine import limits
from tests.core.bounds import lower
from tests.core.market import Market

BOOK = """
    alice sell 1@101
    alice buy  1@99
    bob   sell 1@101
    alice sell Y 1@102
    alice sell 1@103
"""


def _market() -> Market:
    market = Market()
    market.play("instrument Y")
    market.mark_at("100", "Y")
    market.play(BOOK)
    market.forget()
    return market


@pytest.mark.parametrize(
    ("what", "gone"),
    [
        ("", "o1 o2 o4 o5"),
        ("X", "o1 o2 o5"),
        ("Y", "o4"),
        ("sell", "o1 o4 o5"),
        ("X sell", "o1 o5"),
        ("Y buy", ""),
    ],
)
def test_cancel_all_takes_what_it_names(what: str, gone: str) -> None:
    """An account's own orders only, first come first, in any market state (A14)."""
    market = _market()

    market.play(f"""
        state * halted
        alice cancel all {what}
    """)

    assert market.cancels == [f"{name} 1 cancel_all" for name in gone.split()]
    assert "bob 1@101" in market.asks()


def test_nothing_to_cancel_is_no_mistake() -> None:
    """The account wanted to have no orders, and has none (A14)."""
    market = Market()

    assert market.play("alice cancel all") == []


def test_mass_goes_on_over_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame holds a bounded number of events; the rest is state and goes on at once (A14)."""
    assert limits.MASS_CANCELS_PER_FRAME <= limits.MAX_FRAME_EVENTS
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 2)
    market = _market()
    market.play("alice buy 1@98")

    market.play("alice cancel all")
    assert market.cancels == ["o1 1 cancel_all", "o2 1 cancel_all"]
    assert market.kernel.is_busy()
    assert market.kernel.next_deadline_us() == market.now_us

    out: list[bytes] = []
    market.machine.begin(market.now_us, out)
    assert len(out) == 2
    assert market.kernel.is_busy()
    market.machine.begin(market.now_us, out)
    assert len(out) == 3
    assert not market.kernel.is_busy()
    market.kernel.check()


def test_no_other_input_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within an array the mass is finished first: its last order cannot trade any more (A14)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 1)
    market = _market()

    market.deliver(
        "orders",
        b"""[
        {"type":"cancel_all","account":"alice"},
        {"type":"place_order","account":"bob","symbol":"X","side":"buy","order_type":"limit",
         "quantity":"1","price":"103","client_order_id":"b","stp":"none"}
        ]""",
    )

    assert market.fills == ["bob<bob 1@101"]
    assert len(market.cancels) == 4


def test_mass_survives_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle, it is finished after the restart (A14)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 1)
    market = _market()
    market.play("alice cancel all")

    twin = market.restarted()

    assert twin.kernel.is_busy()
    assert twin.wait(0) == market.wait(0) != []
    assert twin.hash() == market.hash()


def test_liquidation_of_many_orders_goes_on_before_it_sells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """First the orders go, then the account is looked at again (D2)."""
    lower(monkeypatch, "MASS_CANCELS_PER_FRAME", 2)
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 21
        mm    sell 1@100
        bob   buy  1@100
        bob   sell 0.1@120
        bob   sell 0.1@121
        bob   sell 0.1@122
        carol buy  5@85
    """)
    market.forget()

    market.play("mark 87")
    assert market.kinds() == ["margin_call", "order_cancelled", "order_cancelled"]
    market.forget()
    market.wait(0)
    assert market.kinds() == ["order_cancelled"]
    market.wait(250)

    assert market.kinds() == ["order_cancelled", "liquidation", "trade"]
