"""What it costs to check after whatever moved money that the ledger adds up (B7)."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Final

from engine.cli.bench_kernel import command_of, machine_for_bench
from risk.ledger import Ledger

if TYPE_CHECKING:
    from engine.cli.bench_flow import Step

_CHUNK: Final = 100


class CheckedTwice(Ledger):
    """A ledger that checks once more whenever it is asked to."""

    __slots__ = ()

    def check(self) -> None:
        """Check as ever, and again: what that adds is a check, its call included."""
        Ledger.check(self)
        Ledger.check(self)


def run_checked_once_and_twice(flow: list[Step]) -> tuple[float, float]:
    """Return the seconds that a flow takes a kernel as it is, and one that checks twice.

    Both play it side by side, a few commands at a time and by turns first, in time of this thread
    alone: so small a difference would be lost in whatever else the machine does.
    """
    once, twice = machine_for_bench().kernel, machine_for_bench().kernel
    twice.state.ledger.__class__ = CheckedTwice
    commands = [command_of(flow, step, place) for place, step in enumerate(flow)]
    seconds = {once: 0.0, twice: 0.0}
    gc.collect()
    gc.freeze()
    gc.disable()
    for number, start in enumerate(range(0, len(commands), _CHUNK)):
        for kernel in (once, twice) if number % 2 else (twice, once):
            began = time.thread_time()
            for command in commands[start : start + _CHUNK]:
                kernel.apply(command)
            seconds[kernel] += time.thread_time() - began
    gc.enable()
    gc.unfreeze()
    return seconds[once], seconds[twice]
