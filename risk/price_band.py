"""What a price band is measured from: the trades of five minutes, the session (E1)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from engine.limits import PPM
from risk.margin import divide_up

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
DAY_US: Final = 24 * 60 * MINUTE_US
WINDOW_SECONDS: Final = 300

Bucket = tuple[int, int, int]
"""A whole second of engine time, Σ price × lots of its trades, and Σ lots."""


def session_of(now_us: int, session_end_minute: int) -> int:
    """Return the number of the session at `now_us`; a minute of -1 is that of midnight, UTC."""
    return (now_us - max(0, session_end_minute) * MINUTE_US) // DAY_US


def bounds_around(numerator: int, denominator: int, band_ppm: int) -> tuple[int, int]:
    """Return the lowest and the highest price within the band, in ticks, rounded into it.

    The reference is `numerator ⁄ denominator` ticks, exactly.
    """
    whole = denominator * PPM
    lowest = divide_up(numerator * (PPM - band_ppm), whole)
    assert lowest > 0
    return lowest, numerator * (PPM + band_ppm) // whole


class PriceBand:
    """Trades by the second, as far back as they count, and the price a session opened at.

    `open_half` is the first price of the last session that has seen one, in half ticks, 0 before;
    `session` is that session's number. Recording a trade is O(1), amortised over the buckets that
    fall out of the window.
    """

    __slots__ = ("_buckets", "_lots", "_value", "open_half", "session")

    def __init__(self) -> None:
        self._buckets: deque[Bucket] = deque()
        self._value: int = 0
        self._lots: int = 0
        self.open_half: int = 0
        self.session: int = 0

    def note_price(self, price_half: int, session: int) -> None:
        """Take a price that was seen; a session opens at its first one."""
        if session != self.session or self.open_half == 0:
            self.open_half = price_half
            self.session = session

    def record(self, second: int, price_ticks: int, lots: int) -> None:
        """Take a trade of this second; seconds never go back."""
        assert lots > 0
        self._forget(second)
        value = price_ticks * lots
        buckets = self._buckets
        if buckets and buckets[-1][0] == second:
            _, value_before, lots_before = buckets.pop()
            buckets.append((second, value_before + value, lots_before + lots))
        else:
            buckets.append((second, value, lots))
        self._value += value
        self._lots += lots

    def reference(self, second: int) -> tuple[int, int]:
        """Return the reference in ticks as (numerator, denominator); (0, 1) where there is none.

        The volume-weighted price of the window as it is at `second`, else the session's open.
        """
        self._forget(second)
        if self._lots:
            return self._value, self._lots
        return (self.open_half, 2) if self.open_half else (0, 1)

    def buckets(self, second: int) -> Iterator[Bucket]:
        """Return the buckets that count at `second`, oldest first."""
        return (bucket for bucket in self._buckets if bucket[0] > second - WINDOW_SECONDS)

    def restore(self, open_half: int, session: int, buckets: list[Bucket]) -> None:
        """Bring a band back from a snapshot; the buckets oldest first."""
        self.open_half, self.session = open_half, session
        for bucket in buckets:
            self._buckets.append(bucket)
            self._value += bucket[1]
            self._lots += bucket[2]

    def check(self) -> None:
        """Assert every invariant of the window."""
        seconds = [second for second, _, _ in self._buckets]
        assert seconds == sorted(set(seconds))
        assert self._value == sum(value for _, value, _ in self._buckets)
        assert self._lots == sum(lots for _, _, lots in self._buckets)
        assert all(lots > 0 for _, _, lots in self._buckets)

    def _forget(self, second: int) -> None:
        """Let go of the buckets that no longer count at `second`."""
        buckets = self._buckets
        while buckets and buckets[0][0] <= second - WINDOW_SECONDS:
            _, value, lots = buckets.popleft()
            self._value -= value
            self._lots -= lots
