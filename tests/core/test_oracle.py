"""The machine against the naive oracle, which shares no code with it.

The same random tapes are played to both. After every entry all events (as parsed JSON, every
field), books in queue order, marks, balances, positions, holds and free margins must be equal, and
the kernel's own invariants must hold. A tape that fails is shrunk and printed with its seed.
"""

import os
import random
import time
from functools import partial

import pytest

from tests.core.duel import Difference, play, play_tape, play_tapes, report, shrink
from tests.core.oracle.world import Command, World
from tests.core.tape_breakers import breaking
from tests.core.tape_kills import kills
from tests.core.tape_slices import slices
from tests.core.tape_squeeze import squeeze
from tests.core.tapes import Step, tape

SEEDS = range(4)
"""Few, so that the core's tests stay a matter of seconds; tests/test_oracle_tapes.py has more."""
SEEDS_OF_GAPS = range(3)
SEEDS_OF_SQUEEZES = range(20)
SEEDS_OF_BREAKERS = range(8)
COMMANDS = 520
CAMPAIGN_COMMANDS = int(os.environ.get("FUZZ_COMMANDS", "1000000"))


def test_machine_agrees_with_the_oracle() -> None:
    """2,000 commands in which everything collides with everything (A1 to E3)."""
    assert play_tapes(partial(tape, length=COMMANDS), SEEDS)["trade"] > 100


def test_machine_agrees_down_the_waterfall() -> None:
    """1,500 commands in which prices jump and nobody is there to buy (D6, D7)."""
    seen = play_tapes(partial(tape, length=COMMANDS, gaps=True), SEEDS_OF_GAPS)
    assert seen["takeover"] > 0
    assert seen["deleveraged"] > 0


def test_machine_agrees_on_who_is_deleveraged() -> None:
    """Where the first round takes little, and every rounding of a ratio counts (D7)."""
    assert play_tapes(squeeze, SEEDS_OF_SQUEEZES)["round 1"] > 0


def test_machine_agrees_on_when_markets_stand_still() -> None:
    """1,200 commands in which prices walk by the levels of breakers (E2)."""
    seen = play_tapes(breaking, SEEDS_OF_BREAKERS)
    assert seen["breaker of the instrument"] > 20
    assert seen["breaker of the market"] > 5


@pytest.mark.long
def test_campaign_against_the_oracle(capsys: pytest.CaptureFixture[str]) -> None:
    """A million commands from fresh seeds, for `make fuzz` (A1 to E3)."""
    base = random.SystemRandom().randrange(10**9)
    played, started, rng = 0, time.monotonic(), random.Random(base)
    while played < CAMPAIGN_COMMANDS:
        seed, length = rng.randrange(10**12), rng.choice((60, 500, 3_000))
        if rng.random() < 0.3:
            play_tape(seed, rng.choice((squeeze, slices, breaking, kills))(seed))
            continue
        outside = rng.choice((None, None, 0.9))
        play_tape(seed, tape(seed, length, gaps=rng.choice((None, True)), outside=outside))
        played += length
        if played % 20_000 < length:
            pace = played / (time.monotonic() - started)
            with capsys.disabled():
                print(f"{played:>9,} commands agree ({pace:,.0f}/s), base seed {base}")  # noqa: T201


def test_difference_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken machine is caught, and the tape that shows it is small enough to read."""
    steps = tape(4, 200)
    play(steps)
    monkeypatch.setattr("tests.core.oracle.oracle.COMMANDS", _with_worse_fees())

    with pytest.raises(Difference):
        play(steps)

    told = report(4, steps)
    assert told.startswith("seed 4, ")
    assert told.count("\n+") <= 12
    assert "fee" in told


def _with_worse_fees() -> dict[str, object]:
    """Return the oracle's commands with one that charges makers an atom too much."""
    from tests.core.oracle import oracle

    place = oracle.COMMANDS["place_order"]

    def dearer(world: World, command: Command) -> None:
        before = len(world.events)
        place(world, command)
        for event in world.events[before:]:
            if event["type"] == "trade":
                event["maker"]["fee"] += "1"

    return {**oracle.COMMANDS, "place_order": dearer}


def test_shrinking_leaves_nothing_out_that_is_needed() -> None:
    """Two steps that fail only together are found among a hundred."""
    steps = [Step(0, "orders", str(number)) for number in range(100)]

    def fails(some: list[Step]) -> bool:
        return {"17", "83"} <= {step.payload for step in some}

    assert [step.payload for step in shrink(steps, fails)] == ["17", "83"]
