"""`pitboss send`: submit commands, one JSON object a line, and print the events they cause."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TextIO

import msgspec

from engine.cli.event_line import event_line
from engine.cli.failure import CommandError
from engine.cli.feed_outlet import WINDOW
from engine.cli.journal_reader import JournalEntry, JournalReader, journal_top
from engine.cli.streams import StreamName, append, entry_id, stream_of
from engine.connections import Connections, LinkLost, RedisLink, RedisReplyError
from engine.exits import NO_DAEMON, REFUSED
from persistence.lease import lag_ms

TIMEOUT_SECONDS: Final = 10.0

MOST_LAG_MS: Final = 10_000
"""Behind by more, the engine is not sent another order."""

_BLOCK_MS: Final = 200


@dataclass(slots=True)
class _Run:
    """Commands of one stream that follow each other: written in one go, then waited for."""

    stream: StreamName
    payloads: list[bytes] = field(default_factory=list)


async def send(
    lines: Iterable[str],
    connections: Connections,
    shard: str,
    out: TextIO,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> int:
    """Send each line to its stream, print the events as JSON lines, return the number sent.

    Streams are not ordered against each other, so the events of a run of commands for one stream
    are waited for before the next goes to another. Lines that are no command go to `orders` as they
    are; the engine refuses them with a number. Raises CommandError where no daemon consumes, and
    rather than send orders to one that is more than 10 s behind.
    """
    try:
        link = await connections.redis()
        watch = await connections.redis(blocking=True)
    except (LinkLost, RedisReplyError) as error:
        raise CommandError(
            f"no daemon reached ({error}); start it with `pitboss run`", NO_DAEMON
        ) from error
    sent = 0
    try:
        newest = await journal_top(link, shard)
        reader = JournalReader(watch, shard, after=newest.n if newest else 0)
        for run in _runs(lines):
            await _submit(run, link, reader, shard, out, timeout_seconds)
            sent += len(run.payloads)
    except LinkLost as error:
        raise CommandError(
            f"lost the daemon after {sent} commands ({error}); whether those after it were carried "
            "out, `pitboss tail` shows; sending orders and transfers again is harmless",
            NO_DAEMON,
        ) from error
    finally:
        await link.close()
        await watch.close()
    return sent


def _runs(lines: Iterable[str]) -> Iterable[_Run]:
    run: _Run | None = None
    for line in lines:
        payload = line.strip().encode("utf-8", "surrogateescape")
        if not payload:
            continue
        stream = _stream_of(payload)
        if run is not None and (run.stream != stream or len(run.payloads) >= WINDOW):
            yield run
            run = None
        if run is None:
            run = _Run(stream)
        run.payloads.append(payload)
    if run is not None:
        yield run


def _stream_of(payload: bytes) -> StreamName:
    try:
        return stream_of(msgspec.json.decode(payload))
    except (msgspec.DecodeError, RecursionError):
        return "orders"


async def _submit(
    run: _Run,
    link: RedisLink,
    reader: JournalReader,
    shard: str,
    out: TextIO,
    timeout_seconds: float,
) -> None:
    if run.stream == "orders" and (behind := await lag_ms(link, shard)) > MOST_LAG_MS:
        raise CommandError(
            f"the engine is {behind / 1e3:.0f} s behind, so these orders and all after them were "
            "not sent: wait, or see `overloaded` in the runbook",
            REFUSED,
        )
    replies = await append(link, f"{{{shard}}}:{run.stream}", run.payloads)
    for reply in replies:
        if isinstance(reply, RedisReplyError):
            raise CommandError(f"Redis refused a command: {reply}", REFUSED)
    ours = {reply.decode() for reply in replies}
    last = entry_id(replies[-1])
    consumed = (0, 0)
    moved_at = time.monotonic()
    while True:
        for entry in await reader.next(_BLOCK_MS):
            _print(entry, run.stream, ours, out)
            cursor = entry_id(entry.decoded_cursors().get(run.stream, "0-0"))
            if cursor >= last:
                out.flush()
                return
            if cursor != consumed:  # others' entries before ours: the engine is busy, not away
                consumed, moved_at = cursor, time.monotonic()
        if time.monotonic() - moved_at > timeout_seconds:
            raise CommandError(
                f"no daemon consumed {{{shard}}}:{run.stream} for {timeout_seconds:.0f} s; the "
                "commands stay in the stream and run when one does: start it with `pitboss run`",
                NO_DAEMON,
            )


def _print(entry: JournalEntry, stream: StreamName, ours: set[str], out: TextIO) -> None:
    if f'"{stream}"'.encode() not in entry.inputs:
        return
    inputs = entry.decoded_inputs()
    places = {
        place
        for place, element in enumerate(inputs)
        if element["s"] == stream and element["id"] in ours
    }
    for index, event in enumerate(entry.decoded_events()):
        if event.get("in") in places:
            out.write(event_line(entry, index, event) + "\n")
