"""The inbox: every ingress stream of the shard, in bounded batches, decoded and merged.

A batch holds admin commands first, then ticks, then orders; within a kind the streams follow in
order of name, within a stream the entries in order of id. No order is promised between streams.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any, Final

import structlog

from engine.entries import KINDS, decode_entry, mark_overloaded
from engine.limits import MAX_INGRESS_STREAMS
from engine.messages import Batch, Input
from feeds.memory import Memory, memory_percent
from feeds.ticks import conflate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.ports import Link

log = structlog.get_logger()

MERGE_ORDER: Final = ("admin", "ticks", "orders")
BLOCK_MS: Final = 100
HURRY: Final = 4
_LOOK_SECONDS: Final = 0.1
_LOOK_COUNT: Final = 1_000
_RETRY_SECONDS: Final = 0.1
_MEMORY_SECONDS: Final = 1.0
_MEMORY_RETRY_MS: Final = 1_000
_EARLIEST_MS: Final = 1_500_000_000_000  # July 2017: ids below are no times
_NAME = re.compile(r"(admin|ticks|orders)(:[A-Za-z0-9._-]{1,64})?\Z", re.ASCII)


class RedisInbox:
    """Reads the ingress streams over a blocking link of its own and lives through its loss.

    New streams are found by walking the keyspace in small steps between reads; each is read from
    its beginning. `cursors` is where reading goes on, not what has been acknowledged. Where memory
    is short in Redis what may open is marked, and at last nothing is read.
    """

    def __init__(
        self,
        open_link: Callable[[], Awaitable[Link]],
        lost: tuple[type[Exception], ...],
        shard: str,
        cursors: dict[str, str],
        count: int,
    ) -> None:
        self._open_link = open_link
        self._lost = lost
        self._prefix = f"{{{shard}}}:"
        self._count = self._asked = count
        self._link: Link | None = None
        self._scan: Any = b"0"
        self._look_at = self._memory_at = 0.0
        self._memory = Memory()
        self._is_blind = False
        self._is_quiet = True
        self._trouble = ""
        self.cursors: dict[str, str] = dict.fromkeys(MERGE_ORDER, "0-0")
        self.cursors.update((name, at) for name, at in cursors.items() if _NAME.match(name))

    async def next(self, timeout_seconds: float | None) -> Batch | None:
        """Return the next batch; None once `timeout_seconds` are over (None: wait for ever).

        The first of a quiet time is empty, so that its age is known for none.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while deadline is None or time.monotonic() < deadline:
            try:
                if self._link is None:
                    self._link = await self._open_link()
                    await self._lower_cursors(self._link)
                await self._look_for_streams(self._link)
                await self._look_at_memory(self._link)
                if self._memory.is_full:
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                batch = await self._read(self._link)
            except self._lost as lost:
                if str(lost) != self._trouble:  # ten times a second for an hour would tell no more
                    self._trouble = str(lost)
                    log.warning("the inbox cannot read; trying again", reason=self._trouble)
                await self.close()
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._trouble = ""
            if batch is None and not self._is_quiet:
                batch = Batch([], {})
            if batch is not None:
                self._is_quiet = not batch.size
                if self._memory.is_short:
                    mark_overloaded(batch.inputs, _MEMORY_RETRY_MS, is_short=True)
                return batch
        return None

    def hurry(self, *, is_behind: bool) -> None:
        """Bring more at a time while the loop is behind: a refusal is quicker than a read."""
        self._asked = self._count * (HURRY if is_behind else 1)

    async def close(self) -> None:
        """Drop the connection."""
        if self._link is not None:
            await self._link.close()
            self._link = None

    async def _read(self, link: Link) -> Batch | None:
        """Read every stream once, waiting a moment where all are quiet."""
        names = sorted(self.cursors, key=_merge_key)
        reply = await link.call(
            "XREAD",
            "COUNT",
            self._asked,
            "BLOCK",
            BLOCK_MS,
            "STREAMS",
            *[self._prefix + name for name in names],
            *[self.cursors[name] for name in names],
        )
        if not reply:
            return None
        entries = {raw[0].decode()[len(self._prefix) :]: raw[1] for raw in reply}
        inputs: list[Input] = []
        ticks: list[Input] = []
        reached: dict[str, str] = {}
        for name in names:
            found = entries.get(name)
            if not found:
                continue
            into = ticks if name.startswith("ticks") else inputs
            for raw_id, fields in found:
                entry_id = raw_id.decode()
                payload = fields[1] if len(fields) == 2 and fields[0] == b"c" else None
                into.extend(decode_entry(name, entry_id, payload))
            reached[name] = self.cursors[name] = found[-1][0].decode()
        first_order = next(
            (i for i, item in enumerate(inputs) if item.stream.startswith("orders")), len(inputs)
        )
        size = len(inputs) + len(ticks)
        inputs[first_order:first_order] = conflate(ticks)
        return Batch(inputs, reached, _oldest_us(entries), size)

    async def _look_for_streams(self, link: Link) -> None:
        """Walk one step through the keyspace for streams that are new."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        self._scan, keys = await link.call(
            "SCAN", self._scan, "MATCH", self._prefix + "*", "COUNT", _LOOK_COUNT, "TYPE", "stream"
        )
        for key in keys:
            name = key.decode("utf-8", "replace")[len(self._prefix) :]
            if name in self.cursors or not _NAME.match(name):
                continue
            if len(self.cursors) >= MAX_INGRESS_STREAMS:
                log.error("too many ingress streams; this one is not read", stream=name)
                continue
            log.info("a new ingress stream", stream=name)
            self.cursors[name] = "0-0"

    async def _look_at_memory(self, link: Link) -> None:
        """Look once a second; what cannot be seen stays as it was."""
        now = time.monotonic()
        if now < self._memory_at:
            return
        self._memory_at = now + _MEMORY_SECONDS
        try:
            self._memory.see(await memory_percent(link))
            self._is_blind = False
        except self._lost as lost:  # a lost link is found lost by the next call too
            if not self._is_blind:
                self._is_blind = True
                log.warning("the memory of Redis cannot be looked at", reason=str(lost))

    async def _lower_cursors(self, link: Link) -> None:
        """Go back to where the server is, for streams whose tail it lost (architecture §3)."""
        for name, cursor in self.cursors.items():
            key = self._prefix + name
            last = "0-0"
            if await link.call("EXISTS", key):
                info = await link.call("XINFO", "STREAM", key)
                last = dict(zip(info[::2], info[1::2], strict=True))[b"last-generated-id"].decode()
            if entry_order(last) < entry_order(cursor):
                log.error("a stream fell behind its cursor", stream=name, cursor=cursor, last=last)
                self.cursors[name] = last


def entry_order(entry_id: str) -> tuple[int, int]:
    """Return a stream entry's id as what it is ordered by."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def _oldest_us(entries: dict[str, Any]) -> int | None:
    """Return when the oldest of the entries was added, in µs, as far as their ids are times.

    A producer may count its entries instead, `1-0, 2-0 …`; such ids tell nothing.
    """
    first_ms = (int(found[0][0].partition(b"-")[0]) for found in entries.values())
    return min((ms * 1_000 for ms in first_ms if ms >= _EARLIEST_MS), default=None)


def _merge_key(name: str) -> tuple[int, str]:
    return MERGE_ORDER.index(name.partition(":")[0]), name


assert set(MERGE_ORDER) <= set(KINDS)
