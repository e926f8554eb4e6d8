"""The machine against the oracle while operators stop trading, and after restarts (E4)."""

from collections import Counter

from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture, state_hash
from tests.core.duel import play_tapes
from tests.core.tape_kills import kills
from tests.core.test_replay import advance, played

SEEDS = range(8)
RESTARTED = range(20, 22)


def test_machine_agrees_on_what_is_stopped() -> None:
    """Switches of every scope and mode, among orders of every kind (E4)."""
    seen = play_tapes(kills, SEEDS)

    for word in (
        *("kill_switch", "rejected by a switch", "cancelled by kill_switch", "flatten"),
        *("heartbeat_missed", "cancelled by heartbeat", "no_such_switch", "invalid_switch"),
    ):
        assert seen[word] >= 3, f"{word} came up {seen[word]} times: the tapes are tame"


def test_stopped_machine_restored_after_every_command_says_the_same() -> None:
    """A snapshot holds every switch and everything that it has begun (E4)."""
    seen: Counter[bytes] = Counter()
    for seed in RESTARTED:
        steps = kills(seed, 150)
        machine, events, now_us = Machine(), list[bytes](), 0
        for step in steps:
            now_us += step.wait_ms * 1_000
            events += advance(machine, now_us, step)
            machine = Machine(restore(list(capture(machine.kernel))))

        assert (events, state_hash(machine.kernel)) == played(steps)
        seen.update(word for event in events for word in event.split(b'"'))
    assert seen[b"kill_switch"] > 20
