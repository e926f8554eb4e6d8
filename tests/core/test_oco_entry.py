"""Who may join a group: refusals, and how long a spent one is remembered (A13)."""

from typing import Any

import pytest

from tests.core import view
from tests.core.market import Market

LEG = {
    "type": "place_order",
    "account": "alice",
    "symbol": "X",
    "side": "sell",
    "order_type": "limit",
    "quantity": "5",
    "price": "105",
    "client_order_id": "n1",
}


def _refusal(market: Market, **changes: Any) -> tuple[str, str | None]:
    (event,) = market.send(LEG | changes)
    return event["reason"], event.get("path")


def test_rule_without_a_group_is_refused(market: Market) -> None:
    """It would say nothing about anything (A13)."""
    market.play("deposit alice 100000")

    assert _refusal(market, fill_rule="first_hit") == ("invalid_oco", "$.fill_rule")


def test_first_member_says_the_rule(market: Market) -> None:
    """Later ones say the same or nothing; the default is a rule like the others (A13)."""
    market.play("""
        alice sell 5@105 oco=g
        alice sell 5@106 oco=h rule=incremental
    """)

    assert _refusal(market, oco_group="g", fill_rule="incremental")[0] == "invalid_oco"
    assert _refusal(market, oco_group="h", fill_rule="first_hit")[1] == "$.fill_rule"
    assert (
        market.play("""
        alice sell 5@107 oco=g rule=first_hit
        alice sell 5@107 oco=h
    """)[0]["status"]
        == "resting"
    )


def test_eleventh_live_member_is_refused(market: Market) -> None:
    """A group has ten members at a time; one that has left makes room (A13)."""
    market.play("\n".join(["alice sell 5@105 oco=g"] * 10))

    assert _refusal(market, oco_group="g") == ("invalid_oco", "$.oco_group")

    market.play("""
        alice cancel o3
        alice sell 5@105 oco=g
    """)
    assert len(market.asks()) == 10


def test_group_that_has_traded_is_spent(market: Market) -> None:
    """Even while one of its members still rests (A13)."""
    market.play("""
        alice sell 5@101 oco=g
        bob   buy  1@101
    """)

    assert market.asks() == ["alice 4@101"]
    assert _refusal(market, oco_group="g") == ("oco_spent", "$.oco_group")


def test_group_that_lost_its_last_member_is_spent(market: Market) -> None:
    """Nobody can tell whether the others are still to come (A13)."""
    market.play("""
        alice sell 5@101 oco=g
        alice sell 5@102 oco=g
        alice cancel o1
        alice sell 5@103 oco=g
        alice cancel all
    """)
    assert market.refusals == []

    assert _refusal(market, oco_group="g") == ("oco_spent", "$.oco_group")


def test_member_that_never_rested_was_one(market: Market) -> None:
    """An order that is accepted and gone at once leaves an empty group behind (A13)."""
    market.play("alice sell 5@105 ioc oco=g")

    assert market.cancels == ["o1 5 ioc_remainder"]
    assert _refusal(market, oco_group="g") == ("oco_spent", "$.oco_group")


def test_refused_order_founds_no_group(market: Market) -> None:
    """Nor does it say its rule (A10, A13)."""
    market.play("""
        deposit alice 100000
        alice sell 5@105 fok oco=g rule=incremental
        alice sell 5@105 oco=g rule=complete_fill
    """)

    assert market.refusals == ["unfillable"]
    assert market.asks() == ["alice 5@105"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"time_in_force": "gtd"}, "invalid_expiry"),
        ({"trigger_price": "99"}, "trigger_not_allowed"),
        ({"order_type": "market", "price": None}, "oco_spent"),
        ({"reduce_only": True}, "oco_spent"),
        ({"quantity": "999999999"}, "oco_spent"),
    ],
)
def test_group_is_asked_about_between_form_and_market(
    market: Market, changes: dict[str, Any], reason: str
) -> None:
    """After the order's own attributes, before liquidity, position and money (A13)."""
    market.play("""
        alice sell 5@105 oco=g
        alice cancel o1
    """)

    assert _refusal(market, oco_group="g", **changes)[0] == reason


def test_group_and_rule_are_part_of_what_an_order_says(market: Market) -> None:
    """A repeat that names another group, or a rule, is another order (A10, A13)."""
    market.play("deposit alice 100000")
    market.send(LEG | {"oco_group": "g"})

    assert market.send(LEG | {"oco_group": "g"})[0]["duplicate"] is True
    assert _refusal(market)[0] == "id_reused"
    assert _refusal(market, oco_group="h")[0] == "id_reused"
    assert _refusal(market, oco_group="g", fill_rule="first_hit")[0] == "id_reused"


@pytest.mark.parametrize("quantity", ["12", "10", "3"])
def test_quantity_of_an_incremental_leg_cannot_be_amended(market: Market, quantity: str) -> None:
    """It follows from the others' fills; so it is even where there are none left (A9, A13)."""
    market.play(f"""
        alice sell 10@101 oco=g rule=incremental
        alice sell 10@102 oco=g
        alice cancel o2
        alice amend o1 {quantity}
        alice amend o1 {quantity}@103
    """)

    assert market.refusals == ["invalid_oco", "invalid_oco"]
    assert market.of("rejected")[0]["path"] == "$.quantity"
    assert market.asks() == ["alice 10@101"]


def test_other_terms_of_an_incremental_leg_may_be_amended(market: Market) -> None:
    """Price, peak and trigger say nothing about sizes (A9, A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=incremental peak=5
        alice sell 10@103 oco=g
        alice amend o1 @102 peak=2
        bob   buy 4@102
    """)

    assert market.refusals == []
    assert market.asks() == ["alice 6@102 shows 2", "alice 6@103"]


def test_quantity_of_an_incremental_leg_is_asked_about_first(market: Market) -> None:
    """Before the peak, the expiry and the money (A9, A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=incremental
        alice amend o1 5 peak=100 expires=1
    """)

    assert market.of("rejected")[0]["path"] == "$.quantity"


def test_spent_group_is_forgotten_with_the_last_members_id() -> None:
    """A name is free again once nobody could repeat the order that bore it last (A10, A13)."""
    market = Market()
    market.play("deposit alice 1000000")
    view.remember_at_most(market.kernel, 3)
    market.play("""
        alice sell 5@105 oco=g id=first
        alice sell 5@105 oco=g id=last
        alice cancel all
        wait 86400001
        tick 99 101
        alice sell 5@105 id=a
        alice sell 5@105 id=b
    """)
    assert _refusal(market, oco_group="g", client_order_id="c")[0] == "oco_spent"

    market.play("""
        alice sell 5@105 id=d
        alice sell 5@105 oco=g rule=incremental id=e
    """)

    assert market.of("order_accepted")[-1]["client_order_id"] == "e"


def test_group_with_live_members_is_never_forgotten() -> None:
    """The id of a live order may leave the window; its group stands (A10, A13)."""
    market = Market()
    market.play("deposit alice 1000000")
    view.remember_at_most(market.kernel, 2)
    market.play("""
        alice sell 5@101 oco=g id=first
        alice sell 5@105 oco=g id=last
        wait 86400001
        tick 99 101
        alice sell 5@107 id=a
        alice sell 5@107 id=b
        alice sell 5@107 id=c
        bob   buy  1@101
    """)

    assert market.cancels == ["last 5 oco"]
