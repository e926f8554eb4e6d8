"""What an account may do at most: its risk profile, the presets, and how both are set (C2, C3)."""

from typing import Any, Final

import msgspec

from engine.limits import PPM
from matching.terms import Refusal

_ATOMS: Final = 10**8
"""Of one unit of the settlement asset; the presets' money is written in units."""


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """An account's own limits. Money in atoms, shares and factors in ppm, 0 (or False) is none.

    `name` is the preset that the profile began as. `max_position_ppm` and `max_instrument_ppm` are
    parts of equity and count initial margin, or notional where the flag beside them says so; the
    first looks at the position alone, the second at its open orders too.
    """

    name: str = "none"
    max_order_notional_atoms: int = 0
    max_position_notional_atoms: int = 0
    max_exposure_atoms: int = 0
    max_position_ppm: int = 0
    position_by_notional: bool = False
    max_instrument_ppm: int = 0
    instrument_by_notional: bool = False
    max_positions: int = 0
    max_correlated: int = 0
    max_heat_ppm: int = 0
    no_pyramiding: bool = False
    min_reward_risk_ppm: int = 0
    max_leverage_ppm: int = 0
    max_order_rate: int = 0
    day_loss_atoms: int = 0
    day_loss_ppm: int = 0
    week_loss_ppm: int = 0
    month_loss_ppm: int = 0
    losing_streak: int = 0

    @property
    def is_off(self) -> bool:
        """Tell whether there is no limit at all."""
        return msgspec.structs.replace(self, name=NONE.name) == NONE

    @property
    def watches_losses(self) -> bool:
        """Tell whether a loss can pause openings (C3)."""
        return bool(
            self.day_loss_atoms
            or self.day_loss_ppm
            or self.week_loss_ppm
            or self.month_loss_ppm
            or self.losing_streak
        )


NONE: Final = Profile()
EXCHANGE: Final = Profile(
    name="exchange",
    max_order_notional_atoms=10_000 * _ATOMS,
    max_position_notional_atoms=10_000 * _ATOMS,
    max_position_ppm=200_000,
    max_instrument_ppm=500_000,
    max_positions=5,
    max_correlated=2,
    max_heat_ppm=500_000,
    no_pyramiding=True,
    min_reward_risk_ppm=1_500_000,
    max_leverage_ppm=10 * PPM,
    max_order_rate=100,
    day_loss_atoms=500 * _ATOMS,
    day_loss_ppm=50_000,
    week_loss_ppm=100_000,
    month_loss_ppm=200_000,
    losing_streak=3,
)
DESK: Final = msgspec.structs.replace(
    EXCHANGE, name="desk", max_position_ppm=100_000, max_instrument_ppm=200_000
)
PRESETS: Final = {profile.name: profile for profile in (NONE, EXCHANGE, DESK)}
"""The profiles an account can begin with; the rule gives their figures, ours is the order rate."""

COUNT: Final = "count"
RATE: Final = "rate"
"""What the numbers of a `Failure` are, where they are no atoms."""

DAY, WEEK, MONTH, STREAK = "day_loss", "week_loss", "month_loss", "losing_streak"
"""The limits on losses, as events name them."""


class SetRisk(msgspec.Struct, gc=False):
    """An account's own limits: the preset to begin from, if any, then single changes (C2)."""

    account: str
    profile: str | None = None
    changes: dict[str, Any] = {}
    defect: Refusal | None = None
    defect_path: str = ""


class RiskSet(msgspec.Struct, gc=False):
    """An account's own limits are now these; 0 is none."""

    account: str
    profile: Profile


class LimitHit(msgspec.Struct, gc=False):
    """A loss has reached a limit of the account's: openings pause until the window turns (C3).

    `used` and `limit` are atoms, of a losing streak closes in a row.
    """

    account: str
    limit_name: str
    used: int
    limit: int
    until_us: int


class LimitsResumed(msgspec.Struct, gc=False):
    """An operator has ended what an account's losses had paused; those windows begin anew (C3)."""

    account: str
    limits: tuple[str, ...]
    operator: str
    reason: str
