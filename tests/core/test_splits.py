"""Two new for one old, one for three: what a split makes of prices and positions (B6)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.core.market import Event, Market


def _held(kind: type[Market], *lines: str, lots: int = 3, **terms: Any) -> Market:
    """Return a halted market in which ann holds −lots and bob lots at 100, after more lines."""
    market = kind(**terms)
    market.play(f"""
        ann sell {lots}@100
        bob buy  {lots}@100
    """)
    for line in lines:
        market.play(line)
    market.play("state X halted")
    market.forget()
    return market


def _odd(market: Market) -> list[str]:
    """Return what was paid out, as `account side quantity@price realised position`."""
    return [
        f"{e['account']} {e['side']} {e['quantity']}@{e['price']}"
        f" {e['realized_pnl']} {e['position']}"
        for e in market.of("odd_lots")
    ]


def test_split_doubles_lots_and_leaves_cost_and_equity(kind: type[Market]) -> None:
    """Two for one: nobody gains or loses (B6)."""
    market = _held(kind)
    before = [market.margin(name) for name in ("ann", "bob")]

    market.play("split X 2:1 id=s")

    assert market.events == [
        {
            "type": "corporate_action",
            "in": 0,
            "action": "split",
            "symbol": "X",
            "action_id": "s",
            "numerator": 2,
            "denominator": 1,
            "positions": 2,
            "orders": 0,
            "cash_in_lieu": "0",
        }
    ]
    assert (market.position("ann"), market.position("bob")) == ("-6", "6")
    assert (market.cost("ann"), market.cost("bob")) == ("-300", "300")
    assert [market.margin(name) for name in ("ann", "bob")] == before


def test_odd_lots_are_paid_out_at_the_mark_first(kind: type[Market]) -> None:
    """One for two of 3: the house takes the third, and cost goes out as in any closing (B1, B6)."""
    market = _held(kind)

    market.play("mark 110")
    market.forget()
    market.play("split X 1:2")

    assert _odd(market) == ["ann buy 1@110 -10 -2", "bob sell 1@110 10 2"]
    assert market.kinds() == ["odd_lots", "odd_lots", "corporate_action"]
    assert market.last[-1]["cash_in_lieu"] == "220"
    assert market.last[-1]["positions"] == 2
    assert (market.position("ann"), market.position("bob")) == ("-1", "1")
    assert (market.cost("ann"), market.cost("bob")) == ("-200", "200")
    assert market.position("house") == "0"


def test_odd_lots_say_how_both_stand(kind: type[Market]) -> None:
    """A reader of the journal can follow balances and positions without reckoning (B6)."""
    market = _held(kind)

    market.play("split X 1:2")

    first: Event = market.events[0]
    assert first == {
        "type": "odd_lots",
        "in": 0,
        "symbol": "X",
        "account": "ann",
        "counter_account": "house",
        "side": "buy",
        "quantity": "1",
        "price": "100",
        "trade_id": 2,
        "realized_pnl": "0",
        "position": "-2",
        "balance": "1000000000",
        "counter_after": {"realized_pnl": "0", "position": "-1", "balance": "0"},
    }


def test_half_tick_goes_to_the_account(kind: type[Market]) -> None:
    """At a mark of 100.005 a long sells at 100.01 and a short buys at 100; the house pays (B6)."""
    market = _held(kind)
    market.play("tick 100 100.01")
    market.forget()

    market.play("split X 1:2")

    assert _odd(market) == ["ann buy 1@100 0 -2", "bob sell 1@100.01 0.01 2"]
    assert market.balance("house") == "-0.01"


def test_house_ends_with_whole_lots_and_is_split_too(kind: type[Market]) -> None:
    """Longs of 2 and 2 against a short of 4, one for three: the house takes 2, 2 and −1 (B6)."""
    market = kind()
    market.play("""
        ann sell 4@100
        bea buy  2@100
        cy  buy  2@100
        state X closed
    """)
    market.forget()

    market.play("split X 1:3")

    assert _odd(market) == ["ann buy 1@100 0 -3", "bea sell 2@100 0 0", "cy sell 2@100 0 0"]
    assert (market.position("ann"), market.position("house")) == ("-1", "1")
    assert market.last[-1]["positions"] == 2


def test_ratio_is_taken_in_lowest_terms(kind: type[Market]) -> None:
    """Four for two is two for one: nothing is odd (B6)."""
    market = _held(kind)

    market.play("split X 4:2")

    assert market.of("odd_lots") == []
    assert market.position("bob") == "6"


def test_lots_of_size_are_split_by_lots(kind: type[Market]) -> None:
    """What is whole is a number of lots, whatever a lot is (B6)."""
    market = _held(kind, lot_size="0.1", lots=1)

    market.play("split X 3:2")

    assert (market.position("bob"), market.of("odd_lots")) == ("1.5", [])


@pytest.mark.parametrize(
    ("ratio", "mark"),
    [("2:1", "50"), ("3:1", "33.335"), ("1:3", "300"), ("7:1", "14.285"), ("1000:1", "0.1")],
)
def test_mark_goes_to_the_nearest_half_tick(kind: type[Market], ratio: str, mark: str) -> None:
    """Exact where there is such a price; a third of 100 is 33.335 (B6)."""
    market = _held(kind)

    market.play(f"split X {ratio}")

    value = Decimal(market.position("bob")) * Decimal(mark)
    assert Decimal(market.margin("bob")["equity"]) == Decimal(market.balance("bob")) + value - 300


def test_price_is_at_least_half_a_tick(kind: type[Market]) -> None:
    """A price of nothing would be no price at all (B6)."""
    market = kind(None, mark_source="pushed")
    market.play("""
        push X 0.01
        ann sell 1@0.01
        bob buy 1@0.01
        state X halted
        split X 1000:1
        split X 1:999
    """)

    assert market.last[-1]["cash_in_lieu"] == "0.02"
    assert (market.position("bob"), market.refusals) == ("1", [])


def test_price_band_begins_anew_with_the_mark(kind: type[Market]) -> None:
    """What traded before traded at other prices (E1, B6)."""
    market = _held(kind, price_band="0.05")

    market.play("""
        split X 2:1
        state X open
        cy buy 1@52.51
        cy buy 1@52.5
    """)

    assert market.refusals == ["outside_price_band"]
    assert market.bids() == ["cy 1@52.5"]


def test_reduce_only_orders_go_with_a_position_of_odd_lots(kind: type[Market]) -> None:
    """A position that is all odd lots is closed, and nothing is left to reduce (A8, B6)."""
    market = _held(kind, "bob sell 1@101 reduce id=exit", lots=1)

    market.play("split X 1:2")

    assert market.kinds() == ["odd_lots", "odd_lots", "order_cancelled", "corporate_action"]
    assert market.cancels == ["exit 1 reduce_only"]
    assert market.last[-1]["positions"] == 0


def test_margins_are_looked_at_with_the_new_mark(kind: type[Market]) -> None:
    """The nearest half tick may be worse: who is over a threshold then is called (D1, D9, B6)."""
    market = kind(None, mark_source="pushed", tick_size="1", lot_size="0.1", max_leverage="5")
    market.play("""
        push X 100
        deposit bob 20
        ann sell 1@100
        bob buy 1@100
        state X halted
    """)
    market.forget()

    market.play("split X 3:1")  # a third of 100 is 33.5, and three of them 100.5

    assert market.kinds() == ["corporate_action"]
    market.play("split X 7:1")  # a seventh of 33.5 is 5, and 21 of them 105
    market.play("split X 3:1")  # a third of 5 is 1.5, and 63 of them 94.5
    assert market.kinds()[-2:] == ["corporate_action", "margin_call"]


def test_short_is_looked_at_where_its_threshold_is_now(kind: type[Market]) -> None:
    """A band in old units would let a short's mark double before anybody looks (D9, B6)."""
    market = kind(lot_size="0.1")
    market.play("""
        deposit bob 30
        mm  buy 1@100
        bob sell 1@100
        mark 100.01
        mark 100
        state X halted
        split X 2:1
        mark 54.16
    """)
    assert market.of("margin_call") == []

    market.play("mark 54.18")  # as 108.34 was before: 10.836 ⁄ 21.64

    assert [e["account"] for e in market.of("margin_call")] == ["bob"]


