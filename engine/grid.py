"""The grid of an instrument: its decimal prices and quantities as ticks and lots, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from engine.decimals import TooFine, to_text, to_units

if TYPE_CHECKING:
    from matching.terms import Terms

Key = TypeVar("Key")
Value = TypeVar("Value")

CACHE_SIZE: Final = 16_384


class OffGrid(ValueError):
    """The price is between two ticks, or the quantity between two lots."""


class Grid:
    """Conversions of one instrument. Prices and quantities repeat, so small caches serve most.

    A full cache starts anew; it changes no result.
    """

    __slots__ = ("_half_texts", "_lot_texts", "_lots", "_tick_texts", "_ticks", "terms")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._ticks: dict[str | int, int] = {}
        self._lots: dict[str | int, int] = {}
        self._tick_texts: dict[int, str] = {}
        self._lot_texts: dict[int, str] = {}
        self._half_texts: dict[int, str] = {}

    def ticks(self, price: str | int) -> int:
        """Return a price in ticks. Raises OffGrid or NotADecimal."""
        ticks = self._ticks.get(price)
        if ticks is None:
            terms = self.terms
            ticks = _whole(price, terms.price_decimals, terms.tick_units)
            _remember(self._ticks, price, ticks)
        return ticks

    def lots(self, quantity: str | int) -> int:
        """Return a quantity in lots. Raises OffGrid or NotADecimal."""
        lots = self._lots.get(quantity)
        if lots is None:
            terms = self.terms
            lots = _whole(quantity, terms.quantity_decimals, terms.lot_units)
            _remember(self._lots, quantity, lots)
        return lots

    def price_text(self, ticks: int) -> str:
        """Return a price of `ticks` as a decimal string."""
        text = self._tick_texts.get(ticks)
        if text is None:
            terms = self.terms
            text = to_text(ticks * terms.tick_units, terms.price_decimals)
            _remember(self._tick_texts, ticks, text)
        return text

    def half_price_text(self, half_ticks: int) -> str:
        """Return a price of `half_ticks`, exact to half a tick."""
        text = self._half_texts.get(half_ticks)
        if text is None:
            terms = self.terms
            text = to_text(half_ticks * terms.tick_units * 5, terms.price_decimals + 1)
            _remember(self._half_texts, half_ticks, text)
        return text

    def quantity_text(self, lots: int) -> str:
        """Return a quantity of `lots` as a decimal string."""
        text = self._lot_texts.get(lots)
        if text is None:
            terms = self.terms
            text = to_text(lots * terms.lot_units, terms.quantity_decimals)
            _remember(self._lot_texts, lots, text)
        return text


def _whole(value: str | int, decimals: int, units: int) -> int:
    """Return how many steps of `units * 10 ** -decimals` a value is; it must be a whole number."""
    try:
        steps, rest = divmod(to_units(value, decimals), units)
    except TooFine:
        raise OffGrid from None
    if rest:
        raise OffGrid
    return steps


def _remember(cache: dict[Key, Value], key: Key, value: Value) -> None:
    if len(cache) >= CACHE_SIZE:
        cache.clear()
    cache[key] = value
