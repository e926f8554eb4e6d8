"""Margin rates that rise with notional: the brackets of an instrument (B3, B4).

Maintenance is charged bracket by bracket, like an income tax: ⌈(notional × rate − deduction) ⁄
10⁶⌉, where the deduction makes it continuous at every bound. The initial rate is that of the
bracket in which the whole notional lies. An instrument with one rate has no brackets here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import PPM

if TYPE_CHECKING:
    from matching.terms import Terms


class Bracket:
    """Notionals from `bound_atoms` on, below the next bracket's; `deduction` in atoms × ppm.

    `end_atoms` is the next bracket's bound, 0 for the last one.
    """

    __slots__ = ("bound_atoms", "deduction", "end_atoms", "initial_ppm", "maintenance_ppm")

    def __init__(
        self,
        bound_atoms: int,
        end_atoms: int,
        initial_ppm: int,
        maintenance_ppm: int,
        deduction: int,
    ) -> None:
        self.bound_atoms: int = bound_atoms
        self.end_atoms: int = end_atoms
        self.initial_ppm: int = initial_ppm
        self.maintenance_ppm: int = maintenance_ppm
        self.deduction: int = deduction


Brackets = tuple[Bracket, ...]


def brackets_of(terms: Terms) -> Brackets:
    """Return an instrument's brackets with their deductions; none where it has one rate."""
    given = terms.margin_brackets
    if not given:
        return ()
    ends = [*(each.notional_atoms for each in given[1:]), 0]
    brackets: list[Bracket] = []
    deduction = rate_ppm = 0
    for each, end_atoms in zip(given, ends, strict=True):
        deduction += each.notional_atoms * (each.maintenance_ppm - rate_ppm)
        rate_ppm = each.maintenance_ppm
        bracket = Bracket(each.notional_atoms, end_atoms, each.initial_ppm, rate_ppm, deduction)
        brackets.append(bracket)
    return tuple(brackets)


def bracket_at(brackets: Brackets, notional_atoms: int) -> Bracket:
    """Return the bracket of a notional: the last whose bound it has reached. Linear in them."""
    for bracket in brackets:
        if notional_atoms < bracket.end_atoms:
            return bracket
    return brackets[-1]


def bracketed_maintenance_atoms(brackets: Brackets, notional_atoms: int) -> int:
    """Return the maintenance margin of a notional, ⌈(notional × rate − deduction) ⁄ 10⁶⌉ (B4)."""
    bracket = bracket_at(brackets, notional_atoms)
    return -((bracket.deduction - notional_atoms * bracket.maintenance_ppm) // PPM)


def initial_margin_atoms(
    brackets: Brackets, notional_atoms: int, numerator: int, denominator: int
) -> int:
    """Return ⌈notional × rate⌉, the rate a fraction or the bracket's if that is dearer (B3)."""
    if brackets:
        initial_ppm = bracket_at(brackets, notional_atoms).initial_ppm
        if initial_ppm * denominator > PPM * numerator:
            numerator, denominator = initial_ppm, PPM
    return -(-notional_atoms * numerator // denominator)
