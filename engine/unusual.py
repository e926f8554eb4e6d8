"""Activity that is out of the ordinary is told, and nothing else comes of it (E7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.limits import PPM
from matching.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    OrderAccepted,
    PlaceOrder,
    Trade,
)
from risk.activity import Activity
from risk.guards.messages import ActivitySet, Overloaded, UnusualActivity
from risk.messages import Rejected

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import State
    from risk.activity import Counts
    from risk.guards.messages import SetActivity

ORDER_RATE: Final = "order_rate"
REJECT_RATE: Final = "reject_rate"
PRICE_IMPACT: Final = "price_impact"
_COUNTED: Final = frozenset({PlaceOrder, AmendOrder, CancelOrder, CancelAll})


class Unusual:
    """The part of the kernel that looks at what accounts do, command by command.

    Ask it only while `state.activity` is there.
    """

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def set_activity(self, command: SetActivity, events: list[Event]) -> None:
        """Take other thresholds, or none; all counting begins anew."""
        self._state.activity = Activity(command) if command.is_on else None
        events.append(ActivitySet(command))

    def note(self, command: Any, events: list[Event]) -> None:
        """Count a command that has just run with `events`; append what is unusual about it.

        Those of accounts that nobody knows are not counted, nor the venue's own.
        """
        if type(command) is Overloaded:
            command = command.command
        if type(command) not in _COUNTED:
            return
        state = self._state
        account = state.accounts.get(command.account)
        activity = state.activity
        assert activity is not None
        if account is None or account.is_reserved:
            return
        counts = activity.of(account.account_id, state.now_us // activity.bucket_us)
        answer = events[0] if events else None
        if type(answer) is OrderAccepted:
            counts.add(1, 0 if answer.duplicate else 1, 0)
        elif type(answer) is Rejected:
            counts.add(1, 0, 1)
        else:
            counts.add(1, 0, 0)
        terms = activity.terms
        moved_ppm = impact_ppm(events) if terms.impact_ppm and len(events) > 1 else 0
        if (
            0 < terms.order_rate <= counts.orders
            or (counts.refusals and terms.reject_ppm)
            or 0 < terms.impact_ppm <= moved_ppm
        ):
            self._tell(account.account_id, counts, moved_ppm, events)

    def _tell(self, account_id: str, counts: Counts, moved_ppm: int, events: list[Event]) -> None:
        """Append what stands at its threshold and was not told within the window."""
        activity = self._state.activity
        assert activity is not None
        terms = activity.terms
        symbol = next((event.symbol for event in events if type(event) is Trade), None)
        refused_ppm = 0
        if counts.commands >= terms.least_commands:
            refused_ppm = counts.refusals * PPM // counts.commands
        for kind, named, value, limit in (
            (ORDER_RATE, None, counts.orders, terms.order_rate),
            (REJECT_RATE, None, refused_ppm, terms.reject_ppm),
            (PRICE_IMPACT, symbol, moved_ppm, terms.impact_ppm),
        ):
            if 0 < limit <= value and counts.may_tell(kind):
                told = UnusualActivity(account_id, named, kind, value, limit, terms.window_us)
                events.append(told)


def impact_ppm(events: list[Event]) -> int:
    """Return how far from the mark a command's last trade was, in ppm of it, rounded down.

    Without a mark from the best price that it met; 0 without a trade.
    """
    last: Event | None = events[-1]
    if type(last) is not Trade:
        last = next((event for event in reversed(events) if type(event) is Trade), None)
        if last is None:
            return 0
    first = events[1]
    if type(first) is not Trade or first.touch_ticks == 0:
        first = next(event for event in events if type(event) is Trade)
    found_half = first.mark_half_ticks or 2 * first.touch_ticks
    assert found_half > 0, "whoever takes finds a price"
    return abs(2 * last.price_ticks - found_half) * PPM // found_half
