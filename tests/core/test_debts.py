"""Who pays for an account that has less than nothing (D6)."""

import pytest

from tests.core.market import Market
from tests.core.unsold import fund_of, long_at_100


def _in_debt(fund: str) -> Market:
    """Let bob close at 75 by himself what was bankrupt at 80."""
    market = long_at_100(fund=fund, ladder="max_tries=1000")
    market.play("""
        mark 76
        carol buy 1@75
    """)
    market.forget()
    market.play("bob sell market 1 reduce")
    return market


def test_fund_pays_a_debt() -> None:
    """The vector of D2: bought at 100 with 20, sold at 75: 5 are missing (D6)."""
    market = _in_debt(fund="100")

    assert market.balance("bob") == "0"
    assert market.events[-1] == {
        "type": "deficit",
        "in": 0,
        "account": "bob",
        "amount": "5",
        "from_insurance": "5",
        "from_deficit": "0",
        "receipt": {"balance": "-5", "insurance": "100"},
    }
    assert fund_of(market) == (95 * 10**8, 0)


@pytest.mark.parametrize(
    ("fund", "paid", "open_"), [("5", "5", "0"), ("3", "3", "2"), ("", "0", "5")]
)
def test_what_the_fund_cannot_pay_stands_in_the_open(fund: str, paid: str, open_: str) -> None:
    """The fund never goes below zero (D6)."""
    market = _in_debt(fund)

    event = market.events[-1]
    assert (event["from_insurance"], event["from_deficit"]) == (paid, open_)
    left = int(fund or 0) - int(paid)
    assert fund_of(market) == (left * 10**8, int(open_) * 10**8)


def test_debt_with_a_position_is_not_paid_yet() -> None:
    """As long as something is held it may still come right (D6)."""
    market = long_at_100(ladder="max_tries=1000")
    market.play("""
        mark 76
        carol buy 0.9@75
        bob sell market 0.9 reduce
    """)

    assert float(market.balance("bob")) < 0
    assert market.of("deficit") == []


def test_debts_are_paid_in_order_of_account() -> None:
    """The fund may not suffice for all, and must not depend on who was the maker (D6)."""
    market = Market(lot_size="0.1")
    market.play("""
        ladder max_tries=1000 max_wait_ms=600000
        fund 4
        deposit zed 20
        mm  sell 1@100
        zed buy  1@100
        mark 60
        deposit amy 12
        mm  buy  1@60
        amy sell 1@60
        mark 76
        zed sell 1@75 reduce
    """)
    market.forget()

    market.play("amy buy 1@75 reduce")

    paid = [(e["account"], e["amount"], e["from_insurance"]) for e in market.of("deficit")]
    assert paid == [("amy", "3", "3"), ("zed", "5", "1")]


def test_debt_of_a_liquidation_is_paid_at_the_end_of_its_action() -> None:
    """Sold where it was bankrupt, and the taker's fee on top (D6)."""
    market = Market(lot_size="0.1", taker_fee="0.01", collar="0.5")
    market.play("""
        deposit bob 21
        mm    sell 1@100
        bob   buy  1@100
        carol buy  1@80
    """)
    market.forget()

    market.play("mark 80")

    assert market.fills == ["bob<carol 1@80"]
    assert market.kinds() == ["margin_call", "liquidation", "trade", "deficit"]
    assert market.events[-1]["amount"] == "0.8"
    assert market.balance("bob") == "0"
