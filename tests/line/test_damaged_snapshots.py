"""A snapshot that is nearly right is the worst kind: any damage is refused, named, and survived.

A journal with two snapshots is recovered again and again, each time with one thing spoilt in the
newer: the older one is used then, and replay ends where it always ends.
"""

from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from engine.connections import RedisLink
from engine.ports import Manifest
from engine.replay import recover
from engine.snapshot import state_hash
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore
from tests.cli.recorded import Recording
from tests.core.tape_kills import kills
from tests.golden.journals import batches
from tests.line.valkey import OwnValkey

STEPS = 260
SAMPLED = 97
"""One byte in so many, at places that no record's length divides; the long test takes all."""


class Kept:
    """A journal, its two snapshots, and what it must always lead to."""

    def __init__(self, shard: str, link: RedisLink) -> None:
        self.shard = shard
        self.link = link
        self.older: Manifest
        self.newer: Manifest
        self._recording = Recording(shard)

    async def record(self, valkey: OwnValkey) -> None:
        """Play a tape, and write a snapshot at two of its frames."""
        steps, done = kills(1)[:STEPS], 0
        for done, (wait_us, inputs) in enumerate(batches(steps)):
            self._recording.enter(wait_us, inputs)
            if done in {60, 100}:
                self._recording.snapshot(valkey.connections)
        assert done > 110
        await self._recording.write(self.link)
        self.newer, self.older = await SnapshotStore(self.link, self.shard).manifests()

    @property
    def keys(self) -> list[str]:
        """The keys of the newer snapshot: its manifest, then its chunks."""
        name = f"{{{self.shard}}}:state:{self.newer.frame}:{self.newer.writer}"
        return [name, *(f"{name}:{k}" for k in range(len(self.newer.chunk_digests)))]

    async def recovers(self, *, saying: list[str]) -> None:
        """Recover at the top; what is said on the way must hold these words, one each."""
        complaints: list[str] = []
        source, store = JournalFrames(self.link, self.shard), SnapshotStore(self.link, self.shard)
        top = self._recording.top
        replayed: list[int] = []
        machine, position = await recover(
            *(self.shard, store, source, top.n, complaints.append),
            lambda frame: replayed.append(frame.n),
        )
        start = self.older if saying else self.newer
        assert replayed == list(range(start.frame + 1, top.n + 1))
        assert len(complaints) == len(saying), complaints
        for complaint, words in zip(complaints, saying, strict=True):
            assert f"{self.newer.frame}" in complaint
            assert words in complaint
        assert position.hash == top.hash
        assert state_hash(machine.kernel) == state_hash(self._recording.machine.kernel)

    async def flipped(self, places: Callable[[int], Iterable[int]]) -> int:
        """Flip a bit of each of these bytes of every key, one at a time; return how many."""
        flips = 0
        for key in self.keys:
            whole: bytes = await self.link.call("GET", key)
            said = "damaged" if key == self.keys[0] else f"chunk {key.rpartition(':')[2]}"
            for at in places(len(whole)):
                await self.link.call("SETRANGE", key, at, bytes([whole[at] ^ (1 << at % 8)]))
                await self.recovers(saying=[said])
                await self.link.call("SETRANGE", key, at, whole[at : at + 1])
                flips += 1
        await self.recovers(saying=[])
        return flips


@pytest.fixture
async def kept(shard: str) -> AsyncIterator[Kept]:
    """Write the journal and its snapshots to a Valkey that does not wait for its disk."""
    valkey = OwnValkey(appendfsync="no")
    await valkey.start()
    link = await valkey.connections.redis()
    kept = Kept(shard, link)
    await kept.record(valkey)
    await kept.recovers(saying=[])
    yield kept
    await link.close()
    valkey.remove()


async def test_flipped_bits_are_refused(kept: Kept) -> None:
    """In the manifest and in every chunk."""
    flips = await kept.flipped(lambda size: [0, *range(SAMPLED, size - 1, SAMPLED), size - 1])

    assert flips > 2 * len(kept.keys)


@pytest.mark.long
async def test_any_flipped_byte_is_refused(kept: Kept) -> None:
    """All of them."""
    assert await kept.flipped(range) > 4_000


@pytest.mark.parametrize("part", [0, 1, -1], ids=["manifest", "first chunk", "last chunk"])
async def test_missing_and_torn_parts_are_refused(kept: Kept, part: int) -> None:
    """An interrupted write, a key that somebody deleted, a value cut short, or with more to it."""
    key = kept.keys[part]
    whole: bytes = await kept.link.call("GET", key)
    for torn in (b"", whole[:-1], whole[: len(whole) // 2], whole + b"\n", b"\x00" * len(whole)):
        await kept.link.call("SET", key, torn)
        await kept.recovers(saying=["damaged"])
    await kept.link.call("DEL", key)
    if part:
        await kept.recovers(saying=["missing"])
        await kept.link.call("SET", key, whole)
        await kept.recovers(saying=[])


async def test_parts_in_the_place_of_others_are_refused(kept: Kept) -> None:
    """Each is whole: of the same snapshot, of the one before, under another frame's name."""
    manifest, first, second = kept.keys[:3]
    whole: bytes = await kept.link.call("GET", first)
    other: bytes = await kept.link.call("GET", second)
    await kept.link.call("SET", first, other)
    await kept.recovers(saying=["chunk 0"])
    before = first.replace(f":{kept.newer.frame}:", f":{kept.older.frame}:")
    await kept.link.call("COPY", before, first, "REPLACE")
    await kept.recovers(saying=["chunk 0"])
    await kept.link.call("SET", first, whole)
    await kept.link.call("COPY", before.removesuffix(":0"), manifest, "REPLACE")
    await kept.recovers(saying=["its manifest is damaged"])


async def test_snapshot_of_another_shard_is_refused(kept: Kept) -> None:
    """All of it is whole, and its frame may even be there: only its name tells."""
    names = [*kept.keys]
    for name in names:
        await kept.link.call("COPY", name, name.replace(f"{{{kept.shard}}}", "{elsewhere}"))

    elsewhere = SnapshotStore(kept.link, "elsewhere")

    assert await elsewhere.manifests() == []
    assert elsewhere.damaged == [f"{kept.newer.frame}:{kept.newer.writer}"]
