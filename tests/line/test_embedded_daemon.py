"""A daemon with servers of its own: what it shows, and what it makes of their deaths.

The tests share one daemon and run in the order in which they stand.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.line.outcome import fills, replica
from tests.line.process import ROOT, DaemonProcess, accepted, child_of
from tests.line.words import MARKET, order, tick
from tests.line.written import events_of

CONFIG = """
[engine]
overload_ms = 0

[snapshot]
interval_s = 3600

[mirror]
interval_ms = 20
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """Run one daemon, and give it a market."""
    directory = tmp_path_factory.mktemp("embedded")
    daemon = DaemonProcess(directory, "main", None, more=CONFIG)
    asyncio.run(daemon.start())
    asyncio.run(daemon.send(*MARKET, tick()))
    yield daemon
    daemon.kill()


async def shown(daemon: DaemonProcess, name: str) -> bytes | None:
    """Return the value of a key of the mirror."""
    link = await daemon.connections.redis()
    found: bytes | None = await link.call("GET", f"{{main}}:{name}")
    await link.close()
    return found


async def test_mirror_shows_what_the_protocol_says(daemon: DaemonProcess) -> None:
    """Other programs read these names (protocol §5): a deposit, then a trade and a new mark."""
    await daemon.send(order("offer", "sell", "100", "10", "bea"), order("take", "buy", "100", "4"))
    await daemon.applied("offer", "take")
    await daemon.send(tick("100.99", "101.01"))
    async with asyncio.timeout(10):
        while await shown(daemon, "account:ann:equity") != b"1000004":  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    assert await shown(daemon, "account:ann:balance") == b"1000000"
    assert await shown(daemon, "account:ann:used_margin") == b"80.8"
    assert await shown(daemon, "mark_price:X") == b"101"
    assert int(await shown(daemon, "account:ann:mark_frame") or 0) <= len(await daemon.frames())
    snapshot = json.loads(await shown(daemon, "account:ann:snapshot") or b"")
    (position,) = snapshot.pop("positions")
    assert snapshot == {
        "balance": "1000000",
        "equity": "1000004",
        "marginUsed": "80.8",
        "availableMargin": "999923.2",
    }
    assert position.pop("id").startswith("ann:X:")
    assert position == {
        "symbol": "X",
        "side": "LONG",
        "entryPrice": "100",
        "quantity": "4",
        "margin": "80.8",
        "leverage": "5",
    }
    link = await daemon.connections.redis()
    positions: list[bytes] = await link.call("HGETALL", "{main}:positions:bea")
    await link.close()
    assert [positions[0], json.loads(positions[1])] == [
        b"X",
        {"quantity": "-4", "avg_price": "100"},
    ]


async def test_postgres_killed_in_mid_run_is_caught_up_with(daemon: DaemonProcess) -> None:
    """Trading does not wait for it, and no fill of the meantime is missing afterwards."""
    link = await daemon.connections.redis()
    for number in range(6):
        if number == 2:
            pid = (daemon.state_dir / "postgres" / "postmaster.pid").read_text().split()[0]
            os.kill(int(pid), signal.SIGKILL)
        name = f"hit-{number}"
        began = time.monotonic()
        await daemon.send(order(f"x-{name}", "sell", "100", "1", "bea"), order(name, "buy", "100"))
        await daemon.applied(name)
        assert time.monotonic() - began < 2.0
    await link.close()

    trades = events_of(await daemon.frames(), "trade")
    async with asyncio.timeout(30):
        while len(await _fills(daemon)) < 2 * len(trades):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert sorted({row[0] for row in await _fills(daemon)}) == [each["trade_id"] for each in trades]


