"""What the engine tidies beside the journal: the streams, and its own Valkey's file."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from engine.connections import LinkLost, RedisReplyError
from engine.redis_info import info_fields
from persistence.journal import journal_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.connections import Connections, RedisLink
    from engine.ports import Position

log = structlog.get_logger()

TRIM_SECONDS: Final = 1.0
REWRITE_SECONDS: Final = 5.0
REWRITE_BYTES: Final = 64 << 20


class Trimmer:
    """Trims ingress up to the acknowledged cursors, and the journal up to what nobody needs.

    The journal keeps its last `retain` frames, whatever a reader has not read yet, what the fill
    writer has not `written`, and everything from the oldest snapshot kept on, that snapshot's own
    frame included.
    """

    def __init__(
        self,
        connections: Connections,
        shard: str,
        position: Position,
        retain: int,
        written: Callable[[], int],
    ) -> None:
        self.oldest_snapshot = 0
        self._written = written
        self._connections = connections
        self._shard = shard
        self._position = position
        self._retain = retain

    async def run(self) -> None:
        """Trim for ever, once a second; a connection that fails is closed and opened again."""
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            try:
                link = await self._connections.redis()
                try:
                    while True:
                        await self._trim(link)
                        await asyncio.sleep(TRIM_SECONDS)
                finally:
                    await link.close()
            except (LinkLost, RedisReplyError) as lost:
                log.warning("trimming is put off", reason=str(lost))

    async def _trim(self, link: RedisLink) -> None:
        prefix = f"{{{self._shard}}}:"
        for stream, cursor in list(self._position.cursors.items()):
            if stream != "config":
                await link.call("XTRIM", prefix + stream, "MINID", "~", cursor)
        readers = await link.call("HVALS", prefix + "readers")
        keep_from = min(
            [
                self._position.n - self._retain,
                self.oldest_snapshot,
                self._written(),
                *(int(n) for n in readers if n.isdigit()),
            ]
        )
        if keep_from > 1:
            await link.call("XTRIM", journal_key(self._shard), "MINID", "~", f"{keep_from}-0")


class FileRewriter:
    """Has our own Valkey write its append-only file anew once it has doubled, while all is calm.

    On a small machine a rewrite costs a second or two of slow answers, so Valkey itself does it
    only where the file grows very long (`persistence.embedded_valkey`).
    """

    def __init__(self, connections: Connections, is_calm: Callable[[], bool]) -> None:
        self._connections = connections
        self._is_calm = is_calm

    async def run(self) -> None:
        """Look for ever; a connection that fails is closed and opened again."""
        while True:
            await asyncio.sleep(REWRITE_SECONDS)
            with suppress(LinkLost, RedisReplyError):
                link = await self._connections.redis()
                try:
                    await self.look(link)
                finally:
                    await link.close()

    async def look(self, link: RedisLink) -> bool:
        """Ask for a rewrite if it is worth while and disturbs nobody; tell whether it was asked."""
        if not self._is_calm():
            return False
        info = info_fields(await link.call("INFO", "persistence"))
        base = int(info["aof_base_size"])
        is_short = int(info["aof_current_size"]) - base < max(base, REWRITE_BYTES)
        if is_short or info["aof_rewrite_in_progress"] != "0":
            return False
        await link.call("BGREWRITEAOF")
        return True
