"""Which margin brackets an instrument may have, and how they change (B4)."""

from typing import Any

import pytest

from tests.core.market import Market

Bracket = dict[str, str]


def _bracket(notional: str, initial: str, keep: str) -> Bracket:
    return {"notional": notional, "initial_margin": initial, "maintenance_margin": keep}


TWO = [_bracket("0", "0.2", "0.1"), _bracket("1000.5", "0.25", "0.15")]


def _create(market: Market, brackets: list[Bracket], **terms: Any) -> list[dict[str, Any]]:
    new = {"type": "create_instrument", "symbol": "N", "tick_size": "0.01", "lot_size": "1"}
    return market.send(new | {"margin_brackets": brackets} | terms)


def _update(market: Market, symbol: str = "N", **terms: Any) -> list[dict[str, Any]]:
    return market.send({"type": "update_instrument", "symbol": symbol} | terms)


def test_brackets_are_said(kind: type[Market]) -> None:
    """The plain rates are those of the first; decimals in their shortest form (B4)."""
    market = kind()

    (event,) = _create(market, [TWO[0], _bracket("1000.50", "0.250", "0.1500")])

    assert event["margin_brackets"] == TWO
    assert (event["initial_margin"], event["maintenance_margin"]) == ("0.2", "0.1")


def test_one_bracket_is_a_plain_instrument(kind: type[Market]) -> None:
    """It says so by its rates alone (B4)."""
    market = kind()

    (event,) = _create(market, [_bracket("0", "0.3", "0.15")])

    assert "margin_brackets" not in event
    assert (event["initial_margin"], event["maintenance_margin"]) == ("0.3", "0.15")


@pytest.mark.parametrize("given", ["initial_margin", "maintenance_margin"])
def test_brackets_stand_alone(kind: type[Market], given: str) -> None:
    """Beside plain rates nobody could say which holds (B4)."""
    market = kind()

    (refusal,) = _create(market, TWO, **{given: "0.1"})
    (again,) = _update(market, "X", margin_brackets=TWO, **{given: "0.1"})

    for each in (refusal, again):
        assert (each["code"], each["path"]) == (409, "$.margin_brackets")


@pytest.mark.parametrize(
    ("second", "field"),
    [
        (_bracket("0", "0.25", "0.15"), "notional"),
        (_bracket("1000", "0.19", "0.1"), "initial_margin"),
        (_bracket("1000", "1.000001", "0.1"), "initial_margin"),
        (_bracket("1000", "0.25", "0.09"), "maintenance_margin"),
        (_bracket("1000", "0.25", "0.26"), "maintenance_margin"),
        (_bracket("1000", "0.25", "0.2"), "maintenance_margin"),
    ],
)
def test_brackets_rise_and_are_sound(kind: type[Market], second: Bracket, field: str) -> None:
    """Bounds strictly, rates never falling, and 20 % of 25 % reach the admission ratio (B4)."""
    market = kind()

    (created,) = _create(market, [TWO[0], second])
    (updated,) = _update(market, "X", margin_brackets=[TWO[0], second])

    for refusal in (created, updated):
        assert (refusal["code"], refusal["path"]) == (409, f"$.margin_brackets[1].{field}")


@pytest.mark.parametrize(
    ("first", "field"),
    [
        (_bracket("1", "0.2", "0.1"), "notional"),
        (_bracket("0", "1.5", "0.1"), "initial_margin"),
        (_bracket("0", "0.2", "0"), "maintenance_margin"),
        (_bracket("0", "-0.2", "-0.3"), "maintenance_margin"),
        (_bracket("0", "0.2", "0.16"), "maintenance_margin"),
    ],
)
def test_first_bracket_starts_at_nothing(kind: type[Market], first: Bracket, field: str) -> None:
    """And its maintenance at the greatest leverage stays below the admission ratio (B4)."""
    market = kind()

    (refusal,) = _create(market, [first, _bracket("10", "0.9", "0.7")])

    expected = "initial_margin" if first["initial_margin"] == "-0.2" else field
    assert (refusal["code"], refusal["path"]) == (409, f"$.margin_brackets[0].{expected}")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("notional", "0.000000001"),
        ("notional", "-1"),
        ("notional", "90000000000.00000001"),
        ("initial_margin", "0.2500001"),
        ("initial_margin", "1000.1"),
        ("maintenance_margin", "0.1500001"),
        ("maintenance_margin", "-1000.1"),
    ],
)
def test_numbers_beyond_range_are_named(kind: type[Market], field: str, value: str) -> None:
    """Bounds are amounts of money, rates have six places (B4)."""
    market = kind()

    (refusal,) = _create(market, [TWO[0], TWO[1] | {field: value}])

    assert (refusal["code"], refusal["path"]) == (107, f"$.margin_brackets[1].{field}")


