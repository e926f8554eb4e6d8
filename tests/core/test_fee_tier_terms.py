"""Which fee tiers there may be, and who may be given one (B5)."""

from typing import Any

import pytest

from tests.core.market import Market

Tier = dict[str, str]


def _tier(name: str, volume: str, maker: str, taker: str) -> Tier:
    return {"name": name, "volume": volume, "maker_fee": maker, "taker_fee": taker}


TIERS = [
    _tier("base", "0", "0.001", "0.002"),
    _tier("silver", "1000", "0.0005", "0.001"),
    _tier("gold", "5000", "-0.0001", "0.0005"),
]


def _set(market: Market, tiers: list[Tier]) -> list[dict[str, Any]]:
    return market.send({"type": "set_fee_tiers", "tiers": tiers})


def _opened(kind: type[Market], **terms: Any) -> Market:
    """Return a market with tiers, and with fees of its own that nobody pays."""
    market = kind(**{"maker_fee": "0.05", "taker_fee": "0.07", **terms})
    _set(market, TIERS)
    market.forget()
    return market


def test_tiers_are_said(kind: type[Market]) -> None:
    """As they were set, in the shortest form (B5)."""
    market = kind()

    said = _set(market, [_tier("base", "0.00", "0.0010", "0.0020")])

    assert said == [
        {"type": "fee_tiers_set", "in": 0, "tiers": [_tier("base", "0", "0.001", "0.002")]}
    ]


@pytest.mark.parametrize("line", ["update bob fee_tier=lead", "account dot fee_tier=lead"])
def test_unknown_tier_is_refused(kind: type[Market], line: str) -> None:
    """A typing mistake must not cost anybody (B5)."""
    market = _opened(kind)
    market.play("bob buy 1@1")

    (refusal,) = market.play(line)

    assert (refusal["code"], refusal["path"]) == (409, "$.fee_tier")


def test_without_tiers_no_tier_can_be_named(kind: type[Market]) -> None:
    """There is none of that name (B5)."""
    market = kind()
    market.play("bob buy 1@1")

    (refusal,) = market.play("update bob fee_tier=base")

    assert (refusal["code"], refusal["path"]) == (409, "$.fee_tier")
    assert market.play("update bob fee_tier=none")[0]["type"] == "account_updated"


@pytest.mark.parametrize(
    ("second", "code", "field"),
    [
        (_tier("base", "1", "0", "0"), 409, "name"),
        (_tier("none", "1", "0", "0"), 409, "name"),
        (_tier("x", "0", "0", "0"), 409, "volume"),
        (_tier("x", "1", "0.100001", "0"), 409, "maker_fee"),
        (_tier("x", "1", "-0.100001", "0"), 409, "maker_fee"),
        (_tier("x", "1", "0", "0.100001"), 409, "taker_fee"),
        (_tier("x", "0.000000001", "0", "0"), 107, "volume"),
        (_tier("x", "-1", "0", "0"), 107, "volume"),
        (_tier("x", "1", "0.0000001", "0"), 107, "maker_fee"),
        (_tier("x", "1", "0", "1001"), 107, "taker_fee"),
    ],
)
def test_wrong_tiers_are_named(kind: type[Market], second: Tier, code: int, field: str) -> None:
    """Names differ, volumes rise, fees lie between −10 % and 10 % (B5)."""
    market = _opened(kind)
    before = market.hash()

    (refusal,) = _set(market, [TIERS[0], second])

    assert (refusal["code"], refusal["path"]) == (code, f"$.tiers[1].{field}")
    assert market.hash() == before


def test_first_tier_starts_at_nothing(kind: type[Market]) -> None:
    """So that everybody has one (B5)."""
    (refusal,) = _set(kind(), [_tier("base", "1", "0", "0")])

    assert (refusal["code"], refusal["path"]) == (409, "$.tiers[0].volume")


@pytest.mark.parametrize(("count", "kind_of"), [(20, "fee_tiers_set"), (21, "rejected")])
def test_there_are_at_most_twenty_tiers(count: int, kind_of: str) -> None:
    """As many as any venue lists (B5)."""
    tiers = [_tier(f"t{n}", str(n), "0", "0") for n in range(count)]

    (event,) = _set(Market(), tiers)

    assert event["type"] == kind_of
