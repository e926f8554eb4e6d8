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
    running = []
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", PROGRAM]
        running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE))
    said = [process.communicate(timeout=60)[0] for process in running]

    assert [process.returncode for process in running] == [0, 0, 0]
    assert said[0] == said[1] == said[2]
    assert said[0].count(b'"type":"trade"') > 40


def restored_after_every_command(steps: list[Step]) -> Counter[bytes]:
    """Play a tape with a restart after each command; return how often each word was said."""
    machine, events, now_us = Machine(), list[bytes](), 0
    for step in steps:
        now_us += step.wait_ms * 1_000
        events += advance(machine, now_us, step)
        machine = Machine(restore(list(capture(machine.kernel))))

    assert (events, state_hash(machine.kernel)) == played(steps)
    return Counter(word for event in events for word in event.split(b'"'))


def test_machine_restored_after_every_command_says_the_same() -> None:
    """No command depends on what a snapshot leaves out (A3 to A14, B3 to B6, D6, D7, E1).

    tests/test_restarts.py goes on until everything has come up.
    """
    seen = restored_after_every_command(tape(101, 220))
    seen += restored_after_every_command(tape(102, 220, gaps=True))

    assert min(seen[b"trade"], seen[b"liquidation"], seen[b"order_triggered"]) > 0


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
