"""Accounts' own limits on a tape: mostly one or two that bind now and then, or none at all (C2)."""

from random import Random

from tests.core.oracle.world import Command

NONE: Command = {"profile": "none"}
BINDING: tuple[Command, ...] = (
    {"max_order_notional": "60"},
    {"max_position_notional": "90"},
    {"max_exposure": "150"},
    {"max_position": "0.1"},
    {"max_position": "0.5", "max_position_basis": "notional"},
    {"max_instrument_exposure": "0.15"},
    {"max_instrument_exposure": "0.7", "max_instrument_exposure_basis": "notional"},
    {"max_positions": 1},
    *({"max_correlated": most} for most in (1, 1, 1)),
    {"max_heat": "0.1"},
    {"max_heat": "0.02"},
    {"pyramiding": False},
    *({"min_reward_risk": least} for least in ("1", "1.5", "3")),
    {"max_leverage": "1"},
    *({"max_order_rate": most} for most in (1, 1, 2)),
    {"day_loss": "3"},
    {"day_loss_rate": "0.01"},
    {"week_loss_rate": "0.015", "day_loss": "20"},
    {"month_loss_rate": "0.02"},
    *({"losing_streak": most} for most in (1, 1, 1, 2)),
    {"profile": "desk", "max_order_rate": 2},
    {"profile": "exchange", "pyramiding": True},
)
WRONG: tuple[Command, ...] = (
    {"profile": "gold"},
    {"max_heat": "-0.1"},
    {"max_exposure": "90000000001"},
    {"max_position": "0.0000001"},
)


def limits(rng: Random) -> Command:
    """Return what a `set_risk` asks for."""
    roll = rng.random()
    if roll < 0.4:
        return NONE
    if roll < 0.45:
        return rng.choice(WRONG)
    if roll < 0.6:
        return rng.choice(BINDING) | rng.choice(BINDING)
    return NONE | rng.choice(BINDING)
