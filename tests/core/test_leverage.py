"""An account's own leverage, for everything and for one instrument (B3)."""

import pytest

from tests.core.market import Market


def _held(kind: type[Market], money: str = "1000") -> Market:
    """Return a market with Y beside X, in which bob holds 10 X at 100."""
    market = kind()
    market.play(f"""
        instrument Y
        mark Y 100
        deposit bob {money}
        mm  sell X 10@100
        bob buy  X 10@100
    """)
    market.forget()
    return market


def test_least_leverage_counts(kind: type[Market]) -> None:
    """Of the account's, the account's for the instrument, and the instrument's (B3)."""
    market = _held(kind)
    seen = []

    for line in (
        "leverage bob X 4",
        "update bob leverage=2.5",
        "leverage bob X 2",
        "leverage bob X 50",
        "update bob leverage=100",
        "leverage bob X 0",
    ):
        market.play(line)
        seen.append(market.margin("bob")["initial"])

    assert seen == ["250", "400", "500", "400", "200", "200"]
    assert market.refusals == []


def test_event_says_what_was_set(kind: type[Market]) -> None:
    """Also where it has no effect beyond the instrument's maximum; 0 takes it away (B3)."""
    market = _held(kind)

    assert market.play("leverage bob X 12.50") == [
        {"type": "leverage_set", "in": 0, "account": "bob", "symbol": "X", "leverage": "12.5"}
    ]
    assert market.play("leverage bob X 0")[0]["leverage"] == "0"


def test_other_instruments_and_accounts_keep_theirs(kind: type[Market]) -> None:
    """It is of one account in one instrument (B3)."""
    market = _held(kind)
    market.play("""
        mm  sell Y 1@100
        bob buy  Y 1@100
        leverage bob X 2
    """)

    assert market.margin("bob")["initial"] == "520"
    assert market.margin("mm")["initial"] == "220"


def test_it_may_be_set_before_anything_is_held(kind: type[Market]) -> None:
    """Whoever chooses first and trades afterwards is margined as he chose (B3)."""
    market = _held(kind)

    market.play("""
        leverage bob Y 2
        mm  sell Y 1@100
        bob buy  Y 1@100
    """)

    assert market.margin("bob")["initial"] == "250"


def test_open_orders_are_asked_at_it_too(kind: type[Market]) -> None:
    """The worse side at the new leverage (B3)."""
    market = _held(kind)

    market.play("""
        bob buy X 5@90
        leverage bob X 2
    """)

    assert market.margin("bob")["initial"] == "725"


@pytest.mark.parametrize(("money", "reasons"), [("499.99", ["insufficient_margin"]), ("500", [])])
def test_lowering_needs_the_margin_for_it(
    kind: type[Market], money: str, reasons: list[str]
) -> None:
    """Half of 1,000 must be there; a refusal leaves all as it was (B3)."""
    market = _held(kind, money)
    before = market.hash()

    market.play("leverage bob X 2")

    assert market.refusals == reasons
    assert (market.hash() == before) == bool(reasons)


def test_refusal_names_account_and_symbol(kind: type[Market]) -> None:
    """And nothing else: no order was to be let in (B3)."""
    market = _held(kind, "300")

    assert market.play("leverage bob X 1") == [
        {
            "type": "rejected",
            "in": 0,
            "code": 504,
            "reason": "insufficient_margin",
            "symbol": "X",
            "account": "bob",
        }
    ]


@pytest.mark.parametrize(
    "line", ["leverage bob X 4", "leverage bob X 2.5", "leverage bob X 0", "leverage bob Y 1"]
)
def test_who_is_short_of_margin_may_still_raise(kind: type[Market], line: str) -> None:
    """Only what asks for more margin is refused; in Y bob holds nothing (B3)."""
    market = _held(kind, "400")
    market.play("""
        leverage bob X 2.5
        mark X 99
    """)
    assert market.free("bob").startswith("-")

    market.play(line)

    assert market.refusals == []


def test_holding_less_makes_room_for_a_lower_one(kind: type[Market]) -> None:
    """It is asked as things stand now (B3)."""
    market = _held(kind, "300")

    market.play("""
        leverage bob X 2
        mm  buy  X 5@100
        bob sell X 5@100
        leverage bob X 2
    """)

    assert market.refusals == ["insufficient_margin"]
    assert market.margin("bob")["initial"] == "250"


def test_leverage_of_the_instrument_bounds_the_order(kind: type[Market]) -> None:
    """Check 3 asks the leverage used in the order's instrument (C1)."""
    market = _held(kind)
    market.play("leverage bob X 2")

    market.play("bob buy X 11@100")

    (refusal,) = market.of("rejected")
    assert refusal["errors"][0]["reason"] == "leverage_exceeded"
    assert refusal["errors"][0]["limit"] == "2000"


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        ("leverage nobody Z 2000", 201, None),
        ("leverage bob Z 2000", 202, None),
        ("leverage bob X 1000.1", 107, "$.leverage"),
        ("leverage bob X 0.5", 107, "$.leverage"),
        ("leverage bob X -1", 107, "$.leverage"),
        ("leverage bob X 2.0000001", 107, "$.leverage"),
    ],
)
def test_wrong_leverage_is_refused(
    kind: type[Market], line: str, code: int, path: str | None
) -> None:
    """From 1 to 1,000 to six places, or 0 (B3)."""
    market = _held(kind)

    (refusal,) = market.play(line)

    assert (refusal["code"], refusal.get("path")) == (code, path)


def test_deleting_the_instrument_forgets_it(kind: type[Market]) -> None:
    """What is listed anew is another instrument (B3)."""
    market = _held(kind)
    market.play("""
        leverage bob Y 2
        delete Y
        instrument Y
        mark Y 100
        mm  sell Y 1@100
        bob buy  Y 1@100
    """)

    assert market.margin("bob")["initial"] == "220"


def test_it_survives_a_restart(kind: type[Market]) -> None:
    """Also where nothing is held yet (B3)."""
    market = _held(kind)
    market.play("""
        leverage bob X 2
        leverage bob Y 4
    """)

    twin = market.restarted()
    for each in (twin, market):
        each.play("""
            mm  sell Y 1@100
            bob buy  Y 1@100
        """)

    assert twin.margin("bob")["initial"] == market.margin("bob")["initial"] == "525"
    assert twin.hash() == market.hash()


def test_brackets_and_leverage_ask_the_dearer(kind: type[Market]) -> None:
    """Half by leverage 2 up to 1,000, then the bracket's 60 % of all (B3, B4)."""
    brackets = [
        {"notional": "0", "initial_margin": "0.2", "maintenance_margin": "0.1"},
        {"notional": "1000", "initial_margin": "0.6", "maintenance_margin": "0.2"},
    ]
    market = kind(margin_brackets=brackets)
    market.play("""
        bob buy 9@100 stp=none
        leverage bob X 2
    """)
    assert market.margin("bob")["initial"] == "450"

    market.play("bob buy 1@100")

    assert market.margin("bob")["initial"] == "600"
