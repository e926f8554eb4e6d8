"""Read the journal frame by frame: what everything outside the engine lives on."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from engine.cli.failure import CommandError
from engine.codec import chain_hash, genesis_hash
from engine.connections import Argument, RedisLink
from engine.exits import CORRUPT_DATA
from persistence.journal import journal_key

FRAMES_PER_READ: Final = 64
"""A frame holds up to some megabytes; a read must stay small beside a client's output buffer."""

_FIELDS: Final = {b"t", b"in", b"ev", b"cur", b"v", b"h"}


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One frame as it stands in the journal; `t` is engine time in microseconds."""

    n: int
    t: int
    inputs: bytes
    events: bytes
    cursors: bytes
    version: bytes
    hash: bytes

    def decoded_inputs(self) -> list[dict[str, Any]]:
        """Decode the inputs as applied, each with its stream `s` and entry id `id`."""
        return msgspec.json.decode(self.inputs, type=list[dict[str, Any]])

    def decoded_events(self) -> list[dict[str, Any]]:
        """Decode the events; `in` of an event is the place of its input."""
        return msgspec.json.decode(self.events, type=list[dict[str, Any]])

    def decoded_cursors(self) -> dict[str, str]:
        """Decode the ingress cursors after this frame: stream suffix to entry id."""
        return msgspec.json.decode(self.cursors, type=dict[str, str])


class JournalGap(Exception):
    """Frames are missing between the last one read and the next one there."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"the journal goes on with frame {found} where {expected} was expected: "
            f"frames {expected} to {found - 1} have been trimmed; read from {found}"
        )
        self.expected = expected
        self.found = found


class JournalReader:
    """Reads frames in order, over one link of its own, and misses none in silence.

    The link should be a blocking one where `block_ms` is used. After `LinkLost`, `attach` another
    link and go on. `after` is the last frame read. The chain of hashes is checked from frame 1, or
    from the second frame read where reading begins later.
    """

    def __init__(self, link: RedisLink, shard: str, after: int = 0) -> None:
        self.after = after
        self._link = link
        self._key = journal_key(shard)
        self._parent = None if after else genesis_hash(shard)

    def attach(self, link: RedisLink) -> None:
        """Go on over another link, where the last one ended."""
        self._link = link

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()

    def skip(self, gap: JournalGap) -> None:
        """Go on behind a gap that the caller has taken note of."""
        self.after = gap.found - 1
        self._parent = None

    async def next(self, block_ms: int | None = None) -> list[JournalEntry]:
        """Return the next frames, none where nothing came within `block_ms` (None: at once).

        Raises JournalGap, and moves by nothing, where the next frame is not the one expected, and
        CommandError where its hash does not follow from the frame before.
        """
        command: list[Argument] = ["XREAD", "COUNT", FRAMES_PER_READ]
        if block_ms is not None:
            command += ["BLOCK", block_ms]
        reply = await self._link.call(*command, "STREAMS", self._key, f"{self.after}-0")
        if not reply:
            return []
        entries = [parse_entry(raw) for raw in reply[0][1]]
        for expected, entry in enumerate(entries, start=self.after + 1):
            if entry.n != expected:
                raise JournalGap(expected, entry.n)
        for entry in entries:
            self._check(entry)
        return entries

    def _check(self, entry: JournalEntry) -> None:
        stated = bytes.fromhex(entry.hash.decode())
        if self._parent is not None and stated != _hash_of(entry, self._parent):
            raise CommandError(
                f"the journal's chain breaks at frame {entry.n}: `pitboss verify` tells what of it "
                "can be trusted",
                CORRUPT_DATA,
            )
        self._parent = stated
        self.after = entry.n


def _hash_of(entry: JournalEntry, parent: bytes) -> bytes:
    time = str(entry.t).encode()
    return chain_hash(parent, time, entry.inputs, entry.events, entry.cursors, entry.version)


def parse_entry(raw: list[Any]) -> JournalEntry:
    """Parse one raw stream entry `[id, [field, value, …]]`."""
    entry_id, flat = raw
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    if set(fields) != _FIELDS or not entry_id.endswith(b"-0"):
        raise ValueError(
            f"entry {entry_id!r} of the journal is no frame: only the engine may write there"
        )
    return JournalEntry(
        n=int(entry_id[:-2]),
        t=int(fields[b"t"]),
        inputs=fields[b"in"],
        events=fields[b"ev"],
        cursors=fields[b"cur"],
        version=fields[b"v"],
        hash=fields[b"h"],
    )


async def journal_top(link: RedisLink, shard: str) -> JournalEntry | None:
    """Return the newest frame, or None of an empty journal."""
    reply = await link.call("XREVRANGE", journal_key(shard), "+", "-", "COUNT", 1)
    return parse_entry(reply[0]) if reply else None


async def journal_oldest(link: RedisLink, shard: str) -> JournalEntry | None:
    """Return the oldest frame that is kept, or None of an empty journal."""
    reply = await link.call("XRANGE", journal_key(shard), "-", "+", "COUNT", 1)
    return parse_entry(reply[0]) if reply else None
