"""Two engines on the same servers under load: the leader is struck, and the other takes over."""

import asyncio
import signal
import time
from contextlib import suppress
from pathlib import Path

from engine.connections import Connections, Endpoints, RedisLink
from engine.snapshot import state_hash
from persistence.journal import journal_key
from tests.faults.auditor import Auditor
from tests.faults.forker import Forker
from tests.faults.gateway import SETUP, STREAM, Gateway
from tests.faults.last_look import recovered_hash, verify
from tests.line.process import DaemonProcess

CONFIG = """
[engine]
overload_ms = 0

[journal]
retain_frames = 20_000

[snapshot]
interval_s = 1

[mirror]
interval_ms = 50
"""
SHARD = "two"
_COMMAND = f'"s":"{STREAM}"'.encode()


class Acknowledgements:
    """When each frame that holds commands of the gateway was there for a reader to see."""

    def __init__(self, connections: Connections, shard: str) -> None:
        self.at: list[float] = []
        self._connections = connections
        self._key = journal_key(shard)
        self._read = 0

    async def run(self) -> None:
        """Read for ever."""
        link = await self._connections.redis(blocking=True)
        try:
            while True:
                await self._note(link)
        finally:
            await link.close()

    async def next(self) -> None:
        """Wait for another one."""
        seen = len(self.at)
        async with asyncio.timeout(30):
            while len(self.at) == seen:  # noqa: ASYNC110 - Redis tells
                await asyncio.sleep(0.001)

    def longest_silence(self, since: float) -> float:
        """Return the longest time between two of them, the later of which came after `since`."""
        pairs = zip(self.at, self.at[1:], strict=False)
        return max(later - earlier for earlier, later in pairs if later > since)

    async def _note(self, link: RedisLink) -> None:
        reply = await link.call(
            *("XREAD", "COUNT", 64, "BLOCK", 1_000, "STREAMS", self._key, f"{self._read}-0")
        )
        now = time.monotonic()
        for entry_id, fields in reply[0][1] if reply else []:
            self._read = int(entry_id.partition(b"-")[0])
            if any(_COMMAND in each for each in fields):
                self.at.append(now)


class Pair:
    """Two machines that run the same unit, a gateway, and an auditor who follows both."""

    def __init__(self, directory: Path, forker: Forker, servers: Endpoints) -> None:
        self.connections = Connections(servers)
        self.auditor = Auditor(SHARD, STREAM)
        self.acknowledged = Acknowledgements(self.connections, SHARD)
        self._gateway = Gateway(0, SHARD, lambda: self.connections)
        self._engines = [_engine(directory / name, forker, servers) for name in ("one", "other")]
        self._led = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, seed: int, per_write: int) -> None:
        """Start both engines, and the load: so many commands at a time, as often as it goes."""
        self._gateway = Gateway(seed, SHARD, lambda: self.connections, per_write)
        leader, standby = self._engines
        leader.spawn("--standby")
        await leader.until_said("ready")
        await leader.send(*SETUP)
        await self.follow_with(standby)
        self._tasks = [
            asyncio.create_task(self._gateway.run()),
            asyncio.create_task(self.acknowledged.run()),
        ]
        await self.acknowledged.next()

    async def strike(self, number: signal.Signals) -> tuple[DaemonProcess, float]:
        """Send the leader a signal; return it, and for how long nothing was acknowledged then."""
        struck, heir = self._engines
        since = time.monotonic()
        struck.signal(number)
        await heir.until_said("ready", self._led + 1)
        await self.acknowledged.next()
        self._engines.reverse()
        return struck, self.acknowledged.longest_silence(since)

    async def follow_with(self, engine: DaemonProcess) -> None:
        """Start an engine that is to follow, and wait until it does."""
        said, self._led = len(engine.said("following")), len(engine.said("ready"))
        engine.spawn("--standby")
        await engine.until_said("following", said + 1)

    async def check(self) -> None:
        """Check everything that has come since, and that Postgres has it too."""
        await self.auditor.follow(self.connections)
        await self.auditor.compare_postgres(self.connections)

    async def end(self) -> None:
        """End the load, wait until all of it is applied, and check everything once more."""
        load, watching = self._tasks
        self._gateway.stop()
        await load
        async with asyncio.timeout(60):
            while self.auditor.commands < self._gateway.sent:
                await self.auditor.follow(self.connections)
                await asyncio.sleep(0.05)
        await self.check()
        recovered = await recovered_hash(self.connections, SHARD, self.auditor.frames)
        assert recovered == state_hash(self.auditor.machine.kernel)
        leader, standby = self._engines
        await verify(leader)
        assert await standby.stop() == 0
        assert await leader.stop() == 0
        assert self.auditor.trades > 0
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    def kill(self) -> None:
        """End whatever still runs."""
        for task in self._tasks:
            task.cancel()
        for engine in self._engines:
            engine.kill()


def _engine(directory: Path, forker: Forker, servers: Endpoints) -> DaemonProcess:
    directory.mkdir()
    url, dsn = servers.redis_url, servers.postgres_dsn or ""
    return DaemonProcess(directory, SHARD, url, more=CONFIG, dsn=dsn, launch=forker.launch)
