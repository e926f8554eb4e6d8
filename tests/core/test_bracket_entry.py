"""What is asked of a bracket before it enters (A13)."""

from typing import Any

import pytest

from tests.core import view
from tests.core.bounds import lower
from tests.core.market import Event, Market

ENTRY: dict[str, Any] = {
    "side": "buy",
    "order_type": "limit",
    "quantity": "10",
    "price": "100",
    "client_order_id": "n",
}
PROFITS = [{"price": "103", "quantity": "5"}, {"price": "104", "quantity": "5"}]
BRACKET: dict[str, Any] = {
    "type": "place_bracket",
    "account": "alice",
    "symbol": "X",
    "entry": ENTRY,
    "take_profit": PROFITS,
    "stop_loss": {"trigger_price": "95"},
}


def _send(market: Market, **changes: Any) -> Event:
    """Send the bracket with changes, those of the entry as `entry={…}`; return its first event."""
    if "entry" in changes:
        changes["entry"] = ENTRY | changes["entry"]
    return market.send(BRACKET | changes)[0]


def _refusal(market: Market, **changes: Any) -> tuple[str, str | None]:
    event = _send(market, **changes)
    assert event["type"] == "rejected"
    assert event["client_order_id"] == {**ENTRY, **changes.get("entry", {})}["client_order_id"]
    return event["reason"], event.get("path")


@pytest.fixture
def funded(market: Market) -> Market:
    """Return a market where alice is rich."""
    market.play("deposit alice 1000000")
    return market


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"entry": {"account": "bob"}}, "$.entry.account"),
        ({"entry": {"symbol": "Y"}}, "$.entry.symbol"),
        ({"entry": {"client_order_id": "x" * 59}}, "$.entry.client_order_id"),
        ({"entry": {"reduce_only": True}}, "$.entry.reduce_only"),
        ({"take_profit": [], "stop_loss": None}, "$"),
        ({"entry": {"quantity": "9"}}, "$.take_profit"),
        ({"entry": {"price": "103"}}, "$.take_profit[0].price"),
        ({"take_profit": [PROFITS[0], {"price": "100", "quantity": "1"}]},
         "$.take_profit[1].price"),
        ({"stop_loss": {"trigger_price": "100"}}, "$.stop_loss.trigger_price"),
        ({"entry": {"order_type": "market", "price": None},
          "stop_loss": {"trigger_price": "103"}}, "$.stop_loss.trigger_price"),
    ],
)  # fmt: skip
def test_bracket_that_does_not_hang_together_is_refused(
    funded: Market, changes: dict[str, Any], path: str
) -> None:
    """By the first thing that is at fault, in this order (A13)."""
    funded.play("mm sell 10@100" if "price" in changes.get("entry", {}) else "")

    assert _refusal(funded, **changes) == ("invalid_bracket", path)


@pytest.mark.parametrize(
    ("changes", "reason", "path"),
    [
        ({"entry": {"quantity": "0.5"}}, "off_lot", "$.entry.quantity"),
        ({"entry": {"price": "0"}}, "non_positive_price", "$.entry.price"),
        ({"take_profit": [{"price": "1.001", "quantity": "0"}]}, "off_tick",
         "$.take_profit[0].price"),
        ({"take_profit": [{"price": "103", "quantity": "0"}]}, "quantity_not_positive",
         "$.take_profit[0].quantity"),
        ({"stop_loss": {"trigger_price": "0", "price": "0"}}, "non_positive_price",
         "$.stop_loss.trigger_price"),
        ({"stop_loss": {"trigger_price": "95", "price": "0"}}, "non_positive_price",
         "$.stop_loss.price"),
        ({"entry": {"time_in_force": "gtd"}, "take_profit": [{"price": "0", "quantity": "1"}]},
         "non_positive_price", "$.take_profit[0].price"),
        ({"entry": {"time_in_force": "gtd"}}, "invalid_expiry", "$.entry.expires_at"),
        ({"entry": {"display_quantity": "11"}}, "invalid_display", "$.entry.display_quantity"),
        ({"entry": {"fill_rule": "first_hit"}, "take_profit": []}, "invalid_oco",
         "$.entry.fill_rule"),
        ({"entry": {"quantity": "9", "price": None, "order_type": "market"}}, "invalid_bracket",
         "$.take_profit"),
        ({"symbol": "N"}, "unknown_instrument", None),
    ],
)  # fmt: skip
def test_refusals_of_a_bracket_come_in_the_order_of_an_orders(
    funded: Market, changes: dict[str, Any], reason: str, path: str | None
) -> None:
    """Decimals, form, group, bracket; then the market and the money (A13)."""
    assert _refusal(funded, **changes) == (reason, path)


def test_bracket_is_asked_for_its_entrys_money_alone(market: Market) -> None:
    """Its children only reduce (B3, C1)."""
    market.play("deposit alice 199")
    assert _refusal(market)[0] in {"insufficient_margin", "leverage_exceeded"}
    market.play("deposit alice 1")

    assert _send(market)["status"] == "resting"


