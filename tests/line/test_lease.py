"""A pulse says who lives; whoever watches it takes neither its own sleep nor Redis' for a death."""

import asyncio

import pytest

from engine.connections import Connections, RedisLink
from persistence import lease
from persistence.lease import Pulse, lease_key
from tests.edges.tape import running
from tests.line.proxy import FailingWire


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing."""
    monkeypatch.setattr(lease, "PULSE_SECONDS", 0.01)


async def test_lease_moves_while_the_engine_lives_and_is_released_at_its_end(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """A candidate takes over when it has stood still, or at once when it reads `released`."""
    pulse = Pulse(connections, lease_key(shard), "run-7", lambda: 3)
    seen = set[bytes]()
    async with running(pulse):
        async with asyncio.timeout(10):
            while len(seen) < 4:
                seen.add(await link.call("GET", f"{{{shard}}}:lease") or b"run-7:0:3")
                await asyncio.sleep(0.005)
    await pulse.release()

    counters = sorted(int(each.split(b":")[1]) for each in seen)
    assert {each.split(b":")[0] for each in seen} == {b"run-7"}
    assert {each.split(b":")[2] for each in seen} == {b"3"}
    assert len(counters) == 4
    assert await link.call("GET", f"{{{shard}}}:lease") == b"released"


async def test_release_does_not_raise_where_redis_is_away(wire: FailingWire, shard: str) -> None:
    """The end of a daemon must not fail for what only makes the next one quicker."""
    wire.fate = lambda _number, _words: "lose request"

    await Pulse(wire.connections, lease_key(shard), "run", lambda: 0).release()
