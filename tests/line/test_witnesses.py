"""What remembers an acknowledged frame speaks up when the journal does not."""

import signal
from pathlib import Path

import pytest

from persistence.journal import journal_key
from persistence.witness import Witness
from tests.line.process import DaemonProcess, Make, accepted
from tests.line.words import MARKET, order, tick
from tests.line.written import sealed, write


def filled(path: Path, frames: int) -> Witness:
    """Return a witness that has seen so many frames; each hash is its number."""
    witness = Witness(path)
    for n in range(1, frames + 1):
        witness.write(n, n.to_bytes(32, "big"))
    return witness


def test_last_frame_is_remembered_by_the_file(tmp_path: Path) -> None:
    """The next daemon asks it, with nothing but the file in common."""
    filled(tmp_path / "head", 7).close()

    witness = Witness(tmp_path / "head")
    assert witness.read() == (7, (7).to_bytes(32, "big"))
    witness.forget()
    assert witness.read() is None
    witness.close()
    assert Witness(tmp_path / "head").read() is None


def test_witness_that_has_seen_nothing_says_nothing(tmp_path: Path) -> None:
    """A first start is not a loss."""
    assert Witness(tmp_path / "head").read() is None


@pytest.mark.parametrize("torn_at", [0, 7, 8, 39, 40, 55])
def test_torn_write_leaves_the_frame_before(tmp_path: Path, torn_at: int) -> None:
    """The daemon may die in the middle of the memory copy, at any byte."""
    path = tmp_path / "head"
    filled(path, 8).close()
    content = bytearray(path.read_bytes())
    content[torn_at] ^= 0x40  # frame 8 lies in the first slot
    path.write_bytes(content)

    assert Witness(path).read() == (7, (7).to_bytes(32, "big"))


def test_both_slots_torn_say_nothing(tmp_path: Path) -> None:
    """Noise is no testimony: it must not keep a whole journal from being used."""
    (tmp_path / "head").write_bytes(bytes(range(128)))

    assert Witness(tmp_path / "head").read() is None


async def test_witness_of_a_frame_that_the_journal_lacks_ends_the_start_with_65(
    daemon: DaemonProcess, shard: str
) -> None:
    """Redis has lost acknowledged frames while nobody ran who could have healed it."""
    await daemon.send(order("one"))
    await daemon.applied("one")
    for name in ("two", "two-a", "two-b"):
        await daemon.send(order(name))
        await daemon.applied(name)
    assert await daemon.stop() == 0
    frames = await daemon.frames()
    link = await daemon.connections.redis()
    await link.call("XDEL", journal_key(shard), f"{frames[-1].n}-0")

    daemon.spawn()
    assert await daemon.ended() == 65
    n = frames[-1].n
    assert f"frame {n} was acknowledged but the journal ends at frame {n - 1}" in daemon.log

    await link.call("DEL", journal_key(shard))
    await write(link, shard, frames[:-3])
    await daemon.start("--accept-loss")
    assert await daemon.stop() == 0
    await daemon.start()  # the loss is accepted once, not for ever
    await daemon.send(order("three"))
    await daemon.applied("one", "three")
    await link.close()


async def test_missing_journal_with_a_witness_ends_the_start_with_65(
    daemon: DaemonProcess, shard: str
) -> None:
    """The wrong Redis, or an emptied one: a fresh start would pay everybody's money away."""
    await daemon.send(order("one"))
    await daemon.applied("one")
    assert await daemon.stop() == 0
    link = await daemon.connections.redis()
    await link.call("DEL", journal_key(shard))

    daemon.spawn()

    assert await daemon.ended() == 65
    assert "the journal is missing" in daemon.log
    await link.close()


async def test_journal_of_another_history_is_not_gone_on_with(
    daemon: DaemonProcess, shard: str
) -> None:
    """Same numbers, other frames: somebody has put back the journal of another shard or day."""
    await daemon.send(order("one"))
    await daemon.applied("one")
    assert await daemon.stop() == 0
    frames = await daemon.frames()
    link = await daemon.connections.redis()
    await link.call("DEL", journal_key(shard))
    await write(link, shard, sealed(shard, len(frames) + 2, note="another history"))

    daemon.spawn()

    assert await daemon.ended() == 65
    assert f"frame {frames[-1].n} of the journal is not the one" in daemon.log
    await link.close()


async def snapshot_above_the_journal(make: Make, shard: str) -> DaemonProcess:
    """Stop a daemon with a snapshot, then take the last frames and the witness away."""
    daemon = make(more="[snapshot]\ninterval_s = 3600\n")
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("one"))
    await daemon.applied("one")
    kept = await daemon.frames()
    await daemon.send(order("lost"))
    await daemon.applied("lost")
    daemon.signal(signal.SIGUSR2)
    assert await daemon.ended() == 0
    link = await daemon.connections.redis()
    await link.call("DEL", journal_key(shard))
    await write(link, shard, kept)
    await link.close()
    (daemon.state_dir / "head").unlink()
    return daemon


async def test_snapshot_above_the_journal_is_a_witness_too(make: Make, shard: str) -> None:
    """The state directory may be lost together with the machine; what Redis holds still speaks."""
    daemon = await snapshot_above_the_journal(make, shard)
    frames = len(await daemon.frames())

    daemon.spawn()

    assert await daemon.ended() == 65
    assert f"but the journal ends at frame {frames}" in daemon.log


async def test_accepted_loss_keeps_the_lost_history_out_of_the_way(make: Make, shard: str) -> None:
    """Once the journal has reached its frame again, its snapshot must not be taken for ours."""
    daemon = await snapshot_above_the_journal(make, shard)
    await daemon.start("--accept-loss")
    names = [f"again-{n}" for n in range(4)]
    for name in names:
        await daemon.send(order(name))
        await daemon.applied(name)
    daemon.kill()

    await daemon.start()

    assert daemon.said("ready")[-1]["orders"] == 2 + len(names)
    # The lost frame's order still lay in its stream, behind the cursor of the frame before.
    assert list(accepted(await daemon.frames())) == ["one", "lost", *names]
    link = await daemon.connections.redis()
    assert await link.call("KEYS", f"{{{shard}}}:state:*") == []
    assert len(await link.call("KEYS", f"{{{shard}}}:lost-state:*")) > 1
    await link.close()
