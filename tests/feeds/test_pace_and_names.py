"""A feed's pace, its streams' names, and the figures that the demonstration shows."""

import time
from pathlib import Path

import pytest

from engine.cli.demo import DemoOptions
from engine.cli.failure import CommandError
from engine.cli.feed import FeedOptions, feed_name
from engine.cli.feed_run import Pacer
from engine.cli.latency import WINDOW, Latency
from feeds.sources.record import Record


def record(time_ms: int | None) -> Record:
    """Build a record of that time."""
    return Record("l1", {"type": "l1"}, time_ms)


def test_pace_follows_the_recorded_times() -> None:
    """Ten recorded seconds at speed 5 take two."""
    pacer = Pacer(5.0)

    assert pacer.delay_seconds(record(1_000)) <= 0
    assert pacer.delay_seconds(record(11_000)) == pytest.approx(2.0, abs=0.1)
    assert pacer.delay_seconds(record(None)) == 0
    assert pacer.delay_seconds(Record("depth", None, 99_000)) == 0


def test_without_a_speed_nothing_waits() -> None:
    """As fast as it goes is the default."""
    pacer = Pacer(0.0)

    assert pacer.delay_seconds(record(1_000)) == 0
    assert pacer.delay_seconds(record(99_000)) == 0


@pytest.mark.parametrize(
    ("file", "symbol", "name"),
    [
        ("a.csv.xz", None, "a.csv.xz.jsonl"),
        ("a.csv.xz", "S", "a.csv.xz.jsonl.S"),
        ("my file (1).csv", None, "my_file__1_.csv.jsonl"),
        ("ü.csv", None, "_.csv.jsonl"),
    ],
)
def test_a_feed_is_named_after_file_format_and_symbol(
    file: str, symbol: str | None, name: str
) -> None:
    """The same entries under the same ids is what a stream stands for."""
    assert feed_name(FeedOptions(Path("/data") / file, "jsonl", symbol)) == name


def test_long_names_are_cut_and_stay_apart() -> None:
    """A stream's name is an identifier of at most 64 characters."""
    names = {feed_name(FeedOptions(Path("x" * 200 + end), "jsonl")) for end in "ab"}

    assert len(names) == 2
    assert all(len(f"feed-{name}") <= 64 for name in names)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_wrong_demo_time_names_the_variable(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """`DEMO_SECONDS=2O` must not run for ever."""
    monkeypatch.setenv("DEMO_SECONDS", text)

    with pytest.raises(CommandError, match="DEMO_SECONDS is ") as refused:
        DemoOptions.from_environment()
    assert refused.value.exit_code == 2


def test_demo_time_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`DEMO_SECONDS=20 make run` stops by itself; without it the market goes on."""
    monkeypatch.setenv("DEMO_SECONDS", "20")
    assert DemoOptions.from_environment().seconds == 20
    monkeypatch.delenv("DEMO_SECONDS")
    assert DemoOptions.from_environment().seconds is None


def test_latency_counts_the_first_answer_to_orders_of_ours() -> None:
    """Others' orders, and later events of an order, are no answers to us."""
    latency = Latency()
    latency.sent(["a", "b", "c"])
    time.sleep(0.02)

    latency.observe(
        [
            {"type": "order_accepted", "client_order_id": "a"},
            {"type": "rejected", "client_order_id": "b"},
            {"type": "rejected"},
            {"type": "order_cancelled", "client_order_id": "c"},
            {"type": "order_accepted", "client_order_id": "other"},
        ]
    )

    assert latency.unanswered == 1
    p50, p99 = latency.milliseconds(50, 99)
    assert 20 <= p50 <= p99 < 2_000


def test_latency_without_answers_is_nought_and_memory_is_bounded() -> None:
    """A demonstration may run for days."""
    latency = Latency()
    assert latency.milliseconds(50, 99) == [0.0, 0.0]
    for number in range(WINDOW + 10):
        latency.sent([str(number)])
        latency.observe([{"type": "order_accepted", "client_order_id": str(number)}])
    assert len(latency._seconds) == WINDOW
