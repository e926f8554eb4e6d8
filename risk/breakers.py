"""Circuit breakers: how far a price has gone from where its day began, and what is held (E2).

Nothing here divides: a move is compared with a level by cross-multiplication, so the threshold
itself trips and half a tick less does not.
"""

from __future__ import annotations

from math import gcd, lcm
from typing import TYPE_CHECKING

from engine.limits import MAX_INDEX_WEIGHT, NEVER_US, PPM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matching.terms import BreakerLevel
    from risk.instrument import Instrument


def level_reached(levels: Sequence[BreakerLevel], distance: int, whole: int) -> int:
    """Return the number of the highest level that `distance ⁄ whole` has reached, 0 for none.

    Levels are numbered from 1; a distance counts alike up and down. O(levels).
    """
    assert whole > 0
    parts = abs(distance) * PPM
    reached = 0
    for level in levels:
        if parts < level.move_ppm * whole:
            break
        reached += 1
    return reached


class Watch:
    """What an instrument's mark is measured from in this window, and how many levels have tripped.

    The reference is `numerator ⁄ denominator` ticks, exactly; a numerator of 0 is none yet.
    """

    __slots__ = ("denominator", "numerator", "tripped")

    def __init__(self) -> None:
        self.numerator: int = 0
        self.denominator: int = 1
        self.tripped: int = 0

    @property
    def has_reference(self) -> bool:
        """Tell whether there is something to measure from."""
        return self.numerator > 0

    def begin(self, numerator: int, denominator: int) -> None:
        """Begin a window at a reference in ticks: nothing has tripped. Numerator 0 is none."""
        self.refer_to(numerator, denominator)
        self.tripped = 0

    def refer_to(self, numerator: int, denominator: int) -> None:
        """Measure from this reference in ticks, in lowest terms; numerator 0 is none."""
        assert numerator >= 0
        divisor = gcd(numerator, denominator)
        self.numerator, self.denominator = numerator // divisor, denominator // divisor

    def level_at(self, levels: Sequence[BreakerLevel], mark_half_ticks: int) -> int:
        """Return the number of the highest level that a mark has reached, 0 for none."""
        assert self.has_reference
        whole = 2 * self.numerator
        return level_reached(levels, mark_half_ticks * self.denominator - whole, whole)

    def check(self, levels: Sequence[BreakerLevel]) -> None:
        """Assert that no level has tripped that there is not, and none without a reference."""
        assert 0 <= self.tripped <= len(levels)
        assert self.has_reference or self.tripped == 0
        assert self.denominator > 0
        assert gcd(self.numerator, self.denominator) == 1


class Index:
    """The market as one figure: Σ weight × mark ⁄ reference over the instruments that have both.

    The references of a window are brought to one denominator once, so that a mark costs a
    multiplication an instrument. `gather` does that; `renew` says that it must be done again.
    """

    __slots__ = ("_parts", "_whole", "levels", "tripped", "weights")

    def __init__(self) -> None:
        self.levels: tuple[BreakerLevel, ...] = ()
        self.weights: dict[str, int] = {}
        self.tripped: int = 0
        self._parts: list[tuple[Instrument, int]] | None = None
        self._whole: int = 0

    @property
    def is_gathered(self) -> bool:
        """Tell whether the parts are those of now; while any is missing it may be there by now."""
        return self._parts is not None and len(self._parts) == len(self.weights)

    def renew(self) -> None:
        """Forget the parts: a weight, a reference or an instrument is another."""
        self._parts = None

    def gather(self, instruments: Iterable[Instrument]) -> None:
        """Take the weighted instruments; those without a mark or a reference do not count yet."""
        found: list[tuple[Instrument, int, int]] = []
        for instrument in instruments:
            watch = instrument.watch
            assert watch is not None
            if watch.has_reference and instrument.mark_half_ticks:
                weight = self.weights[instrument.symbol] * watch.denominator
                found.append((instrument, weight, 2 * watch.numerator))
        common = lcm(*(halves for _, _, halves in found))
        self._parts = [(each, weight * (common // halves)) for each, weight, halves in found]
        self._whole = common * sum(self.weights[each.symbol] for each, _, _ in found)

    def value(self) -> tuple[int, int]:
        """Return the index as (sum, whole); at its references it is the whole. 0 where unknown."""
        assert self._parts is not None
        return sum(part * each.mark_half_ticks for each, part in self._parts), self._whole

    def check(self) -> None:
        """Assert that weights and levels are within their bounds."""
        assert 0 <= self.tripped <= len(self.levels)
        assert all(0 < weight <= MAX_INDEX_WEIGHT for weight in self.weights.values())
        assert not any(level.auction for level in self.levels)


class Holds:
    """The markets that a breaker keeps from trading, by symbol, and when each of that ends, in µs.

    NEVER_US is until an operator; `next_us` is when the first one ends.
    """

    __slots__ = ("ends_us", "next_us")

    def __init__(self) -> None:
        self.ends_us: dict[str, int] = {}
        self.next_us: int = NEVER_US

    def hold(self, symbols: Iterable[str], end_us: int) -> None:
        """Hold markets until `end_us`; one that is held for longer already, for longer."""
        is_longer = False
        for symbol in symbols:
            held_us = self.ends_us.get(symbol, 0)
            self.ends_us[symbol] = max(end_us, held_us)
            is_longer = is_longer or held_us > 0
        if is_longer:
            self._find_next()
        elif self.ends_us:
            self.next_us = min(self.next_us, end_us)

    def release(self, symbols: Iterable[str]) -> None:
        """Let go of those of the markets that are held."""
        if self.ends_us:
            for symbol in symbols:
                self.ends_us.pop(symbol, None)
            self._find_next()

    def take_due(self, now_us: int) -> list[str]:
        """Let go of those whose time has come; return them in order of symbol."""
        due = sorted(symbol for symbol, end_us in self.ends_us.items() if end_us <= now_us)
        self.release(due)
        return due

    def check(self) -> None:
        """Assert that the first end is known."""
        assert self.next_us == min(self.ends_us.values(), default=NEVER_US)

    def _find_next(self) -> None:
        self.next_us = min(self.ends_us.values(), default=NEVER_US)
