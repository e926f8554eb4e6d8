"""A hot standby follows the leader frame by frame, and leads when nobody else does."""

from pathlib import Path

from tests.line.outcome import replica
from tests.line.process import DaemonProcess, Make, accepted
from tests.line.words import MARKET, order, tick


async def following(make: Make, **settings: str) -> DaemonProcess:
    """Start a standby and wait until it has found the leader."""
    standby = make(**settings)
    standby.spawn("--standby")
    await standby.until_said("following")
    return standby


async def test_standby_needs_servers_that_both_can_reach(tmp_path: Path, shard: str) -> None:
    """Servers of its own would hold a journal of its own, with nobody to follow."""
    daemon = DaemonProcess(tmp_path, shard, None)
    daemon.spawn("--standby")

    assert await daemon.ended() == 78
    assert "set redis.url" in daemon.log
    assert not daemon.state_dir.exists()


async def test_standby_takes_over_from_a_leader_that_was_killed(
    daemon: DaemonProcess, make: Make
) -> None:
    """It has the state already: what was sent in between is only late."""
    standby = await following(make)
    await daemon.send(order("before"))
    await daemon.applied("before")
    daemon.kill()
    await daemon.send(order("between"))
    await standby.until_said("ready")
    await standby.send(order("after"))
    await standby.applied("before", "between", "after")

    names = accepted(await standby.frames())
    assert list(names) == ["before", "between", "after"]
    assert set(names.values()) == {1}
    (taking,) = standby.said("taking over")
    assert taking["why"] == "nobody renews the lease"
    await replica(standby.connections, standby.shard)
    assert await standby.stop() == 0


async def test_first_of_two_standbys_leads_and_the_other_follows(make: Make) -> None:
    """Both machines run the same unit: whoever finds no leader is the leader."""
    one = make()
    one.spawn("--standby")
    await one.until_said("ready")
    other = await following(make)
    await one.send(*MARKET, tick(), order("a"))
    await one.applied("a")

    assert await one.stop() == 0
    await other.until_said("ready")
    await other.send(order("b"))
    await other.applied("a", "b")
    (taking,) = other.said("taking over")
    assert taking["why"] == "released"
    assert await other.stop() == 0
