"""What the audit of receipts reckons with: fractions, and the words for a number that is off."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ATOM: Final = Fraction(1, 10**8)

Event = dict[str, Any]


class Grid(NamedTuple):
    """What of an instrument a receipt's arithmetic needs; the rates with where each begins.

    `is_outside` tells that it trades at an outside market's prices (mode `l1`).
    """

    tick: Fraction
    lot: Fraction
    contract: Fraction
    collar: Fraction
    maintenance_rates: tuple[tuple[Fraction, Fraction], ...]
    is_outside: bool = False

    def maintenance(self, notional: Fraction) -> Fraction:
        """Charge each part of a notional at its bracket's rate, and round up to the atom (B4)."""
        bounds = [bound for bound, _ in self.maintenance_rates]
        charged = Fraction(0)
        for (bound, rate_), end in zip(
            self.maintenance_rates, [*bounds[1:], notional], strict=True
        ):
            charged += max(Fraction(0), min(notional, end) - bound) * rate_
        return ceil(charged / ATOM) * ATOM


def grid_of(terms: Event) -> Grid:
    """Return the grid that an instrument's event describes."""
    brackets = terms.get("margin_brackets") or [
        {"notional": "0", "maintenance_margin": terms["maintenance_margin"]}
    ]
    return Grid(
        Fraction(terms["tick_size"]),
        Fraction(terms["lot_size"]),
        Fraction(terms["contract_size"]),
        Fraction(terms["collar"]),
        tuple((Fraction(b["notional"]), Fraction(b["maintenance_margin"])) for b in brackets),
        terms.get("mode") == "l1",
    )


def up_to_atom(amount: Fraction) -> Fraction:
    """Round an amount up to a whole atom."""
    return ceil(amount / ATOM) * ATOM


def differs(what: str, told: object, found: object) -> Iterator[str]:
    """Yield what is wrong where two values differ."""
    if told != found:
        yield f"{what} is {_shown(told)} in the receipt and comes out as {_shown(found)}"


def _shown(value: object) -> str:
    return f"{float(value):.12g}" if isinstance(value, Fraction) else str(value)
