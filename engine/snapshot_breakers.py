"""What circuit breakers remember, written down and brought back (E2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from matching.terms import BreakerLevel
from risk.breakers import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.state import State


class IndexRecord(msgspec.Struct, array_like=True):
    """The market's breakers; the weights stand with the instruments."""

    levels: tuple[BreakerLevel, ...]
    tripped: int


class WatchRecord(msgspec.Struct, array_like=True):
    """What an instrument is watched from; its weight, 0 where it has none; when its hold ends.

    `is_moved` where its mark has moved and nobody has looked yet; the end is 0 where it is free.
    """

    symbol: str
    is_watched: bool
    numerator: str
    denominator: str
    tripped: int
    weight: int
    is_moved: bool
    held_until_us: int


def index(state: State) -> Iterator[IndexRecord]:
    """Yield the market's breakers, where there are any."""
    if state.index.levels:
        yield IndexRecord(state.index.levels, state.index.tripped)


def watches(state: State) -> Iterator[WatchRecord]:
    """Yield what is known of each instrument that is watched or held, in order of symbol."""
    for symbol, market in sorted(state.markets.items()):
        watch = market.instrument.watch
        held_until_us = state.holds.ends_us.get(symbol, 0)
        if watch is not None or held_until_us:
            known = watch or Watch()
            yield WatchRecord(
                symbol,
                watch is not None,
                str(known.numerator),
                str(known.denominator),
                known.tripped,
                state.index.weights.get(symbol, 0),
                symbol in state.watched,
                held_until_us,
            )


def restore_index(state: State, record: IndexRecord) -> None:
    """Bring the market's breakers back."""
    state.index.levels = record.levels
    state.index.tripped = record.tripped


def restore_watch(state: State, record: WatchRecord) -> None:
    """Bring back what is known of an instrument; its market must be there."""
    instrument = state.markets[record.symbol].instrument
    if record.is_watched:
        instrument.watch = Watch()
        instrument.watch.refer_to(int(record.numerator), int(record.denominator))
        instrument.watch.tripped = record.tripped
    if record.weight:
        state.index.weights[record.symbol] = record.weight
    if record.is_moved:
        state.watched[record.symbol] = None
    if record.held_until_us:
        state.holds.hold([record.symbol], record.held_until_us)
