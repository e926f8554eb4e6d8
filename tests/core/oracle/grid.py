"""Prices and quantities on an instrument's grid."""

from tests.core.oracle.numbers import number
from tests.core.oracle.world import Command, Instrument, Refused

GREATEST = 10**12


def lots_of(
    instrument: Instrument, command: Command, key: str, path: str | None = None
) -> int | None:
    """Return one of a command's quantities in lots, or None where it is absent."""
    if command.get(key) is None:
        return None
    path = path or f"$.{key}"
    lots = number(command[key]) / instrument.lot
    if lots.denominator != 1:
        raise Refused(402, path)
    if lots <= 0:
        raise Refused(408, path)
    if lots > GREATEST:
        raise Refused(107, path)
    return lots.numerator


def ticks_of(instrument: Instrument, price: str | int, path: str = "$.price") -> int:
    """Return a price in ticks."""
    ticks = number(price) / instrument.tick
    if ticks.denominator != 1:
        raise Refused(401, path)
    if ticks <= 0:
        raise Refused(111, path)
    if ticks > GREATEST:
        raise Refused(107, path)
    return ticks.numerator
