"""What a test does to a daemon from inside before it runs: named in FAULT_HARM, and never else."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engine.kernel import Kernel
from engine.machine import Machine
from engine.messages import Input
from matching.id_window import IdWindow
from tests.faults.points import die_at_a_point
from tests.line.test_poison import poison


def do_harm(environment: Mapping[str, str]) -> None:
    """Change this process as FAULT_HARM says: a name, and words for it."""
    name, *words = environment.get("FAULT_HARM", "").split() or [""]
    if name:
        _HARMS[name](*words)


def _raise_on_poison() -> None:
    poison(pytest.MonkeyPatch())


def _run_out_of_memory() -> None:
    poison(pytest.MonkeyPatch(), MemoryError)


def _raise_in_a_timer() -> None:
    """Make the kernel raise when a timer is due, once it has changed half of the state."""
    begin = Kernel.begin

    def broken(self: Kernel, now_us: int) -> list[Any]:
        deadline_us = self.next_deadline_us()
        is_due = deadline_us is not None and deadline_us <= now_us
        events = begin(self, now_us)
        if is_due:
            raise ZeroDivisionError
        return events

    pytest.MonkeyPatch().setattr(Kernel, "begin", broken)


def _compute_otherwise(word: str) -> None:
    """Let events that hold a word hold another one: a bug, or a flipped bit in memory."""
    apply = Machine.apply

    def differently(machine: Machine, item: Input, index: int, out: list[bytes]) -> None:
        apply(machine, item, index, out)
        out[-1] = out[-1].replace(word.encode(), word[::-1].encode())

    pytest.MonkeyPatch().setattr(Machine, "apply", differently)


def _keep_fewer_ids(most: str) -> None:
    """Make the window of client order ids smaller, so that it is full sooner."""
    patch = pytest.MonkeyPatch()
    patch.setattr(IdWindow.__init__, "__defaults__", (int(most),))
    patch.setattr("matching.id_window.ID_WINDOW_MAX", int(most))


_HARMS: dict[str, Callable[..., None]] = {
    "points": die_at_a_point,
    "poison": _raise_on_poison,
    "memory": _run_out_of_memory,
    "timer": _raise_in_a_timer,
    "otherwise": _compute_otherwise,
    "ids": _keep_fewer_ids,
}
