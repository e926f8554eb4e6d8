"""`pitboss feed`: play recorded market data into the streams, and report what became of it."""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from engine.cli.failure import CommandError
from engine.cli.feed_outlet import Outlet
from engine.cli.feed_progress import FeedProgress
from engine.cli.feed_report import FeedReport
from engine.cli.feed_run import FeedRun
from engine.cli.feed_setup import Setup
from engine.cli.reach import Reach, Reopen
from engine.cli.streams import StreamName
from engine.connections import Connections
from engine.exits import BAD_USAGE, CORRUPT_DATA
from feeds.sources import binance_raw, bitstamp_orders, jsonl
from feeds.sources.lines import LineFile, SourceError
from feeds.sources.record import Source

_MAX_NAME: Final = 58


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What to play. `speed` 2 is twice as fast as recorded; None is as fast as it goes."""

    path: Path
    format: str
    symbol: str | None = None
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class _Format:
    streams: tuple[StreamName, ...]
    source: Callable[[FeedOptions], Source]


def _jsonl(options: FeedOptions) -> Source:
    if options.symbol is not None:
        raise CommandError(
            "--symbol does not go with jsonl: its commands name their own", BAD_USAGE
        )
    return jsonl.source(options.path)


_FORMATS: Final[dict[str, _Format]] = {
    "bitstamp-orders": _Format(("orders",), lambda given: bitstamp_orders.source(given.symbol)),
    "binance-raw": _Format(("ticks",), lambda given: binance_raw.source(given.symbol)),
    "jsonl": _Format(("orders", "ticks"), _jsonl),
}
FORMATS: Final = tuple(_FORMATS)


async def feed(
    options: FeedOptions,
    connections: Connections,
    shard: str,
    console: Console,
    reopen: Reopen | None = None,
) -> FeedReport:
    """Play a file, going on where an earlier run of it stopped, and report by kind.

    `console` is that of standard error and shows the progress; `reopen` reads the endpoints again
    when the servers went away. Raises CommandError.
    """
    chosen = _FORMATS.get(options.format)
    if chosen is None:
        raise CommandError(
            f"unknown format {options.format!r}; give one of {', '.join(FORMATS)}", BAD_USAGE
        )
    if options.speed is not None and options.speed < 0:
        raise CommandError("--speed must not be negative; 2 is twice as fast", BAD_USAGE)
    if not options.path.is_file():
        raise CommandError(f"{options.path} is no file; give the path of a recording", BAD_USAGE)
    try:
        return await _play(options, chosen, Reach(connections, reopen), shard, console)
    except SourceError as error:
        raise CommandError(str(error), CORRUPT_DATA) from error


async def _play(
    options: FeedOptions, chosen: _Format, reach: Reach, shard: str, console: Console
) -> FeedReport:
    started = time.monotonic()
    source = chosen.source(options)
    name = feed_name(options)
    outlets = {stream: Outlet(shard, f"{stream}:feed-{name}") for stream in chosen.streams}
    run = FeedRun(reach, shard, outlets, Setup(shard, source.setup))
    with LineFile(options.path) as lines, FeedProgress(console, options.path.name) as progress:
        await run.play(lines, source.read(lines), options.speed or 0.0, progress)
    tally = run.tally
    return FeedReport(
        file=options.path.name,
        format=options.format,
        streams=[outlet.suffix for outlet in outlets.values() if outlet.written],
        sent=sum(outlet.written for outlet in outlets.values()),
        resumed_at=run.resumed_at,
        rounded=run.rounded,
        skipped=dict(run.skipped),
        kinds={
            kind: {"sent": tally.sent[kind], **counts} for kind, counts in tally.outcomes.items()
        },
        unaccounted=tally.unaccounted,
        trimmed_frames=tally.trimmed if tally.unaccounted else [],
        seconds=time.monotonic() - started,
    )


def feed_name(options: FeedOptions) -> str:
    """Return the name of a feed's streams: one for each file name, format and symbol.

    The same file under another symbol is another sequence of entries, so it needs another stream.
    """
    parts = [options.path.name, options.format, *([options.symbol] if options.symbol else [])]
    name = re.sub(r"[^A-Za-z0-9._-]", "_", ".".join(parts))
    if len(name) <= _MAX_NAME:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: _MAX_NAME - 9]}-{digest}"
