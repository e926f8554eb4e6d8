"""Accounts in a snapshot: their money and their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from matching.terms import AccountStatus
from risk.fees import counted_volumes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.state import State


class AccountRecord(msgspec.Struct, array_like=True):
    """An account without its positions and orders."""

    account_id: str
    balance_atoms: str
    leverage_ppm: int
    stp_group: str
    status: AccountStatus
    max_order_notional_atoms: str
    max_exposure_atoms: str
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
            str(account.max_order_notional_atoms),
            str(account.max_exposure_atoms),
            account.margin_called,
            account.in_liquidation,
            account.fee_tier,
            [(day, str(atoms)) for day, atoms in counted_volumes(account, state.now_us)],
        )
