"""Commands and events of what watches trading and stops it (E2, E4, E5, E7)."""

import msgspec

from matching.messages import AmendOrder, PlaceOrder
from matching.terms import BreakerLevel, KillScope, Switch
from risk.messages import Failure


class Kill(msgspec.Struct, gc=False):
    """Put a kill switch on a scope, in place of the one that it has (E4)."""

    switch: Switch


class Resume(msgspec.Struct, gc=False):
    """End the kill switch of a scope (E4)."""

    scope: KillScope
    target: str
    operator: str
    reason: str


class Overloaded(msgspec.Struct, gc=False):
    """An order or an amend that came while there was too much: enters only if it reduces (E6).

    Who asks for more is answered with `failures`: what there is too much of, and when to try again.
    """

    command: PlaceOrder | AmendOrder
    failures: tuple[Failure, ...]


class SetHeartbeat(msgspec.Struct, gc=False):
    """An account is to be heard of again within `timeout_us`; 0 is never (E5)."""

    account: str
    timeout_us: int


class BreakerTripped(msgspec.Struct, gc=False):
    """A mark has moved a level's part away from its reference (E2); the state follows, if another.

    The reference is `numerator ⁄ denominator` ticks. `until_us` is when the market opens again,
    NEVER_US where an operator must see to that.
    """

    symbol: str
    level: int
    move_ppm: int
    auction: bool
    numerator: int
    denominator: int
    mark_half_ticks: int
    until_us: int


class SetMarketBreakers(msgspec.Struct, gc=False):
    """Breakers of the whole market: weights of its index by symbol, and levels; none is off."""

    weights: dict[str, int]
    levels: tuple[BreakerLevel, ...]


class MarketBreakersSet(msgspec.Struct, gc=False):
    """The breakers of the whole market are now these."""

    weights: dict[str, int]
    levels: tuple[BreakerLevel, ...]


class MarketBreakerTripped(msgspec.Struct, gc=False):
    """The index, `value ⁄ whole`, has moved a level's part away from 1; all markets halt (E2)."""

    level: int
    move_ppm: int
    value: int
    whole: int
    until_us: int


class FlattenOrder(msgspec.Struct, gc=False):
    """A position is sent to the market on an operator's word; written before its trades (E4)."""

    symbol: str
    account: str
    order_id: int
    side: int
    quantity_lots: int
    limit_ticks: int


class KillSwitched(msgspec.Struct, gc=False):
    """A kill switch was put on its scope, or ended: `action` is `kill` or `resume` (E4)."""

    action: str
    switch: Switch


class HeartbeatSet(msgspec.Struct, gc=False):
    """An account must be heard of before `expires_us`; 0: it need not any more (E5)."""

    account: str
    timeout_us: int
    expires_us: int


class HeartbeatMissed(msgspec.Struct, gc=False):
    """An account was not heard of in time: its orders go, but for those that only reduce (E5)."""

    account: str


class SetActivity(msgspec.Struct, gc=False):
    """What is unusual within a window: 0 is off (E7).

    So many orders entered, such a part of the commands refused, of at least so many, a trade so far
    from the mark.
    """

    order_rate: int = 0
    reject_ppm: int = 0
    least_commands: int = 20
    impact_ppm: int = 0
    window_us: int = 10_000_000

    @property
    def is_on(self) -> bool:
        """Tell whether anything is looked at."""
        return bool(self.order_rate or self.reject_ppm or self.impact_ppm)


class ActivitySet(msgspec.Struct, gc=False):
    """What counts as unusual is now this."""

    terms: SetActivity


class UnusualActivity(msgspec.Struct, gc=False):
    """An account stands at a threshold (E7). `value` and `limit` are orders, or rates in ppm."""

    account: str
    symbol: str | None
    kind: str
    value: int
    limit: int
    window_us: int
