"""A pulse says who lives; whoever watches it takes neither its own sleep nor Redis' for a death."""

import asyncio

import pytest

from engine.cli.doctor_engines import look_at_engines
from engine.connections import Connections, RedisLink
from engine.ports import SteppedDown
from persistence import lease
from persistence.lease import RELEASED, Pulse, PulseWatch, is_moving, lease_key, standby_key
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


async def test_pulse_of_another_run_in_the_lease_is_looked_into(
    connections: Connections, shard: str, link: RedisLink
) -> None:
    """A leader that slept, and has no order to append, would not notice that it leads no more."""
    asked: list[int] = []

    async def doubt(_link: RedisLink) -> None:
        asked.append(len(asked))
        if len(asked) == 2:
            raise SteppedDown("another engine has written frame 2")

    key = lease_key(shard)
    task = asyncio.create_task(Pulse(connections, key, "run-1", lambda: 0, doubt).run())
    async with asyncio.timeout(10):
        while not (await link.call("GET", key) or b"").startswith(b"run-1:5"):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        assert not asked, "its own pulse raises no doubt"
        while not task.done():
            await link.call("SET", key, "run-2:1:0")
            await asyncio.sleep(0.002)

    with pytest.raises(SteppedDown):
        task.result()
    assert len(asked) == 2


class Looker:
    """Looks at a lease by a clock that the test moves."""

    def __init__(self, link: RedisLink, shard: str) -> None:
        self.seconds = 100.0
        self.watch = PulseWatch(lease_key(shard), lambda: self.seconds)
        self._link = link

    async def look(self, count: int, step: float) -> None:
        """Look so often, so far apart."""
        for _ in range(count):
            self.seconds += step
            await self.watch.look(self._link)


async def test_pulse_that_stands_still_for_a_second_is_over(shard: str, link: RedisLink) -> None:
    """By the looker's own clock: what stands in the key is a counter and no time."""
    looker, key = Looker(link, shard), lease_key(shard)
    await link.call("SET", key, "run:1:0")
    await looker.look(20, 0.05)
    assert not looker.watch.is_over
    await link.call("SET", key, "run:2:0")
    await looker.look(20, 0.05)
    assert not looker.watch.is_over, "it has moved in between"
    await looker.look(2, 0.05)

    assert looker.watch.is_over


async def test_looker_that_was_asleep_takes_its_sleep_for_nobodys_death(
    shard: str, link: RedisLink
) -> None:
    """A machine that was paused wakes with everything standing still, the leader beside it too."""
    looker = Looker(link, shard)
    await link.call("SET", lease_key(shard), "run:1:0")
    await looker.look(2, 0.05)
    await looker.look(1, 60.0)
    assert not looker.watch.is_over
    looker.watch.forget()
    await looker.look(1, 60.0)

    assert looker.watch.still_seconds == 0


async def test_released_lease_is_over_at_once(shard: str, link: RedisLink) -> None:
    """An orderly end need not be waited out."""
    watch = PulseWatch(lease_key(shard))
    await link.call("SET", lease_key(shard), RELEASED)
    await watch.look(link)

    assert watch.is_over
    assert not watch.has_moved


async def test_pulse_is_moving_only_while_somebody_moves_it(
    connections: Connections, shard: str, link: RedisLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was left behind by a dead run, or by one that ended in order, is no life."""
    monkeypatch.setattr(lease, "STILL_SECONDS", 0.2)
    key = lease_key(shard)
    assert not await is_moving(connections, key)
    await link.call("SET", key, "dead:7:0")
    assert not await is_moving(connections, key)
    pulse = Pulse(connections, key, "run", lambda: 0)
    async with running(pulse):
        async with asyncio.timeout(10):
            while not await is_moving(connections, key):
                pass
    await pulse.release()
    assert not await is_moving(connections, key)


@pytest.mark.parametrize(
    ("name", "left", "status", "text"),
    [
        ("leader", b"7-1@host:9:3", "WARN", "7-1@host does not renew its lease"),
        ("leader", RELEASED, "WARN", "none: the last one ended in order"),
        ("standby", b"8-1@host:9:95", "WARN", "8-1@host has ended, or hangs"),
        ("standby", RELEASED, "WARN", "none: it leads now, or ended in order"),
    ],
)
async def test_doctor_tells_who_is_missing(
    link: RedisLink, shard: str, name: str, left: bytes, status: str, text: str
) -> None:
    """What was left in a key looks like life to who reads it once."""
    key = {"leader": lease_key, "standby": standby_key}[name](shard)
    await link.call("SET", key, left)
    found = {each.name: each async for each in look_at_engines(link, shard, 100)}

    assert found[name].status == status
    assert found[name].text.startswith(text)


async def test_doctor_tells_who_leads_and_how_far_the_standby_is_behind(
    connections: Connections, link: RedisLink, shard: str
) -> None:
    """A standby that cannot keep up is of no use when it is needed."""
    assert [each async for each in look_at_engines(link, shard, 100)] == []
    leading = Pulse(connections, lease_key(shard), "7-1@a", lambda: 3)
    following = Pulse(connections, standby_key(shard), "8-1@b", lambda: 95)
    async with running(leading), running(following):
        async with asyncio.timeout(10):
            while not await is_moving(connections, standby_key(shard)):
                pass
        found = [tuple(each) async for each in look_at_engines(link, shard, 100)]
        late = [each async for each in look_at_engines(link, shard, 20_000)][1]

    assert found == [
        ("OK", "leader", "7-1@a, 3 ms behind its orders"),
        ("OK", "standby", "8-1@b, 5 frames behind"),
    ]
    assert (late.status, late.text.partition(":")[0]) == ("WARN", "8-1@b, 19905 frames behind")
