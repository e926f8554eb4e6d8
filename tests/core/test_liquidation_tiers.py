"""Margin calls and the three tiers (D1, D2)."""

import pytest

from tests.core.market import Market


def _long(lots: str = "1", money: str = "20", buyer: str | None = "5@85") -> Market:
    """Let bob be long at 100 with a balance of 20, and somebody bid below."""
    market = Market(lot_size="0.1")
    market.play(f"""
        deposit bob {money}
        mm  sell {lots}@100
        bob buy  {lots}@100
    """)
    if buyer:
        market.play(f"carol buy {buyer}")
    market.forget()
    return market


def _short(buyer: str = "5@115") -> Market:
    market = Market(lot_size="0.1")
    market.play(f"""
        deposit bob 20
        mm  buy  1@100
        bob sell 1@100
        carol sell {buyer}
    """)
    market.forget()
    return market


@pytest.mark.parametrize(
    ("mark", "tier", "slice_"),
    [
        ("90.01", 0, "0"),
        ("90", 1, "0.3"),
        ("89.70", 1, "0.3"),
        ("89.69", 2, "0.5"),
        ("89.6", 2, "0.5"),
        ("89.42", 2, "0.5"),
        ("89.41", 3, "1"),
        ("89.3", 3, "1"),
        ("75", 3, "1"),
    ],
)
def test_tiers_of_a_long(mark: str, tier: int, slice_: str) -> None:
    """At 90 the ratio is 0.9; a gap acts at the highest tier that it reaches (D1)."""
    market = _long()

    market.play(f"mark {mark}")

    actions = [(event["tier"], event["quantity"]) for event in market.of("liquidation")]
    assert actions == ([(tier, slice_)] if tier else [])


@pytest.mark.parametrize(
    ("mark", "tier"),
    [("107.99", 0), ("108", 1), ("108.29", 1), ("108.3", 2), ("108.57", 2), ("108.58", 3)],
)
def test_tiers_of_a_short(mark: str, tier: int) -> None:
    """The same short: 108, 108.2927, 108.5714 (D1)."""
    market = _short()

    market.play(f"mark {mark}")

    assert [event["tier"] for event in market.of("liquidation")] == ([tier] if tier else [])


def test_slice_sold_at_the_mark() -> None:
    """The vector of the rule: sold at 90, the balance is 17, 0.7 are left, the ratio 0.63 (D2)."""
    market = _long(buyer="1@90")

    market.play("mark 90")

    assert market.fills == ["bob<carol 0.3@90"]
    assert (market.balance("bob"), market.position("bob")) == ("17", "0.7")
    margin = market.margin("bob")
    assert (margin["maintenance"], margin["equity"]) == ("6.3", "10")


def test_ladder_is_configuration() -> None:
    """Steps and shares are an operator's to choose (D1)."""
    market = _long()

    market.play("""
        ladder margin_call=0.3 tier1=0.81 tier1_share=0.2 tier2=0.83 tier3=0.85
        mark 91
    """)

    (action,) = market.of("liquidation")
    assert (action["tier"], action["quantity"]) == (1, "0.2")  # 9.1 ÷ 11 is 0.827


def test_changed_ladder_is_looked_at_at_once() -> None:
    """Nobody has to wait for the next price (D1)."""
    market = _long()
    market.play("mark 91")
    assert market.of("liquidation") == []

    market.play("ladder tier1=0.82")

    assert [event["tier"] for event in market.of("liquidation")] == [1]


@pytest.mark.parametrize(
    "ladder",
    [
        "tier1=0.93",
        "tier2=0.95",
        "tier3=1.01",
        "margin_call=0.9",
        "margin_call=0",
        "admission_ratio=0.9",
        "tier1_share=0.6",
        "tier2_share=1.1",
        "tier1_share=0",
        "admission_ratio=0.5",
    ],
)
def test_ladder_must_rise(ladder: str) -> None:
    """Steps and shares grow, admission lies below the first, no instrument is caught (D1)."""
    market = Market()  # its maintenance × leverage is 0.5
    before = market.hash()

    market.play(f"ladder {ladder}")

    assert market.refusals == ["invalid_terms"]
    assert market.hash() == before


def test_margin_call_once_per_crossing() -> None:
    """Above 0.50, not at it; again only after the ratio has been back (D1)."""
    market = _long()

    market.play("mark 100")  # 10 ÷ 20
    assert market.of("margin_call") == []
    market.play("mark 99.99")
    market.play("mark 99")
    assert len(market.of("margin_call")) == 1
    market.play("mark 100")
    market.play("mark 99.5")
    assert len(market.of("margin_call")) == 2


def test_margin_call_carries_its_receipt() -> None:
    """The numerators of the ratio, so that anybody can recompute it (D1)."""
    market = _long()

    (call,) = market.play("mark 98")

    assert call["receipt"] == {"equity": "18", "maintenance_margin": "9.8"}


def test_account_without_equity_is_above_every_tier() -> None:
    """There is no ratio of nothing; something is still to be maintained (D1)."""
    market = _long()

    market.play("mark 80")

    (action,) = market.of("liquidation")
    assert (action["tier"], action["receipt"]["equity"]) == (3, "0")


def test_orders_are_cancelled_first() -> None:
    """They hold margin and might add to what must be closed (D2)."""
    market = _long()
    market.play("""
        deposit bob 10
        bob sell 0.5@120 id=exit
        bob buy  0.1@50  id=more
    """)
    market.forget()

    market.play("mark 78.75")  # equity 8.75, maintenance 7.875

    assert market.kinds() == [
        *("margin_call", "order_cancelled", "order_cancelled"),
        *("liquidation", "trade"),
    ]
    assert market.cancels == ["exit 0.5 liquidation", "more 0.1 liquidation"]


