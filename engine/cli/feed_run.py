"""One run of a feed: a sender that writes the file's entries, a watcher that reads the journal."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from engine.cli.failure import CommandError
from engine.cli.feed_outlet import WINDOW, Outlet
from engine.cli.feed_progress import FeedProgress
from engine.cli.feed_setup import Setup
from engine.cli.feed_tally import Tally
from engine.cli.journal_reader import JournalGap, JournalReader, journal_oldest, journal_top
from engine.cli.reach import PATIENCE_SECONDS, Lifeline, Reach
from engine.cli.streams import StreamName, encode, stream_of
from engine.connections import LinkLost, RedisLink
from engine.exits import CORRUPT_DATA, NO_DAEMON
from feeds.sources.lines import LineFile
from feeds.sources.record import Record

MAX_AHEAD: Final = 20_000
"""Entries a feed may be ahead of the engine; more would only fill the server's memory."""

_BLOCK_MS: Final = 1_000
_YIELD_EVERY: Final = 1_024
_REFUSED_SECONDS: Final = 0.2


class FeedRun:
    """Plays records into their streams and counts what becomes of them; `play` once."""

    def __init__(
        self, reach: Reach, shard: str, outlets: dict[StreamName, Outlet], setup: Setup
    ) -> None:
        self.tally = Tally([outlet.suffix for outlet in outlets.values()])
        self.skipped: Counter[str] = Counter()
        self.rounded = 0
        self.resumed_at = 0
        self._reach = reach
        self._lifeline = Lifeline(reach)
        self._shard = shard
        self._outlets = outlets
        self._setup = setup
        self._scan_from = 0
        self._scanned_to = 0
        self._moved = asyncio.Event()
        self._moved_at = 0.0

    async def play(
        self, lines: LineFile, records: Iterator[Record], speed: float, progress: FeedProgress
    ) -> None:
        """Write every record and wait until the engine has consumed the last; speed 0: no pacing.

        Raises CommandError where the daemon stays away or the streams hold something else.
        """
        async with self._lifeline:
            await self._locate()
            self._pass_over(records, lines)
            try:
                async with asyncio.TaskGroup() as tasks:
                    watcher = tasks.create_task(self._watch())
                    await self._prepare()
                    await self._send(records, Pacer(speed), lines, progress)
                    await self._until(self._is_consumed, "the last entries")
                    watcher.cancel()
            except ExceptionGroup as group:
                raise group.exceptions[0] from None

    def _take(self, record: Record) -> None:
        """Count a record and, where it is a command that no stream holds yet, let it wait."""
        self.rounded += record.rounded
        if record.command is None:
            self.skipped[record.kind] += 1
            return
        outlet = self._outlet(record)
        self.tally.expect(outlet.suffix, record.kind)
        outlet.add(encode(record.command))

    def _outlet(self, record: Record) -> Outlet:
        return self._outlets[stream_of(record.command)]

    async def _locate(self) -> None:
        """Find out where to go on, and from where on the journal tells of this feed."""
        while True:
            try:
                await self._locate_over(self._lifeline.link)
            except LinkLost:
                await self._lifeline.renew()
            else:
                return

    async def _locate_over(self, link: RedisLink) -> None:
        for outlet in self._outlets.values():
            await outlet.locate(link)
        self.resumed_at = sum(outlet.written for outlet in self._outlets.values())
        # An earlier run's events count too. A first run has none before the journal's present top.
        newest = await journal_top(link, self._shard)
        self._scanned_to = newest.n if newest else 0
        if self.resumed_at:
            oldest = await journal_oldest(link, self._shard)
            self._scan_from = oldest.n - 1 if oldest else 0
            if self._scan_from and not self.tally.trimmed:
                self.tally.miss(JournalGap(1, self._scan_from + 1))
        else:
            self._scan_from = self._scanned_to

    def _pass_over(self, records: Iterator[Record], lines: LineFile) -> None:
        """Read what an earlier run has written, so that the journal's inputs have their kinds."""
        while any(outlet.known < outlet.written for outlet in self._outlets.values()):
            record = next(records, None)
            if record is None:
                behind = max(self._outlets.values(), key=lambda each: each.written - each.known)
                raise CommandError(
                    f"{behind.key} holds {behind.written} entries but {lines.path} gives only "
                    f"{behind.known}: another file was fed under this name; rename this one",
                    CORRUPT_DATA,
                )
            self._take(record)

    async def _prepare(self) -> None:
        if self.resumed_at == 0:
            await self._setup.send(self._lifeline)
            await self._until(lambda: self._setup.is_done, "the set-up commands")
            self._setup.check()

    async def _send(
        self, records: Iterator[Record], pacer: "Pacer", lines: LineFile, progress: FeedProgress
    ) -> None:
        for count, record in enumerate(records):
            if (delay := pacer.delay_seconds(record)) > 0:
                await self._flush()
                await asyncio.sleep(delay)
            self._take(record)
            if sum(outlet.pending for outlet in self._outlets.values()) >= WINDOW:
                await self._flush()
                progress.show(lines.position_bytes, lines.size_bytes, self._state())
                await self._until(self._has_room, "the entries before")
            elif count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        await self._flush()

    async def _flush(self) -> None:
        """Write all that waits, on a fresh link where the old one breaks."""
        refused_since: float | None = None
        for outlet in self._outlets.values():
            while outlet.pending:
                try:
                    refusal = await outlet.flush(self._lifeline.link)
                except LinkLost:
                    await self._relocate(outlet)
                    refusal = None
                if refusal is None:
                    refused_since = None
                    continue
                refused_since = refused_since or time.monotonic()
                if time.monotonic() - refused_since > PATIENCE_SECONDS:
                    raise CommandError(f"{outlet.key}: Redis refuses entries: {refusal}", NO_DAEMON)
                await asyncio.sleep(_REFUSED_SECONDS)

    async def _relocate(self, outlet: Outlet) -> None:
        """Open another link and ask what of the outlet's entries has arrived."""
        while True:
            await self._lifeline.renew()
            try:
                await outlet.locate(self._lifeline.link)
            except LinkLost:
                continue
            return

    async def _watch(self) -> None:
        """Read the journal until cancelled."""
        link = await self._reach.link(blocking=True)
        reader = JournalReader(link, self._shard, after=self._scan_from)
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
            self._moved_at = time.monotonic()
            return
        except JournalGap as gap:
            self.tally.miss(gap)
            reader.skip(gap)
            return
        before = self._measure()
        for entry in entries:
            if not self._setup.is_done:
                self._setup.observe(entry)
            self.tally.observe(entry)
        if self._measure() != before or (entries and reader.after <= self._scanned_to):
            self._moved_at = time.monotonic()
            self._moved.set()

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition that the watcher brings about; CommandError where nothing moves."""
        self._moved_at = time.monotonic()
        while not condition():
            self._moved.clear()
            try:
                async with asyncio.timeout(1):
                    await self._moved.wait()
            except TimeoutError:
                if time.monotonic() - self._moved_at > PATIENCE_SECONDS:
                    raise CommandError(
                        f"no daemon has consumed {what} for {PATIENCE_SECONDS:.0f} s; look after "
                        "`pitboss run`, then feed again: it goes on where it stopped",
                        NO_DAEMON,
                    ) from None

    def _measure(self) -> tuple[int, int]:
        return self._setup.answered, sum(self.tally.consumed.values())

    def _ahead(self) -> int:
        consumed = self.tally.consumed
        return max(outlet.written - consumed[outlet.suffix] for outlet in self._outlets.values())

    def _has_room(self) -> bool:
        return self._ahead() <= MAX_AHEAD

    def _is_consumed(self) -> bool:
        return self._ahead() <= 0

    def _state(self) -> str:
        sent = sum(outlet.written for outlet in self._outlets.values())
        return f"{sent} sent, {max(self._ahead(), 0)} ahead of the engine"


class Pacer:
    """Spreads records over time as they were recorded, `speed` times as fast; 0 never waits."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._origin: tuple[float, int] | None = None

    def delay_seconds(self, record: Record) -> float:
        """Return how long to wait before this record is due; the first one is due at once."""
        if self._speed <= 0 or record.time_ms is None or record.command is None:
            return 0.0
        if self._origin is None:
            self._origin = (time.monotonic(), record.time_ms)
        started, first_ms = self._origin
        due = started + (record.time_ms - first_ms) / 1000 / self._speed
        return due - time.monotonic()
