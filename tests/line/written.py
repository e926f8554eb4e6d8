"""What stands in a journal: hand-made frames to put there, and all of it read back and checked."""

import json
from typing import Any

from engine.codec import check_hash, frame_fields, genesis_hash, seal
from engine.connections import Connections, RedisLink
from engine.messages import Frame
from persistence.journal import JournalFrames, journal_key

TIME_US = 1_700_000_000_000_000


def sealed(shard: str, count: int, *, note: str = "", after: Frame | None = None) -> list[Frame]:
    """Return chained frames; frames with another `note` have other hashes."""
    frames: list[Frame] = []
    first, parent = (1, genesis_hash(shard)) if after is None else (after.n + 1, after.hash)
    for n in range(first, first + count):
        events = [json.dumps({"type": "balance_changed", "n": n, "note": note}).encode()]
        frames.append(seal(n, parent, TIME_US + n, [], events, b"{}"))
        parent = frames[-1].hash
    return frames


async def write(link: RedisLink, shard: str, frames: list[Frame]) -> None:
    """Write frames past the journal's own rules, as a restart with an older file would."""
    for frame in frames:
        await link.call("XADD", journal_key(shard), f"{frame.n}-0", *frame_fields(frame))


async def frames_of(connections: Connections, shard: str) -> list[Frame]:
    """Return every frame of a journal, proved to be dense, chained, and from frame 1 on."""
    link = await connections.redis()
    try:
        source = JournalFrames(link, shard)
        top = await source.top()
        found: list[Frame] = []
        parent = genesis_hash(shard)
        async for frame in source.frames(0, 0 if top is None else top.n):
            check_hash(frame, parent)
            parent = frame.hash
            found.append(frame)
        return found
    finally:
        await link.close()


def inputs_of(frames: list[Frame]) -> list[dict[str, Any]]:
    """Return all inputs of some frames."""
    return [each for frame in frames for each in json.loads(frame.inputs)]


def events_of(frames: list[Frame], kind: str | None = None) -> list[dict[str, Any]]:
    """Return all events of some frames, or those of one type."""
    events = [each for frame in frames for each in json.loads(frame.events)]
    return [each for each in events if kind in (None, each["type"])]
