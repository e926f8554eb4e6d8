"""Every limit of an account's profile at its value and one step beyond, on the basis it names (C2).

bob has 1,000; the mark is 100 and a lot's initial margin 20.
"""

import pytest

from tests.core.market import Market

HOLDS_3 = "mm sell 3@100 \n bob buy 3@100"
RESTS_3 = "bob buy 3@100"
HELD_5_WITH_STOP = "mm sell 5@100 \n bob buy 5@100 \n bob sell stop 5 trigger=90 by=mark reduce"
IN_Y = "mm sell Y 1@100 \n bob buy Y 1@100"
ORDER_IN_Y = "bob buy Y 1@100"

AT_AND_BEYOND = {
    "order notional": (
        *("max_order_notional=500", ""),
        *("bob buy 5@100", "bob buy 6@100", "order_notional_limit"),
    ),
    "position notional": (
        *("max_position_notional=500", HOLDS_3),
        *("bob buy 2@100", "bob buy 3@100", "position_notional_limit"),
    ),
    "exposure": (
        *("max_exposure=500", HOLDS_3),
        *("bob buy 2@100", "bob buy 3@100", "exposure_limit"),
    ),
    "position size by margin": (
        *("max_position=0.10", HOLDS_3),
        *("bob buy 2@100", "bob buy 3@100", "position_size"),
    ),
    "position size by notional": (
        *("max_position=0.50 max_position_basis=notional", HOLDS_3),
        *("bob buy 2@100", "bob buy 3@100", "position_size"),
    ),
    "exposure per instrument by margin": (
        *("max_instrument_exposure=0.10", RESTS_3),
        *("bob buy 2@100", "bob buy 3@100", "instrument_exposure"),
    ),
    "exposure per instrument by notional": (
        *("max_instrument_exposure=0.50 max_instrument_exposure_basis=notional", RESTS_3),
        *("bob buy 2@100", "bob buy 3@100", "instrument_exposure"),
    ),
    "open positions": (
        *("max_positions=2", IN_Y),
        *("bob buy 1@100", "bob buy 1@100 \n bob buy Z 1@100", "too_many_positions"),
    ),
    "correlated positions": (
        *("max_correlated=1", IN_Y),
        *("bob buy 1@100", "bob buy Z 1@100", "correlated_positions"),
    ),
    "pyramiding": (
        *("pyramiding=false", HOLDS_3),
        *("bob sell 4@100", "bob buy 1@100", "pyramiding"),
    ),
    "heat without a stop": (
        *("max_heat=0.10", HOLDS_3),
        *("bob buy 2@100", "bob buy 3@100", "portfolio_heat"),
    ),
    "heat with a stop": (
        *("max_heat=0.09", HELD_5_WITH_STOP),
        *("bob buy 2@100", "bob buy 3@100", "portfolio_heat"),
    ),
    "heat of a bracket": (
        *("max_heat=0.10", ""),
        *("bob bracket buy 10@100 sl=90", "bob bracket buy 11@100 sl=90", "portfolio_heat"),
    ),
    "reward to risk": (
        *("min_reward_risk=1.5", ""),
        "bob bracket buy 2@100 tp=1@102,1@104 sl=98",
        "bob bracket buy 2@100 tp=1@102,1@103.99 sl=98",
        "reward_to_risk",
    ),
    "leverage": (
        *("max_leverage=1", ""),
        *("bob buy 10@100", "bob buy 11@100", "leverage_exceeded"),
    ),
    "order rate": (
        *("max_order_rate=2", "wait 10000"),
        *("bob buy 1@90 \n bob buy 1@90", "bob buy 1@90 \n bob buy 1@90 \n bob buy 1@90"),
        "order_rate",
    ),
}


def _market(kind: type[Market], limits: str, before: str) -> Market:
    market = kind()
    market.play(f"""
        instrument Y group=majors
        instrument Z group=majors
        mark Y 100
        mark Z 100
        deposit bob 1000
        {before}
        risk bob {limits}
    """)
    assert market.refusals == []
    market.forget()
    return market


@pytest.mark.parametrize("limit", AT_AND_BEYOND)
def test_limit_admits_its_value_and_nothing_beyond(limit: str, kind: type[Market]) -> None:
    """A limit that admits one lot more, or one less, is another limit (C2)."""
    limits, before, at, beyond, reason = AT_AND_BEYOND[limit]

    within = _market(kind, limits, before)
    within.play(at)
    outside = _market(kind, limits, before)
    outside.play(beyond)

    assert within.refusals == []
    assert outside.refusals == [reason]


