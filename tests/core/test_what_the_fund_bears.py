"""The fund bears already what the backstop holds: a takeover must fit beside it (D6)."""

import pytest

from tests.core.market import Market
from tests.core.unsold import long_at_100


def _receipts(market: Market, kind: str) -> list[str]:
    return [event["receipt"]["backstop_unrealized"] for event in market.of(kind)]


@pytest.mark.parametrize(("fund", "taken"), [("22.1", True), ("22.09999999", False)])
def test_loss_of_what_was_taken_over_counts_against_the_fund(fund: str, taken: bool) -> None:
    """0.3 taken at 80 stand at −6 when the next 0.7 may cost 0.7 × (80 − 57) = 16.1 (D6)."""
    market = long_at_100(fund, "max_tries=1")
    market.play("mark 90")
    assert _receipts(market, "takeover") == ["0"]

    market.play("mark 60")

    assert len(market.of("takeover")) == (2 if taken else 1)
    assert _receipts(market, "takeover" if taken else "deleveraged")[-1] == "-6"


@pytest.mark.parametrize(("fund", "taken"), [("1.65", True), ("1.64999999", False)])
def test_gain_of_the_backstop_is_no_fund(fund: str, taken: bool) -> None:
    """It is not realised, and may be gone before it is needed (D6)."""
    market = long_at_100(fund, "max_tries=1")
    market.play("zoe buy 1@100\n backstop sell 1@100")
    market.forget()

    market.play("mark 90")

    assert len(market.of("takeover")) == taken
    assert _receipts(market, "takeover" if taken else "deleveraged") == ["10"]


@pytest.mark.parametrize(("fund", "taken"), [("41.65", True), ("41.64999999", False)])
def test_everything_the_backstop_holds_is_summed_up(fund: str, taken: bool) -> None:
    """Gains here make up for losses there; what it no longer holds is nothing (D6)."""
    market = long_at_100(fund, "max_tries=1")
    market.play("""
        instrument Y lot_size=0.1
        instrument Z lot_size=0.1
        mark Y 100
        mark Z 100
        zoe buy 1@100
        backstop sell 1@100
        zoe sell Y 1@100
        backstop buy Y 1@100
        zoe sell Z 1@100
        backstop buy Z 1@100
        zoe buy Z 1@100
        backstop sell Z 1@100
        mark Z 10
        mark Y 50
    """)
    market.forget()

    market.play("mark 90")

    assert len(market.of("takeover")) == taken
    assert _receipts(market, "takeover" if taken else "deleveraged") == ["-40"]


def test_slices_of_one_frame_see_what_the_ones_before_have_left() -> None:
    """Two accounts fall at once; the fund bears the first, which stands at a loss at once (D6)."""
    market = Market(lot_size="0.1")
    market.play("""
        fund 33
        ladder max_tries=1
        deposit amy 20
        deposit bob 20
        mm  sell 2@100
        amy buy  1@100
        bob buy  1@100
        mark 60
    """)

    assert [event["account"] for event in market.of("takeover")] == ["amy"]
    assert market.of("takeover")[0]["receipt"]["worst_case"] == "23"
    assert [event["account"] for event in market.of("deleveraged")] == ["bob"]
    assert _receipts(market, "deleveraged") == ["-20"]
