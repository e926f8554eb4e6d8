"""Properties of tests/core at length, with as many examples as the profile says."""

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.core.test_kernel_machine import KernelMachine
from tests.core.test_properties import accepted_and_covered, refused_without_a_trace
from tests.core.test_stop_book_machine import StopBookMachine
from tests.core.test_structures import BookMachine, IdWindowMachine, PositionBookMachine

MACHINES = (KernelMachine, StopBookMachine, BookMachine, PositionBookMachine, IdWindowMachine)


@pytest.mark.parametrize("machine", MACHINES)
def test_machine_agrees_with_its_model(machine: type[RuleBasedStateMachine]) -> None:
    """Whatever is done to it, in whatever order (A1 to E3)."""
    run_state_machine_as_test(machine, settings=settings.default)


def test_accepted_order_never_leaves_free_margin_negative() -> None:
    """Whatever it trades with, and however much of it; no price moved (C1)."""
    assert accepted_and_covered(range(104, 108)) > 200, "the tapes have become tame"


def test_refused_commands_of_a_tape_leave_the_state_as_it_was() -> None:
    """Not one bit, wherever the tape stands; but time goes on, and what waits is looked at (C1)."""
    assert refused_without_a_trace(range(200, 206)) > 300
