"""Funding over many positions: what is paid, in which frames, and what may come between (B6)."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import limits
from risk.account import Account
from risk.carry import Carry, paid_and_received
from risk.instrument import Instrument
from risk.position import Position
from tests.core.bounds import lower
from tests.core.market import Market

HOLDERS = ("ann", "bea", "cy", "dot", "eve")
NUMERATORS = st.integers(-(10**14), 10**14)
LOTS = st.integers(-(10**12), 10**12)


def _position(account_id: str, lots: int, mark_half_ticks: int) -> Position:
    """Return a position of a market whose tick on a lot is worth two atoms."""
    kernel = Market().kernel
    terms = kernel.state.markets["X"].instrument.terms
    instrument = Instrument(terms, kernel.state.markets["X"].instrument.state)
    instrument.half_atoms, instrument.unit_atoms = 1, 2
    instrument.mark_half_ticks = mark_half_ticks
    position = Position(Account(account_id), instrument, {}, {})
    position.lots = lots
    return position


@given(LOTS, st.integers(1, 10**13), NUMERATORS, NUMERATORS, st.sampled_from((10**9, 36 * 10**10)))
def test_payment_is_the_floor_of_the_exact_amount(
    lots: int, mark: int, long_numerator: int, short_numerator: int, divisor: int
) -> None:
    """Payers pay ⌈⌉ and receivers get ⌊⌋: both are the signed amount, rounded down (B6)."""
    carry = Carry("X", "funding", "f", long_numerator, short_numerator, divisor)
    numerator = long_numerator if lots > 0 else short_numerator

    exact = -Fraction(abs(lots) * mark * numerator, divisor)

    assert carry.delta_atoms(_position("ann", lots, mark)) == floor(exact)


@given(st.lists(LOTS.filter(bool), min_size=1, max_size=5), NUMERATORS)
def test_residue_of_funding_is_never_negative(lots: list[int], numerator: int) -> None:
    """What one side pays the other receives, less than an atom a position apart (B6)."""
    positions = {name: _position(name, n, 199) for name, n in zip(HOLDERS, lots, strict=False)}
    positions["house"] = _position("house", -sum(lots), 199)
    payments = Carry("X", "funding", "f", numerator, -numerator, 10**9).reckon(positions)

    paid, received = paid_and_received(payments)

    assert 0 <= paid - received < len(positions)
    assert [name for name, _ in payments] == sorted(name for name, _ in payments)


def _many(lots: str = "0.1") -> Market:
    """Return a market of five longs of a lot each against a short of five."""
    market = Market(lot_size=lots, funding_cap="1")
    for name in HOLDERS:
        market.play(f"""
            deposit {name} 21
            mm sell 1@100
            {name} buy 1@100
        """)
    market.play("zoe buy 9@99")
    market.forget()
    return market


def test_payments_go_on_over_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame holds a bounded number of them; the rest goes on at once, in order (B6)."""
    assert limits.PAYMENTS_PER_FRAME < limits.MAX_FRAME_EVENTS
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 4)
    market = _many()

    market.play("funding X 0.01")
    assert [e["account"] for e in market.of("balance_changed")] == ["ann", "bea", "cy", "dot"]
    assert market.of("funding")[0]["paid"] == "5"
    assert market.kernel.is_busy()
    assert market.kernel.next_deadline_us() == market.now_us

    market.wait(0)
    assert [(e["account"], "in" in e) for e in market.last] == [("eve", False), ("mm", False)]
    assert not market.kernel.is_busy()
    assert market.kernel.next_deadline_us() is None


def test_whole_last_frame_leaves_nothing_to_go_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six payments in two frames of three: there is no empty third (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 3)
    market = _many()

    market.play("funding X 0.01")
    out: list[bytes] = []
    market.machine.begin(market.now_us, out)

    assert len(out) == 3
    assert not market.kernel.is_busy()


def test_nobody_is_liquidated_before_the_last_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice sold in between would change who pays: margins are looked at last (B6, D2)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 2)
    market = _many()

    market.play("funding X 0.11")
    assert market.kinds() == ["funding", "balance_changed", "balance_changed"]
    market.wait(0)

    assert market.kinds()[3:7] == ["balance_changed"] * 4
    assert len(market.of("liquidation")) == 5
    assert "balance_changed" not in market.kinds()[7:]


def test_no_other_input_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within an array all are paid before the next command runs (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 1)
    market = _many()

    market.deliver(
        "admin",
        b"""[
        {"type":"apply_funding","symbol":"X","rate":"0.01","funding_id":"a"},
        {"type":"apply_funding","symbol":"X","rate":"-0.01","funding_id":"b"}
        ]""",
    )
    market.wait(0)

    assert [e["account"] for e in market.of("balance_changed")] == [*HOLDERS, "mm"] * 2
    assert [market.balance(name) for name in HOLDERS] == ["21"] * 5


@pytest.mark.parametrize("frames", range(6))
def test_payments_survive_a_snapshot(monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    """Killed after any of its frames, the rest is paid after the restart, once each (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 1)
    market = _many()
    market.play("funding X 0.11")
    for _ in range(frames):
        market.machine.begin(market.now_us, [])

    twin = market.restarted()

    assert twin.hash() == market.hash()
    assert twin.kernel.is_busy() == market.kernel.is_busy() == (frames < 5)
    assert twin.wait(0) == market.wait(0)
    assert twin.hash() == market.hash()
    assert twin.balance("mm") == market.balance("mm")
