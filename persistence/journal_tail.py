"""Read the journal behind a cursor: dense, chained, and in bites of bounded size."""

import asyncio
import time
from typing import Any, Final

from engine.codec import CorruptFrame, check_hash, frame_from_fields, genesis_hash
from engine.connections import RedisLink
from engine.messages import Frame
from persistence.cursor import Cursor
from persistence.journal import journal_key

_READ_BYTES: Final = 256 << 10  # some milliseconds of work: the engine shares this loop
_MOST_FRAMES: Final = 512
_HEAL_SECONDS: Final = 10.0
_HEAL_POLL_SECONDS: Final = 0.2


class JournalContradicts(Exception):
    """The journal is not the one that the cursor comes from, or a part of it is missing."""


class JournalTrimmed(JournalContradicts):
    """What comes next is missing: it has been trimmed, or was lost."""


class JournalTail:
    """The frames after a cursor, over a blocking link of its own.

    `position` is the last frame read. `at_top` tells that the last read found nothing beyond it.
    """

    def __init__(self, link: RedisLink, shard: str, position: Cursor) -> None:
        self.position = position
        self.at_top = False
        self._link = link
        self._shard = shard
        self._key = journal_key(shard)
        self._frames_per_read = 16

    async def check_position(self) -> None:
        """Raise JournalContradicts unless the journal holds the cursor's frame with its hash.

        A trimmed frame cannot be looked at; then the hash of the next one proves it. A journal
        that ends before the cursor gets 10 s: after a crash of Redis the engine appends again
        what Redis had lost.
        """
        if self.position.frame == 0:
            if self.position.hash != genesis_hash(self._shard):
                raise JournalContradicts(f"the cursor before frame 1 is not that of {self._shard}")
            return
        deadline = time.monotonic() + _HEAL_SECONDS
        while (top := await self._top()) < self.position.frame:
            if time.monotonic() > deadline:
                raise JournalContradicts(
                    f"Postgres has been written up to frame {self.position.frame}, the journal "
                    f"ends at {top}"
                )
            await asyncio.sleep(_HEAL_POLL_SECONDS)
        entries = await self._link.call(
            "XRANGE", self._key, *(f"{self.position.frame}-0",) * 2, "COUNT", 1
        )
        if entries:
            found = self._frame(entries[0], self.position.frame).hash
            if found != self.position.hash:
                raise JournalContradicts(
                    f"frame {self.position.frame} has hash {found.hex()} in the journal and "
                    f"{self.position.hash.hex()} in the cursor of Postgres"
                )

    async def read(self, wait_seconds: float) -> list[Frame]:
        """Return the next frames, none when nothing came in time.

        Raises JournalContradicts where a frame is missing or the chain of hashes is broken.
        """
        reply = await self._link.call(
            "XREAD",
            "COUNT",
            self._frames_per_read,
            "BLOCK",
            max(1, int(wait_seconds * 1000)),
            "STREAMS",
            self._key,
            f"{self.position.frame}-0",
        )
        entries: list[Any] = reply[0][1] if reply else []
        self.at_top = len(entries) < self._frames_per_read
        frames = [self._next(entry) for entry in entries]
        if frames:
            size = sum(len(frame.inputs) + len(frame.events) for frame in frames)
            fitting = _READ_BYTES * len(frames) // max(1, size)
            self._frames_per_read = max(1, min(_MOST_FRAMES, fitting))
        return frames

    def _next(self, entry: list[Any]) -> Frame:
        frame = self._frame(entry, self.position.frame + 1)
        try:
            check_hash(frame, self.position.hash)
        except CorruptFrame as error:
            raise JournalContradicts(
                f"{error} (hash {frame.hash.hex()}, parent {self.position.hash.hex()})"
            ) from None
        self.position = Cursor(frame.n, frame.hash)
        return frame

    def _frame(self, entry: list[Any], expected: int) -> Frame:
        if entry[0] != b"%d-0" % expected:
            raise JournalTrimmed(
                f"the journal goes on with entry {entry[0].decode()} where frame {expected} was "
                "expected: what lies between has been trimmed or lost"
            )
        try:
            return frame_from_fields(expected, entry[1])
        except CorruptFrame as error:
            raise JournalContradicts(str(error)) from None

    async def _top(self) -> int:
        # XINFO answers with whole entries; so small a reply is worth a second command.
        newest = await self._link.call("XREVRANGE", self._key, "+", "-", "COUNT", 1)
        return int(newest[0][0].partition(b"-")[0]) if newest else 0
