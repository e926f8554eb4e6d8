"""A hot standby follows the leader frame by frame, and leads when nobody else does."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from persistence.lease import standby_key
from persistence.snapshot_store import SnapshotStore
from tests.cli.program import pitboss
from tests.faults.forker import Forker
from tests.line.outcome import replica
from tests.line.process import DaemonProcess, Make, accepted
from tests.line.proxy import FailingWire
from tests.line.valkey import OwnValkey
from tests.line.words import MARKET, deposit, order, tick

FULL = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"


@pytest.fixture
def make(make: Make, forker: Forker) -> Make:
    """Return what makes daemons that start at once."""
    return partial(make, launch=forker.launch)


async def following(make: Make, **settings: Any) -> DaemonProcess:
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


async def test_standby_writes_the_snapshots_and_the_leader_none_while_it_lives(
    daemon: DaemonProcess, make: Make
) -> None:
    """A fork stops a large leader for tenths of a second; the standby keeps nobody waiting."""
    snapshots = "[snapshot]\ninterval_s = 1\n"
    assert await daemon.stop() == 0
    leader = make(more=snapshots)
    await leader.start()
    standby = await following(make, more=snapshots)
    trading = asyncio.create_task(trade_on(leader))
    await standby.until_said("snapshot taken", 1)
    before = len(leader.said("snapshot taken"))
    await standby.until_said("snapshot taken", 3)
    assert len(leader.said("snapshot taken")) == before
    link = await leader.connections.redis()
    manifests = await SnapshotStore(link, leader.shard).manifests()
    assert manifests[0].writer.startswith(f"{standby.pid}-")

    standby.kill()
    await leader.until_said("snapshot taken", before + 1)
    trading.cancel()
    await link.close()


async def test_standby_takes_a_snapshot_when_asked_and_ends_when_told(
    daemon: DaemonProcess, make: Make
) -> None:
    """Signals mean the same to both; and the leader is not ended for another release beside it."""
    standby = await following(make)
    await daemon.send(order("o"))
    await daemon.applied("o")
    standby.signal(signal.SIGUSR1)
    taken = await standby.until_said("snapshot taken")
    top = (await daemon.frames())[-1].n
    assert taken["frame"] == top
    standby.signal(signal.SIGHUP)
    await standby.until_said("configuration reloaded")
    where = "--config", daemon.config, "--state-dir", daemon.state_dir
    refused = pitboss("snapshot", "take", "--stop", *where)
    assert refused.code == 66
    assert f"the standby {standby.pid}-" in refused.err

    assert await standby.stop() == 0
    link = await daemon.connections.redis()
    assert await link.call("GET", standby_key(daemon.shard)) == b"released"
    await link.close()
    assert (await daemon.frames())[-1].n == top, "it appends nothing"
    assert await daemon.stop() == 0


async def test_standby_that_computes_otherwise_ends_with_65_and_the_leader_goes_on(
    daemon: DaemonProcess, make: Make
) -> None:
    """A flipped bit in its memory: systemd leaves it down, and somebody reads where."""
    standby = make()
    standby.spawn("--standby", FAULT_HARM="otherwise d2-of-two")
    await standby.until_said("following")
    await daemon.send([deposit("d1"), deposit("d2-of-two")])

    assert await standby.ended() == 65
    (alarm,) = [each for each in standby.said("frame") if each["level"] == "critical"]
    top = (await daemon.frames())[-1].n
    assert f"frame {top} gives other events than those recorded, first at index 1" in alarm["event"]
    await daemon.send(order("after"))
    await daemon.applied("after")
    assert await daemon.stop() == 0


async def test_leader_that_slept_in_a_quiet_market_steps_down_when_it_wakes(
    daemon: DaemonProcess, make: Make
) -> None:
    """It has nothing to append that would tell it; the other's pulse in its lease does."""
    standby = await following(make)
    daemon.signal(signal.SIGSTOP)
    await standby.until_said("ready")
    frames = await standby.frames()
    daemon.signal(signal.SIGCONT)

    assert await daemon.ended() == 75
    assert f"another engine has written frame {frames[-1].n}" in daemon.log
    await standby.send(order("after"))
    await standby.applied("after")
    assert (await standby.frames())[: len(frames)] == frames


async def test_standby_heals_a_redis_that_lost_its_tail_when_it_takes_over(
    make: Make, own_valkey: OwnValkey
) -> None:
    """The leader and the journal's end went down together: the standby has seen all of it."""
    await own_valkey.start()
    leader = make(own_valkey.url)
    await leader.start()
    await leader.send(*MARKET, tick())
    standby = await following(make, url=own_valkey.url)
    await leader.send(order("kept"))
    await leader.applied("kept")
    copy = own_valkey.keep_copy()
    for name in ("lost-1", "lost-2"):
        await leader.send(order(name))
        await leader.applied(name)
    before = await leader.frames()
    await asyncio.sleep(0.2)
    leader.kill()
    own_valkey.kill()
    own_valkey.put_back(copy)
    await own_valkey.start()

    await standby.until_said("ready")
    assert standby.said("Redis has lost its tail")
    assert (await standby.frames())[: len(before)] == before
    await standby.send(order("after"))
    await standby.applied("kept", "lost-1", "lost-2", "after")


async def test_standby_that_starts_before_the_leader_has_healed_waits(
    make: Make, own_valkey: OwnValkey
) -> None:
    """Its witness knows more than the journal, but somebody lives who can put that right."""
    await own_valkey.start()
    leader = make(own_valkey.url)
    await leader.start()
    await leader.send(*MARKET, tick())
    standby = await following(make, url=own_valkey.url)
    copy = own_valkey.keep_copy()
    await leader.send(order("lost"))
    await leader.applied("lost")
    await asyncio.sleep(0.2)
    assert await standby.stop() == 0
    own_valkey.kill()
    own_valkey.put_back(copy)
    await own_valkey.start()
    standby.spawn("--standby")
    await standby.until_said("waiting for the leader to heal the journal")
    await leader.send(order("after"))
    await standby.until_said("following", 2)
    await leader.applied("lost", "after")


async def test_standby_told_to_end_while_it_begins_to_lead_ends(
    daemon: DaemonProcess, make: Make, wire_to_valkey: FailingWire
) -> None:
    """Its first frame may wait for Redis for long; whoever wants to stop it need not."""
    standby = await following(make, url=wire_to_valkey.url)
    wire_to_valkey.fate = lambda _number, words: FULL if words[0] == b"XADD" else "pass"
    assert await daemon.stop() == 0
    await standby.until_said("Redis refuses the journal for now")

    assert await standby.stop() == 0
    assert standby.said("stopped before it led")
    assert not standby.said("ready")


@pytest.fixture
async def wire_to_valkey(valkey: OwnValkey) -> AsyncIterator[FailingWire]:
    """Put a wire that can fail before the Valkey of the daemons."""
    async with FailingWire(valkey.socket) as wire:
        yield wire


async def trade_on(leader: DaemonProcess) -> None:
    """Send an order now and then, for ever."""
    for number in itertools.count():
        await leader.send(order(f"t{number}"))
        await asyncio.sleep(0.1)
