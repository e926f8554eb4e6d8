"""More of the tapes of tests/core/test_oracle.py, which is to stay a matter of seconds."""

from functools import partial

from tests.core.duel import play_tapes
from tests.core.tapes import tape
from tests.core.test_oracle import COMMANDS, SEEDS

MORE_SEEDS = range(SEEDS.stop, SEEDS.stop + 60)


def test_machine_agrees_with_the_oracle_on_more_tapes() -> None:
    """With those of the core, over 50,000 commands of all types (A1 to E3)."""
    assert (len(SEEDS) + len(MORE_SEEDS)) * COMMANDS > 50_000

    seen = play_tapes(partial(tape, length=COMMANDS), MORE_SEEDS)

    assert seen["trade"] > 1_000
