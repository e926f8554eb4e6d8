"""Corners of the waterfall that take a story to get to (D6, A8)."""

from tests.core.holdings import holding, instrument
from tests.core.market import Market


def test_exit_of_the_backstop_goes_when_a_takeover_makes_it_flat() -> None:
    """It trades like anybody, so its reduce-only orders are spent like anybody's (A8)."""
    market = Market(lot_size="0.1")
    market.play("""
        fund 100
        ladder max_tries=1
        zoe      buy  0.3@100
        backstop sell 0.3@100
        backstop buy  0.3@70 reduce id=exit
        deposit bob 20
        mm  sell 1@100
        bob buy  1@100
    """)
    assert market.bids() == ["backstop 0.3@70"]

    market.play("mark 90")

    assert market.position("backstop") == "0"
    assert market.cancels[-1] == "exit 0.3 reduce_only"


def test_debts_of_one_look_are_paid_by_account() -> None:
    """Who came first to the buyer is chance; the fund goes to the first by name (D6)."""
    market = Market()
    market.play("""
        fund 5
        deposit zed 30
        deposit amy 30
        mm  sell 2@100
        zed buy  1@100
        amy buy  1@100
        zed sell 1@60 reduce
        amy sell 1@60 reduce
    """)

    market.play("carol buy 2@60")

    told = [(e["account"], e["amount"], e["from_insurance"]) for e in market.of("deficit")]
    assert told == [("amy", "10", "5"), ("zed", "10", "0")]


def test_backstop_is_swept_after_a_timer_too() -> None:
    """A takeover that no command brought about may close what the backstop held (D6)."""
    market = Market(lot_size="0.1")
    market.play("""
        fund 100
        ladder max_tries=2
        zoe      buy  0.3@100
        backstop sell 0.3@100
        deposit bob 20
        mm  sell 1@100
        bob buy  1@100
        mark 90
    """)

    swept = market.wait(250)[-1]

    assert (swept["cause"], swept["delta"], swept["balance"]) == ("insurance", "-6", "0")
    assert "in" not in swept


def test_count_belongs_to_a_position_and_ends_with_it() -> None:
    """What is held after a turn is another position; a part of it is the same (D6)."""
    position = holding(instrument(200), 4, 100, balance=0)
    position.tries, position.tried_since_us = 2, 7

    position.trade(-1, 100, 2)
    assert (position.tries, position.tried_since_us) == (2, 7)

    position.trade(-5, 100, 3)
    assert (position.lots, position.tries, position.tried_since_us) == (-2, 0, 0)


def test_first_order_of_the_backstop_may_be_of_any_kind() -> None:
    """Nothing is known of it before its first order is accepted (D6)."""
    for words in (
        "bracket buy 1@90 tp=1@95 sl=80",
        "sell 1@110 oco=g",
        "sell stop 1 trigger=90 by=mark",
        "buy 1@90 gtd=5000",
    ):
        market = Market()

        market.play(f"backstop {words}")

        assert market.kinds() == ["order_accepted"], words
