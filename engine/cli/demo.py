"""`pitboss run --demo`: a synthetic market, shown live, and checked against Postgres at its end."""

import asyncio
import os
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from rich.console import Console
from rich.live import Live

from engine.cli.demo_driver import DemoDriver
from engine.cli.demo_screen import Pulse, plain_line, screen
from engine.cli.demo_summary import Summary
from engine.cli.failure import CommandError
from engine.cli.journal_reader import JournalGap, JournalReader, journal_oldest, journal_top
from engine.cli.latency import Latency
from engine.cli.market_seed import view_of
from engine.cli.market_view import MarketView
from engine.cli.reach import Reach, Reopen
from engine.cli.streams import entry_id
from engine.cli.writer_progress import WriterProgress
from engine.connections import Connections, LinkLost
from engine.exits import BAD_USAGE, NO_DAEMON
from engine.replay import latest_snapshot
from feeds.synthetic import SyntheticMarket
from persistence.snapshot_store import SnapshotStore

HISTORY_FRAMES: Final = 10_000
"""A journal of so many frames is read whole to find the books of an earlier run."""

_BLOCK_MS: Final = 500
_LINE_SECONDS: Final = 2.0
_FRAME_SECONDS: Final = 0.25
_CONSUME_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How long (None: until told to stop), how many commands a second, which market."""

    seconds: float | None = None
    per_second: float = 2_000.0
    seed: int = 1

    @classmethod
    def from_environment(cls) -> Self:
        """Read `DEMO_SECONDS`. Raises CommandError where it is no positive number."""
        text = os.environ.get("DEMO_SECONDS", "").strip()
        if not text:
            return cls()
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < 10**9:
            raise CommandError(
                f"DEMO_SECONDS is {text!r}: give a positive number of seconds", BAD_USAGE
            )
        return cls(seconds=seconds)


async def demo(
    options: DemoOptions,
    connections: Connections,
    shard: str,
    stop: asyncio.Event,
    console: Console,
    reopen: Reopen | None = None,
) -> int:
    """Drive and show the market until `stop` is set or its time is over; return the exit code.

    0 where the fills in Postgres are those of the journal, else 1. Raises CommandError.
    """
    run = _Demo(options, Reach(connections, reopen), shard, console)
    try:
        return await run.play(stop)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        await run.writer.close()


class _Demo:
    """One run of the demonstration: a driver, a reader of the journal, and a view."""

    def __init__(self, options: DemoOptions, reach: Reach, shard: str, console: Console) -> None:
        self._options = options
        self._reach = reach
        self._shard = shard
        self._console = console
        self._view = MarketView()
        self._latency = Latency()
        self._playing: SyntheticMarket | None = None
        self.writer = WriterProgress(reach, shard)
        self._cursors: dict[str, str] = {}
        self._first = 1
        self._before: Counter[str] = Counter()
        self._rejects_before: Counter[str] = Counter()
        self._started = time.monotonic()
        self._rates: deque[tuple[float, int, int]] = deque(maxlen=round(2 / _FRAME_SECONDS))

    async def play(self, stop: asyncio.Event) -> int:
        reader = await self._find_books()
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(self._follow(reader))
            poller = tasks.create_task(self.writer.poll())
            market = self._playing = self._market()
            driver = DemoDriver(market, self._reach, self._shard, self._latency)
            for first in (market.setup(), market.opening()):
                await driver.write(first)
                await self._until_consumed(driver)
            # Counted from here: what the set-up found there already is no refusal of the market.
            self._before = self._view.counts.copy()
            self._rejects_before = self._view.rejects.copy()
            self._started = time.monotonic()
            timer = tasks.create_task(self._end_in_time(stop))
            shower = tasks.create_task(self._show(stop))
            await driver.run(self._options.per_second, stop)
            seconds = time.monotonic() - self._started
            await shower
            timer.cancel()
            await self._until_consumed(driver)
            # One instant: the frames read so far and what they held.
            summary = self._summary(seconds)
            follower.cancel()
            poller.cancel()
        agrees = await summary.compare(self.writer)
        self._console.print(summary.text(), highlight=False, soft_wrap=True)
        return 0 if agrees else 1

    async def _find_books(self) -> JournalReader:
        """Read what the journal has, so that a second run shows the books of the first.

        A long journal is read from the newest snapshot on.
        """
        link = await self._reach.link()
        oldest = await journal_oldest(link, self._shard)
        newest = await journal_top(link, self._shard)
        top = newest.n if newest else 0
        self._first = oldest.n if oldest else 1
        if self._first > 1 or top > HISTORY_FRAMES:
            found = await latest_snapshot(SnapshotStore(link, self._shard), top, lambda _: None)
            if found is not None:
                machine, position = found
                self._view = view_of(machine.kernel, position.n)
                self._first = position.n + 1
        await link.close()
        watch = await self._reach.link(blocking=True)
        reader = JournalReader(watch, self._shard, after=self._first - 1)
        while reader.after < top:
            await self._read(reader)
            await asyncio.sleep(0)
        resting = sum(len(book.orders) for book in self._view.books.values())
        if resting:
            self._console.print(
                f"found {resting} resting orders as they stood at frame {top}", highlight=False
            )
        return reader

    def _market(self) -> SyntheticMarket:
        """Go on at the prices of the last run, under ids that begin with the journal's top."""
        mids = {symbol: book.bid for symbol, book in self._view.books.items() if book.bid}
        return SyntheticMarket(self._options.seed, f"d{self._view.frame}", mids)

    async def _follow(self, reader: JournalReader) -> None:
        try:
            while True:
                await self._read(reader)
        finally:
            await reader.close()

    async def _read(self, reader: JournalReader) -> None:
        try:
            entries = await reader.next(_BLOCK_MS)
        except LinkLost:
            reader.attach(await self._reach.link(blocking=True))
            return
        except JournalGap as gap:
            raise CommandError(f"the demonstration fell behind: {gap}", NO_DAEMON) from gap
        for entry in entries:
            events = entry.decoded_events()
            self._view.observe(entry.n, entry.t, entry.decoded_inputs(), events)
            self._latency.observe(events)
            if self._playing is not None:
                self._playing.hear(events)
            self._cursors = entry.decoded_cursors()

    async def _until_consumed(self, driver: DemoDriver) -> None:
        """Wait until the engine has consumed what the driver wrote."""
        deadline = time.monotonic() + _CONSUME_SECONDS
        while not all(
            entry_id(self._cursors.get(stream, "0-0")) >= last
            for stream, last in driver.last_ids.items()
        ):
            if time.monotonic() > deadline:
                raise CommandError(
                    f"the engine has not consumed all commands within {_CONSUME_SECONDS:.0f} s; "
                    "look into its log",
                    NO_DAEMON,
                )
            await asyncio.sleep(0.01)

    async def _end_in_time(self, stop: asyncio.Event) -> None:
        if self._options.seconds is not None:
            await asyncio.sleep(self._options.seconds)
            stop.set()

    async def _show(self, stop: asyncio.Event) -> None:
        if not self._console.is_terminal:
            await self._refresh(
                stop,
                _LINE_SECONDS,
                lambda pulse: self._console.print(
                    plain_line(self._view, pulse), highlight=False, soft_wrap=True
                ),
            )
            return
        with Live(console=self._console, auto_refresh=False, screen=True) as live:
            await self._refresh(
                stop,
                _FRAME_SECONDS,
                lambda pulse: live.update(screen(self._view, pulse), refresh=True),
            )

    async def _refresh(
        self, stop: asyncio.Event, seconds: float, show: Callable[[Pulse], None]
    ) -> None:
        """Show the pulse at an interval; returns once told to stop."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await stop.wait()
            except TimeoutError:
                show(self._pulse())

    def _pulse(self) -> Pulse:
        now = time.monotonic()
        orders, trades = self._view.counts["orders"], self._view.counts["trades"]
        self._rates.append((now, orders, trades))
        then, orders_then, trades_then = self._rates[0]
        if then == now:
            then = self._started
            orders_then, trades_then = self._before["orders"], self._before["trades"]
        span = max(now - then, 0.001)
        p50, p99 = self._latency.milliseconds(50, 99)
        return Pulse(
            seconds=now - self._started,
            counts=self._view.counts - self._before,
            orders_per_second=(orders - orders_then) / span,
            trades_per_second=(trades - trades_then) / span,
            p50_ms=p50,
            p99_ms=p99,
            writer_lag=self.writer.lag(self._view.frame),
        )

    def _summary(self, seconds: float) -> Summary:
        p50, p99 = self._latency.milliseconds(50, 99)
        return Summary(
            seconds=seconds,
            counts=self._view.counts - self._before,
            rejects=self._view.rejects - self._rejects_before,
            p50_ms=p50,
            p99_ms=p99,
            frames=(self._first, self._view.frame),
            journal_fills=2 * self._view.counts["trades"],
        )
