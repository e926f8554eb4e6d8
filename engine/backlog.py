"""How far the engine loop is behind its ingress, and whether it lets orders open (E6).

The same idea as controlled delay in routers (Nichols and Jacobson, 2012; its target is a twentieth
of its interval too): a burst that is worked off soon is no overload, a queue that stays is. So it
takes patience to begin; once begun, the queue is held short, so that cancels and reductions, which
never overtake, need not wait long either.
"""

from __future__ import annotations

from typing import Final

from engine.limits import PPM

MAX_RETRY_MS: Final = 60_000
IDLE_US: Final = 1_000_000
_TARGET_SHARE: Final = 20
_CALM_TIMES: Final = 2


class Backlog:
    """Told of every batch that is about to be applied, it says how much of it may open something.

    A batch is late whose oldest entry has waited for 1/20 of `patience_us`, its target, while half
    of what one read may bring was there to be read: a slow journal makes entries old, but not many.
    Overload begins when batches have been late for `patience_us` without relief, which is one that
    is half as old or half as long. From then on the older a batch is the less of it opens: all of
    it up to the target, a quarter of it at twice the target, and so on by the square; but all of a
    batch shorter than an eighth of a read. It ends when for twice the patience nothing had to be
    refused. With a patience of 0 it never begins.

    Entries older than `since_us` count from then: what gathered while no engine ran is no overload.
    """

    __slots__ = (
        "_full",
        "_late_since_us",
        "_looked_us",
        "_patience_us",
        "_shut_us",
        "_since_us",
        "age_us",
        "began_us",
        "is_calm",
        "is_long",
        "refused",
    )

    def __init__(self, patience_us: int, full: int, since_us: int) -> None:
        self._patience_us = patience_us
        self._full = full
        self._since_us = since_us
        self._late_since_us = 0
        self._shut_us = 0
        self._looked_us = 0
        self.age_us = 0
        self.began_us = 0
        self.is_calm = True
        self.is_long = False
        self.refused = 0

    @property
    def is_overloaded(self) -> bool:
        """Tell whether overload has begun and not ended."""
        return self.began_us > 0

    @property
    def retry_ms(self) -> int:
        """Return after how long to try again: the backlog's age or the patience, at most 60 s."""
        return min(MAX_RETRY_MS, max(self._patience_us, self.age_us) // 1_000)

    def is_idle(self, now_us: int) -> bool:
        """Tell whether the overload has nothing left to be over: a look at nothing will see."""
        return self.began_us > 0 and now_us - self._looked_us >= IDLE_US

    def look(self, size: int, oldest_us: int | None, now_us: int) -> int:
        """Take note of a batch of `size` commands; return the part of it that may open, in ppm.

        `oldest_us` is when the oldest of its entries was added, None where no id tells.
        `is_long` tells whether it was all that a read may bring, `is_calm` that nothing presses.
        """
        age_us = 0 if oldest_us is None else max(0, now_us - max(oldest_us, self._since_us))
        self.age_us, self._looked_us = age_us, now_us
        target_us = self._patience_us // _TARGET_SHARE
        is_late = 0 < target_us <= age_us and 2 * size >= self._full
        is_relieved = 2 * age_us < target_us or 4 * size < self._full
        self.is_long = size >= self._full
        self.is_calm = is_relieved and not self.is_overloaded
        if not self.is_overloaded:
            self._wait(now_us, is_late=is_late, is_relieved=is_relieved)
        if not self.is_overloaded:
            return PPM
        if age_us > target_us and 8 * size >= self._full:
            self._shut_us = now_us
            return PPM * target_us**2 // age_us**2
        if now_us - self._shut_us >= _CALM_TIMES * self._patience_us:
            self.began_us = self._late_since_us = 0
        return PPM

    def _wait(self, now_us: int, *, is_late: bool, is_relieved: bool) -> None:
        """Have patience, and let the overload begin when it is at its end."""
        if is_late and self._late_since_us == 0:
            self._late_since_us = now_us
        elif is_late and now_us - self._late_since_us >= self._patience_us:
            self.began_us = self._shut_us = now_us
            self.refused = 0
        elif is_relieved:
            self._late_since_us = 0
