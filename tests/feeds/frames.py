"""Hand-made frames: what a journal looks like to whoever reads it."""

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
    fields = {
        "t": str(TIME_US + n),
        "in": json.dumps(inputs or [], separators=(",", ":")),
        "ev": json.dumps(events or []),
        "cur": json.dumps(cursors or {}),
        "v": "1",
        "h": f"{n:064x}",
    }
    flat = [part for field in fields.items() for part in field]
    await link.call("XADD", f"{{{shard}}}:journal", f"{n}-0", *flat)
