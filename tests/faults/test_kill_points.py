"""The engine dies at every point where it can: each await, each I/O, one after the other.

`make test` takes some of them, always the same; `make faults` all, until a life ends by itself, or
those of FAULT_POINTS (`500-520`).
"""

import asyncio
import os
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from engine.connections import Connections, Endpoints
from tests.faults.figures import FIGURES, Progress
from tests.faults.forker import Forker
from tests.faults.points import Tally
from tests.faults.short_run import CONFIG, ShortRun, Told
from tests.line.process import DaemonProcess

ATTACK = "killed at a point"
SLICE = 12
_AT_ONCE = 2
_SECOND = 7
_LATEST_SECOND = 400
_UNREACHED = 0.05
"""Of the places of one life: a timer that did not fire, a batch that came in one piece."""


class Campaign:
    """Lives of which each dies at another point, compared with one that does not."""

    def __init__(self, directory: Path, forker: Forker, given: Endpoints) -> None:
        self.places: set[str] = set()
        self.found: list[str] = []
        self._directory = directory
        self._forker = forker
        self._given = given

    async def undisturbed(self) -> tuple[Told, int, set[str]]:
        """Live without harm; return what is left, the number of points, and where they are."""
        await self._live("first", [])  # a new database gets its tables, once
        told, tally = await self._live("undisturbed", ["points {} 0"])
        return told, tally.passed, tally.places()

    async def kill_at(self, points: Iterable[int], expected: Told, progress: Progress) -> None:
        """Die once at each of these, and once more while recovering, until a life just ends."""
        left = iter(points)

        async def one_after_the_other() -> None:
            for point in left:
                second = point * _SECOND % _LATEST_SECOND + 1
                harms = [f"points {{}} {point}", f"points {{}}-again {second}"]
                if not await self._kill(f"p{point}", harms, expected):
                    return
                progress.step(note=f"{len(self.places)} places")

        await asyncio.gather(*[one_after_the_other() for _ in range(_AT_ONCE)])

    async def kill_in(self, places: set[str], expected: Told) -> set[str]:
        """Die where nobody has died yet; return the places that were not come to again."""
        for number, place in enumerate(sorted(places)):
            await self._kill(f"at{number}", [f"points {{}} 0 {place}"], expected)
        return places - self.places

    async def _kill(self, name: str, harms: list[str], expected: Told) -> bool:
        """Live a life that dies, once or twice; return whether it did."""
        try:
            told, tally = await self._live(name, harms)
        except Exception as error:
            self.found.append(f"{harms}: " + "".join(traceback.format_exception(error)[-2:]))
            FIGURES.add(ATTACK, number=1, differences=1)
            return True
        differs = told.outcome != expected.outcome
        if differs:
            self.found.append(f"{harms}, {tally.died_at}: {told} instead of {expected}")
        if tally.died_at:
            self.places.add(tally.died_at)
        FIGURES.add(
            ATTACK, number=told.kills, frames=told.frames, fills=told.fills, differences=differs
        )
        return bool(tally.died_at)

    async def _live(self, name: str, harms: list[str]) -> tuple[Told, Tally]:
        """Live one life on a shard of its own; `{}` in a harm is where it counts its points."""
        directory = self._directory / name
        directory.mkdir()
        given = self._given
        dsn = given.postgres_dsn or ""
        daemon = DaemonProcess(
            directory, name, given.redis_url, more=CONFIG, dsn=dsn, launch=self._forker.launch
        )
        counted = directory / "points"
        run = ShortRun(daemon, Connections(given), [each.format(counted) for each in harms])
        try:
            told = await run.live()
        finally:
            daemon.kill()
        await run.clear()
        return told, Tally(counted, 1)


@pytest.fixture
def campaign(tmp_path: Path, forker: Forker, given: Endpoints) -> Campaign:
    """Return a campaign on servers that nobody else disturbs."""
    return Campaign(tmp_path, forker, given)


async def test_some_points_of_death_lose_and_double_nothing(
    campaign: Campaign, show: Callable[[str], None]
) -> None:
    """The same few on every run, from the first system call to the last snapshot."""
    expected, points, _ = await campaign.undisturbed()
    chosen = range(points // SLICE // 2, points, points // SLICE)

    await campaign.kill_at(chosen, expected, Progress(ATTACK, len(chosen), show))

    assert campaign.found == []
    assert len(campaign.places) > SLICE // 2


@pytest.mark.long
async def test_every_point_of_death_loses_and_doubles_nothing(
    campaign: Campaign, show: Callable[[str], None]
) -> None:
    """One after the other, until a life ends before its point has come."""
    expected, points, places = await campaign.undisturbed()
    first, _, last = os.environ.get("FAULT_POINTS", "1-100000").partition("-")

    await campaign.kill_at(
        range(int(first), int(last or first) + 1), expected, Progress(ATTACK, points, show)
    )
    unreached = await campaign.kill_in(places - campaign.places, expected)

    assert campaign.found == []
    FIGURES.add(ATTACK, places=len(campaign.places))
    assert len(unreached) < _UNREACHED * len(places), unreached
