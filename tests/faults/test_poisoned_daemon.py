"""A bug in the kernel, met by a running daemon: what it costs, and what it never costs."""

import json
import signal
import time
from hashlib import blake2b
from pathlib import Path

import pytest

from engine.connections import Endpoints
from tests.faults.forker import Forker
from tests.line.outcome import live_hashes, replayed
from tests.line.process import DaemonProcess, accepted
from tests.line.words import MARKET, order, tick
from tests.line.written import events_of, inputs_of

CONFIG = "[snapshot]\ninterval_s = 3600\n"


@pytest.fixture
def daemon(tmp_path: Path, forker: Forker, given: Endpoints, shard: str) -> DaemonProcess:
    """Return a daemon that a test starts, with or without a bug."""
    return DaemonProcess(
        tmp_path,
        shard,
        given.redis_url,
        more=CONFIG,
        dsn=given.postgres_dsn or "",
        launch=forker.launch,
    )


async def test_poison_is_refused_with_an_alarm_and_the_market_goes_on(
    daemon: DaemonProcess,
) -> None:
    """The state comes from snapshot and journal, so nothing of the half-done order stays."""
    await daemon.start(FAULT_HARM="poison")
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    daemon.signal(signal.SIGUSR1)
    await daemon.until_said("snapshot taken")
    await daemon.send(order("between", "sell", "101"))
    await daemon.applied("between")

    poison = order("poison", "buy", "101", account="bea")  # it trades, and then raises
    await daemon.send(poison, order("after"))
    await daemon.applied("after")

    (alarm,) = daemon.said("an input raised inside the kernel")
    assert alarm["level"] == "critical"
    assert "ZeroDivisionError" in alarm["exception"]
    (refused,) = events_of(await daemon.frames(), "rejected")
    body = json.dumps(poison)
    entry = f'{{"s":"orders","id":"{alarm["entry"]}","c":{body}}}'
    digest = blake2b(entry.encode(), digest_size=16).hexdigest()
    assert (refused["code"], refused["digest"], alarm["digest"]) == (704, digest, digest)
    assert (refused["stream"], refused["entry"]) == ("orders", alarm["entry"])
    assert events_of(await daemon.frames(), "trade") == []
    daemon.signal(signal.SIGUSR2)
    assert await daemon.ended() == 0, daemon.log
    hashes = await live_hashes(daemon.connections, daemon.shard)
    frames = await daemon.frames()
    assert frames[-1].n in hashes
    replayed(frames, hashes)
    await daemon.start()  # without the bug: the verdict stands in the journal, and is not undone
    await daemon.send(order("later"))
    await daemon.applied("later")
    assert list(accepted(await daemon.frames())) == ["before", "between", "after", "later"]
    assert await daemon.stop() == 0


async def test_fourth_poison_of_an_hour_ends_the_daemon_with_70(daemon: DaemonProcess) -> None:
    """Each costs a rebuild: a kernel that raises again and again must be looked at."""
    names = [f"poison-{number}" for number in range(4)]
    await daemon.start(FAULT_HARM="poison")

    await daemon.send(*MARKET, tick(), *[order(name) for name in names], order("innocent"))

    assert await daemon.ended() == 70, daemon.log
    assert daemon.said("more than 3 inputs an hour")[0]["level"] == "critical"
    verdicts = [each for each in inputs_of(await daemon.frames()) if "refuse" in each]
    assert len(verdicts) <= 3
    await daemon.start()  # without the bug: whatever has no verdict yet is read again
    await daemon.applied("innocent")
    frames = await daemon.frames()
    refused = len([each for each in inputs_of(frames) if "refuse" in each])
    assert list(accepted(frames)) == [*names[refused:], "innocent"]
    assert await daemon.stop() == 0


async def test_exception_in_a_timer_ends_the_daemon_with_70(daemon: DaemonProcess) -> None:
    """There is no input to blame; the next start comes to the same timer."""
    await daemon.start(FAULT_HARM="timer")
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    until_ms = time.time_ns() // 1_000_000 + 2_000
    await daemon.send({**order("short"), "time_in_force": "gtd", "expires_at": until_ms})

    assert await daemon.ended() == 70, daemon.log

    assert "ZeroDivisionError" in daemon.log
    assert events_of(await daemon.frames(), "order_expired") == []
    daemon.spawn(FAULT_HARM="timer")
    assert await daemon.ended() == 70, daemon.log
    await daemon.start()
    await daemon.send(order("later"))
    await daemon.applied("short", "later")
    (expired,) = events_of(await daemon.frames(), "order_expired")
    assert expired["client_order_id"] == "short"
    assert await daemon.stop() == 0


async def test_memory_that_ran_out_ends_the_daemon_with_70(daemon: DaemonProcess) -> None:
    """The order is innocent: refused, it would be lost; read again by the next one, it is not."""
    await daemon.start(FAULT_HARM="memory")
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")

    await daemon.send(order("poison"), order("after"))

    assert await daemon.ended() == 70, daemon.log
    assert "MemoryError" in daemon.log
    await daemon.start()
    await daemon.applied("poison", "after")
    assert events_of(await daemon.frames(), "rejected") == []
    assert await daemon.stop() == 0
