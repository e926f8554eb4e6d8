"""How far the fill writer has come, asked of Postgres."""

import asyncio
import time
from typing import Final

from engine.cli.reach import Reach
from engine.connections import PostgresConnection
from persistence.queries import query

_POLL_SECONDS: Final = 1.0


class WriterProgress:
    """Reads the writer's cursor; an absent Postgres is an answer, not an error."""

    def __init__(self, reach: Reach, shard: str) -> None:
        self.frame: int | None = None
        """The last frame whose fills are in Postgres, None where it does not answer."""
        self._reach = reach
        self._shard = shard
        self._connection: PostgresConnection | None = None

    def lag(self, top: int) -> int | None:
        """Return how many frames are yet to be written, None where Postgres is away."""
        return None if self.frame is None else max(top - self.frame, 0)

    async def poll(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(_POLL_SECONDS)

    async def ask(self) -> None:
        """Ask once."""
        self.frame = await self._cursor()

    async def reach(self, frame: int, seconds: float) -> bool:
        """Wait until the cursor is at `frame`; False where it is not within that time."""
        deadline = time.monotonic() + seconds
        while True:
            await self.ask()
            if self.frame is not None and self.frame >= frame:
                return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)

    async def fills(self, first: int, last: int) -> int | None:
        """Return how many fills Postgres has of these frames, None where it does not answer."""
        try:
            connection = await self._connected()
            count = await connection.fetchval(query("count_fills"), self._shard, first, last)
        except Exception:
            await self.close()
            return None
        return int(count)

    async def close(self) -> None:
        """Let go of the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _cursor(self) -> int | None:
        try:
            connection = await self._connected()
            row = await connection.fetchrow(query("read_cursor"), self._shard)
        except Exception:
            await self.close()
            return None
        return row["frame"] if row else 0

    async def _connected(self) -> PostgresConnection:
        if self._connection is None:
            connections = await self._reach.connections()
            self._connection = await connections.postgres()
        return self._connection
