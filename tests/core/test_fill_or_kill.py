"""All or nothing over hidden size, own orders and makers that only reduce (A5)."""

import pytest

from tests.core.market import Market

OWN_IN_THE_WAY = """
    other sell 5@100
    me    sell 5@101
    other sell 5@102
"""


def test_cancel_oldest_trades_around_its_own_order(market: Market) -> None:
    """The vector of the rule: both others trade, the own order goes (A5)."""
    market.play(f"{OWN_IN_THE_WAY} me buy 10@102 fok stp=cancel_oldest")

    assert market.fills == ["me<other 5@100", "me<other 5@102"]
    assert market.cancels == ["o2 5 self_trade"]
    assert market.kinds()[-4:] == ["trade", "prevented_match", "order_cancelled", "trade"]


def test_cancel_oldest_that_is_killed_leaves_its_own_order(market: Market) -> None:
    """Own orders are skipped for counting, and cancelled only if the order executes (A5)."""
    market.play(OWN_IN_THE_WAY)
    before = market.hash()

    market.play("me buy 11@102 fok stp=cancel_oldest")

    assert market.refusals == ["unfillable"]
    assert market.hash() == before


@pytest.mark.parametrize("mode", ["cancel_newest", "cancel_both", "decrement"])
def test_other_modes_reject_for_an_own_order_in_the_way(market: Market, mode: str) -> None:
    """The vector of the rule: rejected, the own order untouched (A5)."""
    market.play(OWN_IN_THE_WAY)
    before = market.hash()

    market.play(f"me buy 10@102 fok stp={mode}")

    assert market.refusals == ["unfillable"]
    assert market.of("prevented_match") == []
    assert market.hash() == before


@pytest.mark.parametrize("mode", ["cancel_newest", "cancel_both", "decrement", "cancel_oldest"])
def test_own_order_behind_the_last_unit_is_not_in_the_way(market: Market, mode: str) -> None:
    """Only what lies at or before the last unit needed is met (A5)."""
    market.play(f"{OWN_IN_THE_WAY} me buy 5@102 fok stp={mode}")

    assert market.fills == ["me<other 5@100"]
    assert market.asks() == ["me 5@101", "other 5@102"]


def test_mode_none_fills_its_own_order_like_any_other(market: Market) -> None:
    """Whoever asks for no prevention gets none (A5)."""
    market.play(f"{OWN_IN_THE_WAY} me buy 10@102 fok stp=none")

    assert market.fills == ["me<other 5@100", "me<me 5@101"]


def test_hidden_size_counts(market: Market) -> None:
    """An iceberg of 100 with a peak of 10 fills a fill-or-kill of 30 (A5)."""
    market.play("""
        alice sell 100@100 peak=10
        bob   buy 30@100 fok
    """)

    assert market.fills == ["bob<alice 30@100"]
    assert market.asks() == ["alice 70@100 shows 10"]


def test_hidden_size_counts_to_the_last_unit_and_no_further(market: Market) -> None:
    """100 hidden and shown fill 100, never 101 (A5)."""
    market.play("""
        deposit bob 10000
        alice sell 100@100 peak=10
    """)
    before = market.hash()

    market.play("bob buy 101@100 fok")
    assert market.refusals == ["unfillable"]
    assert market.hash() == before

    market.play("bob buy 100@100 fok")
    assert market.fills == ["bob<alice 100@100"]


def test_own_order_between_two_peaks_is_in_the_way(market: Market) -> None:
    """The run goes bite by bite: the second peak stands behind the own order (A5)."""
    market.play("""
        other sell 20@100 peak=10
        me    sell 5@100
        me    buy 11@100 fok
        me    buy 10@100 fok
    """)

    assert market.refusals == ["unfillable"]
    assert market.fills == ["me<other 10@100"]
    assert market.asks() == ["me 5@100", "other 10@100"]


REDUCING = """
    mm   sell 10@100
    long buy  10@100
    long sell 30@101 reduce
"""


def test_caps_of_makers_that_only_reduce_count(market: Market) -> None:
    """A reduce-only offer of 30 on a position of 10 fills 10, not 11 (A5, A8)."""
    market.play(f"deposit bob 10000 {REDUCING}")
    before = market.hash()

    market.play("bob buy 11@101 fok")
    assert market.refusals == ["unfillable"]
    assert market.hash() == before

    market.play("bob buy 10@101 fok")
    assert market.fills[-1] == "bob<long 10@101"
    assert market.cancels == ["o3 20 reduce_only"]


def test_caps_are_shared_by_all_makers_of_an_account(market: Market) -> None:
    """Two offers that reduce the same 10 fill 10 together (A5, A8)."""
    market.play(f"{REDUCING} long sell 10@102 reduce")

    market.play("bob buy 11@102 fok")

    assert market.refusals == ["unfillable"]


def test_plain_fills_before_them_count_against_the_caps(market: Market) -> None:
    """What the account sells in the same sweep leaves that much less to reduce (A5, A8)."""
    market.play(f"{REDUCING} long sell 4@100.5")

    market.play("bob buy 11@101 fok")
    assert market.refusals == ["unfillable"]

    market.play("bob buy 10@101 fok")
    assert market.fills[-2:] == ["bob<long 4@100.5", "bob<long 6@101"]


@pytest.mark.parametrize(("quantity", "filled"), [(10, True), (11, False)])
def test_fok_that_only_reduces_is_bounded_by_its_position(
    market: Market, quantity: int, filled: bool
) -> None:
    """It could not trade more than the position, so not the whole of it (A5, A8)."""
    market.play("""
        mm   sell 10@100
        long buy  10@100
        mm   buy  50@99
    """)

    market.play(f"long sell {quantity}@99 fok reduce")

    assert market.refusals == ([] if filled else ["unfillable"])
    assert market.position("long") == ("0" if filled else "10")


def test_killed_order_uses_no_id_up(market: Market) -> None:
    """It was refused, so it may come again under the same id (A5, A10)."""
    market.play("""
        bob   buy 5@100 fok id=f
        alice sell 5@100
        bob   buy 5@100 fok id=f
    """)

    assert market.refusals == ["unfillable"]
    assert market.fills == ["bob<alice 5@100"]
