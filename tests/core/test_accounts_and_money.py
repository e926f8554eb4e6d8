"""Accounts, and money in and out: once per transfer, and never more than is free (B7)."""

from typing import Any

import pytest

from tests.core.market import Market


def test_deposit_and_withdrawal_move_the_balance() -> None:
    """The events say by how much, to what, and why (B7)."""
    market = Market()

    market.play("""
        deposit bob 100
        withdraw bob 30.5
    """)

    said = [(e["delta"], e["balance"], e["cause"]) for e in market.of("balance_changed")]
    assert said == [("100", "100", "deposit"), ("-30.5", "69.5", "withdrawal")]


def test_withdrawal_takes_at_most_the_balance() -> None:
    """Unrealised profit is not cash (B7)."""
    market = Market()
    market.play("""
        deposit bob 100
        mm  sell 1@100
        bob buy  1@100
        mark 1000
        withdraw bob 100.00000001
    """)
    assert market.refusals == ["insufficient_balance"]

    market.play("withdraw bob 100")

    assert market.balance("bob") == "0"


def test_withdrawal_takes_at_most_what_is_free() -> None:
    """Margin of positions, of open orders and their fees stays (B7)."""
    market = Market(taker_fee="0.01")
    market.play("""
        deposit bob 200
        mm  sell 1@100
        bob buy  1@100
        bob buy  1@99.99
        withdraw bob 158.00210001
    """)  # 199 less 39.998 of margin and 0.9999 of fees
    assert market.refusals == ["insufficient_balance"]

    market.play("withdraw bob 158.0021")

    assert market.free("bob") == "0"


def test_transfer_counts_once() -> None:
    """A repeat changes nothing and says so, also as the other kind or to another account (B7)."""
    market = Market()
    market.play("""
        account bob
        account eve
    """)
    once = {"type": "deposit", "account": "bob", "amount": "100", "transfer_id": "t"}
    market.send(once)
    before = market.hash()

    for other in ({}, {"amount": "7"}, {"type": "withdraw"}, {"account": "eve"}):
        market.send(once | other)

    assert market.refusals == ["duplicate"] * 4
    assert market.hash() == before


def test_refused_transfer_does_not_use_its_id_up() -> None:
    """It can be sent again once there is money (B7)."""
    market = Market()
    again = {"type": "withdraw", "account": "bob", "amount": "7", "transfer_id": "w"}
    market.play("deposit bob 5")
    market.send(again)
    market.play("deposit bob 5")

    market.send(again)

    assert market.refusals == ["insufficient_balance"]
    assert market.balance("bob") == "3"


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("0", "quantity_not_positive"),
        ("-5", "out_of_range"),
        ("0.000000001", "out_of_range"),
        ("99999999999999999999", "out_of_range"),
        ("NaN", "bad_decimal"),
        ("1e3", "bad_decimal"),
    ],
)
def test_amount_is_a_positive_number_of_atoms(amount: str, reason: str) -> None:
    """A negative deposit would be a withdrawal without a check (B7)."""
    market = Market()
    market.play("account bob")
    before = market.hash()

    market.send({"type": "deposit", "account": "bob", "amount": amount, "transfer_id": "t"})

    assert market.refusals == [reason]
    assert market.hash() == before


def test_closed_account_moves_no_money() -> None:
    """It is over, until an operator opens it again (C1)."""
    market = Market()

    market.play("""
        deposit bob 100
        update bob status=closed
        deposit bob 1
        withdraw bob 1
        update bob status=active
        withdraw bob 1
    """)

    assert market.refusals == ["account_not_active"] * 2
    assert market.balance("bob") == "99"


def test_deposit_ends_a_margin_call() -> None:
    """An account is looked at after every command that changes its equity (D2)."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 20
        mm  sell 1@100
        bob buy  1@100
        mark 99
        deposit bob 10
        withdraw bob 0.1
        mark 87
    """)

    assert len(market.of("margin_call")) == 2


@pytest.mark.parametrize(
    ("command", "reason", "path"),
    [
        ({"account": "bob"}, "account_exists", None),
        ({"account": "bob", "leverage": "0.5"}, "account_exists", None),
        ({"account": "new", "leverage": "0.5"}, "out_of_range", "$.leverage"),
        ({"account": "new", "leverage": "1001"}, "out_of_range", "$.leverage"),
        ({"account": "new", "leverage": "2.0000001"}, "out_of_range", "$.leverage"),
        ({"account": "new", "profile": "gold"}, "invalid_terms", "$.profile"),
        ({"account": "new", "fee_tier": "gold"}, "invalid_terms", "$.fee_tier"),
        ({"account": "a b"}, "bad_identifier", "$.account"),
    ],
)
def test_account_that_cannot_be_opened(
    command: dict[str, Any], reason: str, path: str | None
) -> None:
    """Refused by name, with the field that is at fault and no other (B3)."""
    market = Market()
    market.play("account bob")
    before = market.hash()

    (refusal,) = market.send({"type": "create_account", **command})

    assert (refusal["reason"], refusal.get("path")) == (reason, path)
    assert market.hash() == before


def test_profile_none_is_no_profile() -> None:
    """It is the default, said aloud (C1)."""
    market = Market()

    market.play("account bob profile=none leverage=3 stp_group=desk status=suspended")

    assert market.last[0] == {
        "type": "account_created",
        "in": 0,
        "account": "bob",
        "status": "suspended",
        "leverage": "3",
        "stp_group": "desk",
    }


@pytest.mark.parametrize(
    "command",
    [
        {"type": "update_account", "account": "nobody", "leverage": "0.5"},
        {"type": "deposit", "account": "nobody", "amount": "1", "transfer_id": "t"},
        {"type": "set_risk", "account": "nobody", "max_exposure": "1"},
        {"type": "cancel_all", "account": "nobody"},
        {"type": "cancel_order", "account": "nobody", "client_order_id": "a"},
        {"type": "amend_order", "account": "nobody", "client_order_id": "a", "quantity": "1"},
    ],
)
def test_unknown_account_is_said_by_name(command: dict[str, Any]) -> None:
    """Whatever was to be done with it, and of nothing else (B3)."""
    market = Market()

    (refusal,) = market.send(command)

    assert (refusal["reason"], refusal["account"]) == ("unknown_account", "nobody")
    assert "path" not in refusal
