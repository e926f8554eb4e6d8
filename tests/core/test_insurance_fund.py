"""The backstop and the fund that bears it, and what they live on (D6)."""

import pytest

from tests.core.market import Market
from tests.core.unsold import fund_of, long_at_100

# The backstop


def test_what_the_backstop_makes_goes_to_the_fund() -> None:
    """It bought 0.3 at 80 and sells at 90: its purse is empty after every command (D6)."""
    market = long_at_100(ladder="max_tries=1")
    market.play("""
        mark 90
        mark 100
        carol buy 0.3@90
    """)
    market.forget()

    market.play("backstop sell 0.3@90")

    assert market.balance("backstop") == "0"
    assert fund_of(market) == (103 * 10**8, 0)
    assert market.events[-1] == {
        "type": "balance_changed",
        "in": 0,
        "account": "backstop",
        "delta": "-3",
        "balance": "0",
        "cause": "insurance",
    }


def test_purse_is_emptied_after_a_timer_too() -> None:
    """It was long from 80, and takes over a short at 120 while nobody trades (D6)."""
    market = long_at_100(ladder="max_tries=1")
    market.play("""
        mark 90
        mark 100
        ladder max_tries=2
        deposit amy 20
        mm  buy  1@100
        amy sell 1@100
        mark 108
    """)

    market.wait(250)

    assert [event["type"] for event in market.last][-2:] == ["takeover", "balance_changed"]
    assert all("in" not in event for event in market.last)
    assert market.last[-1]["delta"] == "-12"
    assert fund_of(market) == (112 * 10**8, 0)


def test_what_the_backstop_loses_comes_from_the_fund() -> None:
    """It sells at 70 what it bought at 80 (D6)."""
    market = long_at_100(ladder="max_tries=1")
    market.play("""
        mark 90
        mark 100
        carol buy 0.3@70
        backstop sell 0.3@70
    """)

    assert market.balance("backstop") == "0"
    assert market.events[-1]["delta"] == "3"
    assert fund_of(market) == (97 * 10**8, 0)


def test_what_the_fund_lacks_stands_as_a_deficit() -> None:
    """The fund bore the worst case that was reckoned with; the market did worse (D6)."""
    market = long_at_100(fund="1.65", ladder="max_tries=1")
    market.play("""
        mark 90
        mark 100
        carol buy 0.3@60
        backstop sell 0.3@60
    """)

    assert market.position("backstop") == "0"
    assert fund_of(market) == (0, 435_000_000)  # 0.3 × 20 − 1.65


def test_backstop_passes_margin_and_liquidation_by() -> None:
    """Without a cent it may sell a million, and nobody calls it when that goes wrong (D6)."""
    market = Market()

    market.play("""
        backstop sell 10000@100
        carol buy 10000@100
        mark 500
    """)

    assert market.position("backstop") == "-10000"
    assert market.refusals == []
    assert [event["type"] for event in market.last] == []


def test_backstop_must_keep_to_the_form_and_the_market() -> None:
    """Off the grid, or in a halted market, it is refused like anybody (D6)."""
    market = Market()
    market.play("""
        state X halted
        backstop sell 1@100
        state X open
        backstop sell 1@100.001
        backstop sell 1@100 reduce
    """)

    assert market.refusals == ["market_not_open", "off_tick", "nothing_to_reduce"]


def test_backstop_does_not_bear_what_others_are_deleveraged_for() -> None:
    """It stands on the other side and has equity, and is passed by (D7)."""
    market = Market(lot_size="0.1")
    market.play("""
        ladder max_tries=1
        deposit bob 20
        backstop sell 1@100
        bob buy 1@100
        mark 89
    """)

    assert market.of("deleveraged") == []
    assert (market.position("bob"), market.position("backstop")) == ("1", "-1")


@pytest.mark.parametrize("name", ["backstop", "house"])
def test_names_of_the_venue_are_taken(name: str) -> None:
    """Nobody opens or changes its accounts, whether they are there yet or not (D6)."""
    market = Market()

    market.play(f"""
        account {name}
        update {name} leverage=2
    """)

    assert market.refusals == ["account_exists", "account_exists"]
    assert name not in market.accounts()


