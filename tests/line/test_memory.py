"""A Redis that fills up: an alarm, then only what reduces, then nothing is read; and back again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from engine.connections import Connections, RedisLink
from feeds import inbox as inbox_module
from feeds.memory import ALARM_PERCENT, REFUSE_PERCENT, STOP_PERCENT, Memory, memory_percent
from persistence import housekeeping
from persistence.housekeeping import Trimmer
from tests.cli.program import pitboss
from tests.edges.tape import running
from tests.line.line import Line, send
from tests.line.outcome import replica
from tests.line.process import Make
from tests.line.valkey import OwnValkey
from tests.line.words import MARKET, order, tick
from tests.line.written import events_of, frames_of

ROOM = 24 << 20
FILLER = 128 << 10
NONE_SUCH = {"type": "cancel_order", "account": "ann", "client_order_id": "none"}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "_MEMORY_SECONDS", 0.02)
    monkeypatch.setattr(housekeeping, "TRIM_SECONDS", 0.05)


@asynccontextmanager
async def trimmed_line(connections: Connections, shard: str) -> AsyncIterator[Line]:
    """Run an engine with what trims beside it."""
    async with Line(connections, shard) as line:
        position = line.loop.position
        trimmer = Trimmer(connections, shard, position, 1, lambda: position.n)
        trimmer.oldest_snapshot = 2**60  # there are none in this test
        async with running(trimmer):
            yield line


async def fill(link: RedisLink, percent: int) -> None:
    """Add what is nobody's until Redis is so full."""
    while await memory_percent(link) < percent:
        await link.call("APPEND", "filler", b"x" * FILLER)


async def said(told: list[Any], event: str) -> None:
    """Wait until the log says something."""
    async with asyncio.timeout(10):
        while not any(each["event"].startswith(event) for each in told):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_redis_that_fills_up_is_heard_of_spared_and_gone_on_with(
    own_valkey: OwnValkey, shard: str
) -> None:
    """Out of memory the journal takes nothing; what opens is refused while it still takes that."""
    await own_valkey.start(maxmemory=str(ROOM))
    connections = own_valkey.connections
    link = await connections.redis()
    # The slowest reader holds the journal.
    await link.call("HSET", f"{{{shard}}}:readers", "slow", 0)
    with structlog.testing.capture_logs() as told:
        async with trimmed_line(connections, shard) as line:
            entries = [*MARKET, tick(), order("long"), order("other", "sell", account="bea")]
            await line.sent_and_applied(*entries)
            await fill(link, ALARM_PERCENT)
            await said(told, "Redis fills up")
            await line.sent_and_applied(order("opens-at-70"))

            await fill(link, REFUSE_PERCENT)
            await said(told, "Redis is nearly full")
            await line.sent_and_applied(order("opens"), order("reduces", "sell"))
            while line_percent := await memory_percent(link):
                if line_percent >= STOP_PERCENT:
                    break
                await send(connections, shard, [NONE_SUCH] * 400)
                await asyncio.sleep(0.02)
            await said(told, "Redis is all but full")
            await asyncio.sleep(0.2)
            top = line.loop.position.n
            await send(connections, shard, order("reduces-at-95", "sell", price="98"))
            await asyncio.sleep(0.3)
            assert line.loop.position.n == top, "nothing is read"

            before = await frames_of(connections, shard)
            await link.call("HDEL", f"{{{shard}}}:readers", "slow")
            async with asyncio.timeout(10):
                while line.loop.position.n == top:  # noqa: ASYNC110 - trimming made room
                    await asyncio.sleep(0.02)
            assert await memory_percent(link) < STOP_PERCENT
            await link.call("DEL", "filler")
            await said(told, "Redis has room again")
            await line.sent_and_applied(order("opens-again"))
    await link.close()

    refused = [each for each in events_of(before, "rejected") if each["code"] == 705]
    assert [each["client_order_id"] for each in refused] == ["opens"]
    accepted = [each["client_order_id"] for each in events_of(before, "order_accepted")]
    assert accepted == ["long", "other", "opens-at-70", "reduces"]
    assert [each["log_level"] for each in told if each["event"].startswith("Redis")][:3] == [
        *["critical"] * 3
    ]


async def test_daemon_heeds_the_memory_of_its_redis(
    make: Make, own_valkey: OwnValkey, shard: str
) -> None:
    """The alarm is in its log, and a refusal says why and when to try again."""
    await own_valkey.start()
    daemon = make(own_valkey.url)
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    link = await own_valkey.connections.redis()
    await link.call("SETRANGE", "filler", 32 << 20, "x")
    info = await link.call("INFO", "memory")
    used = int(info.partition(b"used_memory:")[2].split()[0])
    await link.call("CONFIG", "SET", "maxmemory", used * 100 // 90)
    await daemon.until_said("Redis is nearly full")
    await daemon.send(order("opens"))
    async with asyncio.timeout(10):
        while not (refused := events_of(await daemon.frames(), "rejected")):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert [(each["code"], each["detail"]) for each in refused] == [(705, {"retry_ms": 1_000})]
    told = "Redis is nearly full: orders are refused unless they reduce (90 % of maxmemory)"
    asked = "--config", daemon.config, "--state-dir", daemon.state_dir
    assert told in pitboss("state", *asked).out
    findings = [line.split(maxsplit=2) for line in pitboss("doctor", *asked).out.splitlines()]
    assert ["FAIL", "memory", told] in findings
    await link.call("CONFIG", "SET", "maxmemory", "0")
    await daemon.until_said("Redis has room again")
    await daemon.send(order("after"))
    await daemon.applied("after")
    await link.close()
    await replica(daemon.connections, shard)
    assert await daemon.stop() == 0, daemon.log


def test_level_ends_a_little_below_where_it_begins() -> None:
    """A Redis at the very bound would otherwise open and shut the market every second."""
    memory = Memory()
    levels = []
    for percent in (69, 70, 68, 67, 86, 84, 99, 93, 92, 10):
        memory.see(percent)
        levels.append(memory.level)
    assert levels == [0, 70, 70, 0, 85, 85, 95, 95, 85, 0]
