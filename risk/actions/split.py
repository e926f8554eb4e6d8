"""A split: so many new units for so many old ones, without anybody gaining or losing (B6)."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from risk.account import HOUSE
from risk.margin import divide_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from risk.position import Position


class Split:
    """One split, and how far it has got: odd lots are paid out first, then all is restated.

    `numerator` new for `denominator` old, as announced; `cash_atoms` is what the odd lots paid out
    so far were worth. `odd` are the accounts still to come, None until they are looked for: whoever
    has been paid out holds none any more, so they can be looked for again after a restore.
    """

    __slots__ = (
        "action_id",
        "cash_atoms",
        "denominator",
        "numerator",
        "odd",
        "symbol",
        "whole_lots",
    )

    def __init__(
        self,
        symbol: str,
        action_id: str,
        numerator: int,
        denominator: int,
        cash_atoms: int = 0,
    ) -> None:
        assert numerator > 0
        assert denominator > 0
        self.symbol: str = symbol
        self.action_id: str = action_id
        self.numerator: int = numerator
        self.denominator: int = denominator
        self.cash_atoms: int = cash_atoms
        self.odd: list[str] | None = None
        self.whole_lots: int = denominator // gcd(numerator, denominator)

    def lots(self, lots: int) -> int:
        """Return what so many lots become, ⌊⌋; exact for whole multiples, of either sign."""
        return lots * self.numerator // self.denominator

    def odd_lots(self, lots: int) -> int:
        """Return how many of so many lots, of either sign, nothing whole becomes of."""
        return abs(lots) % self.whole_lots

    def price(self, price: int, direction: int) -> int:
        """Return what a price becomes, rounded up for +1 and down for -1; maybe 0."""
        worth = price * self.denominator
        return divide_up(worth, self.numerator) if direction > 0 else worth // self.numerator

    def nearest(self, price: int) -> int:
        """Return what a price becomes, to the nearest, the half up; at least 1, but 0 stays 0."""
        if price == 0:
            return 0
        return max(1, (2 * price * self.denominator + self.numerator) // (2 * self.numerator))

    def find_odd(self, positions: Mapping[str, Position]) -> list[str]:
        """Return the accounts that hold odd lots, by id; all but the house.

        The house takes them, so that in the end it holds none itself.
        """
        self.odd = sorted(
            account_id
            for account_id, position in positions.items()
            if self.odd_lots(position.lots) and account_id != HOUSE
        )
        return self.odd
