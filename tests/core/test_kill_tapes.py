"""The machine against the oracle while operators stop trading, and after restarts (E4)."""

from collections import Counter

from tests.core.duel import play_tapes
from tests.core.tape_kills import kills
from tests.core.test_replay import restored_after_every_command

SEEDS = range(3)
"""Few, so that the core's tests stay a matter of seconds; tests/test_oracle_tapes.py has more."""
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
        seen += restored_after_every_command(kills(seed, 150))
    assert seen[b"kill_switch"] > 20
