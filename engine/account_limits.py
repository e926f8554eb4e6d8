"""Operators set what an account may do at most: its risk profile and single limits (C2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from matching.terms import Refusal
from risk.guard import Guard
from risk.messages import Rejected, RiskSet
from risk.profile import NONE, PRESETS

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import State
    from risk.account import Account
    from risk.messages import SetRisk
    from risk.profile import Profile


def profile_of(account: Account) -> Profile:
    """Return an account's limits, all off where it has no guard."""
    return NONE if account.guard is None else account.guard.profile


def give_profile(state: State, account: Account, profile: Profile) -> None:
    """Set an account's limits; without any it needs no guard."""
    if profile.is_off:
        account.guard = None
    elif account.guard is None:
        account.guard = Guard(account, profile, state.live[account.account_id])
    else:
        account.guard.profile = profile


class AccountLimits:
    """The part of the kernel that sets accounts' own limits."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def set_risk(self, command: SetRisk, events: list[Event]) -> None:
        """Begin from a preset where one is named, then change single limits; 0 takes one away."""
        account = self._state.accounts.get(command.account)
        if account is None:
            events.append(Rejected(Refusal.UNKNOWN_ACCOUNT, account=command.account))
            return
        if command.defect is not None:
            path = command.defect_path
            events.append(Rejected(command.defect, account=command.account, path=path))
            return
        base = profile_of(account) if command.profile is None else PRESETS[command.profile]
        profile = msgspec.structs.replace(base, **command.changes)
        give_profile(self._state, account, profile)
        events.append(RiskSet(command.account, profile))
