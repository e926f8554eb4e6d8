"""Whichever frame a snapshot is of, what is restored from it goes on as if nothing had been.

Also between the frames of what is not finished: the bounds of a frame are low here, so that
boundaries, mass cancels, uncrosses, reviews, cascades and flattening take many.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from engine.machine import Machine
from engine.replay import replay_frame
from engine.restore import restore
from engine.snapshot import capture, state_hash
from engine.state import State
from tests.core.bounds import lower
from tests.core.tape_kills import kills
from tests.core.tape_squeeze import squeeze
from tests.core.tapes import Step, tape, tape_outside
from tests.golden.journals import FOLDER, Journal, file_in, read, record

LOW = {
    "MASS_CANCELS_PER_FRAME": 2,
    "MAX_SWEEP_MAKERS": 2,
    "UNCROSS_EVENTS_PER_FRAME": 0,
    "PAYMENTS_PER_FRAME": 1,
    "REVIEW_EVENTS_PER_FRAME": 1,
    "FLATTEN_EVENTS_PER_FRAME": 1,
    "WINDOW_TURNS_PER_FRAME": 1,
    "MAX_CASCADE_PER_FRAME": 1,
    "MAX_CHILDREN_PER_FRAME": 1,
}
UNFINISHED = ("mass", "turns", "reached", "cascades", "due", "carry", "split", "cases", "closing")
SHORT: dict[str, Callable[[], list[Step]]] = {
    "splits": partial(tape, 5, 150),
    "uncrosses": partial(tape, 6, 150),
    "outside": partial(tape_outside, 21, 150),
    "flattening": partial(kills, 1, 150),
    "cancels": partial(kills, 7, 150),
    "squeeze": partial(squeeze, 1),
}
LONG: dict[str, Callable[[], list[Step]]] = {
    **{f"tape-{seed}": partial(tape, seed, 200) for seed in range(3, 15)},
    **{f"gaps-{seed}": partial(tape, seed, 200, gaps=True) for seed in range(12, 18)},
    **{f"outside-{seed}": partial(tape_outside, seed, 200) for seed in range(20, 26)},
    **{f"kills-{seed}": partial(kills, seed, 200) for seed in range(1, 7)},
    **{f"squeeze-{seed}": partial(squeeze, seed) for seed in range(4)},
}


def restored_from_every(journal: Journal, every: int) -> Counter[str]:
    """Restore from the snapshots of a journal, and play each to its end; count what was unfinished.

    From every so-manieth: the others are restored too, and play up to the next one.
    """
    seen: Counter[str] = Counter()
    live = Machine()
    frames = journal.frames
    for place, frame in enumerate(frames):
        replay_frame(live, frame)
        seen.update(_unfinished(live.kernel.state))
        chunks = list(capture(live.kernel))
        twin = Machine(restore(chunks))
        assert list(capture(twin.kernel)) == chunks, f"{journal.name}, frame {frame.n}"
        to_the_end = place % every == 0
        for later in frames[place + 1 :] if to_the_end else frames[place + 1 : place + 1 + every]:
            replay_frame(twin, later)
        if to_the_end:
            assert state_hash(twin.kernel) == journal.state_hash, f"from frame {frame.n}"
    return seen


def _unfinished(state: State) -> list[str]:
    return [name for name in UNFINISHED if getattr(state, name)]


def restored_at_low_bounds(
    tapes: dict[str, Callable[[], list[Step]]], every: int, monkeypatch: pytest.MonkeyPatch
) -> Counter[str]:
    """Restore from the snapshots of tapes whose frames hold next to nothing; count the same."""
    for bound, value in LOW.items():
        lower(monkeypatch, bound, value)
    seen: Counter[str] = Counter()
    for name, make in tapes.items():
        seen += restored_from_every(record(name, make()), every)
    return seen


def test_any_snapshot_goes_on_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restored at every frame, and played to the end from many of them (A3 to E5)."""
    seen = restored_at_low_bounds(SHORT, 16, monkeypatch)

    assert all(seen[name] for name in UNFINISHED), f"not among the unfinished: {seen}"


@pytest.mark.long
def test_every_snapshot_of_many_tapes_goes_on_to_the_same_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each played to the end; everything that can be unfinished is so at several."""
    seen = restored_at_low_bounds(LONG, 1, monkeypatch)

    assert all(seen[name] > 2 for name in UNFINISHED), f"not among the unfinished: {seen}"


@pytest.mark.long
def test_every_snapshot_of_the_golden_journals_goes_on_to_the_same_end() -> None:
    """At the bounds as they are."""
    for journal in read(file_in(FOLDER)):
        restored_from_every(journal, every=1 if len(journal.frames) > 30 else 4)
