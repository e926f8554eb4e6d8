"""Decimal strings to integers and back, exactly; the only place that knows the point."""

from __future__ import annotations

import re

from engine.limits import MAX_DECIMAL_LENGTH

_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)


class NotADecimal(ValueError):
    """The text is not a plain decimal: digits, one point, no exponent, no sign but a minus."""


class TooFine(ValueError):
    """The decimal has more places than its unit allows."""


def split_decimal(value: str | int) -> tuple[int, int]:
    """Return (units, places) with `value == units / 10 ** places`, places as few as possible."""
    if isinstance(value, int):
        return value, 0
    match = _DECIMAL.fullmatch(value) if len(value) <= MAX_DECIMAL_LENGTH else None
    if match is None:
        raise NotADecimal
    sign, whole, fraction = match.groups()
    fraction = (fraction or "").rstrip("0")
    units = int(whole + fraction)
    return (-units if sign else units), len(fraction)


def shortest(value: str | int) -> str:
    """Return a plain decimal in its shortest form: no zeros behind the last digit that counts."""
    text = value if isinstance(value, str) else str(value)
    if "." in text and text[-1] == "0":
        return text.rstrip("0").rstrip(".")
    return text


def to_units(value: str | int, places: int) -> int:
    """Return `value * 10 ** places`, which must be whole. Raises NotADecimal or TooFine."""
    units, has = split_decimal(value)
    if has > places:
        raise TooFine
    return units * 10 ** (places - has)  # type: ignore[no-any-return]


def to_text(units: int, places: int) -> str:
    """Return `units / 10 ** places` in its shortest form, without an exponent."""
    if places == 0 or units == 0:
        return str(units)
    sign = ""
    if units < 0:
        sign, units = "-", -units
    text = str(units)
    if len(text) <= places:
        text = text.rjust(places + 1, "0")
    fraction = text[-places:].rstrip("0")
    if not fraction:
        return sign + text[:-places]
    return f"{sign}{text[:-places]}.{fraction}"
