"""What the tests of the command line share: one daemon, started once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Daemon

CONFIG = """
[snapshot]
interval_s = 3600

[[instruments]]
symbol = "COIN"
tick_size = "0.01"
lot_size = "0.1"
initial_margin = "0.20"
maintenance_margin = "0.10"
max_leverage = 5
"""

TRADED = [
    {"type": "create_account", "account": "alice"},
    {"type": "create_account", "account": "bob"},
    {"type": "deposit", "account": "alice", "amount": "30", "transfer_id": "alice-1"},
    {"type": "deposit", "account": "bob", "amount": "5000", "transfer_id": "bob-1"},
    {"type": "l1", "symbol": "COIN", "bid": "99.99", "ask": "100.01"},
    {
        "type": "place_order",
        "account": "bob",
        "symbol": "COIN",
        "side": "sell",
        "order_type": "limit",
        "price": "100",
        "quantity": "1.5",
        "client_order_id": "offer",
    },
    {
        "type": "place_order",
        "account": "alice",
        "symbol": "COIN",
        "side": "buy",
        "order_type": "market",
        "quantity": "1",
        "client_order_id": "take",
    },
    # A bid to liquidate into, and a price that does it.
    {
        "type": "place_order",
        "account": "bob",
        "symbol": "COIN",
        "side": "buy",
        "order_type": "limit",
        "price": "79",
        "quantity": "5",
        "client_order_id": "bid",
    },
    {"type": "l1", "symbol": "COIN", "bid": "78.59", "ask": "78.61"},
]
"""Alice buys of bob and is liquidated in part; an offer and a bid of bob's stay."""


@pytest.fixture(scope="session")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the configuration of the shared daemon."""
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory, config_file: Path) -> Iterator[Daemon]:
    """Run one daemon for every test of the command line; it has traded and liquidated a little."""
    running = Daemon(
        tmp_path_factory.mktemp("daemon") / "state", "--ephemeral", "--config", config_file
    )
    running.start()
    try:
        events = running.send(*TRADED)
        assert "liquidation" in [each["type"] for each in events], json.dumps(events, indent=1)
        yield running
    finally:
        code = running.stop()
    assert code == 0, running.log.read_text()
