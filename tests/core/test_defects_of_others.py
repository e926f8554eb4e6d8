"""Defects found in other engines, kept as tests under the name of what they prevent."""

from typing import Any

import pytest

from tests.core.market import Market


def test_fok_is_not_partly_filled_under_self_trade_prevention() -> None:
    """Counting quantity without asking whose it is fills a part and kills the rest (A5)."""
    market = Market()
    market.play("""
        other sell 5@100
        me    sell 5@100
    """)

    market.play("me buy 8@100 fok")

    assert market.fills == []
    assert market.asks() == ["other 5@100", "me 5@100"]


def test_makers_are_not_filled_at_the_takers_price() -> None:
    """The aggressor gets the better price, and the maker the one that it named (A1)."""
    market = Market()

    market.play("""
        alice sell 5@100
        bob   buy  5@110
        carol buy  5@90
        dave  sell 5@80
    """)

    assert market.fills == ["bob<alice 5@100", "dave<carol 5@90"]
    assert market.cost("bob") == "500"
    assert market.cost("carol") == "450"


@pytest.mark.parametrize("deed", ["cancel o1", "amend o1 1", "amend o1 @200", "cancel all"])
def test_foreign_account_neither_cancels_nor_amends(deed: str) -> None:
    """Knowing an id is no right to it (A9)."""
    market = Market()
    market.play("alice sell 5@100")

    market.play(f"mallory {deed}")

    assert market.asks() == ["alice 5@100"]


def test_average_price_is_not_truncated() -> None:
    """100.00 and 100.01 twice average to a third of a tick: the cost must stay exact (B1)."""
    market = Market()

    market.play("""
        mm  sell 1@100
        mm  sell 2@100.01
        bob buy  3@100.01
        mm  buy  3@100.01
        bob sell 3@100.01
    """)

    assert market.of("trade")[-1]["taker"]["realized_pnl"] == "0.01"


def test_flip_does_not_average_both_legs() -> None:
    """What was closed has no part in what the new position costs (B1)."""
    market = Market()

    market.play("""
        mm  sell 2@100
        bob buy  2@100
        mm  buy  3@110
        bob sell 3@110
    """)

    assert market.of("trade")[-1]["taker"]["realized_pnl"] == "20"
    assert (market.position("bob"), market.cost("bob")) == ("-1", "-110")


def test_duplicate_id_does_not_match_before_it_is_refused() -> None:
    """The id is looked at first, not when the order is filed away (A10)."""
    market = Market()

    market.play("""
        alice sell 5@100
        bob   buy 1@100 id=once
        bob   buy 2@100 id=once
        bob   buy 1@100 id=once
    """)

    assert market.fills == ["bob<alice 1@100"]
    assert market.refusals == ["id_reused"]


def test_free_margin_is_added_over_positions_and_not_overwritten() -> None:
    """The last position of a loop is not the only one (B3)."""
    market = Market()
    market.play("""
        instrument Y
        instrument Z
        mark Y 10
        mark Z 1
        deposit bob 100
        mm  sell Y 10@10
        bob buy  Y 10@10
        mm  sell X 1@100
        bob buy  X 1@100
        mm  sell Z 1@1
        bob buy  Z 1@1
    """)

    assert market.free("bob") == "59.8"


@pytest.mark.parametrize(
    "price", ["NaN", "nan", "Infinity", "-Infinity", "1e5", "+1", "1_0", "٣", " 1", "0x1", "", "1."]
)
@pytest.mark.parametrize(
    "command",
    [
        {"type": "place_order", "account": "bob", "symbol": "X", "side": "buy", "quantity": "1"}
        | {"order_type": "limit", "client_order_id": "n", "price": None},
        {"type": "l1", "symbol": "X", "bid": None, "ask": "101"},
        {"type": "mark_price", "symbol": "X", "price": None},
        {"type": "deposit", "account": "bob", "transfer_id": "t", "amount": None},
        {"type": "create_instrument", "symbol": "N", "lot_size": "1", "tick_size": None},
    ],
    ids=lambda command: command["type"],
)
def test_nan_and_its_like_are_no_numbers(command: dict[str, Any], price: str) -> None:
    """Every comparison with NaN is false, so every check of it passes (E3)."""
    market = Market()
    market.play("deposit bob 1000")
    before = market.hash()
    field = next(key for key, value in command.items() if value is None)

    market.send(command | {field: price})

    assert market.refusals == ["bad_decimal"]
    assert market.hash() == before


def test_liquidations_do_not_loop_within_a_command() -> None:
    """Each print breaches the next account: one action each, then the engine breathes (D2)."""
    market = Market(None, mark_source="last", lot_size="0.1", collar="0.9")
    market.play("""
        mm  buy 0.1@100
        eve sell 0.1@100
    """)
    for number in range(20):
        market.play(f"""
            deposit a{number} 20
            mm sell 1@100
            a{number} buy 1@100
            dave buy 0.3@{90 - number * 0.5}
        """)
    market.forget()

    market.play("""
        dave buy 0.1@90.5
        eve  sell 0.1@90.5
        dave buy 0.1@90.4
        eve  sell 0.2@90
    """)

    acted = [event["account"] for event in market.last if event["type"] == "liquidation"]
    assert len(acted) == len(set(acted)) == 20
    assert market.kernel.next_deadline_us() is not None
