"""How full Redis is, and what is done about it before it is full (architecture §4).

At 70 % of `maxmemory` an alarm; at 85 % orders are refused unless they reduce; at 95 % nothing is
read, so that what is left is for snapshots and for what timers write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from engine.redis_info import info_fields

if TYPE_CHECKING:
    from engine.ports import Link

log = structlog.get_logger()

ALARM_PERCENT: Final = 70
REFUSE_PERCENT: Final = 85
STOP_PERCENT: Final = 95
RELIEF_PERCENT: Final = 2
"""A level ends so much below where it begins, or every second might say another."""
SAYINGS: Final = {
    ALARM_PERCENT: "Redis fills up",
    REFUSE_PERCENT: "Redis is nearly full: orders are refused unless they reduce",
    STOP_PERCENT: "Redis is all but full: nothing is read until there is room",
}


class Memory:
    """What was last seen of it; `level` is the greatest key of SAYINGS that it reached, or 0."""

    def __init__(self) -> None:
        self.level = 0

    @property
    def is_short(self) -> bool:
        """Tell whether what opens is to be refused."""
        return self.level >= REFUSE_PERCENT

    @property
    def is_full(self) -> bool:
        """Tell whether nothing is to be read."""
        return self.level >= STOP_PERCENT

    def see(self, percent: int) -> None:
        """Take note of how full it is, and say what follows where that is another thing now."""
        before = self.level
        self.level = level_of(percent)
        if self.level < before and percent >= before - RELIEF_PERCENT:
            self.level = before
        if self.level > before:
            log.critical(SAYINGS[self.level], percent=percent)
        elif self.level < before:
            log.warning(SAYINGS.get(self.level, "Redis has room again"), percent=percent)


def level_of(percent: int) -> int:
    """Return the greatest key of SAYINGS that is reached, 0 where none is."""
    return max((each for each in SAYINGS if percent >= each), default=0)


def memory_sentence(percent: int) -> str:
    """Say how full Redis is, and what follows."""
    what = SAYINGS.get(level_of(percent), "Redis has room")
    return f"{what} ({percent} % of maxmemory)"


async def memory_percent(link: Link) -> int:
    """Return how full Redis is, in percent of its `maxmemory`, 0 where it has none.

    As Redis counts before it answers OOM: without the buffers of replicas and of the append-only
    file.
    """
    found = info_fields(await link.call("INFO", "memory"))
    limit = int(found.get("maxmemory", 0))
    if limit == 0:
        return 0
    spared = int(found.get("mem_not_counted_for_evict", 0))
    return 100 * max(0, int(found["used_memory"]) - spared) // limit