@pytest.mark.parametrize("limit", AT_AND_BEYOND)
def test_reductions_pass_every_limit(limit: str, kind: type[Market]) -> None:
    """Whatever its limits say, an account finds its way out (C1)."""
    market = kind()
    market.play("""
        deposit bob 1000
        mm  sell 20@100
        bob buy  20@100
        risk bob max_order_notional=1 max_order_rate=1 max_exposure=1 max_heat=0.000001
        bob sell 1@101
    """)
    limits = AT_AND_BEYOND[limit][0]

    market.play(f"""
        risk bob {limits}
        bob sell 5@101
        bob sell 5@101 reduce
        bob sell 1@102
    """)

    assert market.refusals == []


def test_presets_are_those_of_the_rule(kind: type[Market]) -> None:
    """Their figures are the rule's, the rate of orders ours (C2)."""
    market = kind()
    shared = {
        "max_order_notional": "10000",
        "max_position_notional": "10000",
        "day_loss": "500",
        "max_heat": "0.5",
        "min_reward_risk": "1.5",
        "max_leverage": "10",
        "day_loss_rate": "0.05",
        "week_loss_rate": "0.1",
        "month_loss_rate": "0.2",
        "max_positions": 5,
        "max_correlated": 2,
        "max_order_rate": 100,
        "losing_streak": 3,
        "max_position_basis": "margin",
        "max_instrument_exposure_basis": "margin",
        "pyramiding": False,
    }
    market.play("account bob")

    for name, position, instrument in (("exchange", "0.2", "0.5"), ("desk", "0.1", "0.2")):
        (said,) = market.play(f"risk bob profile={name}")
        sizes = {"max_position": position, "max_instrument_exposure": instrument}
        expected = {"type": "risk_set", "in": 0, "account": "bob", "profile": name}
        assert said == expected | shared | sizes

    (said,) = market.play("risk bob profile=none")
    assert said == {"type": "risk_set", "in": 0, "account": "bob", "profile": "none"}


def test_limits_change_one_by_one_and_zero_takes_one_away(kind: type[Market]) -> None:
    """Hot, by a command: what is not named stays as it was (C2)."""
    market = kind()
    market.play("account bob profile=desk")

    (said,) = market.play("risk bob max_positions=0 max_heat=0.25 pyramiding=true")

    assert said["profile"] == "desk"
    assert (said.get("max_positions"), said["max_heat"]) == (None, "0.25")
    assert "pyramiding" not in said
    assert said["max_correlated"] == 2


def test_account_is_created_and_updated_with_a_profile(kind: type[Market]) -> None:
    """A desk's account is limited from its first order on (C2)."""
    market = kind()

    (created,) = market.play("account bob profile=desk")
    market.play("deposit bob 100000 \n bob buy 101@100")
    (updated,) = market.play("update bob profile=none")
    market.play("bob buy 101@100")

    assert created["profile"] == "desk"
    assert "profile" not in updated
    assert market.refusals == ["order_notional_limit"]


def test_every_failing_limit_is_reported_with_its_numbers(kind: type[Market]) -> None:
    """Who is refused learns by how much, in one answer (C1)."""
    market = _market(kind, "max_order_notional=100 max_positions=1 max_heat=0.01", IN_Y)

    (said,) = market.play("bob buy 2@100")

    assert said["errors"] == [
        {"code": 502, "reason": "order_notional_limit"}
        | {"limit": "100", "used": "0", "requested": "200"},
        {"code": 512, "reason": "too_many_positions"}
        | {"limit": "1", "used": "1", "requested": "1"},
        {"code": 515, "reason": "portfolio_heat"}
        | {"limit": "10", "used": "20", "requested": "40"},
    ]


def test_rate_begins_anew_with_each_second_and_counts_amends_that_add() -> None:
    """By engine time, so that a replay refuses the same orders (C2)."""
    market = Market()
    market.play("""
        deposit bob 1000
        wait 10000
        risk bob max_order_rate=2
        bob buy 1@90 id=a
        bob amend a quantity=2
        bob buy 1@90
        bob amend a quantity=1
        wait 1000
        bob buy 1@90
    """)

    assert market.refusals == ["order_rate"]


def test_fired_stops_are_asked_for_everything_but_the_rate() -> None:
    """Nobody sent them just now; what they would make of the account counts all the same (A11)."""
    market = Market()
    market.play("""
        deposit bob 1000
        mm  sell 9@100
        bob buy stop 1 trigger=101 by=mark
        bob buy stop 5 trigger=102 by=mark
        risk bob max_order_rate=1 max_position_notional=300
        bob buy 1@90
        mark 103
    """)

    assert market.fills == ["bob<mm 1@100"]
    assert market.failed == ["o3 position_notional_limit"]


def test_limits_and_the_count_of_a_second_survive_a_restart() -> None:
    """A restart must not hand out a second helping (C2)."""
    market = Market()
    market.play("""
        deposit bob 1000
        wait 10000
        risk bob max_order_rate=1 max_heat=0.5
        bob buy 1@90
    """)

    again = market.restarted()
    again.play("bob buy 1@90")

    assert again.refusals == ["order_rate"]
    assert again.play("risk bob max_heat=0.4")[0]["max_order_rate"] == 1
