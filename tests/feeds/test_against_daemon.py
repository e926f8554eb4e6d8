"""The commands that speak to a daemon, against a real one."""

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from engine.cli.demo import DemoOptions, demo
from engine.cli.failure import CommandError
from engine.cli.feed import FeedOptions, feed
from engine.cli.feed_report import FeedReport
from engine.cli.send import send
from engine.cli.tail import TailOptions, tail
from engine.connections import Connections
from tests.feeds.running_daemon import SHARD, RunningDaemon

HEADER = "id,timestamp,exchange.timestamp,price,volume,action,direction\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """Run one daemon for the tests of this file; each keeps to its own accounts and files."""
    running = RunningDaemon(tmp_path_factory.mktemp("daemon") / "state")
    asyncio.run(running.start())
    yield running
    assert running.stop() == 0


@pytest.fixture
async def crashing(tmp_path: Path) -> AsyncIterator[RunningDaemon]:
    """Run a daemon that a test may kill."""
    running = RunningDaemon(tmp_path / "state")
    await running.start()
    yield running
    running.kill()


def quiet() -> Console:
    """Return a console that nobody looks at."""
    return Console(file=io.StringIO(), width=200)


def recording(path: Path, orders: int) -> Path:
    """Write a recording of orders that rest, trade, change and go; a millisecond apart."""
    dice = random.Random(5)
    rows = []
    for number in range(orders):
        price = f"{236 + dice.randrange(-30, 30) / 100:.2f}"
        side = dice.choice(("bid", "ask"))
        rows.append(f"{1_000 + number},T,0,{price},{dice.randrange(10**9)},created,{side}")
        if dice.random() < 0.2:
            rows.append(f"{1_000 + number},T,0,{price},{dice.randrange(10**8)},changed,{side}")
        if dice.random() < 0.7:
            rows.append(f"{1_000 + dice.randrange(number + 1)},T,0,{price},0,deleted,{side}")
    stamped = (row.replace("T", str(1_000 + place)) for place, row in enumerate(rows))
    path.write_text(HEADER + "\n".join(stamped) + "\n")
    return path


async def submit(daemon: RunningDaemon, *commands: Any) -> list[Any]:
    """Send commands and return the events they caused."""
    out = io.StringIO()
    lines = [each if isinstance(each, str) else json.dumps(each) for each in commands]
    sent = await send(lines, await daemon.connections(), SHARD, out)
    assert sent == len(lines)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def sound(report: FeedReport) -> None:
    """Fail where an entry was not applied exactly once."""
    assert report.unaccounted == 0
    for counts in report.kinds.values():
        assert counts["applied"] == counts["sent"]


async def test_send_prints_what_each_command_caused(daemon: RunningDaemon) -> None:
    """An account, money and an order in one file, although they go to two streams."""
    events = await submit(
        daemon,
        {"type": "create_account", "account": "sender"},
        {"type": "deposit", "account": "sender", "amount": "100", "transfer_id": "sender-1"},
        {"type": "cancel_all", "account": "sender"},
        {"type": "cancel_order", "account": "sender", "client_order_id": "none"},
        {"type": "withdraw", "account": "sender", "amount": "40", "transfer_id": "sender-2"},
    )

    assert [event["type"] for event in events] == [
        "account_created",
        "balance_changed",
        "rejected",
        "balance_changed",
    ]
    assert events[2]["reason"] == "unknown_order"
    assert events[3]["balance"] == "60"
    assert [event["frame"] for event in events] == sorted(event["frame"] for event in events)


async def test_send_gives_malformed_lines_to_the_engine(daemon: RunningDaemon) -> None:
    """The engine numbers what is wrong, also where it is no command at all."""
    events = await submit(
        daemon,
        "hello",
        '{"type":"make_me_rich"}',
        '{"type":"l1","symbol":"S","bid":"5","ask":"4"}',
        '{"type":"deposit","account":"sender","amount":1.5,"transfer_id":"x"}',
    )

    assert [event["reason"] for event in events] == [
        "malformed_json",
        "unknown_command",
        "crossed_tick",
        "wrong_type",
    ]
    assert [event["stream"] for event in events] == ["orders", "orders", "ticks", "admin"]


async def test_send_without_a_consumer_says_so(connections: Connections, shard: str) -> None:
    """A stream that nobody reads must not look like an engine without opinions."""
    with pytest.raises(CommandError, match="no daemon consumed") as refused:
        await send(['{"type":"cancel_all","account":"a"}'], connections, shard, io.StringIO(), 0.3)
    assert refused.value.exit_code == 69


async def test_tail_follows_what_happens(daemon: RunningDaemon) -> None:
    """A follower sees an event within the moment, and only what it asked for."""
    out = io.StringIO()
    options = TailOptions(start=-1, follow=True, account="tailed", type="account_created")
    following = asyncio.create_task(tail(options, await daemon.connections(), SHARD, out))
    await asyncio.sleep(0.1)

    await submit(
        daemon,
        {"type": "create_account", "account": "other"},
        {"type": "create_account", "account": "tailed"},
    )
    await asyncio.sleep(0.2)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    [event] = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (event["type"], event["account"]) == ("account_created", "tailed")
    assert event["time_us"] > 0


async def test_a_fed_file_is_reported_by_kind_and_goes_in_once(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    """A second run of the same file finds everything there and reports the same."""
    path = recording(tmp_path / "once.csv", 600)
    options = FeedOptions(path, "bitstamp-orders", symbol="ONCE")
    rows = path.read_text().splitlines()[1:]

    first = await feed(options, await daemon.connections(), SHARD, quiet())
    second = await feed(options, await daemon.connections(), SHARD, quiet())

    sound(first)
    assert first.kinds["created"]["accepted"] == 600
    assert first.kinds["created"]["trades"] > 50
    assert first.sent == len(rows)
    assert (first.resumed_at, second.resumed_at) == (0, len(rows))
    assert second.kinds == first.kinds


async def test_a_longer_file_of_the_same_name_goes_on(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    """A recording that grows is fed again and only its new entries are written."""
    path = recording(tmp_path / "grows.csv", 100)
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:60]))
    options = FeedOptions(path, "bitstamp-orders", symbol="GROWS")
    await feed(options, await daemon.connections(), SHARD, quiet())

    path.write_text(whole)
    report = await feed(options, await daemon.connections(), SHARD, quiet())

    sound(report)
    assert report.resumed_at == 59
    assert report.sent == whole.count("\n") - 1


async def test_a_shorter_file_under_the_same_name_is_refused(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    """Another file would be half skipped, half played."""
    path = recording(tmp_path / "shrinks.csv", 50)
    options = FeedOptions(path, "bitstamp-orders", symbol="SHRINKS")
    await feed(options, await daemon.connections(), SHARD, quiet())

    path.write_text(HEADER + "1,2,3,236,1000,created,bid\n")
    with pytest.raises(CommandError, match="another file was fed under this name") as refused:
        await feed(options, await daemon.connections(), SHARD, quiet())
    assert refused.value.exit_code == 65


async def test_ticks_and_orders_of_one_file_go_to_two_streams(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    """A file of our own commands brings its set-up, its prices and its orders."""
    commands: list[dict[str, Any]] = [
        {"type": "create_instrument", "symbol": "OWN", "tick_size": "0.01", "lot_size": "1"},
        {"type": "create_account", "account": "own"},
        {"type": "deposit", "account": "own", "amount": "1000000", "transfer_id": "own-1"},
        {"type": "l1", "symbol": "OWN", "bid": "99", "ask": "101", "ts": 1},
        *(
            {"type": "cancel_order", "account": "own", "client_order_id": f"o{number}", "ts": 2}
            for number in range(700)
        ),
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in commands))

    report = await feed(FeedOptions(path, "jsonl"), await daemon.connections(), SHARD, quiet())

    sound(report)
    assert report.streams == ["orders:feed-own.jsonl.jsonl", "ticks:feed-own.jsonl.jsonl"]
    assert report.kinds["l1"] == {"sent": 1, "applied": 1}
    assert report.kinds["cancel_order"]["rejected: 203 unknown_order"] == 700


async def test_a_set_up_that_is_refused_stops_the_feed(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    """Orders on an instrument that could not be created would all be refused."""
    path = tmp_path / "bad.jsonl"
    path.write_text('{"type":"deposit","account":"nobody","amount":"1","transfer_id":"b1"}\n')

    with pytest.raises(CommandError, match=r"set-up refused.*unknown_account") as refused:
        await feed(FeedOptions(path, "jsonl"), await daemon.connections(), SHARD, quiet())
    assert refused.value.exit_code == 66


async def test_a_feed_survives_the_death_of_the_daemon(
    crashing: RunningDaemon, tmp_path: Path
) -> None:
    """Killed twice in the middle, every entry is still applied exactly once."""
    path = recording(tmp_path / "killed.csv", 3_000)
    options = FeedOptions(path, "bitstamp-orders", speed=1.5)  # about 4 s
    feeding = asyncio.create_task(
        feed(options, await crashing.connections(), SHARD, quiet(), crashing.connections)
    )
    for _ in range(2):
        await asyncio.sleep(1.0)
        crashing.kill()
        assert not feeding.done()
        await crashing.start()
    report = await feeding

    sound(report)
    assert report.kinds["created"]["accepted"] == 3_000
    assert report.sent == path.read_text().count("\n") - 1


async def test_a_feed_that_was_killed_goes_on_and_counts_all(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    """Whoever runs it again gets the report of the whole, as if nothing had happened."""
    path = recording(tmp_path / "resumed.csv", 1_000)
    options = FeedOptions(path, "bitstamp-orders", symbol="RESUMED", speed=1.0)
    feeding = asyncio.create_task(feed(options, await daemon.connections(), SHARD, quiet()))
    await asyncio.sleep(1.0)
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)

    options = FeedOptions(path, "bitstamp-orders", symbol="RESUMED")
    report = await feed(options, await daemon.connections(), SHARD, quiet())

    sound(report)
    assert 0 < report.resumed_at < report.sent
    assert report.kinds["created"]["accepted"] == 1_000


async def test_the_demonstration_agrees_with_postgres_and_finds_its_books_again(
    daemon: RunningDaemon,
) -> None:
    """What `DEMO_SECONDS=20 make run` promises, twice."""
    for run in (1, 2):
        console = Console(file=io.StringIO(), width=200)
        options = DemoOptions(seconds=2.5, per_second=800)
        code = await demo(options, await daemon.connections(), SHARD, asyncio.Event(), console)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert code == 0, text
        assert "they agree" in text
        assert "writer lag" in text
        if run == 2:
            assert "resting orders as they stood at frame" in text
