"""Nothing is created and nothing is lost (B7).

Every test of this directory checks the ledger after each of its commands; these show that the
check can fail, and what it adds up.
"""

import pytest

from engine.entries import decode_entry
from risk.ledger import Ledger
from tests.core.market import Market


def test_vector_of_the_rule() -> None:
    """A buys 1@100 from B and sells it to C at 110: balances +10, signed open cost +10 (B7)."""
    market = Market()

    market.play("""
        B sell 1@100
        A buy  1@100
        C buy  1@110
        A sell 1@110
    """)

    assert [market.balance(name) for name in "ABC"] == ["1000000010", "1000000000", "1000000000"]
    assert [market.cost(name) for name in "ABC"] == ["0", "-100", "110"]
    assert market.kernel.state.ledger.open_cost == 10 * 10**8


def test_identity_holds_over_money_fees_and_rebates() -> None:
    """Deposits − withdrawals = balances − signed open cost + fees (B7)."""
    market = Market(maker_fee="-0.0003", taker_fee="0.0007")
    market.play("""
        B sell 3@100
        A buy  3@100
        A sell 1@99.99
        B buy  1@99.99
        withdraw A 5
    """)

    ledger = market.kernel.state.ledger
    assert ledger.fees > 0
    assert ledger.deposits - ledger.withdrawals == (
        ledger.balances - ledger.open_cost + ledger.fees
    )


@pytest.mark.parametrize("name", [name for name in Ledger.__slots__ if name != "check"])
def test_every_total_counts(name: str) -> None:
    """One atom more on any of the totals is seen (B7)."""
    ledger = Ledger()
    ledger.check()

    setattr(ledger, name, 1)

    with pytest.raises(AssertionError, match="does not add up"):
        ledger.check()


def test_positions_of_an_instrument_sum_to_zero() -> None:
    """What one is long another is short; a position out of nowhere is seen (B7)."""
    market = Market()
    market.play("""
        B sell 1@100
        A buy  1@100
    """)
    market.kernel.state.accounts["A"].positions["X"].lots += 1

    with pytest.raises(AssertionError):
        market.kernel.check()


def test_kernel_refuses_to_go_on_with_a_wrong_ledger() -> None:
    """The identity is asserted after every movement in production too (B7)."""
    market = Market()
    market.play("deposit A 5")
    market.kernel.state.ledger.fees += 1
    more = b'{"type":"deposit","account":"A","amount":"1","transfer_id":"more"}'
    (item,) = decode_entry("admin", "1-0", more)

    with pytest.raises(AssertionError, match="does not add up"):
        market.machine.apply(item, 0, [])
