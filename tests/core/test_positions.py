"""Positions: signed lots and what they cost, exactly (B1)."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.core.market import Market


def _realized(market: Market, account: str) -> list[str]:
    """Return what an account's fills realised, in order."""
    return [
        side["realized_pnl"]
        for trade in market.of("trade")
        for side in (trade["maker"], trade["taker"])
        if side["account"] == account
    ]


def test_reducing_takes_its_share_of_the_cost() -> None:
    """The vector of the rule: +5, −2, −1, together 2 (B1)."""
    market = Market()

    market.play("""
        mm  sell 1@100
        bob buy 1@100
        mm  sell 2@101
        bob buy 2@101
        mm  buy 1@105
        bob sell 1@105
        mm  buy 1@99
        bob sell 1@99
        mm  buy 1@100
        bob sell 1@100
    """)

    # the cost is 302; a third of it, rounded down to the atom, goes out with the first sale
    assert _realized(market, "bob") == ["0", "0", "4.33333334", "-1.66666667", "-0.66666667"]
    assert (market.position("bob"), market.cost("bob")) == ("0", "0")
    assert market.balance("bob") == "1000000002"


def test_flip_is_a_close_and_an_open() -> None:
    """Long 10@100, sell 15@120: +200, then short 5 with a cost of 600 (B1)."""
    market = Market()

    market.play("""
        mm  sell 10@100
        bob buy 10@100
        mm  buy 15@120
        bob sell 15@120
    """)

    assert _realized(market, "bob") == ["0", "200"]
    assert (market.position("bob"), market.cost("bob")) == ("-5", "-600")


def test_shorts_mirror_longs() -> None:
    """The same path with the sides exchanged loses what the other wins (B1)."""
    market = Market()

    market.play("""
        mm  buy 10@100
        bob sell 10@100
        mm  sell 15@120
        bob buy 15@120
    """)

    assert _realized(market, "bob") == ["0", "-200"]
    assert (market.position("bob"), market.cost("bob")) == ("5", "600")


def test_adding_realises_nothing() -> None:
    """The cost grows by what was paid, and by nothing else (B1)."""
    market = Market()

    market.play("""
        mm  sell 3@100
        mm  sell 4@101.01
        bob buy 7@102
    """)

    assert _realized(market, "bob") == ["0", "0"]
    assert market.cost("bob") == "704.04"


@given(
    st.lists(
        st.tuples(st.sampled_from((1, -1)), st.integers(1, 9), st.integers(9_500, 10_500)),
        min_size=1,
        max_size=12,
    )
)
def test_realised_equals_cash_for_any_path(path: list[tuple[int, int, int]]) -> None:
    """Once flat, the balance is what came in less what went out (B1).

    On the way, realised profit and signed cost together are the cash that moved.
    """
    market = Market()
    market.play("bob buy 1@1 id=hello\n bob cancel hello")
    cash, start = Fraction(0), Fraction(market.balance("bob"))
    held = sum(side * lots for side, lots, _ in path)
    if held:
        path = [*path, (-1 if held > 0 else 1, abs(held), 10_001)]
    for number, (side, lots, cents) in enumerate(path):
        price = f"{cents // 100}.{cents % 100:02}"
        mine, theirs = ("buy", "sell") if side > 0 else ("sell", "buy")
        market.play(f"""
            mm  {theirs} {lots}@{price} id=m{number}
            bob {mine} {lots}@{price}
        """)
        cash -= side * lots * Fraction(price)
        cost = Fraction(market.cost("bob"))
        assert Fraction(market.balance("bob")) - start - cost == cash
    assert market.position("bob") == "0"
    assert Fraction(market.balance("bob")) - start == cash


def test_every_trade_reports_positions_as_they_stand_after_it() -> None:
    """A reader of the journal follows positions without adding anything up (B1)."""
    market = Market()

    market.play("""
        mm  sell 1@100
        mm  sell 1@101
        mm  sell 1@102
        bob buy  3@102
    """)

    held = [int(trade["taker"]["position"]) for trade in market.of("trade")]
    assert all(after == before + 1 for before, after in pairwise(held))
    assert [trade["maker"]["position"] for trade in market.of("trade")] == ["-1", "-2", "-3"]
