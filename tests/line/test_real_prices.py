"""Real prices drive marks, and a real fall closes positions that are leveraged too high."""

import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from engine.cli.feed import FeedOptions, feed
from engine.cli.send import send
from tests.feeds.running_daemon import ROOT, SHARD, RunningDaemon
from tests.line.outcome import replica

BINANCE = ROOT.parent / "shared" / "data" / "binance-btcusdt-perp-20240808.gz"
SECONDS = 8.0
RECORDED_SECONDS = 343.0

pytestmark = pytest.mark.skipif(
    not BINANCE.exists(), reason="the recorded prices are not on this machine"
)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[RunningDaemon]:
    """Run a daemon for one recording."""
    running = RunningDaemon(tmp_path / "state")
    await running.start()
    yield running
    assert running.stop() == 0


def opening() -> list[dict[str, Any]]:
    """List what leads to three longs of one coin at 100, 50 and 10 times, and buyers below."""
    commands: list[dict[str, Any]] = [
        {
            "type": "create_instrument",
            "symbol": "BTCUSDT",
            "tick_size": "0.1",
            "lot_size": "0.001",
            "initial_margin": "0.01",
            "maintenance_margin": "0.0075",
            "max_leverage": 100,
        }
    ]
    money = {"venue": "10000000", "bold": "640", "brave": "1300", "calm": "6500"}
    for account, amount in money.items():
        commands.append({"type": "create_account", "account": account})
        commands.append(
            {"type": "deposit", "account": account, "amount": amount, "transfer_id": account}
        )
    commands.append({"type": "l1", "symbol": "BTCUSDT", "bid": "61800.2", "ask": "61800.3"})
    commands.append(order("venue", "offer", "sell", "61800.3", "3"))
    commands += [order(name, "long", "buy", "61800.3", "1") for name in ("bold", "brave", "calm")]
    commands += [
        order("venue", f"bid-{depth}", "buy", f"{61790 - 10 * depth}", "0.5") for depth in range(60)
    ]
    return commands


def order(account: str, name: str, side: str, price: str, quantity: str) -> dict[str, Any]:
    """Return a limit order."""
    return {
        "type": "place_order",
        "account": account,
        "symbol": "BTCUSDT",
        "side": side,
        "order_type": "limit",
        "price": price,
        "quantity": quantity,
        "client_order_id": name,
    }


async def test_falling_price_closes_what_is_leveraged_too_high(daemon: RunningDaemon) -> None:
    """The line ends where the owner's does: ticks in, marks moved, positions sold off (D1, D5)."""
    connections = await daemon.connections()
    said = io.StringIO()
    await send([json.dumps(command) for command in opening()], connections, SHARD, said)
    assert '"rejected"' not in said.getvalue()

    options = FeedOptions(BINANCE, "binance-raw", speed=RECORDED_SECONDS / SECONDS)
    report = await feed(options, connections, SHARD, Console(file=io.StringIO()))

    assert report.kinds["bookTicker"]["sent"] == 66_089
    state = (await replica(connections, SHARD)).kernel.state
    held = {
        name: account.positions["BTCUSDT"].lots
        for name, account in state.accounts.items()
        if name != "venue"
    }
    assert held["calm"] == 1_000, "at ten times a fall of 0.3 % is nothing"
    assert held["brave"] == 1_000, "nor is it at fifty times"
    assert held["bold"] < 1_000, "at a hundred times it is too much"
    assert_verified(daemon)


def assert_verified(daemon: RunningDaemon) -> None:
    """Let the auditor replay everything and recompute every receipt."""
    audit = subprocess.run(
        [sys.executable, "-m", "engine", "verify", "--state-dir", str(daemon.state_dir)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert audit.returncode == 0, audit.stdout
    assert "0 liquidations" not in audit.stdout
