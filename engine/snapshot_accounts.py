"""Accounts in a snapshot: money, settings, limits of their own and what those have seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from matching.terms import AccountStatus
from risk.fees import counted_volumes
from risk.guard import SECOND_US
from risk.terms import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.state import State
    from risk.account import Account


class AccountRecord(msgspec.Struct, array_like=True):
    """An account without its positions and orders."""

    account_id: str
    balance_atoms: str
    leverage_ppm: int
    stp_group: str
    status: AccountStatus
    profile: Profile | None
    order_rate: tuple[int, int]
    losses: tuple[list[tuple[str, str, str, bool]], int, bool] | None
    margin_called: bool
    in_liquidation: bool
    fee_tier: str
    volumes: list[tuple[int, str]]


def accounts(state: State) -> Iterator[AccountRecord]:
    """Yield every account, in order of id."""
    for account_id, account in sorted(state.accounts.items()):
        yield AccountRecord(
            account_id,
            str(account.balance_atoms),
            account.leverage_ppm,
            account.stp_group,
            account.status,
            None if account.guard is None else account.guard.profile,
            _order_rate(account, state.now_us),
            _losses(account),
            account.margin_called,
            account.in_liquidation,
            account.fee_tier,
            [(day, str(atoms)) for day, atoms in counted_volumes(account, state.now_us)],
        )


def _order_rate(account: Account, now_us: int) -> tuple[int, int]:
    """Return the second and how many orders it has seen, where it is the present one."""
    guard = account.guard
    if guard is None or guard.rate_second != now_us // SECOND_US:
        return 0, 0
    return guard.rate_second, guard.rate_count


def _losses(account: Account) -> tuple[list[tuple[str, str, str, bool]], int, bool] | None:
    """Return the windows of an account's losses and its streak, where they are watched."""
    if account.guard is None or account.guard.losses is None:
        return None
    losses = account.guard.losses
    windows = [
        (name, str(window.start), str(window.paid_in), window.is_paused)
        for name, window in losses.windows.items()
    ]
    return windows, losses.streak, losses.streak_paused
