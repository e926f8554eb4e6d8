"""`pitboss tail`: the journal's events, one JSON object a line."""

from dataclasses import dataclass
from typing import Final, TextIO

from engine.cli.event_line import concerns, event_line
from engine.cli.failure import CommandError
from engine.cli.journal_reader import (
    JournalEntry,
    JournalGap,
    JournalReader,
    journal_oldest,
    journal_top,
)
from engine.cli.reach import Reach, Reopen
from engine.connections import Connections, LinkLost, RedisLink
from engine.exits import BAD_USAGE, NO_DAEMON

_BLOCK_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class TailOptions:
    """Which events to print.

    `start` is the first frame, counted from the top where it is negative; None begins with the
    oldest frame kept. Without `follow` it ends at the frame that is the top when it starts.
    """

    start: int | None = None
    follow: bool = False
    account: str | None = None
    type: str | None = None


async def tail(
    options: TailOptions,
    connections: Connections,
    shard: str,
    out: TextIO,
    reopen: Reopen | None = None,
) -> None:
    """Print events as JSON lines; with `follow` it survives restarts of the daemon.

    Raises CommandError where the daemon stays away or the first frame is not kept any more.
    """
    reach = Reach(connections, reopen, patience_seconds=60.0 if options.follow else 0.0)
    link = await reach.link(blocking=True)
    try:
        try:
            start, top = await _span(link, shard, options.start)
        except LinkLost as error:
            raise CommandError(f"lost the daemon ({error}); try again", NO_DAEMON) from error
        reader = JournalReader(link, shard, after=start - 1)
        while options.follow or reader.after < top:
            try:
                entries = await reader.next(_BLOCK_MS if options.follow else None)
            except LinkLost:
                link = await reach.link(blocking=True)
                reader.attach(link)
                continue
            except JournalGap as gap:
                raise CommandError(str(gap), BAD_USAGE) from gap
            for entry in entries:
                if options.follow or entry.n <= top:
                    _print(entry, options, out)
            out.flush()
    finally:
        await link.close()


async def _span(link: RedisLink, shard: str, start: int | None) -> tuple[int, int]:
    """Return the first frame to print and the newest one there is (0 of an empty journal)."""
    oldest = await journal_oldest(link, shard)
    newest = await journal_top(link, shard)
    if oldest is None or newest is None:
        return 1, 0
    if start is None:
        return oldest.n, newest.n
    if start < 0:
        return max(oldest.n, newest.n + 1 + start), newest.n
    if start < oldest.n and (start > 0 or oldest.n > 1):
        raise CommandError(
            f"frame {start} is not kept any more: the oldest is {oldest.n}, use --from {oldest.n}",
            BAD_USAGE,
        )
    return max(start, 1), newest.n


def _print(entry: JournalEntry, options: TailOptions, out: TextIO) -> None:
    for index, event in enumerate(entry.decoded_events()):
        if options.type is not None and event["type"] != options.type:
            continue
        if options.account is not None and not concerns(event, options.account):
            continue
        out.write(event_line(entry, index, event) + "\n")
