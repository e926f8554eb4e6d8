"""Whom a bankrupt position is closed against when nobody buys it, and how much of each (D7).

Pure questions over integers: the ranking of the opposite positions, what each may give without
coming near a liquidation of its own, and how the lots wanted are shared out.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING, Final

from engine.limits import PPM
from risk.margin import divide_up, equity_and_maintenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from risk.position import Position

QUINTILES: Final = 5


class Candidate:
    """A position that could be reduced, and what it is ranked by: all as it is now, in atoms."""

    __slots__ = (
        "cost_atoms",
        "denominator",
        "equity_atoms",
        "maintenance_atoms",
        "notional_atoms",
        "numerator",
        "opened_by",
        "position",
        "unrealized_atoms",
    )

    def __init__(self, position: Position, equity_atoms: int, maintenance_atoms: int) -> None:
        assert equity_atoms > 0
        self.position: Position = position
        self.opened_by: int = position.opened_by
        self.equity_atoms: int = equity_atoms
        self.maintenance_atoms: int = maintenance_atoms
        self.unrealized_atoms: int = position.unrealized_atoms()
        self.cost_atoms: int = abs(position.cost_atoms)
        self.notional_atoms: int = abs(position.value_atoms())
        # profit % × leverage in profit, profit % ⁄ leverage in loss, as one fraction
        gained = self.unrealized_atoms >= 0
        times, over = self.notional_atoms, self.equity_atoms
        if not gained:
            times, over = over, times
        self.numerator: int = self.unrealized_atoms * times
        self.denominator: int = self.cost_atoms * over


def ranked(positions: Iterable[Position]) -> list[Candidate]:
    """Return the positions that could be reduced, the first to be taken first (D7).

    Left out: flat ones, reserved accounts, accounts without positive equity. Highest score first;
    ties by larger notional, earlier opening, account. Scores are compared by cross-multiplying. In
    n positions O(n log n), and their accounts' other positions once.
    """
    found = [each for each in map(candidate_of, positions) if each is not None]
    found.sort(key=cmp_to_key(sooner))
    return found


def candidate_of(position: Position) -> Candidate | None:
    """Return a position with what it is ranked by, None if it cannot be reduced."""
    if position.lots == 0 or position.account.is_reserved:
        return None
    equity, maintenance = equity_and_maintenance(position.account)
    return Candidate(position, equity, maintenance) if equity > 0 else None


def sooner(left: Candidate, right: Candidate) -> int:
    """Compare two candidates: below zero where `left` is taken before `right`."""
    difference = right.numerator * left.denominator - left.numerator * right.denominator
    difference = difference or right.notional_atoms - left.notional_atoms
    difference = difference or left.opened_by - right.opened_by
    if difference == 0:
        return -1 if left.position.account.account_id < right.position.account.account_id else 1
    return difference


def quintile(rank: int, count: int) -> int:
    """Return ⌈5 × (count − rank + 1) ⁄ count⌉: 5 for those who are taken first."""
    assert 1 <= rank <= count
    return -(-QUINTILES * (count - rank + 1) // count)


def most_lots(candidate: Candidate, wanted_lots: int, price_ticks: int, threshold_ppm: int) -> int:
    """Return the most lots, up to those wanted, that leave the ratio below a threshold (D7).

    0 where there are none. Closing k lots at the price leaves maintenance M(k) = others +
    ⌈(|lots| − k) × rate − deduction⌉ and equity E(k), exactly linear in k; wanted is the largest k
    with M(k) × PPM < threshold × E(k), which no account without positive equity meets. Bracket by
    bracket, from the one in which the least is left.

    Without the ⌈⌉ the difference of the two sides would be linear in k within a bracket; with it,
    it lies less than one atom above that line. So where the line is not below zero there is nothing
    to find, and where it is so by an atom the lots will do; only in between is looked lot by lot.
    That is sound where a bisection is not: within that atom the true difference goes up and down. A
    lot moves the line by a multiple of `half_atoms`, so few are looked at; the ⌈⌉ repeats after PPM
    lots.
    """
    position = candidate.position
    instrument = position.instrument
    held = abs(position.lots)
    sign = 1 if position.lots > 0 else -1
    mark_half, half_atoms = instrument.mark_half_ticks, instrument.half_atoms
    value = mark_half * half_atoms  # of a lot
    gain = sign * (2 * price_ticks - mark_half) * half_atoms  # of equity, a lot closed
    others = candidate.maintenance_atoms - position.maintenance_atoms()
    fixed = others * PPM - threshold_ppm * candidate.equity_atoms
    for rate_ppm, deduction, least, most in _parts(position, held, value):
        margin = value * rate_ppm
        start = fixed + held * margin - deduction
        slope = -margin - threshold_ppm * gain
        upto = min(wanted_lots, most)
        if slope > 0:
            upto = min(upto, (-start - 1) // slope)
        for lots in range(upto, max(least - 1, 0, upto - PPM), -1):
            line = start + lots * slope
            if line >= 0:
                break
            if line + (deduction - (held - lots) * margin) % PPM < 0:
                return lots
    return 0


def _parts(position: Position, held: int, value: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield each bracket's rate and deduction, and the least and most lots closed to be in it."""
    brackets = position.instrument.brackets
    if not brackets:
        yield position.instrument.terms.maintenance_margin_ppm, 0, 0, held
    for bracket in brackets:
        most = held - divide_up(bracket.bound_atoms, value)
        least = held - divide_up(bracket.end_atoms, value) + 1 if bracket.end_atoms else 0
        yield bracket.maintenance_ppm, bracket.deduction, max(0, least), most


def shared_out(
    wanted_lots: int, held: Iterable[int], most: Callable[[int, int], int]
) -> list[tuple[int, int, int]]:
    """Share out the lots wanted over positions in rank order: (place, round, lots) each (D7).

    In the first round the one at `place` gives at most `most(place, lots still wanted)`; if that
    does not suffice the rest is taken in a second round, by rank, as far as the positions go.
    Nobody is looked at once there is enough.
    """
    shares: list[tuple[int, int, int]] = []
    left: list[int] = []
    places = enumerate(held)
    while wanted_lots > 0 and (found := next(places, None)) is not None:
        place, has = found
        wanted = min(wanted_lots, has)
        lots = min(wanted, most(place, wanted))
        if lots > 0:
            shares.append((place, 1, lots))
        left.append(has - lots)
        wanted_lots -= lots
    for place, has in enumerate(left):
        lots = min(wanted_lots, has)
        if lots > 0:
            shares.append((place, 2, lots))
            wanted_lots -= lots
    return shares
