"""Servers that go away, fill up or damage what they hold cost a pause and nothing else."""

import asyncio
import signal
from pathlib import Path

import pytest

from engine.connections import RedisReplyError
from tests.line.outcome import replica
from tests.line.process import Make
from tests.line.valkey import OwnValkey
from tests.line.words import MARKET, order, tick


async def test_redis_restarted_in_mid_run_is_only_a_pause(
    make: Make, own_valkey: OwnValkey, shard: str
) -> None:
    """Every part of the daemon waits for Redis, and all of them go on."""
    await own_valkey.start()
    daemon = make(own_valkey.url, more="[snapshot]\ninterval_s = 1\n")
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    for number in range(2):
        own_valkey.kill()
        await asyncio.sleep(0.3)
        await own_valkey.start()
        await daemon.send(order(f"after-{number}"))
        await daemon.applied(f"after-{number}")
    snapshots = len(daemon.said("snapshot taken"))
    await daemon.until_said("snapshot taken", snapshots + 1)
    link = await daemon.connections.redis()
    lease = await link.call("GET", f"{{{shard}}}:lease")
    async with asyncio.timeout(10):
        while await link.call("GET", f"{{{shard}}}:lease") == lease:  # noqa: ASYNC110 - Redis
            await asyncio.sleep(0.05)
    await link.close()
    await replica(daemon.connections, shard)

    assert await daemon.stop() == 0, daemon.log


async def test_full_redis_is_only_a_pause(make: Make, own_valkey: OwnValkey, shard: str) -> None:
    """No part of the daemon dies of a Redis that takes no more; trimming may even cure it."""
    await own_valkey.start()
    daemon = make(own_valkey.url, more="[snapshot]\ninterval_s = 1\n")
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    await daemon.send(order("during"))
    await own_valkey.set("maxmemory", "1")
    await asyncio.sleep(1.6)
    await own_valkey.set("maxmemory", "0")
    await daemon.send(order("after"))
    await daemon.applied("before", "during", "after")
    await replica(daemon.connections, shard)

    assert await daemon.stop() == 0, daemon.log


async def test_redis_busy_with_a_script_is_only_a_pause(
    make: Make, own_valkey: OwnValkey, shard: str
) -> None:
    """Somebody's script that never ends makes Redis refuse everything, reading included."""
    await own_valkey.start()
    await own_valkey.set("busy-reply-threshold", "10")
    daemon = make(own_valkey.url, more="[snapshot]\ninterval_s = 1\n")
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    script = await own_valkey.connections.redis()
    busy = asyncio.create_task(script.call("EVAL", "while true do end", 0))
    await asyncio.sleep(1.5)
    operator = await own_valkey.connections.redis()
    assert await operator.call("SCRIPT", "KILL") == b"OK"
    with pytest.raises(RedisReplyError):
        await busy
    await daemon.send(order("after"))
    await daemon.applied("before", "after")
    await script.close()
    await operator.close()

    assert await daemon.stop() == 0, daemon.log


async def test_damaged_snapshot_is_said_and_the_one_before_is_used(make: Make, shard: str) -> None:
    """Recovery takes longer and ends the same; the operator hears that a disk or a wire flips."""
    daemon = make()
    await daemon.start()
    await daemon.send(*MARKET, tick())
    for number, name in enumerate(("first", "second"), start=1):
        await daemon.send(order(name))
        await daemon.applied(name)
        daemon.signal(signal.SIGUSR1)
        await daemon.until_said("snapshot taken", number)
    daemon.kill()
    link = await daemon.connections.redis()
    keys: list[bytes] = await link.call("KEYS", f"{{{shard}}}:state:*:1")
    newest = max(keys, key=lambda key: int(key.split(b":")[2]))
    await link.call("SETRANGE", newest, "5", "\x00\x01")

    await daemon.start()

    said = daemon.said(f"the snapshot at frame {newest.split(b':')[2].decode()} is not used")
    assert len(said) == 1
    assert "is damaged" in said[0]["event"]
    assert daemon.said("ready")[-1]["orders"] == 2
    await link.close()


async def test_trading_starts_without_postgres(make: Make, tmp_path: Path, shard: str) -> None:
    """Postgres is a reader that may lag by an hour, from the first second on."""
    daemon = make(dsn=f"postgresql://pitboss@/pitboss?host={tmp_path}")
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("one"))
    await daemon.applied("one")
    await daemon.until_said("Postgres is away")

    assert await daemon.stop() == 0, daemon.log
