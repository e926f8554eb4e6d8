"""The shard's totals. Every movement has two sides, so that they always add up (B7)."""

from __future__ import annotations


class Ledger:
    """Running totals in atoms; `check` is the identity of rule B7, cheap enough for every command.

    `fees` are what the venue has taken (negative after rebates), `open_cost` the signed cost of
    all open positions.
    """

    __slots__ = (
        "balances",
        "deficits",
        "deposits",
        "fees",
        "insurance",
        "open_cost",
        "residue",
        "withdrawals",
    )

    def __init__(self) -> None:
        self.deposits: int = 0
        self.withdrawals: int = 0
        self.balances: int = 0
        self.open_cost: int = 0
        self.fees: int = 0
        self.insurance: int = 0
        self.residue: int = 0
        self.deficits: int = 0

    def check(self) -> None:
        """Assert that nothing was created and nothing was lost."""
        assert self.deposits - self.withdrawals == (
            self.balances
            - self.open_cost
            + self.fees
            + self.insurance
            + self.residue
            - self.deficits
        ), "the ledger does not add up"
