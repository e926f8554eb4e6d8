"""What it costs to check after whatever moved money that the ledger adds up (B7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli.bench_kernel import run_kernel
from risk.ledger import Ledger

if TYPE_CHECKING:
    from engine.cli.bench_flow import Step
    from engine.kernel import Kernel


class CheckedTwice(Ledger):
    """A ledger that checks once more whenever it is asked to."""

    __slots__ = ()

    def check(self) -> None:
        """Check as ever, and again: what that adds is a check, its call included."""
        Ledger.check(self)
        Ledger.check(self)


def run_checked_twice(flow: list[Step]) -> float:
    """Return the seconds of a flow whose kernel checks the ledger once more each time."""
    return run_kernel([], flow, _check_twice).seconds


def _check_twice(kernel: Kernel) -> None:
    kernel.state.ledger.__class__ = CheckedTwice
