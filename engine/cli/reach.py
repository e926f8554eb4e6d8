"""Reach the daemon's Redis, and find it again while the daemon restarts."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self, TypeAlias

from engine.cli.failure import CommandError
from engine.connections import Connections, RedisLink
from engine.exits import NO_DAEMON

PATIENCE_SECONDS: Final = 60.0
"""How long a command waits for a daemon that went away, or for one that does not move."""

_RETRY_SECONDS: Final = 0.2

Reopen: TypeAlias = Callable[[], Awaitable[Connections]]
"""Reads the endpoints anew: servers that restart may come back at another place."""


class Reach:
    """Opens links to a server that may be killed and restarted at any moment."""

    def __init__(
        self,
        connections: Connections,
        reopen: Reopen | None = None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._connections = connections
        self._reopen = reopen
        self._patience_seconds = patience_seconds
        self._is_first = True

    async def link(self, *, blocking: bool = False) -> RedisLink:
        """Open a link to a server that answers; retry within the patience, then `CommandError`.

        A server that still loads its data refuses some commands and takes later ones, which would
        tear holes into a pipelined stream; so a link is handed out only after it has answered.
        """
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                return await self._open(blocking=blocking)
            except Exception as error:
                if time.monotonic() >= deadline:
                    raise CommandError(
                        f"no daemon reached for {self._patience_seconds:.0f} s ({error}); "
                        "start it with `pitboss run`, or name its --state-dir",
                        NO_DAEMON,
                    ) from error
            await asyncio.sleep(_RETRY_SECONDS)

    async def connections(self) -> Connections:
        """Return the endpoints as they are now; raises whatever `reopen` raises."""
        if self._is_first or self._reopen is None:
            self._is_first = False
            return self._connections
        self._connections = await self._reopen()
        return self._connections

    async def _open(self, *, blocking: bool) -> RedisLink:
        connections = await self.connections()
        link = await connections.redis(blocking=blocking)
        try:
            await link.call("PING")
        except BaseException:
            await link.close()
            raise
        return link


class Lifeline:
    """One link for writing, replaced where it is lost; use it as an async context manager."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._link: RedisLink | None = None

    async def __aenter__(self) -> Self:
        await self.renew()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._drop()

    @property
    def link(self) -> RedisLink:
        """Return the link of this moment."""
        assert self._link is not None, "enter the context first"
        return self._link

    async def renew(self) -> None:
        """Open another link in place of a lost one; CommandError once patience is over."""
        await self._drop()
        self._link = await self._reach.link()

    async def _drop(self) -> None:
        if self._link is not None:
            await self._link.close()
            self._link = None