@pytest.mark.parametrize(
    ("lots", "money", "slice_"), [("0.1", "2", "0.1"), ("0.2", "4", "0.1"), ("0.4", "8", "0.2")]
)
def test_slice_is_rounded_up_and_at_least_one_lot(lots: str, money: str, slice_: str) -> None:
    """30 % of two lots is one lot, and of one lot too (D2)."""
    market = _long(lots=lots, money=money, buyer="5@90")

    market.play("mark 90")

    assert market.fills == [f"bob<carol {slice_}@90"]


def _two_instruments() -> Market:
    market = Market(lot_size="0.1")
    market.play("""
        instrument Y lot_size=0.1
        mark Y 100
        deposit bob 41
        mm  sell X 1@100
        bob buy  X 1@100
        mm  sell Y 1@100
        bob buy  Y 1@100
        carol buy X 5@70
        carol buy Y 5@70
    """)
    market.forget()
    return market


def test_largest_position_is_closed() -> None:
    """Greatest notional at the marks as they are now (D2)."""
    market = _two_instruments()

    market.play("""
        mark X 90
        mark Y 89.3
    """)  # equity 20.3, maintenance 17.93

    assert market.of("liquidation") == []

    market.play("mark Y 89")  # 20 and 17.9
    market.play("mark X 89.9")  # 19.9 and 17.89: 0.899
    market.play("mark X 89.8")  # 19.8 and 17.88: 0.903

    assert [(e["symbol"], e["tier"]) for e in market.of("liquidation")] == [("X", 1)]


def test_of_equal_positions_the_one_opened_earlier() -> None:
    """X was bought before Y (D2)."""
    market = _two_instruments()
    market.play("""
        mark X 90
        change Y maintenance_margin=0.12
        mark Y 90
    """)

    assert market.of("liquidation")[0]["symbol"] == "X"


def test_position_that_turned_round_is_as_old_as_its_turn() -> None:
    """X was long before Y was bought, and has been short only since after it (D2)."""
    market = _two_instruments()

    market.play("""
        mm  buy  X 2@100
        bob sell X 2@100
        mark Y 120
        mark X 120
        change X maintenance_margin=0.15
        change Y maintenance_margin=0.159
    """)

    assert [(e["symbol"], e["tier"]) for e in market.of("liquidation")] == [("Y", 1)]


def test_tier_3_goes_through_all_positions_largest_first() -> None:
    """Everything is closed, in one action (D2)."""
    market = _two_instruments()

    market.play("mark Y 75")  # equity 16, maintenance 17.5

    closed = [(event["symbol"], event["quantity"]) for event in market.of("liquidation")]
    assert closed == [("X", "1"), ("Y", "1")]
    assert {event["in"] for event in market.of("liquidation")} == {0}


def test_several_accounts_highest_ratio_first_then_notional_then_id() -> None:
    """Who is worst off goes first to the buyers that there are (D2)."""
    market = Market(lot_size="0.1")
    for name, lots, money in (
        ("zoe", 1, "20"),
        ("amy", 1, "20"),
        ("big", 2, "40"),
        ("ill", 1, "19.9"),
    ):
        market.play(f"""
            deposit {name} {money if name != "ill" else 20}
            mm     sell {lots}@100
            {name} buy  {lots}@100
        """)
    market.play("""
        mark 100.2
        withdraw ill 0.1
        mark 90
    """)

    assert [event["account"] for event in market.of("liquidation")] == ["ill", "big", "amy", "zoe"]


def test_accounts_without_equity_go_before_all_others() -> None:
    """Among them notional decides, not how far below zero they are (D2)."""
    market = Market(lot_size="0.1")
    for name, lots, money in (("weak", 1, "20"), ("gone", 1, "20"), ("worse", 2, "40")):
        market.play(f"""
            deposit {name} {money}
            mm     sell {lots}@100
            {name} buy  {lots}@100
        """)
    market.play("""
        mark 104
        deposit weak 2
        mark 79
    """)

    assert [event["account"] for event in market.of("liquidation")] == ["worse", "gone", "weak"]


def test_one_action_per_account_and_input() -> None:
    """After a slice the ratio may still stand at a tier: that is for the next look (D2)."""
    market = _long(buyer="5@86")

    market.play("mark 88.9")  # equity 8.9, sold at 86 leaves less

    assert len(market.of("liquidation")) == 1


def test_openings_stay_locked_until_the_next_look() -> None:
    """The slice is sold and the ratio is 0.18, but nobody has looked yet (D2)."""
    market = _long(buyer="1@90")
    market.play("""
        ladder tier1_share=0.8 tier2_share=0.8
        mark 90
    """)
    assert market.position("bob") == "0.2"

    market.play("bob buy 0.1@85")
    assert [error["code"] for error in market.last[0]["errors"]] == [507]

    market.play("bob buy 0.1@85")
    assert market.last[0]["type"] == "order_accepted"


def test_what_finds_no_buyer_stays_until_the_next_look() -> None:
    """The order is sent all the same, and says that nothing came of it (D5)."""
    market = _long(buyer=None)

    market.play("mark 90")

    assert market.kinds() == ["margin_call", "liquidation", "order_cancelled"]
    assert market.position("bob") == "1"
    assert market.wait(249) == []
    market.play("carol buy 1@90")
    assert market.fills == ["bob<carol 0.3@90"]


def test_what_finds_no_buyer_is_tried_again_by_the_timer() -> None:
    """Nobody has to trade for the slice to be offered once more (D6)."""
    market = _long(buyer=None)
    market.play("mark 90")

    again = market.wait(250)

    assert [event["type"] for event in again] == ["liquidation", "order_cancelled"]
