"""Margin by notional bracket: maintenance part by part, initial by the bracket as a whole (B4)."""

from typing import Any

import pytest

from tests.core.market import Market

BRACKETS = [
    {"notional": "0", "initial_margin": "0.2", "maintenance_margin": "0.1"},
    {"notional": "1000", "initial_margin": "0.25", "maintenance_margin": "0.15"},
    {"notional": "5000", "initial_margin": "0.5", "maintenance_margin": "0.3"},
]


def _opened(kind: type[Market], **terms: Any) -> Market:
    return kind(**{"margin_brackets": BRACKETS, **terms})


def _held(market: Market, side: str, lots: int) -> None:
    """Let bob hold that much at 100."""
    other = "sell" if side == "buy" else "buy"
    market.play(f"""
        mm  {other} {lots}@100
        bob {side} {lots}@100
    """)


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize(
    ("lots", "margin"), [(9, "90"), (10, "100"), (20, "250"), (50, "700"), (60, "1000")]
)
def test_each_part_of_the_notional_has_its_own_rate(
    kind: type[Market], side: str, lots: int, margin: str
) -> None:
    """6,000 maintain 10 % of 1,000, 15 % of the 4,000 above and 30 % of the rest (B4)."""
    market = _opened(kind)

    _held(market, side, lots)

    assert market.margin("bob")["maintenance"] == margin


@pytest.mark.parametrize(
    ("price", "margin"), [("99.99", "99.99"), ("100", "100"), ("100.01", "100.015")]
)
def test_brackets_are_continuous(kind: type[Market], price: str, margin: str) -> None:
    """A cent over the edge costs 15 % of that cent a lot, nothing else (B4)."""
    market = _opened(kind)
    _held(market, "buy", 10)

    market.mark_at(price)

    assert market.margin("bob")["maintenance"] == margin


def test_parts_are_rounded_up_once(kind: type[Market]) -> None:
    """100.001 + 300.006 atoms are 401, not 402 (B4)."""
    edges = [
        {"notional": "0", "initial_margin": "0.2", "maintenance_margin": "0.100001"},
        {"notional": "0.00001", "initial_margin": "0.2", "maintenance_margin": "0.150003"},
    ]
    market = kind(None, mark_source="pushed", tick_size="0.00001", margin_brackets=edges)
    market.play("""
        push X 0.00001
        mm  sell 3@0.00001
        bob buy  3@0.00001
    """)

    assert market.margin("bob")["maintenance"] == "0.00000401"


@pytest.mark.parametrize(
    ("lots", "margin"), [(9, "180"), (10, "250"), (20, "500"), (49, "1225"), (50, "2500")]
)
def test_initial_rate_is_that_of_the_whole_notional(
    kind: type[Market], lots: int, margin: str
) -> None:
    """At an edge the next bracket's rate is asked of everything (B3, B4)."""
    market = _opened(kind)

    _held(market, "sell", lots)

    assert market.margin("bob")["initial"] == margin


def test_worse_side_chooses_the_bracket(kind: type[Market]) -> None:
    """Buys of 500 and sells of 1,200 hold 25 % of 1,200 (B3, B4)."""
    market = _opened(kind)

    market.play("""
        bob buy  5@100
        bob sell 12@100 stp=none post
    """)
    assert market.fills == []
    market.play("bob sell 12@100.5")

    assert market.margin("bob")["initial"] == "301.5"


def test_orders_and_position_share_a_bracket(kind: type[Market]) -> None:
    """9 held and 3 on order are 1,200 together (B3, B4)."""
    market = _opened(kind)
    _held(market, "buy", 9)

    market.play("bob buy 3@100")

    assert market.margin("bob")["initial"] == "300"
    assert market.margin("bob")["maintenance"] == "90"


@pytest.mark.parametrize(("lots", "margin"), [(9, "300"), (20, "666.66666667"), (60, "3000")])
def test_accounts_leverage_asks_its_own(kind: type[Market], lots: int, margin: str) -> None:
    """At leverage 3 a third, unless the bracket asks more (B3)."""
    market = _opened(kind)
    _held(market, "buy", lots)

    market.play("update bob leverage=3")

    assert market.margin("bob")["initial"] == margin


@pytest.mark.parametrize(("money", "reasons"), [("499.99", ["insufficient_margin"]), ("500", [])])
def test_order_into_the_next_bracket_must_pay_for_all(
    kind: type[Market], money: str, reasons: list[str]
) -> None:
    """20 at 100 ask 500, though 9 would ask but 180 (B4, C1)."""
    market = _opened(kind)
    market.play(f"deposit bob {money}")

    market.play("bob buy 20@100")

    assert market.refusals == reasons


def test_amend_into_the_next_bracket_must_pay_for_all(kind: type[Market]) -> None:
    """As a new order would (A9, B4)."""
    market = _opened(kind)
    market.play("""
        deposit bob 249
        bob buy 9@100 id=b
        bob amend b 10
    """)

    assert market.refusals == ["insufficient_margin"]
    assert market.bids() == ["bob 9@100"]


def test_ratio_after_the_order_counts_by_brackets(kind: type[Market]) -> None:
    """Buying 20 at 110 against a mark of 100 loses 200 at once: 250 ⁄ 312 is above 0.8 (C1)."""
    market = _opened(kind, collar="0.2")
    market.play("deposit bob 512")
    market.play("bob buy 20@110")

    (refusal,) = market.of("rejected")
    assert [error["reason"] for error in refusal["errors"]] == [
        "insufficient_margin",
        "margin_ratio",
    ]
    assert refusal["errors"][1]["requested"] == "250"


def test_brackets_survive_a_restart(kind: type[Market]) -> None:
    """Instruments are state (B4)."""
    market = _opened(kind)
    _held(market, "buy", 60)

    twin = market.restarted()

    assert twin.margin("bob") == market.margin("bob")
    assert twin.hash() == market.hash()
    assert twin.mark_at("101") == market.mark_at("101")
    assert twin.margin("bob") == market.margin("bob")


def test_dearer_brackets_are_looked_at_at_once(kind: type[Market]) -> None:
    """A change of brackets can bring an account to a tier (B4, D2)."""
    market = _opened(kind)
    market.play("""
        deposit bob 500
        mm    sell 20@100
        bob   buy  20@100
        carol buy  20@99
    """)
    market.forget()
    dear = [dict(BRACKETS[0]), BRACKETS[1] | {"initial_margin": "0.5"}]
    dear[1]["maintenance_margin"] = "0.39"

    market.send({"type": "update_instrument", "symbol": "X", "margin_brackets": dear})

    assert market.kinds() == ["instrument_updated", "margin_call", "liquidation", "trade"]
    receipt = market.of("liquidation")[0]["receipt"]
    assert receipt["position_maintenance"] == receipt["maintenance_margin"] == "490"
    assert market.of("liquidation")[0]["tier"] == 3
