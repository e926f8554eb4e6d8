"""What settings would set off is told first, and is then so: limits, the ladder, margin rates."""

from typing import Any

import pytest

from engine.snapshot import state_hash
from tests.core.market import Event, Market

CROWD = """
    deposit amy 21
    deposit bob 25
    deposit cat 35
    deposit dan 100
    mm  sell 4@100
    amy buy 1@100
    bob buy 1@100
    cat buy 1@100
    dan buy 1@100
    mm  buy 9@91
    mark 92
"""
STEEP = [
    {"notional": "0", "initial_margin": "0.2", "maintenance_margin": "0.1"},
    {"notional": "50", "initial_margin": "0.9", "maintenance_margin": "0.5"},
]


def _try(market: Market, command: Event) -> Event:
    """Try a command, see that nothing changes, and return the answer."""
    before = state_hash(market.kernel)
    (answer,) = market.send(command | {"dry_run": True})
    assert state_hash(market.kernel) == before
    return answer


@pytest.mark.parametrize(
    ("settings", "called", "acted"),
    [
        ({"margin_call": "0.2"}, ["cat"], {}),
        (
            {"margin_call": "0.3", "tier1": "0.6", "tier2": "0.7", "admission_ratio": "0.55"},
            ["cat"],
            {"amy": 2},
        ),
        ({"maintenance_margin": "0.15"}, ["cat"], {"amy": 3}),
        ({"margin_brackets": STEEP}, ["cat"], {"amy": 3, "bob": 3, "cat": 3}),
        ({"taker_fee": "0.001"}, [], {}),
    ],
)
def test_calls_and_tiers_are_as_foretold(
    settings: dict[str, Any], called: list[str], acted: dict[str, int]
) -> None:
    """The real one calls exactly those, and acts on exactly those, at these tiers (D1, D2)."""
    market = Market()
    market.play(CROWD)
    command = {"type": "set_liquidation"} | settings
    if not settings.keys() & {"margin_call"}:
        command = {"type": "update_instrument", "symbol": "X"} | settings
    told = _try(market, command)
    assert told["called"] == called
    assert {each["account"]: each["tier"] for each in told["liquidated"]} == acted
    assert (told["called_count"], told["liquidated_count"]) == (len(called), len(acted))
    market.send(command)
    assert [e["account"] for e in market.last if e["type"] == "margin_call"] == called
    said = {e["account"]: e["tier"] for e in market.last if e["type"] == "liquidation"}
    assert said == acted


def test_lists_are_cut_and_counts_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard may have a million accounts; one answer names a thousand."""
    monkeypatch.setattr("engine.dry_runs.MAX_NAMED", 2)
    market = Market()
    market.play(CROWD)
    told = _try(market, {"type": "update_instrument", "symbol": "X", "margin_brackets": STEEP})
    assert [each["account"] for each in told["liquidated"]] == ["amy", "bob"]
    assert told["liquidated_count"] == 3


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ({"type": "set_liquidation", "tier1": "0.97"}, "invalid_terms"),
        ({"type": "set_liquidation", "tier1": "0.0000001"}, "out_of_range"),
        ({"type": "update_instrument", "symbol": "Y"}, "unknown_instrument"),
        ({"type": "update_instrument", "symbol": "X", "maintenance_margin": "0.3"}, ""),
        ({"type": "update_instrument", "symbol": "X", "collar": "x"}, "bad_decimal"),
        ({"type": "set_risk", "account": "nemo"}, "unknown_account"),
        ({"type": "set_risk", "account": "amy", "profile": "bold"}, "invalid_terms"),
        ({"type": "set_risk", "account": "amy", "max_heat": "-1"}, "out_of_range"),
    ],
)
def test_refused_as_the_real_one(command: Event, reason: str) -> None:
    """What would not be taken says so, in the same words."""
    market = Market()
    market.play(CROWD)
    told = _try(market, command)
    (said,) = market.send(command)
    assert said["type"] == "rejected"
    for field in ("text", "digest"):
        told.pop(field, None)
        said.pop(field, None)
    assert told == said
    assert reason in ("", said["reason"])


BOOK = """
    deposit bob 1000
    mm  sell 9@100
    bob buy 2@100
    bob buy 3@99 id=small
    bob buy 9@98 id=large
    bob buy stop 9 trigger=105 id=asleep
    bob sell 2@120 reduce id=exit
"""


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        ({"max_order_notional": "500"}, ["large", "asleep"]),
        ({"max_order_notional": "50"}, ["", "small", "large", "asleep"]),
        ({"pyramiding": False}, ["", "small", "large", "asleep"]),
        ({"max_positions": 1, "max_order_notional": "100000"}, []),
        ({"max_leverage": "1"}, ["large", "asleep"]),
        ({"profile": "none"}, []),
    ],
)
def test_limits_refuse_what_was_foretold(limits: dict[str, Any], refused: list[str]) -> None:
    """Each order sent anew under the new limits, and one lot more of each position (C2)."""
    market = Market()
    market.play(BOOK)
    told = _try(market, {"type": "set_risk", "account": "bob"} | limits)
    named = {each.get("client_order_id", ""): each["errors"] for each in told["refused"]}
    assert list(named) == refused
    assert told["refused_count"] == len(refused)
    market.send({"type": "set_risk", "account": "bob"} | limits)
    lines = {
        "": "bob buy 1@100",
        "small": "bob buy 3@99",
        "large": "bob buy 9@98",
        "asleep": "bob buy stop 9 trigger=105",
    }
    for name, line in lines.items():
        if name:
            market.play(f"bob cancel {name}")
        first = market.play(line)[0]
        errors = first.get("errors", [])
        assert [e["code"] for e in errors] == [e["code"] for e in named.get(name, [])], name
        if not name and not errors:
            market.play(f"bob cancel {first['client_order_id']}")


def test_what_is_refused_already_is_not_the_limits_doing() -> None:
    """Whoever has no margin for one lot more hears of it without a dry run."""
    market = Market()
    market.play("""
        deposit bob 45
        mm  sell 2@100
        bob buy 2@100
    """)
    limits = {"type": "set_risk", "account": "bob", "max_order_notional": "500"}
    assert _try(market, limits)["refused"] == []
    (told,) = _try(market, limits | {"max_order_notional": "50"})["refused"]
    assert [error["reason"] for error in told["errors"]] == ["order_notional_limit"]


def test_losses_pause_as_foretold() -> None:
    """Windows that run already may stand at the new limit; the next mark says so (C3)."""
    market = Market()
    market.play("""
        deposit bob 1000
        mm  sell 5@100
        bob buy 5@100
        risk bob day_loss=900
        mark 90
    """)
    tighter = {"type": "set_risk", "account": "bob", "day_loss": "40", "week_loss_rate": "0.2"}
    told = _try(market, tighter)
    assert [(each["limit_name"], each["used"]) for each in told["paused"]] == [("day_loss", "50")]
    market.send(tighter)
    market.mark_at("90.01")
    (hit,) = market.of("limit_hit")
    assert (hit["limit_name"], hit["limit"], hit["until"]) == (
        told["paused"][0]["limit_name"],
        told["paused"][0]["limit"],
        told["paused"][0]["until"],
    )
