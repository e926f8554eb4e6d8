"""The server's file was damaged while nobody ran who could have healed it: the next start tells.

`make faults` makes it FAULT_CUTS (1,000) cuts in all, and FAULT_FLIPS (300) flipped bits.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.codec import CorruptFrame
from engine.ports import JournalDamaged
from engine.replay import Diverged
from tests.faults.auditor import Auditor
from tests.faults.figures import FIGURES, Progress, fault_number, fault_seed
from tests.faults.forker import Forker
from tests.faults.gateway import STREAM
from tests.faults.recording import COMMANDS, SHARD, Recording
from tests.faults.test_file_cuts import CUTS, LONGEST_CUT
from tests.line.valkey import OwnValkey

TORN = "file cut, engine dead"
FLIPPED = "bit flipped, engine dead"
_FLIPS = 300
_UNHARMED = 0.1

Show = Callable[[str], None]


async def cut_twice(recording: Recording, chance: random.Random) -> int:
    """Cut and start the server, twice, then the daemon; return how many frames were lost."""
    with FIGURES.watch(TORN):
        return await _cut_twice(recording, chance)


async def _cut_twice(recording: Recording, chance: random.Random) -> int:
    recording.put_back()
    is_cut = chance.random() >= _UNHARMED
    for _ in range(2):
        recording.valkey.cut(chance.randrange(LONGEST_CUT + 1) if is_cut else 0)
        await recording.valkey.start()
        top = await recording.top()
        recording.valkey.kill()
    await recording.valkey.start()
    lost = len(recording.frames) - top
    code = await recording.ready_or_ended()
    if lost:
        assert code == 65, recording.daemon.log
        last = recording.frames[-1].n
        told = f"frame {last} was acknowledged but the journal ends at frame {top}"
        assert told in recording.daemon.log.splitlines()[-1]
        assert await recording.ready_or_ended("--accept-loss") is None, recording.daemon.log
    else:
        assert code is None, recording.daemon.log
    auditor = Auditor(SHARD, STREAM)
    await recording.send_until(COMMANDS, auditor)
    await recording.stop_with_snapshot()
    await auditor.follow(recording.connections)
    await recording.look_at(auditor, top)
    recording.crash()
    FIGURES.add(
        TORN,
        number=2,
        frames=auditor.frames,
        fills=2 * auditor.trades,
        **{"without loss": not lost},
    )
    return lost


async def flip(recording: Recording, at: int, bit: int) -> str:
    """Flip one bit and start; return who noticed."""
    recording.put_back()
    recording.valkey.flip(at, bit)
    with FIGURES.watch(FLIPPED):
        noticed = await _who_notices(recording)
    recording.crash()
    FIGURES.add(FLIPPED, number=1, **{noticed: 1})
    return noticed


async def flip_anywhere(recording: Recording, chance: random.Random) -> str:
    """Flip one bit, every other one behind the snapshot."""
    size = len(recording.file)
    first = chance.choice((0, size * 5 // 6))
    return await flip(recording, chance.randrange(first, size), chance.randrange(8))


async def _who_notices(recording: Recording) -> str:
    if not await recording.valkey.start_if_it_can():
        return "refused by the server"
    code = await recording.ready_or_ended()
    if code is not None:
        assert code == 65, recording.daemon.log
        return "seen at the start"
    assert await recording.state() == recording.outcome
    if recording.daemon.said("the snapshot at frame") or recording.daemon.said("the manifest"):
        return "seen at the start"
    try:
        await Auditor(SHARD, STREAM, may_repeat=True).follow(recording.connections)
    except (CorruptFrame, JournalDamaged, Diverged):
        return "seen by a reader"
    return "harmless"


@pytest.fixture
async def recording(tmp_path: Path, forker: Forker, own_valkey: OwnValkey) -> Recording:
    """Return what a crash has left."""
    recording = Recording(tmp_path, forker, own_valkey, seed=6)
    await recording.make()
    return recording


async def test_start_tells_what_a_cut_has_taken(recording: Recording) -> None:
    """Frames that were acknowledged are gone: only an operator may say that this is all right."""
    chance = random.Random(7)

    lost = [await cut_twice(recording, chance) for _ in range(8)]

    assert max(lost) > 0
    assert min(lost) == 0


async def test_flipped_bit_of_a_frame_is_noticed(recording: Recording) -> None:
    """The file has no checksum; the frames have."""
    frame = b'"type":"order_accepted"'  # as events have it, and no command

    assert await flip(recording, recording.file.rindex(frame), 0) == "seen at the start"
    assert await flip(recording, recording.file.index(frame), 0) == "seen by a reader"


async def test_flipped_bit_is_noticed_or_harmless(recording: Recording) -> None:
    """Wherever it lies: the state recovered is never another one."""
    chance = random.Random(8)

    for _ in range(8):
        await flip_anywhere(recording, chance)


@pytest.mark.long
async def test_start_tells_whatever_a_cut_has_taken(recording: Recording, show: Show) -> None:
    """The same at any bytes of the last 64 KiB, twice."""
    chance, cuts = random.Random(fault_seed()), fault_number("FAULT_CUTS", CUTS) // 2
    progress = Progress(TORN, cuts, show)

    for _ in range(cuts // 2):
        progress.step(2, f"{await cut_twice(recording, chance)} frames lost")


@pytest.mark.long
async def test_any_flipped_bit_is_noticed_or_harmless(recording: Recording, show: Show) -> None:
    """The same anywhere in the file."""
    chance, flips = random.Random(fault_seed()), fault_number("FAULT_FLIPS", _FLIPS)
    progress = Progress(FLIPPED, flips, show)

    for _ in range(flips):
        progress.step(1, f"the last one {await flip_anywhere(recording, chance)}")
