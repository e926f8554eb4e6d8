"""Postgres away for an hour: trading does not notice, and what waited is soon written."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.connections import Connections, Endpoints, PostgresConnection
from engine.messages import Frame
from persistence.cursor import read_cursor
from persistence.journal import JournalFrames, journal_key
from persistence.verify_rows import compare
from tests.line.process import Make
from tests.line.valkey import OwnValkey
from tests.line.waiting import WaitingJournal
from tests.line.words import order

LIVE_RATE = 500
FACTOR = 5
"""So many times the live rate is what waited written at least."""
HOUR = 3_600 * LIVE_RATE
FILLS = int(os.environ.get("CATCH_UP_FILLS", HOUR))
SOCKET = ".s.PGSQL.5432"
MORE = "[journal]\nretain_frames = 1_000_000_000\n[snapshot]\ninterval_s = 86_400\n"
TURNS, PINGS = 4, 25


class CatchUp(NamedTuple):
    """Fills a second, and how long orders took in ms: Postgres away, catching up, and there."""

    rate: float
    away: list[float]
    during: list[float]
    there: list[float]

    def __str__(self) -> str:
        told = (
            f"{name} p50 {median(each):.1f} p99 {quantiles(each, n=100)[98]:.1f}"
            for name, each in (("away", self.away), ("during", self.during), ("there", self.there))
        )
        return f"{self.rate:,.0f} fills/s; order latency in ms: {', '.join(told)}"


class Outage:
    """A Postgres that a daemon cannot find until it comes back."""

    def __init__(self, endpoints: Endpoints, directory: Path) -> None:
        assert endpoints.postgres_dsn is not None
        before, _, asked = endpoints.postgres_dsn.partition("?")
        self._there = Path(parse_qs(urlsplit(f"x://x?{asked}").query)["host"][0]) / SOCKET
        self._place = directory / SOCKET
        self.dsn = f"{before}?host={directory}"

    def end(self) -> None:
        """Let it be found."""
        self._place.symlink_to(self._there)

    async def begin(self, database: PostgresConnection) -> None:
        """Let it be found no more, and end what others have open."""
        self._place.unlink()
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'pitboss' AND pid <> pg_backend_pid()"
        )


async def ping(connections: Connections, shard: str, name: str) -> float:
    """Send an order that rests and wait for its frame; return how many ms that took."""
    link = await connections.redis()
    key = journal_key(shard)
    [[top, _]] = await link.call("XREVRANGE", key, "+", "-", "COUNT", 1)
    began = time.perf_counter()
    command = json.dumps(order(name, price="50", account="a0"))
    await link.call("XADD", f"{{{shard}}}:orders", "*", "c", command)
    found = False
    while not found:
        for entry_id, fields in (await link.call("XREAD", "BLOCK", 1000, "STREAMS", key, top))[0][
            1
        ]:
            top, found = entry_id, found or name.encode() in b"".join(fields)
    await link.close()
    return 1e3 * (time.perf_counter() - began)


async def pings(
    connections: Connections, shard: str, name: str, until: Callable[[int], Awaitable[bool]]
) -> list[float]:
    """Send one order after the other until told to end; return how long each took, in ms."""
    took: list[float] = []
    while not await until(len(took)):
        took.append(await ping(connections, shard, f"{name}-{len(took)}"))
        await asyncio.sleep(0.005)
    return took


async def enough(count: int) -> bool:
    """Tell whether these are as many as belong together."""
    return count >= PINGS


async def beside(
    connections: Connections, database: PostgresConnection, shard: str, outage: Outage
) -> tuple[list[float], list[float]]:
    """Let Postgres go and come in turn; return how long orders took while it was away, and not.

    In turn, so that whatever else the machine does comes to both.
    """
    away: list[float] = []
    there: list[float] = []
    for turn in range(TURNS):
        await outage.begin(database)
        away += await pings(connections, shard, f"away-{turn}", enough)
        outage.end()
        top = await top_of(connections, shard)
        while await frame_of(database, shard) < top:  # noqa: ASYNC110 - Postgres
            await asyncio.sleep(0.01)
        there += await pings(connections, shard, f"there-{turn}", enough)
    return away, there


async def catch_up(
    make: Make, valkey: OwnValkey, servers: Endpoints, directory: Path, shard: str, fills: int
) -> CatchUp:
    """Start a daemon on a backlog with Postgres away, bring Postgres back, and see what happens."""
    await valkey.start()
    waiting = WaitingJournal(valkey.connections, shard, seed=7)
    await waiting.grow(fills)
    outage = Outage(servers, directory)
    daemon = make(valkey.url, dsn=outage.dsn, more=MORE)
    daemon.seconds = 60 + fills / 2_000
    await daemon.start()
    redis = valkey.connections
    database = await Connections(servers).postgres()
    outage.end()
    while await frame_of(database, shard) == 0:  # noqa: ASYNC110 - Postgres
        await asyncio.sleep(0.005)
    began = time.monotonic()

    async def caught_up(_count: int) -> bool:
        return await frame_of(database, shard) >= waiting.frames

    during = await pings(redis, shard, "during", caught_up)
    rate = waiting.fills / (time.monotonic() - began)
    away, there = await beside(redis, database, shard, outage)
    assert await daemon.stop() == 0, daemon.log
    assert not daemon.said("the fill writer has halted")
    await compare_all(database, valkey.connections, shard)
    await database.close()
    return CatchUp(rate, away, during, there)


async def top_of(connections: Connections, shard: str) -> int:
    """Return the journal's newest frame."""
    link = await connections.redis()
    top = await JournalFrames(link, shard).top()
    await link.close()
    assert top is not None
    return top.n


async def frame_of(database: PostgresConnection, shard: str) -> int:
    """Return how far Postgres is."""
    cursor = await read_cursor(database, shard)
    return 0 if cursor is None else cursor.frame


async def compare_all(database: PostgresConnection, connections: Connections, shard: str) -> None:
    """Compare every row up to the cursor with the journal: nothing missing, nothing doubled."""
    link = await connections.redis()
    source = JournalFrames(link, shard)

    async def frames() -> AsyncIterator[Frame]:
        async for frame in source.frames(0, await frame_of(database, shard)):
            yield frame

    async with aclosing(frames()) as each:  # type: ignore[type-var]
        assert await compare(database, shard, each) == []
    await link.close()


def undisturbed(took: list[float]) -> float:
    """Return what the quickest tenth took at most: a busy machine disturbs the others."""
    return quantiles(took, n=10)[0]


def judge(found: CatchUp) -> None:
    """Check the rate, and that orders take no longer beside an outage than without one."""
    assert found.rate >= FACTOR * LIVE_RATE, found
    assert undisturbed(found.away) <= 1.5 * undisturbed(found.there), found


async def test_backlog_is_caught_up_beside_trading(
    make: Make, own_valkey: OwnValkey, servers: Endpoints, tmp_path: Path, shard: str
) -> None:
    """Postgres is a reader that may lag; that it lags must cost an order nothing."""
    judge(await catch_up(make, own_valkey, servers, tmp_path, shard, 15_000))


@pytest.mark.long
async def test_hour_without_postgres_is_caught_up(
    make: Make, own_valkey: OwnValkey, servers: Endpoints, tmp_path: Path, shard: str
) -> None:
    """500 fills a second for an hour wait in the journal; each is written once (`pytest -s`)."""
    found = await catch_up(make, own_valkey, servers, tmp_path, shard, FILLS)
    print(f"\n{FILLS:,} fills caught up: {found}")  # noqa: T201 - what it is run for
    judge(found)
