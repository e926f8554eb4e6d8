"""What becomes of a slice that nobody buys (D6)."""

import pytest

from tests.core.market import Market
from tests.core.unsold import long_at_100


def _tries(market: Market) -> int:
    return len(market.of("liquidation"))


# Trying again


def test_slice_is_offered_three_times_before_somebody_must_take_it() -> None:
    """At once, and at each review after it (D6)."""
    market = long_at_100()

    market.play("mark 90")
    assert (_tries(market), market.of("takeover")) == (1, [])
    market.wait(250)
    assert (_tries(market), market.of("takeover")) == (2, [])
    market.wait(250)

    assert _tries(market) == 3
    (taken,) = market.of("takeover")
    assert (taken["quantity"], taken["price"]) == ("0.3", "80")


def test_any_input_is_a_try_too() -> None:
    """Who stands at a tier with unsold lots is looked at at every next input (D6)."""
    market = long_at_100()

    market.play("""
        mark 90
        mm cancel nothing
        mm cancel nothing
    """)

    assert _tries(market) == 3
    assert len(market.of("takeover")) == 1


def test_slice_is_offered_for_two_seconds_at_most() -> None:
    """However many tries there may be (D6)."""
    market = long_at_100(ladder="max_tries=1000")

    market.play("mark 90")
    for _ in range(7):
        market.wait(250)
    assert (_tries(market), market.of("takeover")) == (8, [])
    market.wait(250)

    assert len(market.of("takeover")) == 1


def test_tries_and_time_are_configuration() -> None:
    """`max_tries` and `max_wait_ms` (D6)."""
    market = long_at_100(ladder="max_tries=1")
    market.play("mark 90")
    assert len(market.of("takeover")) == 1

    market = long_at_100(ladder="max_tries=9 max_wait_ms=300")
    market.play("mark 90")
    market.wait(250)
    assert market.of("takeover") == []
    market.wait(250)
    assert len(market.of("takeover")) == 1


def test_partly_sold_slice_is_a_try_and_only_its_rest_is_taken_over() -> None:
    """What the book had is sold to the book (D6)."""
    market = long_at_100(ladder="max_tries=1")
    market.play("carol buy 0.1@90")
    market.forget()

    market.play("mark 90")

    assert market.fills == ["bob<carol 0.1@90"]
    (taken,) = market.of("takeover")
    assert (taken["quantity"], taken["price"]) == ("0.2", "80")  # not the collar's 85.5
    assert market.position("bob") == "0.7"


def test_sold_slice_begins_the_count_anew() -> None:
    """Three tries in a row, not three in a life (D6)."""
    market = long_at_100()
    market.play("mark 90")
    market.wait(250)
    market.play("mm buy 0.3@88")
    assert market.fills == ["bob<mm 0.3@88"]

    market.play("mark 85")
    market.wait(250)
    assert market.of("takeover") == []
    market.wait(250)

    assert len(market.of("takeover")) == 1


def test_takeover_begins_the_count_anew() -> None:
    """What is cut next from the same position is offered three times again (D6)."""
    market = long_at_100()

    market.play("mark 90")
    for _ in range(5):
        market.wait(250)

    kinds = [kind for kind in market.kinds() if kind in {"liquidation", "takeover"}]
    assert kinds == ["liquidation"] * 3 + ["takeover"] + ["liquidation"] * 3 + ["takeover"]


def test_recovered_account_begins_the_count_anew() -> None:
    """Below the first tier everything is forgotten (D6)."""
    market = long_at_100()
    market.play("mark 90")
    market.wait(250)

    market.play("""
        mark 95
        mark 90
    """)
    market.wait(250)
    assert market.of("takeover") == []
    market.wait(250)

    assert len(market.of("takeover")) == 1


def test_closed_market_is_no_try() -> None:
    """While nobody could buy nobody is blamed for not buying (D6)."""
    market = long_at_100()

    market.play("""
        mark 90
        state X halted
    """)
    for _ in range(4):
        market.wait(250)
    assert _tries(market) == 1

    market.play("state X open")
    assert (_tries(market), market.of("takeover")) == (2, []), "the first since it is open again"


# Taking over


def test_takeover_moves_the_lots_at_the_bankruptcy_price() -> None:
    """0.3 × 20 lost: the account is where it would be had it sold there (D6)."""
    market = long_at_100(ladder="max_tries=1")

    market.play("mark 90")

    (event,) = market.of("takeover")
    trade_id = event.pop("trade_id")
    assert trade_id == 2
    assert event == {
        "type": "takeover",
        "in": 0,
        "symbol": "X",
        "account": "bob",
        "side": "sell",
        "quantity": "0.3",
        "price": "80",
        "realized_pnl": "-6",
        "position": "0.7",
        "balance": "14",
        "receipt": {
            "mark_price": "90",
            "worst_case": "1.65",
            "insurance": "100",
            "backstop_unrealized": "0",
        },
    }
    assert market.position("backstop") == "0.3"
    assert market.cost("backstop") == "24"


