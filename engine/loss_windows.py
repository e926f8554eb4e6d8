"""Days, weeks and months turn: loss limits begin anew for every account that has them (C3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.limits import DAY_US, WINDOW_TURNS_PER_FRAME
from risk.bands import unband
from risk.losses import ends_us, turns
from risk.margin import equity_and_maintenance
from risk.terms import LimitHit

if TYPE_CHECKING:
    from engine.state import State
    from risk.account import Account

DAYS_OF_ALL_TURNS: Final = 31
"""Among so many days in a row every window turns at least once."""


def look_at_losses(account: Account, equity_atoms: int, now_us: int) -> list[LimitHit]:
    """Pause an account's openings where it has reached a limit, and say so."""
    guard = account.guard
    if guard is None or guard.losses is None:
        return []
    return [
        LimitHit(account.account_id, hit.name, hit.used, hit.limit, ends_us(hit.name, now_us))
        for hit in guard.losses.look(guard.profile, equity_atoms)
    ]


class LossWindows:
    """The part of the kernel that turns the windows at midnight UTC."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def turn(self) -> None:
        """Begin the windows of as many accounts as fit a frame, in order of account.

        Nothing else runs before the last one, so that all of them begin at the same prices. Whoever
        turned is looked at with the next mark: its bands end at other losses now.
        """
        state = self._state
        if not state.turning_day:
            state.turning_day = state.now_us // DAY_US
        missed = range(state.windows_turn_us // DAY_US, state.turning_day + 1)
        names = tuple({name for day in missed[-DAYS_OF_ALL_TURNS:] for name in turns(day)})
        last = state.turned_account
        waiting = [each for each in sorted(state.guarded) if each > last]
        for account_id in waiting[:WINDOW_TURNS_PER_FRAME]:
            account = state.guarded[account_id]
            assert account.guard is not None
            assert account.guard.losses is not None
            account.guard.losses.turn(names, equity_and_maintenance(account)[0])
            unband(account)
            state.turned_account = account_id
        if len(waiting) <= WINDOW_TURNS_PER_FRAME:
            state.windows_turn_us = (state.turning_day + 1) * DAY_US if state.guarded else 0
            state.turned_account, state.turning_day = "", 0
