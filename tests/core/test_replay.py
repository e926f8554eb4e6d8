"""The same inputs give the same bytes: in another process, and after a restart."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine.entries import decode_entry, mark_overloaded
from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture, state_hash
from tests.core.tapes import Step, tape

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from tests.core.test_replay import played
from tests.core.tapes import tape
for seed, gaps in ((3, False), (7, None), (11, None), (12, True)):
    events, hashed = played(tape(seed, 400, gaps=gaps))
    sys.stdout.buffer.write(b"\\n".join(events) + hashed.encode() + b"\\n")
"""


def advance(machine: Machine, now_us: int, step: Step) -> list[bytes]:
    """Apply one entry at its time; return its events as they are written."""
    out: list[bytes] = []
    machine.begin(now_us, out)
    inputs = decode_entry(step.stream, "1-0", step.payload.encode())
    if step.retry_ms:
        mark_overloaded(inputs, step.retry_ms)
    for index, item in enumerate(inputs):
        machine.apply(item, index, out)
    return out


def played(steps: list[Step]) -> tuple[list[bytes], str]:
    """Return all events of a tape, and the state's hash after it."""
    machine, now_us, events = Machine(), 0, list[bytes]()
    for step in steps:
        now_us += step.wait_ms * 1_000
        events += advance(machine, now_us, step)
    return events, state_hash(machine.kernel)


def test_hash_seed_changes_no_byte() -> None:
    """Nothing depends on the order of a set or on an address (D2)."""
    said = []
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", PROGRAM]
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=60
        )
        said.append(ran.stdout)

    assert said[0] == said[1] == said[2]
    assert said[0].count(b'"type":"trade"') > 40


NEEDED = (
    *(b"order_replenished", b"order_expired", b"decrement", b"reduce_only"),
    *(b"order_triggered", b"trigger_rejected", b"auction_uncrossed", b"outside_price_band"),
    *(b"oco", b"oco_spent", b"bracket", b"funding", b"swap", b"fee_tiers_set", b"leverage_set"),
    *(b"margin_brackets", b"liquidation", b"dividend", b"split", b"odd_lots"),
    *(b"takeover", b"deleveraged", b"deficit", b"liquidation_fee", b"insurance"),
)


def test_machine_restored_after_every_command_says_the_same() -> None:
    """No command depends on what a snapshot leaves out (A3 to A14, B3 to B6, D6, D7, E1)."""
    seen: Counter[bytes] = Counter()
    for seed in range(101, 140):
        if all(seen[needed] for needed in NEEDED):
            break
        steps = tape(seed, 220, gaps=seed % 2 == 0 or None)
        machine, events, now_us = Machine(), list[bytes](), 0
        for step in steps:
            now_us += step.wait_ms * 1_000
            events += advance(machine, now_us, step)
            machine = Machine(restore(list(capture(machine.kernel))))

        assert (events, state_hash(machine.kernel)) == played(steps)
        seen.update(word for event in events for word in event.split(b'"'))

    assert all(seen[needed] for needed in NEEDED), f"the tapes are tame: {seen}"


@pytest.mark.parametrize("seed", range(6))
def test_restored_machine_goes_on_with_the_same_bytes(seed: int) -> None:
    """A snapshot holds all that a rule may ask for, wherever the tape is cut (A10)."""
    steps = tape(seed, 360, gaps=seed % 2 == 0)
    machine, now_us = Machine(), 0
    for number, step in enumerate(steps):
        now_us += step.wait_ms * 1_000
        if number % 45 == 44:
            kernel = restore(list(capture(machine.kernel)))
            assert state_hash(kernel) == state_hash(machine.kernel)
            twin, then_us = Machine(kernel), now_us
            for later in steps[number : number + 45]:
                assert advance(machine, then_us, later) == advance(twin, then_us, later)
                then_us += later.wait_ms * 1_000
            assert state_hash(twin.kernel) == state_hash(machine.kernel)
            machine = Machine(restore(list(capture(twin.kernel))))
            now_us = then_us
            continue
        advance(machine, now_us, step)
