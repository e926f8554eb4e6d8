"""What must be true at the end of every attack, seen by the program itself and by a restart."""

import asyncio

from engine.connections import Connections
from engine.replay import recover
from engine.snapshot import state_hash
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore
from tests.cli.program import ROOT, command
from tests.line.process import DaemonProcess


async def recovered_hash(connections: Connections, shard: str, n: int) -> str:
    """Recover at frame `n` as a restart would; a snapshot may be pruned while it is read."""
    link = await connections.redis()
    store, source = SnapshotStore(link, shard), JournalFrames(link, shard)
    machine, _ = await recover(shard, store, source, n, lambda _complaint: None)
    await link.close()
    return state_hash(machine.kernel)


async def verify(daemon: DaemonProcess) -> None:
    """Let the program itself compare everything once more, however long that takes."""
    verifying = await asyncio.create_subprocess_exec(
        *command("verify", "--state-dir", daemon.state_dir, "--config", daemon.config),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await verifying.communicate()
    assert verifying.returncode == 0, said.decode()
