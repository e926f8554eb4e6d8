"""The journal's only writer: one plain XADD a frame, one in flight, reconciled after any failure.

The protocol is architecture §3. Dense explicit ids turn XADD into compare-and-swap: whoever else
appends first fences this engine.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

from engine.codec import frame_fields, frame_from_fields
from engine.connections import LinkLost, RedisReplyError
from engine.limits import RING_BYTES, RING_FRAMES
from engine.ports import JournalDamaged, SteppedDown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from engine.connections import RedisLink
    from engine.messages import Frame

log = structlog.get_logger()

_RETRY_SECONDS = 0.05
_MAX_RETRY_SECONDS = 1.0
_FRAMES_PER_READ = 64
_PASSING = (
    "OOM",
    "LOADING",
    "BUSY",
    "MISCONF",
    "TRYAGAIN",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    # A password that is being changed: the file is read again at each connect.
    "NOAUTH",
    "WRONGPASS",
)


def journal_key(shard: str) -> str:
    """Return the key of a shard's journal."""
    return f"{{{shard}}}:journal"


class FrameRing:
    """The last frames appended, in memory: what Redis lost is appended again from here."""

    def __init__(self, frames: int = RING_FRAMES, size_bytes: int = RING_BYTES) -> None:
        self._limit = frames
        self._limit_bytes = size_bytes
        self._frames: deque[Frame] = deque()
        self._bytes = 0

    def add(self, frame: Frame) -> None:
        """Remember a frame; the oldest go when there are too many, or too large ones."""
        assert not self._frames or frame.n == self._frames[-1].n + 1
        self._frames.append(frame)
        self._bytes += _size(frame)
        while len(self._frames) > self._limit or (
            self._bytes > self._limit_bytes and len(self._frames) > 1
        ):
            self._bytes -= _size(self._frames.popleft())

    def get(self, n: int) -> Frame | None:
        """Return frame `n`, or None where it is no longer, or not yet, remembered."""
        if not self._frames or not self._frames[0].n <= n <= self._frames[-1].n:
            return None
        return self._frames[n - self._frames[0].n]


class RedisJournal:
    """Appends frames. Lives through lost links; ends on a fence or on damage."""

    def __init__(
        self,
        open_link: Callable[[], Awaitable[RedisLink]],
        shard: str,
        *,
        n: int,
        frame_hash: bytes,
        ring: FrameRing | None = None,
    ) -> None:
        self._open_link = open_link
        self._key = journal_key(shard)
        self._link: RedisLink | None = None
        self._ring = FrameRing() if ring is None else ring
        self._n = n
        self._hash = frame_hash

    async def append(self, frame: Frame) -> None:
        """Append the next frame and return once the server has acknowledged it.

        Waits for a server that is away for as long as it takes. Raises SteppedDown when another
        leader has written, JournalDamaged when the journal is not what this engine wrote.
        """
        assert frame.n == self._n + 1, "frames are dense"
        self._ring.add(frame)
        delay = _RETRY_SECONDS
        while True:
            try:
                if self._link is None:
                    self._link = await self._open_link()
                    await self._reconcile(frame)
                await self._append_once(self._link, frame)
                break
            except LinkLost as lost:
                log.warning("the journal's connection is lost; trying again", reason=str(lost))
            except RedisReplyError as refusal:
                if not str(refusal).startswith(_PASSING):
                    raise
                log.error("Redis refuses the journal for now", reason=str(refusal)[:200])
            await self.close()
            await asyncio.sleep(delay)
            delay = min(2 * delay, _MAX_RETRY_SECONDS)
        self._n, self._hash = frame.n, frame.hash

    async def close(self) -> None:
        """Drop the connection; the next append opens and reconciles another."""
        if self._link is not None:
            await self._link.close()
            self._link = None

    async def check_leads(self, link: RedisLink) -> None:
        """Raise SteppedDown where the journal goes on with frames of another engine.

        For a leader that has reason to doubt, and no frame to append that would tell.
        """
        top = await read_top(link, self._key)
        if top is None or top.n <= self._n:
            return
        mine = self._ring.get(top.n)
        if mine is None or mine.hash != top.hash:
            raise SteppedDown(f"another engine has written frame {top.n}")

    async def _append_once(self, link: RedisLink, frame: Frame) -> None:
        """Send one XADD; return once the frame is in the journal."""
        entry_id = f"{frame.n}-0"
        create = () if frame.n == 1 else ("NOMKSTREAM",)
        try:
            reply = await link.call("XADD", self._key, *create, entry_id, *frame_fields(frame))
        except RedisReplyError as refusal:
            if "equal or smaller" not in str(refusal):
                raise
            await self._check_mine(link, frame)
            return
        if reply is None:
            raise JournalDamaged(
                f"the journal is gone: {self._key} does not exist though frame {self._n} was "
                "acknowledged; restore it, or start with `pitboss run --accept-loss`"
            )

    async def _check_mine(self, link: RedisLink, frame: Frame) -> None:
        """Tell a lost reply of our own from another leader, who fences us. Raises SteppedDown."""
        found = await read_frame(link, self._key, frame.n)
        if found is None or found.hash != frame.hash:
            raise SteppedDown(f"another engine has written frame {frame.n}")

    async def _reconcile(self, frame: Frame) -> None:
        """Compare the journal's top with what we know, and append again what Redis lost."""
        assert self._link is not None
        top = await read_top(self._link, self._key)
        if top is None:
            if self._n == 0:
                return
            raise JournalDamaged(
                f"the journal {self._key} is missing or empty though frame {self._n} was "
                "acknowledged"
            )
        if top.n > frame.n or (top.n == frame.n and top.hash != frame.hash):
            raise SteppedDown(f"another engine has written frame {top.n}")
        if top.n == frame.n or (top.n == self._n and top.hash == self._hash):
            return
        mine = self._ring.get(top.n)
        if top.n >= self._n or mine is None or mine.hash != top.hash:
            raise JournalDamaged(
                f"the journal's top is frame {top.n} with a hash that is not ours; the last frame "
                f"acknowledged is {self._n}"
            )
        log.error("Redis has lost its tail; appending it again", first=top.n + 1, last=self._n)
        for n in range(top.n + 1, self._n + 1):
            lost = self._ring.get(n)
            assert lost is not None
            await self._append_once(self._link, lost)