def test_backstop_comes_into_being_with_what_is_accepted() -> None:
    """A refused order or deposit leaves no account behind (D6)."""
    market = Market()
    before = market.hash()

    market.send(
        {"type": "deposit", "account": "backstop", "amount": "0", "transfer_id": "none"},
        {"type": "withdraw", "account": "backstop", "amount": "1", "transfer_id": "out"},
    )
    assert market.refusals == ["quantity_not_positive", "unknown_account"]
    assert market.hash() == before

    market.send({"type": "deposit", "account": "backstop", "amount": "7", "transfer_id": "in"})
    assert [event["delta"] for event in market.last] == ["7", "-7"]
    assert "backstop" in market.accounts()
    assert fund_of(market) == (7 * 10**8, 0)


# The fund


def test_fund_is_paid_into() -> None:
    """It counts as a deposit, and the event says what there is now (D6)."""
    market = Market()

    market.send({"type": "fund_insurance", "amount": "5", "transfer_id": "a"})
    market.send({"type": "fund_insurance", "amount": "2.5", "transfer_id": "b"})

    assert market.last == [
        {
            "type": "insurance_funded",
            "in": 0,
            "amount": "2.5",
            "insurance": "7.5",
            "transfer_id": "b",
        }
    ]
    assert market.kernel.state.ledger.deposits == 750_000_000


def test_transfer_into_the_fund_counts_once() -> None:
    """Ids are those of all transfers; a refused one is not consumed (D6)."""
    market = Market()
    market.play("deposit ann 1")
    first = {"type": "fund_insurance", "amount": "0", "transfer_id": "a"}

    market.send(first, first | {"amount": "1"}, first | {"amount": "1"})
    market.send(first | {"amount": "1", "transfer_id": "t1"})

    assert market.refusals == ["quantity_not_positive", "duplicate", "duplicate"]
    assert fund_of(market) == (10**8, 0)


# The fee


@pytest.mark.parametrize(
    ("rate", "fee"), [("0.005", "0.135"), ("0.1", "2.7"), ("0.12", "3"), ("0.5", "3")]
)
def test_fee_is_a_share_of_the_notional_and_never_more_than_the_surplus(
    rate: str, fee: str
) -> None:
    """0.3 sold at 90 where 80 was bankrupt: 27 of notional, 3 of surplus (D6)."""
    market = long_at_100(fund="", ladder=f"liquidation_fee={rate}")
    market.play("carol buy 1@90")
    market.forget()

    market.play("mark 90")

    paid = market.events[-1]
    assert (paid["type"], paid["cause"], paid["delta"]) == (
        "balance_changed",
        "liquidation_fee",
        f"-{fee}",
    )
    assert paid["balance"] == market.balance("bob")
    assert fund_of(market) == (round(float(fee) * 10**8), 0)


def test_fee_is_reckoned_once_over_all_fills_of_a_slice() -> None:
    """Three atoms at a third each are one, not three (D6)."""
    market = long_at_100(fund="", ladder="liquidation_fee=0.000001")
    market.play("""
        carol buy 0.1@89.99
        dave  buy 0.1@89.98
        erin  buy 0.1@89.97
    """)
    market.forget()

    market.play("mark 90")

    assert len(market.fills) == 3
    assert market.events[-1]["delta"] == "-0.000027"  # 26.994 ppm, in one


@pytest.mark.parametrize(
    ("ladder", "refusals"),
    [("liquidation_fee=1", []), ("liquidation_fee=1.000001", ["invalid_terms"])],
)
def test_fee_is_at_most_everything(ladder: str, refusals: list[str]) -> None:
    """A rate above one is a slip (D6)."""
    market = Market()

    market.play(f"ladder {ladder}")

    assert market.refusals == refusals


def test_no_fee_at_the_bankruptcy_price() -> None:
    """There is no surplus to take it from (D6)."""
    market = long_at_100(fund="", ladder="liquidation_fee=0.5", collar="0.5")
    market.play("carol buy 1@80")
    market.forget()

    market.play("mark 90")

    assert market.fills == ["bob<carol 0.3@80"]
    assert market.of("balance_changed") == []
