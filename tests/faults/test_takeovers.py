"""Killed or stopped, the leader is followed at once, and nothing is lost, doubled or missing.

A few takeovers on every run of the tests; `make faults` makes it FAULT_TAKEOVERS (200).
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import pytest

from engine.connections import Endpoints
from tests.faults.takeovers import Pair


class Strike(NamedTuple):
    """What befalls the leader, and the exit code that it ends with."""

    by: signal.Signals
    code: int
    stopped_seconds: float = 0.0


KILL = Strike(signal.SIGKILL, -signal.SIGKILL)
END = Strike(signal.SIGTERM, 0)
TAKEOVER_SECONDS = 2.0
HANDOVER_SECONDS = 0.3
PATIENCE = 3  # so much slower may a machine be on which a few measurements have to do


@pytest.fixture
def pair(tmp_path: Path, servers: Endpoints, shard: str) -> Iterator[Pair]:
    """Return two engines; none outlives the test."""
    pair = Pair(tmp_path, servers, shard)
    yield pair
    pair.kill()


async def take_over(
    pair: Pair, strikes: Sequence[Strike], seed: int, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Strike the leader at random instants; return the seconds of silence after each."""
    chance = random.Random(seed)
    silences: dict[str, list[float]] = {}
    for number, strike in enumerate(strikes, start=1):
        await asyncio.sleep(chance.uniform(0.0, 0.8))
        struck, silence = await pair.strike(strike.by)
        silences.setdefault(strike.by.name, []).append(silence)
        if strike.by is signal.SIGSTOP:
            await asyncio.sleep(strike.stopped_seconds - silence)
            struck.signal(signal.SIGCONT)
        assert await struck.ended() == strike.code, struck.log
        await pair.follow_with(struck)
        await pair.check()
        say(
            f"takeover {number}/{len(strikes)}: {strike.by.name}, {silence * 1e3:.0f} ms, "
            f"{pair.auditor.frames} frames, {pair.auditor.commands} commands, "
            f"{pair.auditor.trades} trades"
        )
    await pair.end()
    for name, found in silences.items():
        say(f"{name}: {_figures(found)}")
    return silences


async def test_few_takeovers_under_load_lose_and_double_nothing(pair: Pair) -> None:
    """A kill, an orderly end, and a leader that sleeps and wakes believing that it leads."""
    await pair.start(seed=5, per_write=4)

    silences = await take_over(pair, (KILL, END, Strike(signal.SIGSTOP, 75, 2.0)), 5, print)

    assert max(silences["SIGKILL"]) < PATIENCE * TAKEOVER_SECONDS
    assert max(silences["SIGTERM"]) < PATIENCE * HANDOVER_SECONDS


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
        await pair.start(seed)
        silences = await take_over(pair, [(KILL, END)[k % 2] for k in range(times)], seed, say)

    assert _of_hundred(silences["SIGKILL"], 99) <= TAKEOVER_SECONDS
    assert _of_hundred(silences["SIGTERM"], 99) <= HANDOVER_SECONDS


@pytest.mark.long
async def test_leader_that_was_stopped_for_long_steps_down_when_it_wakes(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has a frame on its way, rows for Postgres in its hands, and its connections are dead."""
    times = int(os.environ.get("FAULT_STOPS", "10"))
    with capsys.disabled():
        await pair.start(seed=6)
        stop = Strike(signal.SIGSTOP, 75, 10.0)
        await take_over(pair, [stop] * times, 6, partial(print, file=sys.stderr))


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