async def test_writer_waits_as_long_as_a_reload_says(daemon: DaemonProcess) -> None:
    """SIGHUP changes what config.toml says that it changes, the writer's patience among it."""
    settings = daemon.config.read_text()

    async def reload(milliseconds: int) -> None:
        daemon.config.write_text(f"{settings}\n[writer]\ninterval_ms = {milliseconds}\n")
        times = len(daemon.said("configuration reloaded"))
        daemon.signal(signal.SIGHUP)
        await daemon.until_said("configuration reloaded", times + 1)

    async def trade(name: str) -> None:
        await daemon.send(order(f"x-{name}", "sell", "100", "1", "bea"), order(name, "buy", "100"))
        await daemon.applied(name)

    await trade("warm")
    async with asyncio.timeout(10):
        while len(await _fills(daemon)) < (whole := 2 * len(await trades_of(daemon))):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await reload(60_000)
    await trade("waits")
    await trade("waits-too")
    await asyncio.sleep(0.5)
    assert len(await _fills(daemon)) < whole + 4
    await reload(20)
    await trade("goes")
    async with asyncio.timeout(10):
        while len(await _fills(daemon)) < whole + 6:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    daemon.config.write_text(settings)


async def trades_of(daemon: DaemonProcess) -> list[dict[str, Any]]:
    """Return the trades of its journal."""
    return events_of(await daemon.frames(), "trade")


async def _fills(daemon: DaemonProcess) -> list[tuple[Any, ...]]:
    try:
        return await fills(daemon.connections, "main")
    except Exception:  # not yet back
        return []


async def test_snapshot_on_request_pauses_for_milliseconds(daemon: DaemonProcess) -> None:
    """SIGUSR1 asks for one; the log says how long the loop stood still for it."""
    daemon.signal(signal.SIGUSR1)

    said = await daemon.until_said("snapshot taken")

    assert 0 < said["pause_ms"] < 250
    assert said["frame"] <= len(await daemon.frames())


IMPATIENT = """
from persistence.state_dir import StateLock
StateLock.acquire.__func__.__defaults__ = (0.2,)  # instead of ten seconds
from engine.cli.app import main
main()
"""


def test_second_daemon_on_the_same_directory_is_refused_with_66(daemon: DaemonProcess) -> None:
    """It waits for the servers of one that died, and no longer."""
    second = subprocess.run(
        [sys.executable, "-c", IMPATIENT, "run", "--state-dir", str(daemon.state_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert second.returncode == 66
    assert f"{daemon.state_dir} is in use by process {daemon.pid}" in second.stderr
    assert "choose another --state-dir" in second.stderr


async def test_sigterm_drains_within_a_second(daemon: DaemonProcess) -> None:
    """The loop has ended within a second; stopping the servers comes after that."""
    await daemon.send(*[order(f"load-{n}") for n in range(2_000)])
    told = time.time()

    assert await daemon.stop() == 0, daemon.log

    said = daemon.said("stopped")[-1]
    ended = datetime.fromisoformat(said["timestamp"]).timestamp()
    assert ended - told < 1.0
    await daemon.start()
    await daemon.applied("load-1999")
    assert set(accepted(await daemon.frames()).values()) == {1}
    await replica(daemon.connections, "main")
    link = await daemon.connections.redis()
    async with asyncio.timeout(10):
        while await link.call("XLEN", "{main}:orders") > 500:  # noqa: ASYNC110 - trimmed, too
            await asyncio.sleep(0.05)
    await link.close()


async def test_daemon_ends_with_its_valkey(daemon: DaemonProcess) -> None:
    """There is nothing to wait for: a new daemon starts a new one and recovers."""
    orders = daemon.said("ready")[-1]["orders"]
    frames = len(await daemon.frames())
    os.kill(child_of(daemon.pid, "valkey-server"), signal.SIGKILL)
    told = time.time()

    code = await daemon.ended()

    assert code == 66
    (said,) = daemon.said("Valkey ended")
    assert datetime.fromisoformat(said["timestamp"]).timestamp() - told < 1.5
    await daemon.start()
    ready = daemon.said("ready")[-1]
    assert ready["frame"] > frames
    assert ready["orders"] >= orders
    assert await daemon.stop() == 0
