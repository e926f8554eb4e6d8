"""An account: its money, its settings and its positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from matching.terms import AccountStatus

if TYPE_CHECKING:
    from risk.guard import Guard
    from risk.position import Position


BACKSTOP: Final = "backstop"
"""Takes over what the book does not; its balance is always swept into or out of the fund (D6)."""

HOUSE: Final = "house"
"""The venue's own book: the other side in mode `l1`, and of a split's odd lots; it may owe (D5)."""

RESERVED: Final = frozenset({BACKSTOP, HOUSE})
"""Accounts of the venue itself: nobody opens or changes them, C and D pass them by."""


class Account:
    """One margin account. Its balance is cash; equity adds the unrealised result (B2).

    `leverage_ppm` 0 means each instrument's maximum; without limits of its own it has no `guard`
    (C2). `margin_called` is set from a margin call until the ratio is back at the threshold;
    `in_liquidation` locks openings from the first tier until the ratio is below it again (D2).
    `is_banded` is set while its positions have price bands that can be relied on (D9). `fee_tier`
    names the one the account is fixed to, if any; `volumes` are what its fills were worth, in atoms
    by UTC day (B5).
    """

    __slots__ = (
        "account_id",
        "balance_atoms",
        "fee_tier",
        "guard",
        "in_liquidation",
        "is_banded",
        "is_reserved",
        "leverage_ppm",
        "margin_called",
        "positions",
        "status",
        "stp_group",
        "stp_key",
        "volumes",
    )

    def __init__(self, account_id: str) -> None:
        self.account_id: str = account_id
        self.is_reserved: bool = account_id in RESERVED
        self.balance_atoms: int = 0
        self.leverage_ppm: int = 0
        self.stp_group: str = ""
        self.stp_key: str = account_id
        self.status: AccountStatus = AccountStatus.ACTIVE
        self.guard: Guard | None = None
        self.fee_tier: str = ""
        self.volumes: dict[int, int] = {}
        self.margin_called: bool = False
        self.in_liquidation: bool = False
        self.is_banded: bool = False
        self.positions: dict[str, Position] = {}

    def set_stp_group(self, group: str) -> None:
        """Set the scope of self-trade prevention: the group, else the account itself (A6)."""
        self.stp_group = group
        self.stp_key = "group:" + group if group else self.account_id

    def end_liquidation(self) -> None:
        """Unlock openings, and forget how often slices found no buyer (D2, D6)."""
        if self.in_liquidation:
            self.in_liquidation = False
            for position in self.positions.values():
                position.forget_tries()
