"""`send` shows what its own commands caused, among whatever else happens."""

import asyncio
import io
import json

import pytest

from engine.cli.failure import CommandError
from engine.cli.send import send
from engine.connections import Connections
from persistence.lease import lease_key
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


async def test_engine_far_behind_is_sent_no_order(connections: Connections, shard: str) -> None:
    """What it could not answer would only make it later; operators are heard all the same."""
    link, out = await connections.redis(), io.StringIO()
    await link.call("SET", lease_key(shard), "1-2:3:10001")
    lines = ['{"type":"cancel_all","account":"a"}']
    with pytest.raises(CommandError, match="10 s behind") as refused:
        await send(lines, connections, shard, out, 0.1)
    assert refused.value.exit_code == 66
    assert not await link.call("EXISTS", f"{{{shard}}}:orders")
    with pytest.raises(CommandError, match="no daemon consumed"):
        await send(['{"type":"resume"}'], connections, shard, out, 0.1)
    await link.call("SET", lease_key(shard), "1-2:3:10000")
    with pytest.raises(CommandError, match="no daemon consumed"):
        await send(lines, connections, shard, out, 0.1)
    await link.close()
