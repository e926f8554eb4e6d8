"""Snapshots in Redis: chunks first, the manifest last, three generations (architecture §4)."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from engine.limits import LOGIC_VERSION
from engine.ports import Manifest, Position
from engine.snapshot import FORMAT, CorruptSnapshot, capture

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.connections import RedisLink, SyncRedisLink
    from engine.kernel import Kernel

_manifests = msgspec.json.Decoder(Manifest)
_SCAN_COUNT = 1_000


def write_snapshot(
    link: SyncRedisLink, shard: str, kernel: Kernel, position: Position, writer: str
) -> Manifest:
    """Write the state at a frame that Redis has acknowledged: chunks, then the manifest.

    Synchronous, for a forked child that has nothing else to do. What is left of an interrupted
    write has no manifest and is deleted at the next start.
    """
    name = f"{{{shard}}}:state:{position.n}:{writer}"
    digests: list[str] = []
    total = blake2b(digest_size=32)
    for index, chunk in enumerate(capture(kernel)):
        link.call("SET", f"{name}:{index}", chunk)
        digests.append(_digest(chunk))
        total.update(chunk)
    manifest = Manifest(
        FORMAT,
        LOGIC_VERSION,
        position.n,
        position.hash.hex(),
        kernel.state.now_us,
        writer,
        dict(position.cursors),
        digests,
        total.hexdigest(),
    )
    link.call("SET", name, _sealed(name, manifest))
    return manifest


class SnapshotStore:
    """Lists, reads and deletes snapshots of a shard over one link.

    `damaged` names the manifests that were found damaged when they were last listed.
    """

    def __init__(self, link: RedisLink, shard: str) -> None:
        self.damaged: list[str] = []
        self._link = link
        self._prefix = f"{{{shard}}}:state:"
        self._lost = f"{{{shard}}}:lost-state:"

    async def manifests(self) -> list[Manifest]:
        """Return the snapshots whose manifest is whole, newest first."""
        return await self._manifests_among(await self._names())

    async def _manifests_among(self, names: list[str]) -> list[Manifest]:
        found = []
        self.damaged = []
        for owner in sorted({_owner(name) for name in names}):
            stored = await self._link.call("GET", self._prefix + owner)
            if stored is None:
                continue  # not written yet, or deleted since
            try:
                found.append(_unsealed(self._prefix + owner, stored))
            except (CorruptSnapshot, msgspec.DecodeError):
                self.damaged.append(owner)
        return sorted(found, key=lambda manifest: -manifest.frame)

    async def chunks(self, manifest: Manifest) -> list[bytes]:
        """Return a snapshot's chunks. Raises CorruptSnapshot where one is missing or flipped."""
        name = f"{self._prefix}{manifest.frame}:{manifest.writer}"
        chunks: list[bytes] = []
        for index, digest in enumerate(manifest.chunk_digests):
            chunk = await self._link.call("GET", f"{name}:{index}")
            if chunk is None or _digest(chunk) != digest:
                state = "missing" if chunk is None else "damaged"
                raise CorruptSnapshot(
                    f"chunk {index} of the snapshot at frame {manifest.frame} is {state}"
                )
            chunks.append(chunk)
        return chunks

    async def prune(
        self, keep: int, writing: Collection[str] = (), writers: Collection[str] = ()
    ) -> list[Manifest]:
        """Keep the newest `keep` snapshots, delete the others and what has no manifest.

        Spares what is being written: `writing` holds `frame:writer` of each while it is, `writers`
        those who may be writing elsewhere. It is looked at before and after the names, since both
        change meanwhile.
        Returns what is kept, newest first. A manifest goes before its chunks.
        """
        spared = set(writing)
        names = await self._names()
        spared.update(writing)
        manifests = await self._manifests_among(names)
        whole = [f"{m.frame}:{m.writer}" for m in manifests]
        spared.update(whole[:keep])
        others = {_owner(name) for name in names}.difference(whole)
        spared.update(owner for owner in others if owner.partition(":")[2] in writers)
        doomed = [name for name in names if _owner(name) not in spared]
        doomed.sort(key=lambda name: name.count(":"))
        for name in doomed:
            await self._link.call("DEL", self._prefix + name)
        return manifests[:keep]

    async def set_aside(self, manifest: Manifest) -> None:
        """Keep a snapshot of a history that was lost, under names where nothing looks for it."""
        owner = f"{manifest.frame}:{manifest.writer}"
        for name in await self._names():
            if _owner(name) == owner:
                await self._link.call("RENAME", self._prefix + name, f"{self._lost}{name}")

    async def _names(self) -> list[str]:
        """Return what follows the prefix of every key of every snapshot."""
        names: set[str] = set()
        cursor: Any = b"0"
        pattern = self._prefix + "*"
        while True:
            cursor, keys = await self._link.call(
                "SCAN", cursor, "MATCH", pattern, "COUNT", _SCAN_COUNT
            )
            names.update(key.decode()[len(self._prefix) :] for key in keys)
            if cursor == b"0":
                return sorted(names)


def _owner(name: str) -> str:
    """Return `frame:writer` of a manifest's or a chunk's name."""
    return ":".join(name.split(":")[:2])


def _sealed(name: str, manifest: Manifest) -> bytes:
    """Return a manifest as it is stored: JSON, and behind a newline its digest under its name."""
    encoded = msgspec.json.encode(manifest)
    return encoded + b"\n" + _digest(name.encode() + encoded).encode()


def _unsealed(name: str, stored: bytes) -> Manifest:
    """Read a stored manifest. Raises CorruptSnapshot where it is not as it was written, or where.

    That of another frame or shard is none, though it is whole.
    """
    encoded, _, digest = stored.rpartition(b"\n")
    if _digest(name.encode() + encoded).encode() != digest:
        raise CorruptSnapshot("the manifest is damaged")
    return _manifests.decode(encoded)


def _digest(chunk: bytes) -> str:
    return blake2b(chunk, digest_size=16).hexdigest()
