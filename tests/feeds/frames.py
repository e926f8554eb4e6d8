"""Hand-made frames: what a journal looks like to whoever reads it."""

import hashlib
import json
from typing import Any

from engine.connections import RedisLink

TIME_US = 1_700_000_000_000_000


async def write_frame(
    link: RedisLink,
    shard: str,
    n: int,
    inputs: list[dict[str, Any]] | None = None,
    events: list[dict[str, Any]] | None = None,
    cursors: dict[str, str] | None = None,
) -> None:
    """Append frame `n` to the shard's journal."""
    key = f"{{{shard}}}:journal"
    fields = {
        "t": str(TIME_US + n),
        "in": json.dumps(inputs or [], separators=(",", ":")),
        "ev": json.dumps(events or []),
        "cur": json.dumps(cursors or {}),
        "v": "1",
    }
    top = await link.call("XREVRANGE", key, "+", "-", "COUNT", 1)
    parent = bytes.fromhex(top[0][1][-1].decode()) if top else hash_of(shard.encode())
    flat = [part for field in fields.items() for part in field]
    packed = b"".join(len(each).to_bytes(4, "big") + each.encode() for each in fields.values())
    await link.call("XADD", key, f"{n}-0", *flat, "h", hash_of(parent + packed).hex())


def hash_of(content: bytes) -> bytes:
    """Return the hash that architecture §3 chains frames with."""
    return hashlib.blake2b(content, digest_size=32).digest()
