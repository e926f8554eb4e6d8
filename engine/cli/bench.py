"""`pitboss bench`: figures, each a ratio against something run beside it."""

from __future__ import annotations

import asyncio
import json
import math
import platform
import statistics
import sys
from importlib import metadata
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from engine.cli.bench_checks import run_checked_once_and_twice
from engine.cli.bench_flow import limits_and_cancels, symmetric_limits
from engine.cli.bench_kernel import Run, run_kernel, run_yardstick
from engine.cli.bench_line import run_line
from engine.cli.bench_looks import INSTRUMENTS, approach, most_looks
from engine.cli.bench_order_types import REFERENCE, WORKLOADS, Workload
from engine.cli.bench_script import run_script
from engine.cli.bench_ticks import SIZES, kernel_with_positions, run_ticks
from engine.cli.failure import CommandError
from engine.cli.options import wide_console
from engine.exits import BAD_USAGE

SEED = 20240808
ROUNDS = 5
YARDSTICK = "lightmatchingengine"
Row = dict[str, Any]


def bench(*, as_json: bool, quick: bool = False) -> int:
    """Run every benchmark and print a table, or JSON; return the exit code.

    A round runs both sides of a comparison in turn; the median round is reported.
    """
    try:
        metadata.version(YARDSTICK)
    except metadata.PackageNotFoundError:
        raise CommandError(
            f"the yardstick is missing: pip install {YARDSTICK} (it comes with `make setup`)",
            BAD_USAGE,
        ) from None
    rounds, scale = (1, 10) if quick else (ROUNDS, 1)
    rows: list[Row] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("")
        for name, resting in (("2,000 resting", 2_000), ("50,000 resting", 50_000)):
            progress.update(task, description=f"kernel: limits and cancels, {name}")
            before, flow = limits_and_cancels(resting // scale, 20_000 // scale, SEED)
            rows.append(_kernel_row(f"limits/cancels, {name}", before, flow, rounds))
        progress.update(task, description="kernel: symmetric limits")
        limits = symmetric_limits(40_000 // scale, SEED)
        rows.append(_kernel_row("symmetric limits", [], limits, rounds))
        progress.update(task, description="kernel: the ledger checked twice")
        rows.append(_ledger_row(limits, rounds))
        for workload in WORKLOADS:
            progress.update(task, description=f"order types: {workload.titled(scale)}")
            rows.append(order_type_row(workload, rounds, scale))
        progress.update(task, description="ticks over safe positions")
        rows += _tick_rows(rounds, scale)
        progress.update(task, description="looks on the way to a margin call")
        looks = [_looks(number) for number in INSTRUMENTS]
        progress.update(task, description="the whole line: daemon and pass-through")
        before, flow = limits_and_cancels(2_000 // scale, 60_000 // scale, SEED)
        rows += [_line_row([*before, *flow], rounds)]
    machine = f"{platform.machine()}, {platform.python_implementation()} {sys.version.split()[0]}"
    if as_json:
        result = {"machine": machine, "seed": SEED, "rounds": rounds, "rows": rows, "looks": looks}
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        wide_console().print(_table(rows, machine))
        wide_console().print(_looks_table(looks))
    return 0


def _kernel_row(name: str, before: list[Any], flow: list[Any], rounds: int) -> Row:
    """Compare the kernel with the yardstick, and check that both left the same."""
    pairs: list[tuple[Run, Run]] = []
    for _ in range(rounds):
        ours, theirs = run_kernel(before, flow), run_yardstick(before, flow)
        assert ours[1:] == theirs[1:], "both must trade and leave the same"
        pairs.append((ours, theirs))
    rates = [(len(flow) / ours.seconds, len(flow) / theirs.seconds) for ours, theirs in pairs]
    return _row("kernel, " + name, YARDSTICK, rates)


def _ledger_row(flow: list[Any], rounds: int) -> Row:
    """Compare a kernel that checks its ledger twice after each trade with the kernel as it is."""
    rates = []
    for _ in range(rounds):
        once, twice = run_checked_once_and_twice(flow)
        rates.append((len(flow) / twice, len(flow) / once))
    return _row("kernel, ledger checked twice", "checked once, as always", rates)


def _looks(instruments: int) -> Row:
    """Return how often accounts were looked at while one of their prices fell to the call."""
    way = approach(instruments)
    return {
        "instruments": instruments,
        "percent": way.percent,
        "looks": way.looks // way.holders,
        "looks_per_percent": round(way.looks_per_percent, 3),
        "bound": math.floor(most_looks(instruments, way.half_ticks)),
    }


def order_type_row(workload: Workload, rounds: int, scale: int) -> Row:
    """Compare a workload with plain limits and cancels, run before it in each round."""
    plain = REFERENCE.script(scale)
    script = workload.script(scale)
    rates: list[tuple[float, float]] = []
    for _ in range(rounds):
        theirs = run_script(plain)
        rates.append((run_script(script), theirs))
    return _row("order types, " + workload.titled(scale), REFERENCE.name, rates)


def _tick_rows(rounds: int, scale: int) -> list[Row]:
    """Compare ticks over many safe positions with ticks over few."""
    few = kernel_with_positions(SIZES[0])
    rows: list[Row] = []
    for size in SIZES[1:]:
        many = kernel_with_positions(size // scale)
        rates = [(run_ticks(many), run_ticks(few)) for _ in range(rounds)]
        question = f"ticks, {size // scale:,} safe positions"
        rows.append(_row(question, f"{SIZES[0]:,} safe positions", rates))
    return rows


def _line_row(flow: list[Any], rounds: int) -> Row:
    """Compare the daemon with the pass-through."""
    rates = []
    for _ in range(min(rounds, 3)):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            run = runner.run(run_line(flow))
        rates.append((run.engine_rate, run.pass_through_rate))
    return _row("end to end", "pass-through", rates)


def _row(question: str, against: str, rates: list[tuple[float, float]]) -> Row:
    ratios = sorted(ours / theirs for ours, theirs in rates)
    return {
        "question": question,
        "against": against,
        "orders_per_second": round(statistics.median(ours for ours, _ in rates)),
        "against_per_second": round(statistics.median(theirs for _, theirs in rates)),
        "ratio": round(statistics.median(ratios), 4),
        "ratio_min": round(ratios[0], 4),
        "ratio_max": round(ratios[-1], 4),
    }


def _table(rows: list[Row], machine: str) -> Table:
    table = Table(
        title="pitboss bench: full risk, one core, median of rounds run in turn",
        caption=f"{machine}; end to end is from the stream to the acknowledged frame",
    )
    table.add_column("what", no_wrap=True)
    for name in ("orders/s", "beside it", "orders/s", "ratio", "min to max"):
        table.add_column(name, justify="right")
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before["against"] != row["against"]:
            table.add_section()
        table.add_row(
            row["question"],
            f"{row['orders_per_second']:,}",
            row["against"],
            f"{row['against_per_second']:,}",
            f"{row['ratio']:.3f}",
            f"{row['ratio_min']:.3f} to {row['ratio_max']:.3f}",
        )
    return table


def _looks_table(looks: list[Row]) -> Table:
    table = Table(title="looks at an account, until one price of its instruments brings the call")
    for name in ("instruments", "percent", "looks", "bound", "looks_per_percent"):
        table.add_column(name.replace("_", " "), justify="right")
    for row in looks:
        table.add_row(*(str(row[str(column.header).replace(" ", "_")]) for column in table.columns))
    return table
