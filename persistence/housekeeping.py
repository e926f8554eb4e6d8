"""What the engine tidies beside the journal: trimming the streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from engine.connections import LinkLost, RedisReplyError
from persistence.journal import journal_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.connections import Connections, RedisLink
    from engine.ports import Position

log = structlog.get_logger()

TRIM_SECONDS: Final = 1.0


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
