"""The parts of a daemon are tied together as their own tests assume."""

from pathlib import Path

import pytest

from engine.assembly import Parts, assemble
from engine.codec import genesis_hash, seal
from engine.config import Account, Config, ConfigError
from engine.connections import Connections
from engine.daemon import Daemon
from engine.machine import Machine
from engine.messages import Frame
from engine.ports import Manifest, Position
from engine.replay import OtherRelease, replay_frame
from engine.run import Run, RunOptions
from persistence.journal import FrameRing
from persistence.witness import Witness
from tests.line.written import frames_of, sealed


@pytest.fixture
def parts(connections: Connections, shard: str, tmp_path: Path) -> Parts:
    """Put a daemon's parts together, and start none of them."""
    options = RunOptions(None, tmp_path)
    position = Position(7, genesis_hash(shard), {"orders": "5-0"})
    run = Run("run", Config(shard=shard), options, connections, Witness(tmp_path / "head"))
    return assemble(run, Machine(), position, FrameRing())


def manifest(frame: int) -> Manifest:
    """Return the manifest of a snapshot at a frame."""
    return Manifest(1, 1, frame, "", 0, "w", {}, [], "")


def test_journal_is_trimmed_to_the_oldest_snapshot_kept(parts: Parts) -> None:
    """The generation that is used when the newer ones are damaged needs its frames too."""
    parts.snapshotter._kept([manifest(900), manifest(600), manifest(300)])
    assert parts.trimmer.oldest_snapshot == 300

    parts.snapshotter._kept([])
    assert parts.trimmer.oldest_snapshot == 0, "nothing may be trimmed without one"


def test_journal_is_trimmed_to_the_fill_writer(parts: Parts) -> None:
    """Postgres may be away for a day: the journal is where its fills wait, and its lives."""
    assert parts.writer is not None
    parts.writer.cursor_frame = 9
    parts.writer.lives_frame = 4

    assert parts.trimmer._written() == 4


def test_trimming_and_reading_go_by_what_is_acknowledged(parts: Parts) -> None:
    """The loop moves one position, and everybody looks at that one."""
    assert parts.trimmer._position is parts.loop.position
    assert parts.inbox.cursors["orders"] == "5-0"


def test_acknowledged_frame_is_witnessed_and_told_to_the_writer(
    parts: Parts, shard: str, tmp_path: Path
) -> None:
    """A witness that misses a frame cannot speak for it; a writer that does not know has no lag."""
    frame = sealed(shard, 3)[2]

    parts.loop._acknowledged(frame)

    assert Witness(tmp_path / "head").read() == (3, frame.hash)
    assert parts.writer is not None
    assert parts.writer.top_frame == 3


async def test_configuration_too_large_for_the_first_frame_is_refused(
    connections: Connections, shard: str, tmp_path: Path
) -> None:
    """Accounts cut off in silence would be missing without anybody knowing."""
    accounts = tuple(Account(f"a{number}") for number in range(10_500))
    options = RunOptions(tmp_path / "shard.toml", tmp_path)
    daemon = Daemon(Config(shard=shard, accounts=accounts), options, connections, None)
    position = Position(0, genesis_hash(shard), {})
    parts = assemble(daemon._run, Machine(), position, FrameRing())

    with pytest.raises(ConfigError, match=r"shard\.toml: .*10000 of 10501 inputs fit one frame"):
        await daemon._first_frame(parts, position)

    assert await frames_of(connections, shard) == []


def test_frame_of_another_release_names_the_release_and_the_way(shard: str) -> None:
    """Replaying it would give other events; who upgrades must be told how."""
    frame = seal(1, genesis_hash(shard), 1, [], [], b"{}")
    other = Frame(1, 1, frame.inputs, frame.events, frame.cursors, b"1", frame.hash)

    with pytest.raises(OtherRelease, match=r"logic version 1.*`pitboss snapshot take --stop`"):
        replay_frame(Machine(), other)
