"""Streams are trimmed to what nobody needs, and the lease says who lives."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.connections import Connections, RedisLink
from engine.ports import Position
from persistence import housekeeping, lease
from persistence.housekeeping import FileRewriter, Trimmer
from persistence.journal import journal_key
from persistence.lease import Pulse, lease_key
from tests.edges.tape import running, until
from tests.line.proxy import FailingWire
from tests.line.valkey import OwnValkey

FRAMES = 1_000
NODE = 100  # Redis trims whole nodes of so many entries


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing."""
    monkeypatch.setattr(housekeeping, "TRIM_SECONDS", 0.01)
    monkeypatch.setattr(lease, "PULSE_SECONDS", 0.01)


@pytest.fixture
async def journal(link: RedisLink, shard: str) -> AsyncIterator[str]:
    """Write a long journal, whose content does not matter here; return its key."""
    key = journal_key(shard)
    for start in range(1, FRAMES + 1, 250):
        await link.call_many([("XADD", key, f"{n}-0", "f", n) for n in range(start, start + 250)])
    yield key
    await link.call("DEL", key)


async def first_frame(link: RedisLink, key: str) -> int:
    """Return the oldest frame left."""
    entries = await link.call("XRANGE", key, "-", "+", "COUNT", 1)
    return int(entries[0][0].partition(b"-")[0])


def trimmer_of(
    connections: Connections,
    shard: str,
    *,
    retain: int = 0,
    snapshot: int = FRAMES,
    written: int = FRAMES,
    cursors: dict[str, str] | None = None,
) -> Trimmer:
    """Return a trimmer of a shard at its last frame; what is not said does not bind."""
    position = Position(FRAMES, b"", cursors or {})
    trimmer = Trimmer(connections, shard, position, retain, lambda: written)
    trimmer.oldest_snapshot = snapshot
    return trimmer


@pytest.mark.parametrize(
    ("bound", "reader"),
    [
        ({"retain": 600}, None),
        ({"snapshot": 400}, None),
        ({"written": 400}, None),
        ({}, "400"),
    ],
    ids=["frames to retain", "oldest snapshot", "fill writer", "reader"],
)
async def test_journal_is_kept_for_whoever_needs_it_longest(
    connections: Connections,
    shard: str,
    link: RedisLink,
    journal: str,
    bound: dict[str, Any],
    reader: str | None,
) -> None:
    """A frame cut off under a reader is a gap that nothing can fill; frame 400 itself stays."""
    await link.call("HSET", f"{{{shard}}}:readers", "quick", "990")
    if reader is not None:
        await link.call("HSET", f"{{{shard}}}:readers", "slow", reader)

    await trimmer_of(connections, shard, **bound)._trim(link)

    assert 400 - NODE < await first_frame(link, journal) <= 400


async def test_journal_without_a_snapshot_is_kept_whole(
    connections: Connections, shard: str, link: RedisLink, journal: str
) -> None:
    """Without one, frame 1 is where every start begins."""
    await trimmer_of(connections, shard, snapshot=0)._trim(link)
    await trimmer_of(connections, shard, retain=FRAMES + 5)._trim(link)  # shorter than that, too

    assert await first_frame(link, journal) == 1


async def test_reader_that_writes_nonsense_does_not_stop_the_engine(
    connections: Connections, shard: str, link: RedisLink, journal: str
) -> None:
    """Readers are other people's programs."""
    await link.call("HSET", f"{{{shard}}}:readers", "odd", "frame 7", "older", "400")

    async with running(trimmer_of(connections, shard)) as task:
        async with asyncio.timeout(10):
            while await first_frame(link, journal) <= 400 - NODE:  # noqa: ASYNC110 - Redis
                await asyncio.sleep(0.01)
        assert not task.done()
    assert await first_frame(link, journal) <= 400


async def test_ingress_is_trimmed_to_what_is_acknowledged_and_no_further(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """What the engine has read but not journaled is read again after a crash."""
    for stream in ("orders", "orders:gate", "ticks"):
        key = f"{{{shard}}}:{stream}"
        await link.call_many([("XADD", key, f"{n}-0", "c", "{}") for n in range(1, 501)])
    cursors = {"orders": "300-0", "orders:gate": "500-0", "config": "9-0"}

    await trimmer_of(connections, shard, cursors=cursors)._trim(link)

    assert 300 - NODE < await first_frame(link, f"{{{shard}}}:orders") <= 301
    assert await first_frame(link, f"{{{shard}}}:orders:gate") > 300
    assert await link.call("XLEN", f"{{{shard}}}:ticks") == 500
    ids = [entry[0] for entry in await link.call("XRANGE", f"{{{shard}}}:orders", "301-0", "+")]
    assert ids == [b"%d-0" % n for n in range(301, 501)]
    info = await link.call("XINFO", "STREAM", f"{{{shard}}}:orders:gate")
    assert info[info.index(b"last-generated-id") + 1] == b"500-0"


@pytest.mark.parametrize("fate", ["lose request", b"-OOM command not allowed\r\n"])
async def test_failing_redis_is_tried_again_without_leaving_links_open(
    wire: FailingWire, shard: str, link: RedisLink, fate: object
) -> None:
    """A refusal five times a second for an hour must not end in `too many clients`."""
    pulse = Pulse(wire.connections, lease_key(shard), "run", lambda: 0)
    trimmer = trimmer_of(wire.connections, shard, cursors={"orders": "1-0"})
    wire.fate = lambda _number, _words: fate
    async with running(pulse), running(trimmer):
        await until(lambda: len(wire.requests) > 20)
        assert wire.open_links <= 3, "one of each, and one that is about to go"
        wire.fate = lambda _number, _words: "pass"
        async with asyncio.timeout(10):
            while not await link.call("EXISTS", f"{{{shard}}}:lease"):  # noqa: ASYNC110 - Redis
                await asyncio.sleep(0.01)


async def test_file_is_rewritten_when_it_has_doubled_and_all_is_calm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rewrite slows every answer for a second, so it waits until nobody minds."""
    monkeypatch.setattr(housekeeping, "REWRITE_BYTES", 1 << 20)
    valkey, calm = OwnValkey(), [False]
    await valkey.start()
    link = await valkey.connections.redis()
    rewriter = FileRewriter(valkey.connections, lambda: calm[0])

    async def told(name: str) -> int:
        said = (await link.call("INFO", "persistence")).decode()
        return int(said.partition(f"{name}:")[2].split()[0])

    async def grow(bytes_more: int) -> None:
        await link.call("SET", "k", os.urandom(bytes_more))  # does not shrink in the file

    await grow(1 << 19)
    calm[0] = True
    assert not await rewriter.look(link), "not worth while"
    await grow(1 << 20)
    calm[0] = False
    assert not await rewriter.look(link)
    assert not await told("aof_rewrites")
    calm[0] = True
    assert await rewriter.look(link)
    async with asyncio.timeout(10):
        while await told("aof_rewrite_in_progress"):
            assert not await rewriter.look(link), "one at a time"
            await asyncio.sleep(0.01)
    assert await told("aof_rewrites") == 1
    assert not await rewriter.look(link), "it is short again"
    await grow(1 << 20)
    assert not await rewriter.look(link), "not doubled"
    await link.close()
    valkey.remove()
