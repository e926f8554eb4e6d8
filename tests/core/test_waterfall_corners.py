"""Corners of the waterfall that take a story to get to (D6, A8)."""

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


def test_position_that_turns_round_begins_the_count_anew() -> None:
    """What is sold from then on is another position (D6)."""
    market = Market(lot_size="0.1", feed_stale_ms=1_000)
    market.play("""
        ladder max_tries=99
        deposit bob 20
        mm  sell 2@100
        bob buy  1@100
        zoe buy  1@100
        mark 90
    """)
    position = market.kernel.state.positions.of("bob", "X")
    assert position is not None
    assert position.tries == 1
    market.wait(1_001)  # the price is stale: liquidations wait, exits trade

    market.play("""
        bob sell 1@95
        bob sell 0.4@94 reduce
        mm  buy  1.4@95
    """)

    assert market.fills[-2:] == ["mm<bob 0.4@94", "mm<bob 1@95"]
    assert market.position("bob") == "-0.4"
    assert (position.tries, position.tried_since_us) == (0, 0)
