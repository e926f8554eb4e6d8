"""The benchmark's workloads do what they say, and the costs they show grow no faster than meant.

Times differ from run to run; the lines of Python that a command executes do not.
"""

import statistics
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from engine.cli.bench import order_type_row
from engine.cli.bench_flow import MID_TICKS
from engine.cli.bench_kernel import SYMBOL
from engine.cli.bench_order_types import REFERENCE, WORKLOADS, Workload
from engine.cli.bench_script import Outcome, Script, begin, run_script
from engine.cli.bench_ticks import kernel_with_positions
from engine.kernel import Kernel
from risk.messages import Tick

SCALE = 50


@pytest.mark.parametrize("workload", [REFERENCE, *WORKLOADS], ids=lambda each: each.titled(1))
def test_workload_comes_to_what_it_says(workload: Workload) -> None:
    """Fills, preventions, peaks, resting and armed orders are checked in each run."""
    script = workload.script(SCALE)

    assert script.operations >= 4, "too small to show anything"
    assert run_script(script) > 0


@pytest.mark.parametrize("what", Outcome._fields)
def test_workload_that_comes_to_something_else_is_no_figure(what: str) -> None:
    """A fast wrong run is no run: one trade, order or refusal more, and it fails."""
    script = REFERENCE.script(SCALE)
    wrong = script.outcome._replace(**{what: getattr(script.outcome, what) + 1})

    with pytest.raises(AssertionError, match="must come to"):
        run_script(script._replace(outcome=wrong))


def test_workload_whose_beginning_is_refused_is_no_figure() -> None:
    """Measured on another state than meant, a figure would mean nothing."""
    script = REFERENCE.script(SCALE)

    with pytest.raises(AssertionError, match="Rejected"):
        begin(script._replace(before=script.before * 2 + script.flow[1:2]))


def test_figure_is_a_ratio_against_plain_limits_and_cancels() -> None:
    """Machines differ, ratios of two runs side by side hardly do."""
    row = order_type_row(WORKLOADS[0], 3, SCALE)

    assert row["question"] == "order types, plain trades"
    assert row["against"] == "plain limits/cancels"
    assert row["ratio_min"] <= row["ratio"] <= row["ratio_max"]
    assert row["orders_per_second"] > 0


def test_cancel_costs_the_same_in_a_long_queue() -> None:
    """An order leaves its level by its neighbours: O(1) (A1)."""
    assert lines("cancels in a level of {size}", 3_000) == lines("cancels in a level of {size}", 10)


def test_arming_among_many_costs_hardly_more() -> None:
    """Queues of armed orders are sorted: O(log n) (A11)."""
    name = "stops armed and cancelled, {size} armed"

    assert lines(name, 4_000) <= lines(name, 100) * 1.2


def test_trade_that_reaches_no_stop_looks_at_none_of_them() -> None:
    """Only the first of each queue is asked, however many wait behind it (A11)."""
    name = "trades that reach none of {size} stops"

    assert lines(name, 3_000) == lines(name, 1)


def test_trailing_stop_that_follows_costs_hardly_more_among_many() -> None:
    """A new extreme moves those that follow, and looks at no others (A12)."""
    name = "trailing stops that follow, {size} armed"

    assert lines(name, 4_000) <= lines(name, 100) * 1.2


def lines(name: str, size: int) -> float:
    """Return the median of lines of Python that a command of a workload executes, by twos."""
    workload = next(each for each in WORKLOADS if each.name == name)
    script = workload.write(200, size)
    counts = lines_executed(script)
    pairs = [one + other for one, other in zip(counts[::2], counts[1::2], strict=True)]
    return statistics.median(pairs)


def lines_executed(script: Script, kernel: Kernel | None = None) -> list[int]:
    """Return how many lines each measured command of a script executes."""
    kernel = kernel or begin(script)
    counts = []
    for command in script.flow:
        count = 0

        def tell(_frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            nonlocal count
            count += event == "line"
            return tell

        before = sys.gettrace()
        sys.settrace(tell)
        try:
            kernel.apply(command)
        finally:
            sys.settrace(before)
        counts.append(count)
    return counts


def test_tick_over_many_safe_positions_executes_no_more_lines() -> None:
    """However many positions the price cannot hurt, it looks at none of them (D9)."""
    few, many = (kernel_with_positions(size) for size in (10, 2_000))
    few.check()
    many.check()
    script = Script(
        [], [Tick(SYMBOL, MID_TICKS, MID_TICKS + 2 + n) for n in range(4)], Outcome(), 4
    )

    assert lines_executed(script, few)[1:] == lines_executed(script, many)[1:]
