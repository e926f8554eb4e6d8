"""Decimal strings and exact fractions, by the standard library alone."""

from decimal import Context, Decimal
from fractions import Fraction
from functools import cache

ATOMS = 10**8
_EXACT = Context(prec=80)


@cache
def number(written: str | int) -> Fraction:
    """Return a number as it was written, exactly."""
    return Fraction(written)


def up(amount: int, rate: Fraction) -> int:
    """Return ⌈amount × rate⌉."""
    return -(-amount * rate.numerator // rate.denominator)


def ceiling(value: Fraction) -> int:
    """Return ⌈value⌉."""
    return -(-value.numerator // value.denominator)


def floor(value: Fraction) -> int:
    """Return ⌊value⌋."""
    return value.numerator // value.denominator


@cache
def written(value: Fraction) -> str:
    """Return a number in its shortest form, without an exponent."""
    decimal = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    plain = f"{decimal:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def money(atoms: int) -> str:
    """Return an amount in atoms as it is written."""
    sign, digits = ("-", str(-atoms)) if atoms < 0 else ("", str(atoms))
    digits = digits.rjust(9, "0")
    return f"{sign}{digits[:-8]}.{digits[-8:]}".rstrip("0").rstrip(".")
