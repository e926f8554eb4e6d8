"""A large heap lies on huge pages before it is forked, where the kernel can do that."""

import platform
from pathlib import Path

import pytest

from persistence import huge_pages
from persistence.huge_pages import HUGE_PAGE, collapse_heap

LINUX = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


async def test_small_heap_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It forks in some milliseconds as it is."""
    monkeypatch.setattr(huge_pages, "WORTH_PAGES", 1_000_000)

    assert await collapse_heap() == 0


@pytest.mark.skipif(LINUX < (6, 1), reason="the kernel cannot do it, and says so")
async def test_heap_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork copies one entry for each huge page instead of 512."""
    monkeypatch.setattr(huge_pages, "WORTH_PAGES", 1)
    held = [bytes(600) for _ in range(100_000)]

    huge = await collapse_heap()

    assert huge * HUGE_PAGE > sum(map(len, held)) // 2
    assert _bytes_on_huge_pages() >= huge * HUGE_PAGE // 2
    assert held[-1] == bytes(600)


def test_only_private_memory_of_no_file_is_meant() -> None:
    """Files, stacks and what the kernel put there are none of ours."""
    maps = """\
7f0000000000-7f0000400000 rw-p 00000000 00:00 0
7f0000500000-7f0000a00000 rw-p 00000000 00:00 0
7f1000000000-7f1000400000 rw-p 00000000 08:01 4711                       /lib/libc.so.6
7f2000000000-7f2000400000 r--p 00000000 00:00 0
7f3000000000-7f3000400000 rw-p 00000000 00:00 0                          [stack]
7f4000000000-7f4000200000 rw-p 00000000 00:00 0                          [heap]
"""

    assert [hex(place) for place in huge_pages._places(maps)] == [
        *("0x7f0000000000", "0x7f0000200000"),
        *("0x7f0000600000", "0x7f0000800000"),
        "0x7f4000000000",
    ]


def _bytes_on_huge_pages() -> int:
    told = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    (line,) = [each for each in told.splitlines() if each.startswith("AnonHugePages:")]
    return int(line.split()[1]) * 1024
