"""The machine against the oracle where instruments trade with an outside market (D5).

After every entry the machine goes on from a snapshot: no command depends on what it leaves out.
"""

import json
from functools import partial
from typing import Any

import pytest

from tests.core.bounds import lower
from tests.core.duel import Duel, play_tapes
from tests.core.tape_slices import slices
from tests.core.tapes import tape_outside

SEEDS = range(1, 3)
"""Few, so that the core's tests stay a matter of seconds; tests/test_oracle_tapes.py has more."""
SEEDS_OF_SLICES = range(6)
COMMANDS = 400


def test_restarted_machine_agrees_outside() -> None:
    """800 commands: walls of limits, gaps through them, silence, pauses, booked trades (D5)."""
    seen = play_tapes(partial(tape_outside, length=COMMANDS), SEEDS, restarts=True)

    assert seen["outside maker"] > 20
    assert seen["outside one of many"] > 20
    assert seen["booked"] > 20


def test_restarted_machine_agrees_down_the_tiers() -> None:
    """Slices at, beside and far beyond where the mark is (D2, D5)."""
    seen = play_tapes(slices, SEEDS_OF_SLICES, restarts=True)

    assert seen["outside liquidation"] > 10


class Interrupted(Duel):
    """A duel in which the machine is killed between any two frames of a command."""

    kills = 0

    def rest(self) -> list[dict[str, Any]]:
        """Go on in a machine restored from a snapshot, frame by frame."""
        said: list[dict[str, Any]] = []
        while self.has_reached_more():
            self.restart()
            out: list[bytes] = []
            self.machine.begin(self.now_us, out)
            said += [json.loads(event) for event in out]
            self.kills += 1
        assert not any("in" in event for event in said), "no input causes what a later frame says"
        return [event | {"in": 0} for event in said]

    def has_reached_more(self) -> bool:
        """Tell whether fills, or what follows them, are left for the next frame."""
        state = self.machine.kernel.state
        return bool(state.reached or state.turns or state.cascades)


def kills_between_fills(monkeypatch: pytest.MonkeyPatch, seeds: range) -> int:
    """Play tapes with frames that hold little; return how often the machine was killed."""
    monkeypatch.setattr("tests.core.oracle.sweeps.MOST_MAKERS", 2)
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    lower(monkeypatch, "UNCROSS_EVENTS_PER_FRAME", 1)
    kills = 0
    for seed in seeds:
        duel = Interrupted()
        for step in tape_outside(seed, COMMANDS):
            duel.play(step)
        kills += duel.kills
    return kills


def test_killed_between_fills_it_agrees_with_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the outside price has reached is filled to the end before anything else (D5)."""
    kills = kills_between_fills(monkeypatch, range(8, 9))

    assert kills > 10, "the tapes reach nobody"