@pytest.mark.parametrize(
    ("fund", "taken"), [("1.65", True), ("1.64999999", False), ("", False), ("1000", True)]
)
def test_fund_must_bear_the_worst_case_exactly(fund: str, taken: bool) -> None:
    """0.3 × |80 − 90 × 0.95| is 1.65, and not an atom less will do (D6)."""
    market = long_at_100(fund, "max_tries=1")

    market.play("mark 90")

    assert bool(market.of("takeover")) == taken
    assert bool(market.of("deleveraged")) != taken


@pytest.mark.parametrize(("fund", "taken"), [("1.98", True), ("1.97999999", False)])
def test_worst_case_of_a_short_is_a_rise(fund: str, taken: bool) -> None:
    """0.3 × |120 − 108 × 1.05| is 1.98 (D6)."""
    market = Market(lot_size="0.1")
    market.play(f"""
        fund {fund}
        ladder max_tries=1
        deposit bob 20
        mm  buy  1@100
        bob sell 1@100
        mark 108
    """)

    assert bool(market.of("takeover")) == taken


def test_worst_case_is_taken_at_the_instruments_own_collar() -> None:
    """0.3 × |80 − 90 × 0.8| is 2.4 (D6)."""
    market = long_at_100(ladder="max_tries=1", collar="0.2")

    market.play("mark 90")

    assert market.of("takeover")[0]["receipt"]["worst_case"] == "2.4"


def test_takeover_is_no_print_and_costs_no_fee() -> None:
    """It makes no price: no stop wakes, the last trade stays (D6)."""
    market = long_at_100(ladder="max_tries=1", money="20.1", taker_fee="0.001", maker_fee="0.001")
    market.play("carol sell stop 0.1 trigger=85 id=asleep")
    market.forget()
    before = market.kernel.state.ledger.fees

    market.play("mark 90")

    assert len(market.of("takeover")) == 1
    assert market.kernel.state.ledger.fees == before
    assert market.fired == []
    assert market.armed() == ["asleep sell 0.1 85"]


def test_spent_exits_go_when_everything_is_taken_over() -> None:
    """Flat means that nothing is left to reduce (A8, D6)."""
    market = long_at_100(ladder="max_tries=1")
    market.play("""
        bob sell 1@120 reduce id=exit
        bob sell stop 1 trigger=50 reduce id=stop
    """)
    market.forget()

    market.play("mark 89")  # tier 3

    assert market.position("bob") == "0"
    assert market.cancels[-2:] == ["exit 1 reduce_only", "stop 1 reduce_only"]
    kinds = market.kinds()
    assert kinds.index("takeover") < kinds.index("order_cancelled", kinds.index("takeover"))


def test_spent_exit_that_sleeps_goes_too() -> None:
    """It holds nothing, and would wake to nothing (A8, D6)."""
    market = long_at_100(ladder="max_tries=1")
    market.play("bob sell stop 1 trigger=50 reduce id=stop")
    market.forget()

    market.play("mark 89")

    assert market.position("bob") == "0"
    assert market.cancels[-1] == "stop 1 reduce_only"


def test_spent_exits_of_the_backstop_go_after_the_accounts() -> None:
    """It was long, and takes over a short of the same size (A8, D6)."""
    market = long_at_100(ladder="max_tries=1")
    market.play("""
        mark 89
        mark 100
        deposit amy 20
        mm  buy  1@100
        amy sell 1@100
        amy buy  1@50 reduce id=mine
        backstop sell 1@150 reduce id=theirs
    """)
    assert market.position("backstop") == "1"
    market.forget()

    market.play("mark 109")

    assert (market.position("amy"), market.position("backstop")) == ("0", "0")
    assert market.cancels[-2:] == ["mine 1 reduce_only", "theirs 1 reduce_only"]


def test_tier_3_takes_over_one_position_after_the_other() -> None:
    """Each slice goes all its way before the next one is cut (D6)."""
    market = Market(lot_size="0.1")
    market.play("""
        instrument Y lot_size=0.1
        mark Y 100
        fund 100
        ladder max_tries=1
        deposit bob 41
        mm  sell X 1@100
        bob buy  X 1@100
        mm  sell Y 1@100
        bob buy  Y 1@100
    """)
    market.forget()

    market.play("mark Y 75")  # equity 16, maintenance 17.5

    assert market.kinds() == [
        "margin_call",
        *("liquidation", "order_cancelled", "takeover"),
        *("liquidation", "order_cancelled", "takeover"),
    ]
    assert market.position("bob", "X") == market.position("bob", "Y") == "0"
    # Bankruptcy prices are rounded in the account's favour.
    assert 0 <= float(market.balance("bob")) < 0.01
