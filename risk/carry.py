"""What positions pay or receive at a boundary: funding, swap, dividend (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.limits import PPB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matching.terms import Terms
    from risk.position import Position

DIVIDEND: Final = "dividend"
"""The cause of a dividend's payments."""

Payment = tuple[str, int]
"""An account and what its balance changes by, in atoms; never 0."""


class Carry:
    """One boundary of an instrument, and how far it has been paid.

    A long position pays notional × long_numerator ⁄ divisor, a short one by `short_numerator`;
    negative is received. `cause` and `reference` name it in the accounts' events. `after` is the
    last account paid. `payments` are those still to be made, None until they are reckoned: nothing
    trades and no mark moves before the last one, so they can be reckoned again after a restore.
    """

    __slots__ = (
        "after",
        "cause",
        "divisor",
        "long_numerator",
        "payments",
        "reference",
        "short_numerator",
        "symbol",
    )

    def __init__(
        self,
        symbol: str,
        cause: str,
        reference: str,
        long_numerator: int,
        short_numerator: int,
        divisor: int,
        after: str = "",
    ) -> None:
        assert divisor > 0
        self.symbol: str = symbol
        self.cause: str = cause
        self.reference: str = reference
        self.long_numerator: int = long_numerator
        self.short_numerator: int = short_numerator
        self.divisor: int = divisor
        self.after: str = after
        self.payments: list[Payment] | None = None

    def delta_atoms(self, position: Position) -> int:
        """Return what a position's account gets, negative what it pays.

        Rounded down: a payer pays ⌈⌉ and a receiver gets ⌊⌋, so the residue never lacks an atom
        where what one side pays the other receives.
        """
        value = position.value_atoms()
        if value > 0:
            return -value * self.long_numerator // self.divisor
        return value * self.short_numerator // self.divisor

    def reckon(self, positions: Mapping[str, Position]) -> list[Payment]:
        """Reckon the payments after `after` in order of account id, and return them.

        Takes the open positions by account; those whose amount is 0 are left out. O(n log n).
        """
        accounts = sorted(account_id for account_id in positions if account_id > self.after)
        amounts = [(account_id, self.delta_atoms(positions[account_id])) for account_id in accounts]
        self.payments = [(account_id, delta) for account_id, delta in amounts if delta]
        return self.payments


class Dividend(Carry):
    """A dividend of `amount_ppb` a unit of quantity: longs receive it, shorts pay it."""

    __slots__ = ()

    def __init__(self, symbol: str, action_id: str, amount_ppb: int, after: str = "") -> None:
        super().__init__(symbol, DIVIDEND, action_id, amount_ppb, amount_ppb, PPB, after)

    def delta_atoms(self, position: Position) -> int:
        """Return what a position's account gets, negative what it pays; rounded down."""
        instrument = position.instrument
        numerator, divisor = self.ticks(instrument.terms)
        return position.lots * instrument.unit_atoms * numerator // divisor

    def ticks(self, terms: Terms) -> tuple[int, int]:
        """Return the amount in ticks, exactly: what a lot gets is that many times its unit."""
        return self.long_numerator * 10**terms.price_decimals, terms.tick_units * PPB


def resumed(
    symbol: str,
    cause: str,
    reference: str,
    long_numerator: int,
    short_numerator: int,
    divisor: int,
    after: str,
) -> Carry:
    """Return a boundary that a snapshot found half paid."""
    if cause == DIVIDEND:
        return Dividend(symbol, reference, long_numerator, after)
    return Carry(symbol, cause, reference, long_numerator, short_numerator, divisor, after)


def paid_and_received(payments: list[Payment]) -> tuple[int, int]:
    """Return what payers pay and what receivers get, both as positive amounts."""
    paid = -sum(delta for _, delta in payments if delta < 0)
    received = sum(delta for _, delta in payments if delta > 0)
    return paid, received
