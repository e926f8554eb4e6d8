"""Changing a resting order (A9)."""

import pytest

from tests.core.market import Market


def test_less_quantity_keeps_the_place() -> None:
    """Asking for less takes nothing from anybody (A9)."""
    market = Market()

    market.play("""
        alice sell 5@100
        bob   sell 5@100
        alice amend o1 3
        carol buy 4@100
    """)

    assert market.of("order_amended")[0]["kept_priority"] is True
    assert market.fills == ["carol<alice 3@100", "carol<bob 1@100"]


@pytest.mark.parametrize("change", ["6", "6@100", "@100.01"])
def test_more_quantity_or_another_price_loses_the_place(change: str) -> None:
    """Asking for more means to queue again, like anybody (A9)."""
    market = Market()

    market.play(f"""
        alice sell 5@100
        bob   sell 5@100
        bob   sell 5@100.01
        alice amend o1 {change}
    """)

    assert market.of("order_amended")[0]["kept_priority"] is False
    assert market.asks()[-1].startswith("alice") or market.asks()[1].startswith("alice 6")
    assert market.asks()[0] == "bob 5@100"


def test_quantity_is_the_total() -> None:
    """Of 10 with 4 traded, amended to 6, 2 are left (A9)."""
    market = Market()

    market.play("""
        alice sell 10@100
        bob   buy 4@100
        alice amend o1 6
    """)

    assert market.asks() == ["alice 2@100"]
    (amended,) = market.of("order_amended")
    assert (amended["quantity"], amended["leaves"]) == ("6", "2")


@pytest.mark.parametrize("total", ["4", "3", "1@100", "2@99"])
def test_total_not_above_what_has_traded_completes_the_order(total: str) -> None:
    """Nothing more is wanted, so nothing is left (A9)."""
    market = Market()

    market.play(f"""
        alice sell 10@100
        bob   buy 4@100
        alice amend o1 {total}
    """)

    (amended,) = market.of("order_amended")
    assert (amended["quantity"], amended["leaves"]) == ("4", "0")
    assert market.asks() == []
    assert market.play("alice cancel o1")[0]["reason"] == "unknown_order"


def test_better_price_trades_at_once() -> None:
    """An amend that crosses is an aggressor at its new price (A9)."""
    market = Market()

    market.play("""
        alice sell 5@101
        bob   buy  8@99
        bob   amend o2 @101
    """)

    assert market.kinds()[-2:] == ["order_amended", "trade"]
    assert market.fills == ["bob<alice 5@101"]
    assert market.bids() == ["bob 3@101"]


def test_amended_order_that_fills_is_gone() -> None:
    """It leaves no name behind that could be cancelled again (A9)."""
    market = Market()

    market.play("""
        alice sell 5@101
        bob   buy  5@99
        bob   amend o2 @101
        bob   cancel o2
    """)

    assert market.refusals == ["unknown_order"]
    assert market.book() == {"bids": [], "asks": []}


def test_refused_amend_leaves_the_order_with_its_place() -> None:
    """Every check comes first: too dear, off the grid, out of bounds change nothing (A9)."""
    market = Market()
    market.play("""
        deposit bob 100
        bob   buy 4@100
        carol buy 1@100
    """)
    before = market.hash()

    market.play("""
        bob amend o1 6
        bob amend o1 4@200
        bob amend o1 4@100.001
        bob amend o1 4.5
        bob amend o1 -4
    """)

    money = ["leverage_exceeded", "leverage_exceeded"]
    assert market.refusals == [*money, "off_tick", "off_lot", "quantity_not_positive"]
    assert market.hash() == before
    assert market.bids() == ["bob 4@100", "carol 1@100"]


def test_refused_amend_says_where_it_is_wrong() -> None:
    """The order is known, so the answer names its symbol and the field at fault (A9)."""
    market = Market()
    market.play("bob buy 4@100")

    (refusal,) = market.play("bob amend o1 4@100.001")

    assert (refusal["symbol"], refusal["path"]) == ("X", "$.price")


def test_amend_is_admitted_with_its_old_margin_given_back() -> None:
    """What the order holds already is not asked for twice (A9)."""
    market = Market()
    market.play("""
        deposit bob 100
        bob buy 4@100
    """)

    market.play("bob amend o1 5")

    assert market.refusals == []
    assert market.free("bob") == "0"


def test_fees_so_far_are_carried() -> None:
    """The order is still the same: fees go on adding up, at the rates of its entry (A9)."""
    market = Market(maker_fee="0.01", taker_fee="0.02")

    market.play("""
        alice sell 5@100
        bob   buy  2@100
        alice amend o1 6@101
        change X maker_fee=0.09
        bob   buy  2@101
    """)

    assert [trade["maker"]["fee"] for trade in market.of("trade")] == ["2", "2.02"]


def test_foreign_order_cannot_be_amended_or_cancelled() -> None:
    """An account reaches its own orders only; it does not even learn that others exist (A9)."""
    market = Market()
    market.play("""
        alice   sell 5@100
        mallory sell 1@101
    """)
    before = market.hash()

    market.play("""
        mallory amend o1 1
        mallory cancel o1
    """)

    assert market.refusals == ["unknown_order", "unknown_order"]
    assert market.hash() == before


def test_order_that_is_gone_cannot_be_amended() -> None:
    """Filled, cancelled or never seen: it is unknown (A9)."""
    market = Market()

    market.play("""
        alice sell 5@100
        bob   buy 5@100
        alice amend o1 6
        alice amend o9 6
    """)

    assert market.refusals == ["unknown_order", "unknown_order"]


def test_cancel_all_goes_by_arrival_of_the_order() -> None:
    """An amend costs the place in the book, not the order's age (A9)."""
    market = Market()

    market.play("""
        alice sell 5@100
        alice sell 5@101
        alice amend o1 7
        alice cancel all
    """)

    assert market.cancels == ["o1 7 cancel_all", "o2 5 cancel_all"]
