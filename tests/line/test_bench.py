"""The benchmark measures what it says, and checks what it measured."""

import json

import pytest

from engine.cli.bench import YARDSTICK, bench
from engine.cli.bench_checks import CheckedTwice
from engine.cli.bench_flow import limits_and_cancels, symmetric_limits
from engine.cli.bench_kernel import Run, machine_for_bench, run_kernel, run_yardstick
from engine.cli.bench_order_types import REFERENCE, WORKLOADS


def test_both_sides_trade_and_leave_the_same() -> None:
    """A fast wrong run is no run: lots traded and lots resting must agree with the yardstick."""
    before, flow = limits_and_cancels(300, 2_000, seed=3)

    ours, theirs = run_kernel(before, flow), run_yardstick(before, flow)

    assert ours[1:] == theirs[1:]
    assert ours.traded_lots > 0


def test_symmetric_flow_trades_about_as_often_as_said() -> None:
    """The flow is the one that the figures to reach are stated for: about 0.7 trades a command."""
    run = run_kernel([], symmetric_limits(4_000, seed=3))

    assert run.traded_lots > 4_000


def test_quick_run_prints_every_row_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every figure is a ratio against something run beside it; machines read it as JSON.

    A few order types stand for all: each is run in tests/cli/test_bench_order_types.py.
    """
    monkeypatch.setattr("engine.cli.bench.WORKLOADS", WORKLOADS[:3])
    assert bench(as_json=True, quick=True) == 0

    said = json.loads(capsys.readouterr().out)
    rows = said["rows"]
    kinds = [row["against"] for row in rows]
    ticks = ["1,000 safe positions"] * 3
    ledger = ["checked once, as always"]
    assert kinds == [YARDSTICK] * 3 + ledger + [REFERENCE.name] * 3 + ticks + ["pass-through"]
    assert [each["instruments"] for each in said["looks"]] == [1, 5, 20]
    assert all(0 < each["looks"] <= each["bound"] for each in said["looks"])
    for row in rows:
        assert row["orders_per_second"] > 0
        assert row["ratio_min"] <= row["ratio"] <= row["ratio_max"]


def test_disagreement_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is live: a kernel that trades another quantity fails the benchmark."""
    monkeypatch.setattr("engine.cli.bench.run_kernel", lambda *_: Run(1.0, 0, 0))

    with pytest.raises(AssertionError, match="both must trade"):
        bench(as_json=True, quick=True)


def test_ledger_that_is_checked_twice_still_finds_what_is_lost() -> None:
    """The figure is of a check that works: money that came from nowhere stops the flow (B7)."""
    machine = machine_for_bench()
    machine.kernel.state.ledger.__class__ = CheckedTwice
    machine.kernel.state.ledger.deposits += 1

    with pytest.raises(AssertionError, match="add up"):
        machine.kernel.state.ledger.check()
