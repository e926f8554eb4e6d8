"""The machine against the oracle: the same entries to both, everything compared each time."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from engine.entries import decode_entry, mark_overloaded
from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture
from tests.core import view
from tests.core.oracle.oracle import Oracle
from tests.core.tallies import beyond, outside, words
from tests.core.tapes import Step

UNTOLD = ("text", "digest", "stream", "entry")
"""What a refusal says of an entry that could not be read; the oracle cannot know it."""


class Difference(AssertionError):
    """The machine and the oracle disagree."""


class Duel:
    """A machine and an oracle that are given the same entries.

    With `restarts` the machine goes on from a snapshot after each of them.
    """

    def __init__(self, *, restarts: bool = False) -> None:
        self.restarts = restarts
        self.machine = Machine()
        self.oracle = Oracle()
        self.now_us = 0
        self.played = 0

    def play(self, step: Step) -> list[dict[str, Any]]:
        """Give one entry to both; compare events, and then everything there is. Return the events.

        Raises Difference, or AssertionError where the kernel's own invariants are broken.
        """
        self.now_us += step.wait_ms * 1_000
        timers = self.begin()
        while self.machine.kernel.is_busy():
            timers += self.begin()

        out: list[bytes] = []
        (item,) = decode_entry(step.stream, "1-0", step.payload.encode())
        if step.retry_ms:
            mark_overloaded([item], step.retry_ms)
        self.machine.apply(item, 0, out)
        said = [json.loads(event) for event in out] + self.rest()
        if step.refusal is None:
            expected = self.oracle.apply(step.command, step.retry_ms)
        else:
            expected = self.oracle.refuse(*step.refusal)
            for event in said:
                for key in UNTOLD:
                    event.pop(key, None)
        if said != expected:
            _compare("events", said, expected)
        self.compare_everything()
        if self.restarts:
            self.restart()
        self.played += 1
        if self.played % 10 == 0:
            mine = view.tier_prices(self.machine.kernel)
            _compare("tier prices", mine, self.oracle.tier_prices())
        return timers + said

    def begin(self) -> list[dict[str, Any]]:
        """Open a batch on both; return its events. Raises Difference."""
        out: list[bytes] = []
        self.machine.begin(self.now_us, out)
        expected = self.oracle.begin(self.now_us)
        timers = [json.loads(event) for event in out] + self.later()
        if timers != expected:
            _compare("events of a timer", timers, expected)
        return timers

    def rest(self) -> list[dict[str, Any]]:
        """Return what a command causes in later frames, as if it were said at once."""
        said = self.later()
        assert not any("in" in event for event in said), "no input causes what a later frame says"
        return [event | {"in": 0} for event in said]

    def later(self) -> list[dict[str, Any]]:
        """Run the frames in which the machine goes on with what the oracle does in one: none here.

        A tape's accounts are too few for that, at the bounds of engine.limits.
        """
        return []

    def restart(self) -> None:
        """Go on with a machine restored from a snapshot. Raises Difference."""
        snapshot = list(capture(self.machine.kernel))
        twin = restore(snapshot)
        _compare("snapshot of what is restored", list(capture(twin)), snapshot)
        self.machine = Machine(twin)

    def compare_everything(self) -> None:
        """Compare books, accounts, positions and holds; then ask the kernel itself."""
        mine, theirs = view.everything(self.machine.kernel), self.oracle.everything()
        if mine != theirs:
            for part in mine:
                for key in mine[part].keys() | theirs[part].keys():
                    _compare(f"{part} {key}", mine[part].get(key), theirs[part].get(key))
        self.machine.kernel.check()


def _compare(what: str, got: object, expected: object) -> None:
    if got == expected:
        return
    if isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            if one != other:
                _differ(f"{what} [{index}]", one, other)
    _differ(what, got, expected)


def _differ(what: str, got: object, expected: object) -> None:
    """Raise Difference, naming the fields that differ where there are some."""
    if isinstance(got, dict) and isinstance(expected, dict):
        keys = [key for key in {**got, **expected} if got.get(key) != expected.get(key)]
        what = f"{what}: {', '.join(map(str, keys))}"
    raise Difference(f"{what}\n  machine: {got}\n  oracle:  {expected}")


def play(steps: Sequence[Step], *, restarts: bool = False) -> None:
    """Play a tape to the end. Raises Difference."""
    duel = Duel(restarts=restarts)
    for step in steps:
        duel.play(step)


def play_tape(seed: int, steps: list[Step], *, restarts: bool = False) -> Counter[str]:
    """Play a seed's tape; return how often each event and refusal came up.

    A tape that fails is reported as an AssertionError, shrunk to what a reader needs.
    """
    seen: Counter[str] = Counter()
    duel = Duel(restarts=restarts)
    for end, step in enumerate(steps, start=1):
        try:
            for event in duel.play(step):
                world = duel.oracle.world
                seen.update([*words(event), *beyond(world, event), *outside(world, event)])
        except Exception as failure:
            told = report(seed, steps[:end], restarts=restarts)
            raise AssertionError(told) from failure
    return seen


def play_tapes(
    make: Callable[[int], list[Step]], seeds: Iterable[int], *, restarts: bool = False
) -> Counter[str]:
    """Play the tapes that `make` writes from many seeds, on all processors; count the same."""
    seen: Counter[str] = Counter()
    with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
        for counted in pool.map(partial(_play_seed, make, restarts), seeds):
            seen += counted
    return seen


def _play_seed(make: Callable[[int], list[Step]], restarts: bool, seed: int) -> Counter[str]:
    return play_tape(seed, make(seed), restarts=restarts)


def fails(steps: Sequence[Step], *, restarts: bool = False) -> bool:
    """Tell whether a tape fails, in whatever way."""
    try:
        play(steps, restarts=restarts)
    except Exception:
        return True
    return False


def shrink(steps: list[Step], still_fails: Callable[[list[Step]], bool] = fails) -> list[Step]:
    """Return a part of a failing tape that fails too and from which nothing can be left out.

    Delta debugging: leave out chunks, half as long each round, down to single steps, until a whole
    round of single steps finds nothing more to leave out.
    """
    size = max(1, len(steps) // 2)
    while True:
        start, found = 0, False
        while start < len(steps):
            shorter = steps[:start] + steps[start + size :]
            if still_fails(shorter):
                steps, found = shorter, True
            else:
                start += size
        if size == 1 and not found:
            return steps
        size = max(1, size // 2)


def _until_it_fails(steps: list[Step], *, restarts: bool) -> list[Step]:
    """Return a tape up to and with its first step that fails; whole if none does."""
    duel = Duel(restarts=restarts)
    for end, step in enumerate(steps, start=1):
        try:
            duel.play(step)
        except Exception:
            return steps[:end]
    return steps


def report(seed: int, steps: list[Step], *, restarts: bool = False) -> str:
    """Return a failing tape as a reader wants it: seed, smallest tape, what differs."""
    smallest = shrink(_until_it_fails(steps, restarts=restarts), partial(fails, restarts=restarts))
    try:
        play(smallest, restarts=restarts)
    except Exception as difference:
        lines = "\n".join(str(step) for step in smallest)
        found = f"{type(difference).__name__}: {difference}"
        return f"seed {seed}, {len(smallest)} steps:\n{lines}\n{found}"
    return f"seed {seed}: the failure went away"
