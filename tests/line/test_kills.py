"""A daemon that is killed in the middle ends where one that was never killed ends."""

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from engine.cli.feed import FeedOptions, feed
from engine.cli.feed_report import FeedReport
from engine.cli.journal_reader import journal_top
from engine.connections import Connections
from persistence.cursor import read_cursor
from tests.feeds.running_daemon import ROOT, SHARD, RunningDaemon
from tests.feeds.test_against_daemon import recording
from tests.line.outcome import Outcome, outcome

BITSTAMP = ROOT.parent / "shared" / "data" / "bitstamp-btcusd-20150501-orders.csv.xz"
WRITER_SECONDS = 30.0


@pytest.mark.long
async def test_kills_change_nothing(tmp_path: Path) -> None:
    """Books, queues, money and fills are those of an uninterrupted run (generated flow)."""
    path = recording(tmp_path / "orders.csv", orders=6_000)

    await same_after_kills(tmp_path, path, kills=3)


@pytest.mark.skipif(not BITSTAMP.exists(), reason="the recorded order flow is not on this machine")
async def test_kills_change_nothing_on_real_order_flow(tmp_path: Path) -> None:
    """The same on 50,414 recorded events, every one of them applied exactly once."""
    report = await same_after_kills(tmp_path, BITSTAMP, kills=3)

    assert report.unaccounted == 0
    assert report.sent == 50_414


async def same_after_kills(tmp_path: Path, path: Path, kills: int) -> FeedReport:
    """Play a recording twice, once with `kill -9` on the daemon, and compare what is left."""
    undisturbed, _ = await play(tmp_path / "undisturbed", path, kills=0)
    disturbed, report = await play(tmp_path / "disturbed", path, kills=kills)

    assert disturbed.fills, "a flow that does not trade proves nothing"
    assert disturbed == undisturbed
    return report


async def play(directory: Path, path: Path, kills: int) -> tuple[Outcome, FeedReport]:
    """Feed a recording to a daemon that is killed and restarted so often on the way."""
    daemon = RunningDaemon(directory / "state")
    await daemon.start()
    quiet = Console(file=io.StringIO())
    options = FeedOptions(path, "bitstamp-orders", symbol="BTCUSD")
    feeding = asyncio.create_task(
        feed(options, await daemon.connections(), SHARD, quiet, daemon.connections)
    )
    for _ in range(kills):
        await let_frames_pass(daemon, 4)
        assert not feeding.done(), "the kill must come in the middle"
        daemon.kill()
        await daemon.start()
    report = await feeding
    connections = await daemon.connections()
    await writer_at_top(connections)
    left = await outcome(connections, SHARD)
    assert daemon.stop() == 0
    return left, report


async def let_frames_pass(daemon: RunningDaemon, frames: int) -> None:
    """Wait until the journal has grown by so many frames."""
    link = await (await daemon.connections()).redis()
    start = await journal_top(link, SHARD)
    assert start is not None
    while True:
        top = await journal_top(link, SHARD)
        assert top is not None
        if top.n >= start.n + frames:
            break
        await asyncio.sleep(0.002)
    await link.close()


async def writer_at_top(connections: Connections) -> None:
    """Wait until Postgres has everything that the journal has."""
    link, database = await connections.redis(), await connections.postgres()
    top = await journal_top(link, SHARD)
    assert top is not None
    async with asyncio.timeout(WRITER_SECONDS):
        while True:
            cursor = await read_cursor(database, SHARD)
            if cursor is not None and cursor.frame >= top.n:
                break
            await asyncio.sleep(0.05)
    await link.close()
    await database.close()
