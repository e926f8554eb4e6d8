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
    """What of an instrument a receipt's arithmetic needs."""

    tick: Fraction
    lot: Fraction
    contract: Fraction
    maintenance_rate: Fraction
    collar: Fraction


def grid_of(terms: Event) -> Grid:
    """Return the grid that an instrument's event describes."""
    names = ("tick_size", "lot_size", "contract_size", "maintenance_margin", "collar")
    return Grid(*(Fraction(terms[name]) for name in names))


def up_to_atom(amount: Fraction) -> Fraction:
    """Round an amount up to a whole atom."""
    return ceil(amount / ATOM) * ATOM


def differs(what: str, told: object, found: object) -> Iterator[str]:
    """Yield what is wrong where two values differ."""
    if told != found:
        yield f"{what} is {_shown(told)} in the receipt and comes out as {_shown(found)}"


def _shown(value: object) -> str:
    return f"{float(value):.12g}" if isinstance(value, Fraction) else str(value)