def test_reduce_only_order_of_the_house_goes_with_its_position(kind: type[Market]) -> None:
    """It is an account like any other there (A8, B6)."""
    market = kind()
    market.play("""
        ann sell 4@100
        bea buy  2@100
        cy  buy  2@100
        state X closed
        split X 1:3
        state X open
        house sell 1@400 reduce id=exit
        state X halted
    """)
    market.forget()

    market.play("split X 1:2")

    assert _odd(market) == ["ann buy 1@300 0 0"]
    assert market.cancels == ["exit 1 reduce_only"]


def test_mark_beyond_all_bounds_is_refused(kind: type[Market]) -> None:
    """A mark of 10¹² ticks is the highest that can be quoted (B6)."""
    market = kind("10000000")
    market.play("state X halted")
    market.play("split X 1:1000")
    market.play("split X 1:2")

    assert market.refusals == ["out_of_range"]
    assert market.last[0]["path"] == "$.denominator"


def test_leverage_and_settings_stay(kind: type[Market]) -> None:
    """A split changes units, not terms: the next order is margined as before (B3, B6)."""
    market = _held(kind, "leverage bob X 2")

    market.play("split X 2:1")

    assert market.margin("bob")["initial"] == "150"


ACTION = {"type": "corporate_action", "action": "split", "symbol": "X", "action_id": "s"}


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"symbol": "Y"}, 202, None),
        ({"numerator": 2}, 105, "$.denominator"),
        ({"denominator": 2}, 105, "$.numerator"),
        ({"numerator": 0, "denominator": 2}, 107, "$.numerator"),
        ({"numerator": 2, "denominator": 1001}, 107, "$.denominator"),
        ({"numerator": 3, "denominator": 3}, 107, "$.denominator"),
        ({"numerator": 2, "denominator": 1, "amount": "1"}, 103, "$.amount"),
    ],
)
def test_refused_split_changes_nothing(
    kind: type[Market], fields: dict[str, Any], code: int, path: str | None
) -> None:
    """Its numbers are 1 to 1,000 and not the same (B6)."""
    market = _held(kind, "cy buy 1@99")
    market.play("state X open")
    before = market.hash()

    (refusal,) = market.send(ACTION | fields)

    assert (refusal["code"], refusal.get("path")) == (code, path)
    assert market.hash() == before


