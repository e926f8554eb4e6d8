"""`pitboss tail`: the journal's events, one JSON object a line."""

import time
from contextlib import suppress
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
from engine.exits import BAD_USAGE, CORRUPT_DATA, NO_DAEMON, REFUSED

HEAL_SECONDS: Final = 10.0

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

    Raises CommandError where the daemon stays away, the first frame is not kept any more, or the
    journal has lost what was read and is not healed within 10 s.
    """
    reach = Reach(connections, reopen, patience_seconds=60.0 if options.follow else 0.0)
    link = await reach.link(blocking=True)
    try:
        try:
            start, top = await _span(link, shard, options.start)
        except LinkLost as error:
            raise CommandError(f"lost the daemon ({error}); try again", NO_DAEMON) from error
        reader = JournalReader(link, shard, after=start - 1)
        lost = _Lost()
        while options.follow or reader.after < top:
            try:
                entries = await reader.next(_BLOCK_MS if options.follow else None)
            except LinkLost:
                link = await reach.link(blocking=True)
                reader.attach(link)
                continue
            except JournalGap as gap:
                raise CommandError(str(gap), REFUSED) from gap
            if options.follow and not entries:
                await lost.look(link, shard, reader.after)
            for entry in entries:
                if options.follow or entry.n <= top:
                    _print(entry, options, out)
            out.flush()
    finally:
        await link.close()


class _Lost:
    """Notices that what was read is in the journal no more; the leader gets 10 s to heal it."""

    def __init__(self) -> None:
        self._since: float | None = None

    async def look(self, link: RedisLink, shard: str, read: int) -> None:
        """Raise CommandError where the journal has ended below the frame `read` for too long."""
        with suppress(LinkLost):  # the next read finds out
            newest = await journal_top(link, shard)
            top = newest.n if newest else 0
            if top >= read:
                self._since = None
                return
            self._since = self._since or time.monotonic()
            if time.monotonic() - self._since > HEAL_SECONDS:
                raise CommandError(
                    f"frame {read} was read and the journal ends at {top}: Redis has lost it; "
                    "see Loss in the runbook",
                    CORRUPT_DATA,
                )


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
