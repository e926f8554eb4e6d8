"""Killed or stopped, the leader is followed at once, and nothing is lost, doubled or missing.

A few takeovers on every run of the tests; `make faults` makes it FAULT_TAKEOVERS (200).
"""

import asyncio
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import pytest

from engine.connections import Endpoints
from tests.faults.figures import FIGURES, Progress, fault_number, fault_seed
from tests.faults.forker import Forker
from tests.faults.takeovers import Pair

Show = Callable[[str], None]


class Strike(NamedTuple):
    """What befalls the leader, and the exit code that it ends with."""

    by: signal.Signals
    code: int
    stopped_seconds: float = 0.0


UNASKED = 75
KILL = Strike(signal.SIGKILL, -signal.SIGKILL)
END = Strike(signal.SIGTERM, 0)
TAKEOVER_SECONDS = 2.0
HANDOVER_SECONDS = 0.3
TAKEN = "taken over under load"
AT_A_TIME = 4  # commands, some hundred times a second
PATIENCE = 3  # so much slower may a machine be on which a few measurements have to do


@pytest.fixture
def pair(tmp_path: Path, forker: Forker, given: Endpoints) -> Iterator[Pair]:
    """Return two engines; none outlives the test."""
    pair = Pair(tmp_path, forker, given)
    yield pair
    pair.kill()


async def take_over(
    pair: Pair, strikes: Sequence[Strike], seed: int, show: Show
) -> dict[str, list[float]]:
    """Strike the leader at random instants; return the seconds of silence after each."""
    chance, progress = random.Random(seed), Progress("takeovers", len(strikes), show)
    silences: dict[str, list[float]] = {}
    for strike in strikes:
        await asyncio.sleep(chance.uniform(0.0, 0.8))
        struck, silence = await pair.strike(strike.by)
        if strike.by is signal.SIGSTOP:
            await asyncio.sleep(strike.stopped_seconds - silence)
            struck.signal(signal.SIGCONT)
        code = await struck.ended()
        name = strike.by.name
        if code == UNASKED and strike.code != UNASKED:
            name = "nothing"  # a machine so busy that the leader's lease stood still for a second
        else:
            assert code == strike.code, struck.log
        silences.setdefault(name, []).append(silence)
        await pair.follow_with(struck)
        await pair.check()
        auditor = pair.auditor
        note = f"{auditor.frames:,} frames, {auditor.commands:,} commands"
        progress.step(1, f"{note}; {name} and {silence * 1e3:.0f} ms of silence")
    await pair.end()
    for name, found in silences.items():
        show(f"taken over after {name}: {_figures(found)}")
    frames, fills = pair.auditor.frames, 2 * pair.auditor.trades
    FIGURES.add(TAKEN, number=len(strikes), frames=frames, fills=fills, snapshots=auditor.hashes)
    return silences


async def test_few_takeovers_under_load_lose_and_double_nothing(pair: Pair, show: Show) -> None:
    """A kill, an orderly end, and a leader that sleeps and wakes believing that it leads."""
    await pair.start(5, AT_A_TIME)

    silences = await take_over(pair, (KILL, END, Strike(signal.SIGSTOP, UNASKED, 2.0)), 5, show)

    assert max(silences.get("SIGKILL", [0])) < PATIENCE * TAKEOVER_SECONDS
    assert max(silences.get("SIGTERM", [0])) < PATIENCE * HANDOVER_SECONDS


@pytest.mark.long
async def test_many_takeovers_under_load_lose_and_double_nothing(pair: Pair, show: Show) -> None:
    """As many as one has patience for, and how long each silence was."""
    times, seed = fault_number("FAULT_TAKEOVERS", 200), fault_seed()
    await pair.start(seed, AT_A_TIME)

    silences = await take_over(pair, [(KILL, END)[k % 2] for k in range(times)], seed, show)

    assert _of_hundred(silences["SIGKILL"], 99) <= TAKEOVER_SECONDS
    assert _of_hundred(silences["SIGTERM"], 99) <= HANDOVER_SECONDS


@pytest.mark.long
async def test_leader_that_was_stopped_for_long_steps_down_when_it_wakes(
    pair: Pair, show: Show
) -> None:
    """It has a frame on its way, rows for Postgres in its hands, and its connections are dead."""
    seed, stop = fault_seed(), Strike(signal.SIGSTOP, UNASKED, 10.0)
    await pair.start(seed, AT_A_TIME)

    await take_over(pair, [stop] * fault_number("FAULT_STOPS", 10), seed, show)


def _figures(seconds: list[float]) -> str:
    return (
        f"{len(seconds)} silences, median {median(seconds) * 1e3:.0f} ms, "
        f"p99 {_of_hundred(seconds, 99) * 1e3:.0f} ms, longest {max(seconds) * 1e3:.0f} ms"
    )


def _of_hundred(seconds: list[float], rank: int) -> float:
    """Return the value that so many of a hundred do not exceed."""
    if len(seconds) < 2:
        return max(seconds)
    return quantiles(seconds, n=100, method="inclusive")[rank - 1]
