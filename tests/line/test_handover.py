"""One release hands over to the next at a frame, and to no other (architecture §9)."""

import io
import signal
from pathlib import Path

import pytest
from rich.console import Console

from engine.cli.verify import verify
from engine.connections import Connections, Endpoints, RedisLink
from engine.limits import LOGIC_VERSION
from engine.ports import JournalDamaged
from engine.snapshot import state_hash
from persistence.snapshot_store import SnapshotStore
from tests.cli.recorded import Recording
from tests.line.outcome import fills, replica
from tests.line.process import ROOT, DaemonProcess, Make
from tests.line.releases import release
from tests.line.words import MARKET, order, tick

OLDER, NEWER = LOGIC_VERSION - 1, LOGIC_VERSION


async def test_newer_release_goes_on_where_the_older_has_stopped_and_nowhere_else(
    make: Make, servers: Endpoints, connections: Connections, shard: str, tmp_path: Path
) -> None:
    """Frames of other rules cannot be replayed, so one frame's snapshot is the only way over."""
    daemon = make(servers.redis_url, dsn=servers.postgres_dsn or "")
    older = release(tmp_path / "older", OLDER)
    daemon.release = older
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("offer", "sell", "100", "5", "bea"))
    await daemon.applied("offer")
    daemon.signal(signal.SIGUSR1)
    await daemon.until_said("snapshot taken")
    await daemon.send(order("old-rules", "buy", "100"))
    await daemon.applied("old-rules")
    assert await daemon.stop() == 0

    daemon.release = ROOT
    daemon.spawn()
    await _refuses(daemon, OLDER, "run `pitboss snapshot take --stop`, then start this one")

    daemon.release = older
    await daemon.start()
    daemon.signal(signal.SIGUSR2)
    assert await daemon.ended() == 0
    handed_over = (await daemon.frames())[-1].n
    daemon.release = ROOT
    await daemon.start()
    await daemon.until_said("snapshot taken", 3)
    await daemon.send(order("new-rules", "buy", "100"))
    await daemon.applied("new-rules")

    frames = await daemon.frames()
    assert [int(frame.version) for frame in frames] == [
        *[OLDER] * handed_over,
        *[NEWER] * (len(frames) - handed_over),
    ]
    verified = await verify(connections, shard, Console(file=io.StringIO()))
    assert verified.exit_code == 0, verified.as_dict()
    told = {check.name: check.text for check in verified.checks}
    assert told["events"].startswith(f"frames {handed_over + 1} to ")
    assert len(await fills(connections, shard)) == 4
    machine = await replica(connections, shard)
    assert machine.kernel.state.live["bea"]["offer"].leaves_lots == 3
    await _drop_own_snapshots(connections, shard)
    assert state_hash((await replica(connections, shard)).kernel) == state_hash(machine.kernel)
    assert await daemon.stop() == 0

    daemon.release = older
    daemon.spawn()
    await _refuses(daemon, NEWER, "there is no way back from it")


async def test_handover_whose_snapshot_is_gone_is_a_loss(
    connections: Connections, link: RedisLink, shard: str
) -> None:
    """The older release cannot go back there: its own frames are not the last any more."""
    recording = Recording(shard)
    recording.run(*MARKET)
    recording.spoil(1, lambda frame: setattr(frame, "version", b"%d" % OLDER))
    await recording.write(link)

    with pytest.raises(JournalDamaged, match=r"frame 1 .*put the snapshots back from a copy"):
        await replica(connections, shard)


async def _refuses(daemon: DaemonProcess, version: int, remedy: str) -> None:
    """Wait for the end of a daemon on a journal of another logic version."""
    assert await daemon.ended() == 66, daemon.log
    said = daemon.said("frame ")[-1]["event"]
    assert f"is of logic version {version}, this release is " in said
    assert remedy in said


async def _drop_own_snapshots(connections: Connections, shard: str) -> None:
    """Leave only what the older release has handed over."""
    link = await connections.redis()
    store = SnapshotStore(link, shard)
    for manifest in await store.manifests():
        if manifest.version == NEWER:
            await link.call("DEL", f"{{{shard}}}:state:{manifest.frame}:{manifest.writer}")
    assert {manifest.version for manifest in await store.manifests()} == {OLDER}
    await link.close()