def test_names_of_the_children_are_taken_with_the_entrys(funded: Market) -> None:
    """An order under one of them is another's, before the child comes and after (A10, A13)."""
    _send(funded)
    funded.play("""
        alice sell 1@105 id=n.tp1
        alice sell 1@105 id=n.tp2
        alice sell 1@105 id=n.sl
        alice sell 1@105 id=n.tp3
    """)

    assert funded.refusals == ["id_reused"] * 3
    assert funded.asks() == ["alice 1@105"]


def test_bracket_under_its_own_childs_name_is_another_one(funded: Market) -> None:
    """It is no repeat, though it says the same (A10, A13)."""
    _send(funded)

    assert _refusal(funded, entry={"client_order_id": "n.tp1"}) == ("id_reused", None)


@pytest.mark.parametrize("taken", ["n.tp1", "n.tp2", "n.sl"])
def test_name_of_a_child_that_is_taken_refuses_the_bracket(funded: Market, taken: str) -> None:
    """Whatever became of the order that had it; names that are not needed do not matter (A10)."""
    funded.play(f"""
        alice sell 1@105 id={taken}
        alice cancel {taken}
    """)

    assert _refusal(funded) == ("id_reused", "$.entry.client_order_id")
    assert _send(funded, take_profit=None if taken != "n.sl" else PROFITS, **_without(taken))


def _without(taken: str) -> dict[str, Any]:
    return {"stop_loss": None} if taken == "n.sl" else {}


def test_repeated_bracket_is_answered_as_the_first_time(funded: Market) -> None:
    """However it is written; with anything else it is another one (A10, A13)."""
    first = _send(funded)
    again = _send(
        funded,
        entry={"price": "100.00", "account": "alice", "type": "place_order"},
        take_profit=[PROFITS[0], {"price": "104.0", "quantity": 5}],
        stop_loss={"trigger_price": "95", "trigger_by": "last"},
        fill_rule="incremental",
    )

    assert again == first | {"duplicate": True}
    assert _refusal(funded, fill_rule="first_hit") == ("id_reused", None)
    assert _refusal(funded, take_profit=PROFITS[:1]) == ("id_reused", None)
    assert _refusal(funded, stop_loss={"trigger_price": "94"}) == ("id_reused", None)
    funded.play("alice buy 10@100 id=n")
    assert funded.refusals[-1] == "id_reused"


def test_entry_may_name_what_the_bracket_names(funded: Market) -> None:
    """Its account, symbol and type, if they are the same (A13)."""
    same = {"account": "alice", "symbol": "X", "type": "place_order"}

    assert _send(funded, entry=same)["status"] == "resting"


def test_longest_name_leaves_room_for_the_children(funded: Market) -> None:
    """58 and `.tp10` are 63 (A13)."""
    assert _send(funded, entry={"client_order_id": "x" * 58})["status"] == "resting"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"take_profit": PROFITS * 6}, "$.take_profit"),
        ({"take_profit": [{"price": "103"}]}, "$.take_profit[0]"),
        ({"stop_loss": {"price": "95"}}, "$.stop_loss"),
        ({"stop_loss": {"trigger_price": "95", "quantity": "1"}}, "$.stop_loss"),
        ({"entry": {"price": 1.5}}, "$.entry.price"),
        ({"entry": {"type": "cancel_order"}}, "$.entry"),
        ({"fill_rule": "sometimes"}, "$.fill_rule"),
    ],
)
def test_bracket_that_cannot_be_read_is_refused_by_its_path(
    changes: dict[str, Any], path: str
) -> None:
    """Unknown and missing fields, floats, an eleventh take-profit (protocol §1)."""
    market = Market()
    market.play("deposit alice 1000000")

    event = _send(market, **changes)

    assert 100 < event["code"] < 200
    assert event["path"].startswith(path)


def test_children_count_toward_the_bound_on_open_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come by themselves later, and may not find the room taken (A13)."""
    lower(monkeypatch, "MAX_OPEN_ORDERS_PER_ACCOUNT", 4)
    market = Market()
    market.play("alice buy 1@99")
    assert _refusal(market)[0] == "too_many_orders"
    market.play("alice cancel o1")

    assert _send(market)["status"] == "resting"


def test_ids_of_a_bracket_take_their_places_in_the_window() -> None:
    """The entry's, then each child's: with four places, the entry's is the first to go (A10)."""
    market = Market()
    market.play("deposit alice 1000000")
    view.remember_at_most(market.kernel, 4)
    _send(market)
    market.play("""
        alice cancel n
        wait 86400001
        tick 99 101
        alice buy 1@90
    """)
    market.play("""
        alice buy 1@90 id=n.tp1
        alice buy 1@90 id=n.sl
        alice buy 1@91 id=n
    """)

    assert market.refusals == ["id_reused", "id_reused"]
    assert market.bids() == ["alice 1@91", "alice 1@90"]
