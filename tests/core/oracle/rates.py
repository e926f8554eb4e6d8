"""Rates as instruments and operators write them, and margin brackets (B4)."""

from fractions import Fraction

from tests.core.oracle.numbers import ATOMS, number, written
from tests.core.oracle.world import Command, Event, Ladder, Refused

FIELDS = ("notional", "initial_margin", "maintenance_margin")
GREATEST_BOUND = 9 * 10**18


def ask_rate(rate: str | int, key: str) -> None:
    """Refuse a rate of more than six places, or beyond anything a rate could be."""
    ppm = number(rate) * 10**6
    if ppm.denominator != 1 or abs(ppm) > 10**9:
        raise Refused(107, f"$.{key}")


def ask_brackets(command: Command) -> None:
    """Refuse brackets that cannot be read, do not rise, or stand beside plain rates."""
    brackets = command.get("margin_brackets")
    if brackets is None:
        return
    if any(command.get(key) is not None for key in FIELDS):
        raise Refused(409, "$.margin_brackets")
    if not 1 <= len(brackets) <= 20:
        raise Refused(107, "$.margin_brackets")
    for index, bracket in enumerate(brackets):
        at = f"margin_brackets[{index}]"
        bound = number(bracket["notional"]) * ATOMS
        if bound.denominator != 1 or not 0 <= bound <= GREATEST_BOUND:
            raise Refused(107, f"$.{at}.notional")
        for key in FIELDS[1:]:
            ask_rate(bracket[key], f"{at}.{key}")
        before = brackets[index - 1] if index else dict.fromkeys(FIELDS, "0")
        wrong = _what_is_wrong(bracket, before, is_first=index == 0)
        if wrong:
            raise Refused(409, f"$.margin_brackets[{index}].{wrong}")


def _what_is_wrong(bracket: Command, before: Command, *, is_first: bool) -> str:
    """Return the field of a bracket that does not go with itself or the one before, if any."""
    bound, initial, keep = (number(bracket[key]) for key in FIELDS)
    bound_before, initial_before, keep_before = (number(before[key]) for key in FIELDS)
    if bound != 0 if is_first else bound <= bound_before:
        return "notional"
    if initial > 1 or initial < initial_before:
        return "initial_margin"
    return "maintenance_margin" if keep <= 0 or keep < keep_before or keep > initial else ""


def with_brackets(terms: Command, changes: Command) -> Command:
    """Return the terms with the changes made; the first bracket is the plain rates.

    A list of one bracket is a plain instrument, and so is one whose plain rates are changed.
    """
    changed = terms | changes
    brackets = changes.get("margin_brackets")
    if brackets is not None:
        changed |= {key: brackets[0][key] for key in FIELDS[1:]}
    if any(key in changes for key in FIELDS[1:]) or (brackets is not None and len(brackets) == 1):
        changed.pop("margin_brackets", None)
    return changed


def unsound_bracket(terms: Command, ladder: Ladder) -> int | None:
    """Return the first bracket, if any, whose maintenance an account at its limit would reach.

    The first one at the greatest leverage, the others at one over their initial rate (B4).
    """
    admission = number(ladder.admission_ratio)
    brackets = terms.get("margin_brackets") or [terms]
    for index, bracket in enumerate(brackets):
        keep = number(bracket["maintenance_margin"])
        initial = number(bracket["initial_margin"])
        at_most = keep / initial if index else keep * number(terms["max_leverage"])
        if at_most >= admission:
            return index
    return None


def brackets_of(terms: Command) -> list[tuple[Fraction, Fraction, Fraction]]:
    """Return (bound in atoms, initial rate, maintenance rate) of each bracket."""
    return [
        (
            number(each.get("notional", 0)) * ATOMS,
            number(each["initial_margin"]),
            number(each["maintenance_margin"]),
        )
        for each in terms.get("margin_brackets") or [terms]
    ]


def brackets_said(terms: Command) -> Event:
    """Return what events say of the brackets; nothing where there is only one."""
    brackets = terms.get("margin_brackets")
    if brackets is None:
        return {}
    said = [{key: written(number(bracket[key])) for key in FIELDS} for bracket in brackets]
    return {"margin_brackets": said}