@pytest.mark.parametrize(
    ("brackets", "reason"),
    [
        ([{"notional": "0", "initial_margin": "0.2"}], "missing_field"),
        ([_bracket("0", "0.2", "0.1") | {"rate": "1"}], "unknown_field"),
        ([_bracket("0", "0.2", "1e-1")], "bad_decimal"),
        ([{**_bracket("0", "0.2", "0.1"), "notional": 0.5}], "wrong_type"),
    ],
)
def test_unreadable_brackets_are_malformed(brackets: list[Any], reason: str) -> None:
    """With the path of the fault (B4)."""
    market = Market()

    (refusal,) = _create(market, brackets)

    assert refusal["reason"] == reason
    assert refusal["path"].startswith("$.margin_brackets[0]")


@pytest.mark.parametrize("count", [0, 21])
def test_there_are_one_to_twenty_brackets(count: int) -> None:
    """As many as any venue lists (B4)."""
    market = Market()

    (refusal,) = _create(market, [_bracket(str(n), "0.2", "0.1") for n in range(count)])

    assert (refusal["code"], refusal["path"]) == (107, "$.margin_brackets")


def test_twenty_brackets_are_welcome(kind: type[Market]) -> None:
    """The bound itself is allowed (B4)."""
    market = kind()

    (event,) = _create(market, [_bracket(str(n), "0.2", "0.1") for n in range(20)])

    assert len(event["margin_brackets"]) == 20


def test_plain_rates_make_an_instrument_plain_again(kind: type[Market]) -> None:
    """The other rate stays that of the first bracket (B4)."""
    market = kind()
    _create(market, TWO)

    (event,) = _update(market, maintenance_margin="0.12")

    assert "margin_brackets" not in event
    assert (event["initial_margin"], event["maintenance_margin"]) == ("0.2", "0.12")


def test_other_changes_leave_brackets_alone(kind: type[Market]) -> None:
    """A fee is no margin (B4)."""
    market = kind()
    _create(market, TWO)

    (event,) = _update(market, taker_fee="0.001")

    assert event["margin_brackets"] == TWO


def test_leverage_must_fit_the_first_bracket(kind: type[Market]) -> None:
    """10 % at leverage 8 is the admission ratio; later brackets go by their own rate (B4)."""
    market = kind()
    _create(market, TWO)

    (allowed,) = _update(market, max_leverage="7.9")
    (refused,) = _update(market, max_leverage="8")

    assert allowed["margin_brackets"] == TWO
    assert refused["code"] == 409


def test_first_bracket_goes_by_the_greatest_leverage(kind: type[Market]) -> None:
    """9 % of 10 % initial are fine at leverage 5, since that asks 20 %; later ones are not (B4)."""
    market = kind()
    steep = _bracket("0", "0.1", "0.09")

    (created,) = _create(market, [steep, _bracket("10", "0.2", "0.1")])
    (refused,) = _update(market, margin_brackets=[steep, _bracket("10", "0.1", "0.09")])

    assert created["type"] == "instrument_created"
    assert refused["path"] == "$.margin_brackets[1].maintenance_margin"


def test_admission_ratio_must_stay_above_every_bracket(kind: type[Market]) -> None:
    """0.15 of 0.25 is 0.6: an admission ratio of 0.6 is refused, 0.61 is not (B4)."""
    market = kind()
    _create(market, TWO)
    market.forget()

    market.play("""
        ladder admission_ratio=0.6
        ladder admission_ratio=0.61
    """)

    assert market.kinds() == ["rejected", "liquidation_set"]
