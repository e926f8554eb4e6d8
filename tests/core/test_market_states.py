"""What may be done while a market is not open (A14)."""

import pytest

from tests.core.market import Market

NOT_OPEN = pytest.mark.parametrize("state", ["halted", "closed"])


@NOT_OPEN
def test_new_orders_wait_for_the_opening(state: str) -> None:
    """Even those that would only reduce (A14)."""
    market = Market()
    market.play(f"""
        alice sell 5@100
        bob   buy  5@100
        state X {state}
    """)
    before = market.hash()

    market.play("""
        bob sell 5@100
        bob buy 5@90
        bob sell market 5
    """)

    assert market.refusals == ["market_not_open"] * 3
    assert market.hash() == before


@NOT_OPEN
def test_cancels_and_reductions_of_size_are_accepted(state: str) -> None:
    """Nobody is held in an order that he no longer wants (A14)."""
    market = Market()
    market.play(f"""
        alice sell 5@100
        alice sell 5@101
        alice sell 5@102
        state X {state}
    """)

    market.play("""
        alice amend o1 3
        alice cancel o2
        alice amend o3 0.5
        alice cancel all
    """)

    assert market.refusals == ["off_lot"]
    assert market.cancels == ["o2 5 requested", "o1 3 cancel_all", "o3 5 cancel_all"]


@NOT_OPEN
def test_amends_that_add_risk_or_move_the_price_are_refused(state: str) -> None:
    """A price that nobody can trade at is not to be changed behind closed doors (A14)."""
    market = Market()
    market.play(f"""
        alice sell 5@100
        state X {state}
    """)

    market.play("""
        alice amend o1 6
        alice amend o1 @101
        alice amend o1 4@101
    """)

    assert market.refusals == ["market_not_open"] * 3
    assert market.asks() == ["alice 5@100"]


def test_amend_that_adds_no_risk_is_accepted() -> None:
    """A larger exit from a position is no new risk; it queues again and trades later (A14)."""
    market = Market()

    market.play("""
        alice sell 5@100
        bob   buy  5@100
        bob   sell 2@110
        carol sell 2@110
        state X halted
        bob   amend o3 5
    """)

    assert market.refusals == []
    assert market.asks() == ["carol 2@110", "bob 5@110"]


def test_other_markets_go_on() -> None:
    """A halt is an instrument's own; `*` is everybody's (A14)."""
    market = Market()
    market.play("instrument Y")
    market.mark_at("100", "Y")

    market.play("""
        state X halted
        alice sell Y 1@100
        state * closed
        alice sell Y 1@100
        state * open
        alice sell Y 1@100
        alice sell X 1@100
    """)

    assert market.refusals == ["market_not_open"]
    changed = [(event["symbol"], event["state"]) for event in market.of("market_state")]
    assert changed == [
        *(("X", "halted"), ("X", "closed"), ("Y", "closed")),
        *(("X", "open"), ("Y", "open")),
    ]


def test_liquidations_wait_and_resume_at_the_opening() -> None:
    """What cannot be sold now is sold when the market opens again (A14)."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 20
        alice sell 1@100
        bob   buy  1@100
        carol buy  1@90
        state X halted
        mark 90
    """)
    assert market.of("liquidation") == []

    market.play("state X open")

    assert [event["type"] for event in market.last] == ["market_state", "liquidation", "trade"]


def test_ticks_are_taken_in_any_state() -> None:
    """The mark goes on, so that risk is known at the opening (A14)."""
    market = Market()

    market.play("""
        alice sell 1@100
        bob   buy  1@100
        state X closed
        mark 110
    """)

    assert market.margin("bob")["equity"] == "1000000010"


def test_auction_gathers_orders_and_trades_when_it_ends() -> None:
    """Everybody at one price, the one that most can trade at (A14)."""
    market = Market()

    market.play("""
        state X auction
        alice sell 5@99
        bob   buy  3@101
        carol buy  4@100
    """)
    assert market.fills == []
    assert (market.bids(), market.asks()) == (["bob 3@101", "carol 4@100"], ["alice 5@99"])

    market.play("state X open")

    assert market.fills == ["alice<bob 3@100", "alice<carol 2@100"]
    (uncrossed,) = market.of("auction_uncrossed")
    told = [uncrossed[name] for name in ("price", "quantity", "imbalance")]
    assert told == ["100", "5", "2"]
    assert [event["state"] for event in market.of("market_state")] == ["auction", "open"]
