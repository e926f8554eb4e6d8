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
        answer = events[0] if events else None
        entered = type(answer) is OrderAccepted and not answer.duplicate
        refused = type(answer) is Rejected
        name = account.account_id
        counts = activity.note(name, state.now_us, entered=entered, refused=refused)
        number = state.now_us // activity.bucket_us
        events.extend(
            UnusualActivity(name, symbol, kind, value, limit, activity.terms.window_us)
            for kind, symbol, value, limit in _reached(activity.terms, counts, events)
            if counts.may_tell(kind, number)
        )


def _reached(
    terms: SetActivity, counts: Counts, events: list[Event]
) -> list[tuple[str, str | None, int, int]]:
    """Return (kind, symbol, value, limit) of what stands at its threshold, rates in ppm."""
    reached: list[tuple[str, str | None, int, int]] = []
    if terms.order_rate and counts.orders >= terms.order_rate:
        reached.append((ORDER_RATE, None, counts.orders, terms.order_rate))
    if terms.reject_ppm and counts.commands >= terms.least_commands:
        refused_ppm = counts.refusals * PPM // counts.commands
        if refused_ppm >= terms.reject_ppm:
            reached.append((REJECT_RATE, None, refused_ppm, terms.reject_ppm))
    if terms.impact_ppm:
        trades = [event for event in events if type(event) is Trade]
        if trades:
            moved_ppm = impact_ppm(trades[0], trades[-1])
            if moved_ppm >= terms.impact_ppm:
                reached.append((PRICE_IMPACT, trades[0].symbol, moved_ppm, terms.impact_ppm))
    return reached


def impact_ppm(first: Trade, last: Trade) -> int:
    """Return how far from the mark a command's last trade was, in ppm of it, rounded down.

    Without a mark from the best price that it met.
    """
    found_half = first.mark_half_ticks or 2 * first.touch_ticks
    assert found_half > 0, "whoever takes finds a price"
    return abs(2 * last.price_ticks - found_half) * PPM // found_half
