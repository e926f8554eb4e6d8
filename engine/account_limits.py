"""Operators set what an account may do at most: its risk profile and single limits (C2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.limits import DAY_US
from matching.terms import Refusal
from risk.bands import unband
from risk.guard import Guard
from risk.losses import Losses
from risk.margin import equity_and_maintenance
from risk.messages import Rejected
from risk.terms import NONE, PRESETS, RiskSet

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import State
    from risk.account import Account
    from risk.terms import Profile, SetRisk


def profile_of(account: Account) -> Profile:
    """Return an account's limits, all off where it has no guard."""
    return NONE if account.guard is None else account.guard.profile


def asked_profile(command: SetRisk, account: Account | None) -> Profile | Rejected:
    """Return the limits that a command asks for, or why it is refused."""
    if account is None:
        return Rejected(Refusal.UNKNOWN_ACCOUNT, account=command.account)
    if command.defect is not None:
        return Rejected(command.defect, account=command.account, path=command.defect_path)
    base = profile_of(account) if command.profile is None else PRESETS[command.profile]
    return msgspec.structs.replace(base, **command.changes)


def give_profile(state: State, account: Account, profile: Profile) -> None:
    """Set an account's limits; without any it needs no guard."""
    if profile.is_off:
        account.guard = None
    elif account.guard is None:
        account.guard = Guard(account, profile, state.live[account.account_id])
    else:
        account.guard.profile = profile
    _watch(state, account, profile)


def _watch(state: State, account: Account, profile: Profile) -> None:
    """Begin or end to watch an account's losses; its windows begin with its equity of now (C3)."""
    unband(account)
    if not profile.watches_losses:
        state.guarded.pop(account.account_id, None)
        if account.guard is not None:
            account.guard.losses = None
        return
    assert account.guard is not None
    if account.guard.losses is None:
        account.guard.losses = Losses(equity_and_maintenance(account)[0])
    state.guarded[account.account_id] = account
    if not state.windows_turn_us:
        state.windows_turn_us = (state.now_us // DAY_US + 1) * DAY_US


class AccountLimits:
    """The part of the kernel that sets accounts' own limits."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def set_risk(self, command: SetRisk, events: list[Event]) -> None:
        """Begin from a preset where one is named, then change single limits; 0 takes one away."""
        account = self._state.accounts.get(command.account)
        profile = asked_profile(command, account)
        if account is None or isinstance(profile, Rejected):
            assert isinstance(profile, Rejected), "who is unknown is refused"
            events.append(profile)
            return
        give_profile(self._state, account, profile)
        events.append(RiskSet(command.account, profile))