def test_split_is_asked_in_order_and_counts_once(kind: type[Market]) -> None:
    """Repeat, market state, price; a refused one may be sent again (B6)."""
    market = kind(None)
    market.play("""
        split X 2:1 id=s
        state X halted
        split X 2:1 id=s
        tick 99 101
        split X 2:1 id=s
        split X 2:1 id=s
        dividend X 1 id=s
    """)

    assert market.refusals == [
        "market_not_closed",
        "price_unavailable",
        "duplicate",
        "duplicate",
    ]


@pytest.mark.parametrize(
    ("line", "ratio", "path"),
    [
        ("cy sell 1@10000000", "1:1000", None),
        ("cy sell 1@10000000.01", "1:1000", "$.denominator"),
        ("bob sell take_profit 1 trigger=10000000.01", "1:1000", "$.denominator"),
        ("bob sell trailing_stop 1 offset=10000000.01", "1:1000", "$.denominator"),
    ],
)
def test_result_beyond_all_bounds_is_refused(
    kind: type[Market], line: str, ratio: str, path: str | None
) -> None:
    """10¹² lots and 10¹² ticks are what an order may name, also after a split (B6)."""
    market = _held(kind, line, lot_size="0.001")
    assert market.book() != {"bids": [], "asks": []} or market.armed()

    market.play(f"split X {ratio}")

    assert [e.get("path") for e in market.of("rejected")] == ([path] if path else [])


def test_position_beyond_all_bounds_is_refused(kind: type[Market]) -> None:
    """Three lots a thousandfold, and again; the fourth time there would be 3 × 10¹² (B6)."""
    market = _held(kind)

    for _ in range(4):
        market.play("split X 1000:1")

    assert market.refusals == ["out_of_range"]
    assert market.last[0]["path"] == "$.numerator"
    assert market.position("bob") == "3000000000"


def test_everybody_whose_position_changed_is_mirrored() -> None:
    """Programs that only look must not go on showing the old units (B6)."""
    market = _held(Market)
    market.machine.take_changed()

    market.play("split X 2:1")
    assert market.machine.take_changed().keys() == {"ann", "bob"}
    market.play("split X 1:4")
    assert market.machine.take_changed().keys() == {"ann", "bob", "house"}
