"""Huge pages under the heap: a fork then copies a page table five hundred times smaller.

Python takes its memory in pieces too small for them, so the kernel is asked to put pages together
once they are full. It works on a copy, two megabytes at a time; who touches those just then waits
for a millisecond. Before Linux 6.1 nothing happens, and a fork of 1.2 GB takes 30 ms instead of 3.
"""

import asyncio
import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HUGE_PAGE: Final = 2 * 1024 * 1024
WORTH_PAGES: Final = 100
"""Of a smaller heap a fork takes some milliseconds anyway."""

_MADV_COLLAPSE = 25
_AT_ONCE = 16

_madvise = ctypes.CDLL(None).madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


async def collapse_heap() -> int:
    """Put the pages of the heap together, in a thread; return how many huge ones there are now."""
    places = await asyncio.to_thread(_heap)
    if len(places) < WORTH_PAGES:
        return 0
    huge = 0
    for start in range(0, len(places), _AT_ONCE):  # so that whoever stops need not wait for long
        huge += await asyncio.to_thread(_collapse, places[start : start + _AT_ONCE])
    return huge


def _heap() -> list[int]:
    try:
        maps = Path("/proc/self/maps").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []  # a sandbox without /proc; the fork is longer, that is all
    return list(_places(maps))


def _collapse(places: list[int]) -> int:
    """Ask the kernel; it is asked without the interpreter's lock."""
    return sum(_madvise(place, HUGE_PAGE, _MADV_COLLAPSE) == 0 for place in places)


def _places(maps: str) -> Iterator[int]:
    """Yield where whole huge pages fit into private memory that is no file's."""
    for line in maps.splitlines():
        span, access, _, _, inode, *name = line.split(maxsplit=5)
        if access != "rw-p" or inode != "0" or (name and name[0] != "[heap]"):
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        yield from range(-(-start // HUGE_PAGE) * HUGE_PAGE, end - HUGE_PAGE + 1, HUGE_PAGE)