class JournalFrames:
    """Reads frames back over a link of its own (the engine's FrameSource)."""

    def __init__(self, link: RedisLink, shard: str) -> None:
        self._link = link
        self._key = journal_key(shard)

    async def top(self) -> Frame | None:
        """Return the newest frame, None of an empty journal."""
        return await read_top(self._link, self._key)

    async def first(self) -> Frame | None:
        """Return the oldest frame kept."""
        reply = await self._link.call("XRANGE", self._key, "-", "+", "COUNT", 1)
        return _frame(reply[0]) if reply else None

    async def get(self, n: int) -> Frame | None:
        """Return frame `n`, None where it is trimmed or not yet written."""
        return await read_frame(self._link, self._key, n)

    async def frames(self, after: int, until: int) -> AsyncIterator[Frame]:
        """Yield the frames after `after` up to and with `until`. Raises JournalDamaged on a gap."""
        n = after
        while n < until:
            reply = await self._link.call(
                "XRANGE", self._key, f"{n + 1}-0", f"{until}-0", "COUNT", _FRAMES_PER_READ
            )
            if not reply:
                raise JournalDamaged(f"frame {n + 1} is missing from the journal")
            for entry in reply:
                frame = _frame(entry)
                if frame.n != n + 1:
                    raise JournalDamaged(
                        f"frame {n + 1} is missing from the journal: it goes on with {frame.n}"
                    )
                n = frame.n
                yield frame


async def read_top(link: RedisLink, key: str) -> Frame | None:
    """Return the newest frame of a journal, None of an empty one."""
    reply = await link.call("XREVRANGE", key, "+", "-", "COUNT", 1)
    return _frame(reply[0]) if reply else None


async def read_frame(link: RedisLink, key: str, n: int) -> Frame | None:
    """Return frame `n` of a journal, None where it is not there."""
    reply = await link.call("XRANGE", key, f"{n}-0", f"{n}-0")
    return _frame(reply[0]) if reply else None


def _frame(entry: list[Any]) -> Frame:
    """Read a raw stream entry `[id, [field, value, …]]` as a frame."""
    number, _, sequence = entry[0].decode().partition("-")
    if sequence != "0":
        raise JournalDamaged(f"entry {entry[0]!r} of the journal was not written by an engine")
    return frame_from_fields(int(number), entry[1])


def _size(frame: Frame) -> int:
    return len(frame.inputs) + len(frame.events) + len(frame.cursors) + 200
