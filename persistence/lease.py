"""Who lives: `{shard}:lease` moves while an engine leads, `{shard}:standby` while one follows.

Liveness only, no lock: what fences a leader is the next frame of another (architecture §3).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from engine.connections import LinkLost, RedisReplyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.connections import Connections, RedisLink

log = structlog.get_logger()

PULSE_SECONDS: Final = 0.2
STILL_SECONDS: Final = 1.0
RELEASED: Final = b"released"
_LONGEST_STEP_SECONDS: Final = 0.25


def lease_key(shard: str) -> str:
    """Return the key that the leader keeps moving."""
    return f"{{{shard}}}:lease"


def standby_key(shard: str) -> str:
    """Return the key that a standby keeps moving."""
    return f"{{{shard}}}:standby"


async def writers(link: RedisLink, shard: str) -> set[str]:
    """Return the run ids of the leader and the standby, as last heard of."""
    pulses = [await link.call("GET", key) for key in (lease_key(shard), standby_key(shard))]
    return {run_id_of(pulse) for pulse in pulses if pulse is not None}


async def lag_ms(link: RedisLink, shard: str) -> int:
    """Return how long the batch that the leader read last had waited, 0 where none leads."""
    pulse: bytes | None = await link.call("GET", lease_key(shard))
    figure = (pulse or b"").rpartition(b":")[2]
    return int(figure) if figure.isdigit() else 0


def run_id_of(pulse: bytes) -> str:
    """Return whose pulse it is."""
    return pulse.partition(b":")[0].decode("utf-8", "replace")


class Pulse:
    """Keeps a key moving: `run id:counter:figure`, a plain SET five times a second.

    Where it finds the pulse of another run in its key it asks `doubt`, which may raise.
    """

    def __init__(
        self,
        connections: Connections,
        key: str,
        run_id: str,
        figure: Callable[[], int],
        doubt: Callable[[RedisLink], Awaitable[None]] | None = None,
    ) -> None:
        self._connections = connections
        self._key = key
        self._run_id = run_id
        self._figure = figure
        self._doubt = doubt
        self._renewed_at = time.monotonic()

    @property
    def is_late(self) -> bool:
        """Tell whether it was not renewed of late, though it should have been three times."""
        return time.monotonic() > self._renewed_at + 3 * PULSE_SECONDS

    async def run(self) -> None:
        """Renew for ever; a connection that fails is closed and opened again."""
        counter = 0
        while True:
            with suppress(LinkLost, RedisReplyError):
                link = await self._connections.redis()
                try:
                    while True:
                        counter += 1
                        await self._renew(link, counter)
                        await asyncio.sleep(PULSE_SECONDS)
                finally:
                    await link.close()
            await asyncio.sleep(PULSE_SECONDS)

    async def _renew(self, link: RedisLink, counter: int) -> None:
        found: bytes | None = None
        if self._doubt is not None:
            found = await link.call("GET", self._key)
        await link.call("SET", self._key, f"{self._run_id}:{counter}:{self._figure()}")
        self._renewed_at = time.monotonic()
        if self._doubt is not None and found is not None and run_id_of(found) != self._run_id:
            await self._doubt(link)

    async def release(self) -> None:
        """Say that this run has ended in order."""
        try:
            link = await self._connections.redis()
            try:
                await link.call("SET", self._key, RELEASED)
            finally:
                await link.close()
        except (LinkLost, RedisReplyError):
            log.warning("the lease could not be released", key=self._key)


class PulseWatch:
    """Looks at a pulse, and says for how long it has stood still.

    By the looker's own clock, and only as long as it looked: a looker that was stopped itself, or a
    server that did not answer, is no sign of another's death.
    """

    def __init__(self, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.pulse: bytes | None = None
        self.has_moved = False
        self.still_seconds = 0.0
        self._key = key
        self._clock = clock
        self._looked_at: float | None = None

    async def look(self, link: RedisLink) -> None:
        """Look once; do so several times a second."""
        pulse = await link.call("GET", self._key)
        now = self._clock()
        if pulse != self.pulse or self._looked_at is None:
            self.has_moved = self._looked_at is not None
            self.pulse, self.still_seconds = pulse, 0.0
        else:
            self.still_seconds += min(now - self._looked_at, _LONGEST_STEP_SECONDS)
        self._looked_at = now

    def forget(self) -> None:
        """Begin anew: the server took no pulse, and whoever lives needs time to say so."""
        self._looked_at = None

    @property
    def is_over(self) -> bool:
        """Tell whether it was released or has stood still for too long."""
        return self.pulse == RELEASED or self.still_seconds >= STILL_SECONDS


async def is_moving(connections: Connections, key: str) -> bool:
    """Tell whether somebody keeps a key moving; takes a second where nobody does."""
    watch = PulseWatch(key)
    link = await connections.redis()
    try:
        await watch.look(link)
        first = watch.pulse
        while first is not None and not watch.is_over:
            await asyncio.sleep(PULSE_SECONDS / 2)
            await watch.look(link)
            if watch.pulse not in {first, RELEASED}:
                return True
    finally:
        await link.close()
    return False
