"""A server's file and a daemon's state directory as a crash left them, to be damaged at will."""

import asyncio
import signal
from pathlib import Path

from engine.connections import Connections, Endpoints
from engine.messages import Frame
from engine.replay import recover
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore
from tests.faults.auditor import Auditor
from tests.faults.forker import Forker
from tests.faults.gateway import SETUP, STREAM, Gateway
from tests.line.outcome import Outcome, left_by
from tests.line.process import DaemonProcess
from tests.line.valkey import OwnValkey
from tests.line.written import frames_of

CONFIG = """
[engine]
overload_ms = 0

[snapshot]
interval_s = 3600

[mirror]
interval_ms = 50
"""
SHARD = "torn"
COMMANDS = 600
_SECONDS = 30.0


class Recording:
    """Made once: setup, COMMANDS commands with a snapshot on the way, and a crash of all."""

    def __init__(self, directory: Path, forker: Forker, valkey: OwnValkey, seed: int) -> None:
        self.valkey = valkey
        self.daemon = DaemonProcess(directory, SHARD, valkey.url, more=CONFIG, launch=forker.launch)
        self.connections = Connections(Endpoints(valkey.url))
        self.frames: list[Frame] = []
        self.file = b""
        self.outcome: Outcome
        self._seed = seed
        self._copy: Path
        self._head = b""

    async def make(self) -> None:
        """Play it, and keep what the crash left."""
        await self.daemon.start()
        await self.daemon.send(*SETUP)
        auditor = Auditor(SHARD, STREAM)
        await self.send_until(COMMANDS * 5 // 6, auditor)
        self.daemon.signal(signal.SIGUSR1)
        await self.daemon.until_said("snapshot taken")
        await self.send_until(COMMANDS, auditor)
        self.crash()
        self._copy = self.valkey.keep_copy()
        self.file = self.valkey.file.read_bytes()
        self._head = (self.daemon.state_dir / "head").read_bytes()
        await self.valkey.start()
        self.frames = await frames_of(self.connections, SHARD)
        self.outcome = left_by(auditor.machine, [])
        self.valkey.kill()

    def crash(self) -> None:
        """End the daemon and its server at once."""
        self.valkey.kill()
        self.daemon.kill()

    def put_back(self) -> None:
        """Make everything as the crash left it."""
        self.valkey.put_back(self._copy)
        self.daemon.forget()
        (self.daemon.state_dir / "head").write_bytes(self._head)

    async def send_until(self, last: int, auditor: Auditor) -> None:
        """Send what the server has not, up to a command, and follow until it is answered."""
        gateway = Gateway(self._seed, SHARD, lambda: self.connections, per_write=5, last=last)
        await gateway.run()
        async with asyncio.timeout(_SECONDS):
            while auditor.commands < last:
                await asyncio.sleep(0.005)
                await auditor.follow(self.connections)

    async def top(self) -> int:
        """Return the last frame that the server has."""
        link = await self.connections.redis()
        top = await JournalFrames(link, SHARD).top()
        await link.close()
        return 0 if top is None else top.n

    async def state(self) -> Outcome:
        """Return what a start recovers, snapshots that are damaged put aside."""
        link = await self.connections.redis()
        source, store = JournalFrames(link, SHARD), SnapshotStore(link, SHARD)
        top = await source.top()
        assert top is not None
        machine, _ = await recover(SHARD, store, source, top.n, lambda _complaint: None)
        await link.close()
        return left_by(machine, [])

    async def ready_or_ended(self, *options: str) -> int | None:
        """Start the daemon; return its exit code, None where it is ready."""
        said = len(self.daemon.said("ready"))
        self.daemon.spawn(*options)
        async with asyncio.timeout(_SECONDS):
            while self.daemon.running and len(self.daemon.said("ready")) == said:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return None if self.daemon.running else await self.daemon.ended()

    async def stop_with_snapshot(self) -> None:
        """End the daemon with a snapshot, which holds the hash of its living state."""
        self.daemon.signal(signal.SIGUSR2)
        assert await self.daemon.ended() == 0, self.daemon.log

    async def look_at(self, auditor: Auditor, kept: int) -> None:
        """Check that the frames kept are those recorded, and that the living state was whole."""
        frames = await frames_of(self.connections, SHARD)
        assert frames[:kept] == self.frames[:kept]
        assert auditor.frames == len(frames)
        assert auditor.hashes > 0
