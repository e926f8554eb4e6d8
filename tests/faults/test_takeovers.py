"""Killed or stopped, the leader is followed at once, and nothing is lost, doubled or missing.

A few takeovers on every run of the tests; `make faults` makes it FAULT_TAKEOVERS (200).
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import pytest

from engine.connections import Endpoints
from tests.faults.takeovers import Pair

TAKEOVER_SECONDS = 2.0
HANDOVER_SECONDS = 0.3
PATIENCE = 3  # so much slower may a machine be on which a few measurements have to do


@pytest.fixture
def pair(tmp_path: Path, servers: Endpoints, shard: str) -> Iterator[Pair]:
    """Return two engines; none outlives the test."""
    pair = Pair(tmp_path, servers, shard, seed=11)
    yield pair
    pair.kill()


async def take_over(
    pair: Pair, times: int, seed: int, say: Callable[[str], None]
) -> dict[signal.Signals, list[float]]:
    """Strike the leader so often, kill -9 and SIGTERM in turn; return the seconds of silence."""
    chance = random.Random(seed)
    silences: dict[signal.Signals, list[float]] = {signal.SIGKILL: [], signal.SIGTERM: []}
    await pair.start()
    for number in range(1, times + 1):
        await asyncio.sleep(chance.uniform(0.0, 0.8))
        by = signal.SIGKILL if number % 2 else signal.SIGTERM
        struck, silence = await pair.strike(by)
        silences[by].append(silence)
        assert await struck.ended() == (0 if by is signal.SIGTERM else -signal.SIGKILL)
        await pair.follow_with(struck)
        await pair.check()
        say(
            f"takeover {number}/{times}: {by.name}, {silence * 1e3:.0f} ms, "
            f"{pair.auditor.frames} frames, {pair.auditor.commands} commands, "
            f"{pair.auditor.trades} trades"
        )
    await pair.end()
    for by, found in silences.items():
        say(f"{by.name}: {_figures(found)}")
    return silences


async def test_few_takeovers_under_load_lose_and_double_nothing(pair: Pair) -> None:
    """A kill, and a handover as in an upgrade of the machine; `make faults` makes many."""
    silences = await take_over(pair, 2, 5, print)

    assert max(silences[signal.SIGKILL]) < PATIENCE * TAKEOVER_SECONDS
    assert max(silences[signal.SIGTERM]) < PATIENCE * HANDOVER_SECONDS


@pytest.mark.long
async def test_many_takeovers_under_load_lose_and_double_nothing(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many as one has patience for, and how long each silence was."""
    times = int(os.environ.get("FAULT_TAKEOVERS", "200"))
    seed = int(os.environ.get("FAULT_SEED", str(time.time_ns() % 1_000_000)))
    with capsys.disabled():
        say = partial(print, file=sys.stderr)
        say(f"\n{times} takeovers, FAULT_SEED={seed}")
        silences = await take_over(pair, times, seed, say)

    assert _of_hundred(silences[signal.SIGKILL], 99) <= TAKEOVER_SECONDS
    assert _of_hundred(silences[signal.SIGTERM], 99) <= HANDOVER_SECONDS


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
