"""`send` shows what its own commands caused, among whatever else happens."""

import asyncio
import io
import json

from engine.cli.send import send
from engine.connections import Connections
from tests.feeds.frames import write_frame


async def test_events_of_others_in_the_same_frame_are_left_out(
    connections: Connections, shard: str
) -> None:
    """An engine batches; whoever sends one command does not want to read the market's."""
    link, out = await connections.redis(blocking=True), io.StringIO()
    sending = asyncio.create_task(
        send(['{"type":"cancel_all","account":"a"}'], connections, shard, out)
    )
    key = f"{{{shard}}}:orders"
    [[_, [[entry, _]]]] = await link.call("XREAD", "BLOCK", 10_000, "STREAMS", key, "0-0")
    ours = entry.decode()

    await write_frame(
        link,
        shard,
        1,
        [
            {"s": "orders", "id": "1-0"},
            {"s": "admin", "id": ours},
            {"s": "orders", "id": ours},
        ],
        [
            {"type": "margin_call"},
            {"type": "rejected", "in": 0},
            {"type": "balance_changed", "in": 1},
            {"type": "order_cancelled", "in": 2},
        ],
        {"orders": ours},
    )

    assert await sending == 1
    [event] = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (event["type"], event["frame"], event["index"]) == ("order_cancelled", 1, 3)
    await link.close()
