"""The journal has one writer, no gap, no double, and knows when it is not its own any more."""

import pytest

from engine.codec import genesis_hash
from engine.connections import Connections, RedisLink, RedisReplyError
from engine.messages import Frame
from engine.ports import JournalDamaged, SteppedDown
from persistence.journal import FrameRing, JournalFrames, RedisJournal, journal_key
from tests.line.proxy import FailingWire
from tests.line.written import frames_of, sealed, write


def journal_of(
    connections: Connections, shard: str, after: Frame | None = None, ring: FrameRing | None = None
) -> RedisJournal:
    """Return a journal that goes on after a frame."""
    n, parent = (0, genesis_hash(shard)) if after is None else (after.n, after.hash)
    return RedisJournal(connections.redis, shard, n=n, frame_hash=parent, ring=ring)


async def append(journal: RedisJournal, frames: list[Frame]) -> None:
    """Append some frames, one after the other."""
    for frame in frames:
        await journal.append(frame)


async def test_frames_are_dense_and_stand_as_they_were_sealed(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """Ids n-0 without a gap are what makes an append a compare-and-swap."""
    frames, journal = sealed(shard, 5), journal_of(connections, shard)

    await append(journal, frames)

    ids = [entry[0] for entry in await link.call("XRANGE", journal_key(shard), "-", "+")]
    assert ids == [b"1-0", b"2-0", b"3-0", b"4-0", b"5-0"]
    assert await frames_of(connections, shard) == frames
    await journal.close()


async def test_only_frame_1_creates_the_stream(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """A journal deleted under a running engine must not begin again in silence at frame 4."""
    frames, journal = sealed(shard, 4), journal_of(connections, shard)
    await append(journal, frames[:3])
    await link.call("DEL", journal_key(shard))

    with pytest.raises(JournalDamaged, match="--accept-loss"):
        await journal.append(frames[3])

    assert await link.call("EXISTS", journal_key(shard)) == 0
    await journal.close()


async def test_journal_found_missing_on_a_new_connection_is_damage(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """The same deletion, seen by the reconciliation instead of by the append."""
    frames, journal = sealed(shard, 4), journal_of(connections, shard)
    await append(journal, frames[:3])
    await link.call("DEL", journal_key(shard))
    await journal.close()

    with pytest.raises(JournalDamaged, match="missing or empty"):
        await journal.append(frames[3])

    assert await link.call("EXISTS", journal_key(shard)) == 0
    await journal.close()


@pytest.mark.parametrize("reconnected", [False, True], ids=["same link", "new link"])
async def test_append_of_another_engine_fences_this_one(
    connections: Connections, shard: str, *, reconnected: bool
) -> None:
    """Two engines may both believe that they lead; the journal lets only one of them go on."""
    ours, theirs = sealed(shard, 4), sealed(shard, 4, note="theirs")
    journal = journal_of(connections, shard)
    await append(journal, ours[:3])
    theirs = sealed(shard, 2, note="theirs", after=ours[2])
    other = journal_of(connections, shard, ours[2])
    await append(other, theirs[:1])
    if reconnected:
        await journal.close()

    with pytest.raises(SteppedDown, match="frame 4"):
        await journal.append(ours[3])

    assert await frames_of(connections, shard) == [*ours[:3], theirs[0]]
    await other.append(theirs[1])
    await journal.close()
    await other.close()


async def test_frame_already_trimmed_away_fences_too(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """An engine that slept so long that even the proof of its fencing is gone must not go on."""
    ours, journal = sealed(shard, 3), journal_of(connections, shard)
    await append(journal, ours[:2])
    await write(link, shard, sealed(shard, 9, note="theirs", after=ours[1]))
    await link.call("XTRIM", journal_key(shard), "MINID", "10-0")

    with pytest.raises(SteppedDown):
        await journal.append(ours[2])
    await journal.close()


async def test_own_frame_whose_reply_was_lost_is_not_a_fence(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """The hash tells our own append from another engine's: going on is right, twice is wrong."""
    frames, journal = sealed(shard, 4), journal_of(connections, shard)
    await append(journal, frames[:3])
    await write(link, shard, [frames[3]])

    await journal.append(frames[3])

    assert await frames_of(connections, shard) == frames
    await journal.close()


async def cut_back(link: RedisLink, shard: str, frames: list[Frame]) -> None:
    """Leave the journal as an older append-only file would give it back."""
    await link.call("DEL", journal_key(shard))
    await write(link, shard, frames)


async def test_tail_lost_by_redis_is_appended_again_from_memory(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """What was acknowledged stays true: same frames, same hashes, then the new one."""
    frames, journal = sealed(shard, 9), journal_of(connections, shard)
    await append(journal, frames[:8])
    await cut_back(link, shard, frames[:3])
    await journal.close()

    await journal.append(frames[8])

    assert await frames_of(connections, shard) == frames
    await journal.close()


async def test_tail_that_is_lost_again_while_it_heals_is_healed_again(
    connections: Connections, shard: str, wire: FailingWire, link: RedisLink
) -> None:
    """Healing goes over the same wires as everything else."""
    frames, journal = sealed(shard, 9), journal_of(wire.connections, shard)
    await append(journal, frames[:8])
    await cut_back(link, shard, frames[:2])
    await journal.close()
    lost_at = len(wire.requests) + 4  # the top, frames 3 and 4, and then frame 5
    wire.fate = lambda number, _: "lose reply" if number == lost_at else "pass"

    await journal.append(frames[8])

    assert await frames_of(connections, shard) == frames
    await journal.close()


async def test_tail_lost_further_back_than_the_ring_is_damage(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """A journal with a hole in it must never be written to."""
    frames, journal = sealed(shard, 9), journal_of(connections, shard, ring=FrameRing(4))
    await append(journal, frames[:8])
    await cut_back(link, shard, frames[:4])
    await journal.close()

    with pytest.raises(JournalDamaged, match="top is frame 4"):
        await journal.append(frames[8])

    assert await frames_of(connections, shard) == frames[:4]
    await journal.close()


@pytest.mark.parametrize("top", [3, 8], ids=["below our top", "at our top"])
async def test_top_with_a_foreign_hash_is_damage(
    connections: Connections, shard: str, link: RedisLink, top: int
) -> None:
    """It is neither our journal cut back nor one that a new leader has gone on with."""
    frames, journal = sealed(shard, 9), journal_of(connections, shard)
    await append(journal, frames[:8])
    await cut_back(link, shard, sealed(shard, top, note="foreign"))
    await journal.close()

    with pytest.raises(JournalDamaged, match="not ours"):
        await journal.append(frames[8])
    await journal.close()


async def test_refusal_that_waiting_cannot_cure_ends_the_engine(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """A key of another type is not an outage: trying for ever would look like one."""
    await link.call("SET", journal_key(shard), "something else")
    journal = journal_of(connections, shard)

    with pytest.raises(RedisReplyError, match="WRONGTYPE"):
        await journal.append(sealed(shard, 1)[0])
    await journal.close()


async def test_entry_that_no_engine_wrote_is_damage(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """Somebody's XADD with an id of its own must not be read as a frame."""
    await write(link, shard, sealed(shard, 1))
    await link.call("XADD", journal_key(shard), "1-1", "c", "{}")

    with pytest.raises(JournalDamaged, match="not written by an engine"):
        await JournalFrames(link, shard).top()


async def test_gap_in_the_frames_read_back_is_damage(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """Recovery must stop at a missing frame, wherever it is missing."""
    frames = sealed(shard, 5)
    await write(link, shard, [frames[0], frames[1], frames[3], frames[4]])

    with pytest.raises(JournalDamaged, match="frame 3 is missing"):
        await frames_of(connections, shard)
    with pytest.raises(JournalDamaged, match="frame 6 is missing"):
        [each async for each in JournalFrames(link, shard).frames(3, 6)]


def test_ring_forgets_the_oldest_by_count_and_by_size() -> None:
    """What heals a tail must not fill the memory; at least the last frame is always kept."""
    frames = sealed("ring", 10)
    by_count, by_size = FrameRing(3), FrameRing(100, size_bytes=600)
    for frame in frames:
        by_count.add(frame)
        by_size.add(frame)

    assert [by_count.get(n) for n in range(7, 12)] == [None, *frames[7:], None]
    assert by_size.get(10) == frames[9]
    kept = [n for n in range(1, 11) if by_size.get(n)]
    assert kept == [9, 10]
    tiny = FrameRing(100, size_bytes=1)
    tiny.add(frames[0])
    assert tiny.get(1) == frames[0]


async def test_leader_that_doubts_sees_frames_of_another(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """Also without a frame to append; its own frame on the way is no reason to step down."""
    frames, journal = sealed(shard, 4), journal_of(connections, shard)
    await append(journal, frames[:3])
    await journal.check_leads(link)
    journal._ring.add(frames[3])
    await write(link, shard, frames[3:])
    await journal.check_leads(link)
    await write(link, shard, sealed(shard, 1, note="theirs", after=frames[3]))

    with pytest.raises(SteppedDown, match="frame 5"):
        await journal.check_leads(link)
    await journal.close()
