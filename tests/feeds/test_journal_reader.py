"""Whoever reads the journal gets every frame once, in order, or is told which are gone."""

import asyncio

import pytest

from engine.cli.failure import CommandError
from engine.cli.journal_reader import (
    JournalEntry,
    JournalGap,
    JournalReader,
    journal_oldest,
    journal_top,
)
from engine.connections import Connections, LinkLost
from tests.feeds.frames import TIME_US, write_frame


async def test_frames_come_in_order_and_once(connections: Connections, shard: str) -> None:
    """A reader that saw a frame twice, or not at all, would show a market that never was."""
    link = await connections.redis()
    for n in range(1, 201):
        await write_frame(link, shard, n)
    reader = JournalReader(link, shard)

    seen: list[int] = []
    while entries := await reader.next():
        seen += [entry.n for entry in entries]

    assert seen == list(range(1, 201))
    assert reader.after == 200
    assert await reader.next() == []
    await link.close()


async def test_a_frame_keeps_its_fields(connections: Connections, shard: str) -> None:
    """Nothing of a frame is interpreted on the way, so its hash can be computed again."""
    link = await connections.redis()
    await write_frame(link, shard, 1, [{"s": "orders", "id": "1-0"}], [{"in": 0}], {"a": "1-0"})

    [entry] = await JournalReader(link, shard).next()

    assert entry == JournalEntry(
        n=1,
        t=TIME_US + 1,
        inputs=b'[{"s":"orders","id":"1-0"}]',
        events=b'[{"in": 0}]',
        cursors=b'{"a": "1-0"}',
        version=b"1",
        hash=entry.hash,
    )
    assert entry.decoded_inputs() == [{"s": "orders", "id": "1-0"}]
    assert entry.decoded_events() == [{"in": 0}]
    assert entry.decoded_cursors() == {"a": "1-0"}
    await link.close()


async def test_a_trimmed_journal_is_a_gap_with_both_ends(
    connections: Connections, shard: str
) -> None:
    """Frames that were trimmed before they were read are named, not stepped over."""
    link = await connections.redis()
    for n in range(1, 11):
        await write_frame(link, shard, n)
    await link.call("XTRIM", f"{{{shard}}}:journal", "MINID", "6-0")
    reader = JournalReader(link, shard, after=2)

    with pytest.raises(JournalGap, match="frames 3 to 5 have been trimmed") as gap:
        await reader.next()
    assert (gap.value.expected, gap.value.found) == (3, 6)
    assert reader.after == 2

    reader.skip(gap.value)
    assert [entry.n for entry in await reader.next()] == [6, 7, 8, 9, 10]
    await link.close()


async def test_a_waiting_reader_gets_the_next_frame(connections: Connections, shard: str) -> None:
    """A blocking read is answered by the append itself, without polling."""
    link, watch = await connections.redis(), await connections.redis(blocking=True)
    waiting = asyncio.create_task(JournalReader(watch, shard).next(block_ms=10_000))
    await asyncio.sleep(0.05)
    assert not waiting.done()

    await write_frame(link, shard, 1)

    assert [entry.n for entry in await waiting] == [1]
    assert await JournalReader(watch, shard, after=1).next(block_ms=1) == []
    await link.close()
    await watch.close()


async def test_a_reader_goes_on_over_another_link(connections: Connections, shard: str) -> None:
    """Servers restart; the reader's place outlives its connection."""
    link = await connections.redis()
    await write_frame(link, shard, 1)
    reader = JournalReader(link, shard)
    await reader.next()
    await link.close()
    with pytest.raises(LinkLost):
        await reader.next()

    link = await connections.redis()
    reader.attach(link)
    await write_frame(link, shard, 2)

    assert [entry.n for entry in await reader.next()] == [2]
    await link.close()


@pytest.mark.parametrize("after", [0, 1])
async def test_a_broken_chain_is_noticed(connections: Connections, shard: str, after: int) -> None:
    """Redis' file has no checksum: a flipped byte is found by whoever reads, or by nobody."""
    link = await connections.redis()
    await write_frame(link, shard, 1)
    await write_frame(link, shard, 2)
    key = f"{{{shard}}}:journal"
    [[_, fields]] = await link.call("XRANGE", key, "2-0", "2-0")
    await link.call("XADD", key, "3-0", *fields)  # the parent of its hash is frame 1

    reader = JournalReader(link, shard, after=after)
    with pytest.raises(CommandError, match="chain breaks at frame 3") as refused:
        await reader.next()
    assert refused.value.exit_code == 65
    assert reader.after == 2
    await link.close()


async def test_a_foreign_entry_in_the_journal_is_named(
    connections: Connections, shard: str
) -> None:
    """Only the engine writes the journal; an entry of another form is somebody's mistake."""
    link = await connections.redis()
    await link.call("XADD", f"{{{shard}}}:journal", "1-0", "hello", "world")

    with pytest.raises(ValueError, match="only the engine may write there"):
        await JournalReader(link, shard).next()
    await link.close()


async def test_both_ends_of_the_journal_are_found(connections: Connections, shard: str) -> None:
    """A reader that starts in the middle of a day needs to know where that is."""
    link = await connections.redis()
    assert await journal_top(link, shard) is None
    assert await journal_oldest(link, shard) is None
    for n in (4, 5, 6):
        await write_frame(link, shard, n)

    oldest, newest = await journal_oldest(link, shard), await journal_top(link, shard)

    assert (oldest and oldest.n, newest and newest.n) == (4, 6)
    await link.close()
