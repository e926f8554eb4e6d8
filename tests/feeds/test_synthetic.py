"""The synthetic market is the same everywhere, and lively enough to show the engine."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine.cli.streams import encode, stream_of
from engine.entries import decode_entry
from engine.machine import Machine
from feeds.synthetic import INSTRUMENTS, SyntheticMarket, accounts, decimal

ROOT = Path(__file__).parents[2]

PRINT_STEPS = """
import json
from feeds.synthetic import SyntheticMarket
market = SyntheticMarket(7, "d1")
print(json.dumps([market.setup(), [market.step() for _ in range(300)]]))
"""


def test_a_seed_gives_the_same_market_in_any_process() -> None:
    """A demonstration that went wrong can be played again."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PRINT_STEPS],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    market = SyntheticMarket(8, "d1")
    assert json.loads(outputs.pop())[1] != [market.step() for _ in range(300)]


def test_ids_of_two_runs_never_collide() -> None:
    """A second run meets the orders and transfers of the first."""
    ids: list[str] = []
    for run in ("d1", "d2"):
        market = SyntheticMarket(7, run)
        for command in (each for _ in range(500) for each in market.step()):
            if command["type"] == "place_order":
                ids.append(command["client_order_id"])
            elif command["type"] == "deposit":
                ids.append(command["transfer_id"])

    assert len(ids) == len(set(ids)) > 1_000


def test_every_kind_of_command_comes_up() -> None:
    """Whoever watches sees quotes, takers of every lifetime, cancels, amends and money."""
    market = SyntheticMarket(7, "d1")
    commands = [command for _ in range(1_000) for command in market.step()]

    kinds = Counter(command["type"] for command in commands)
    assert {"l1", "place_order", "cancel_order", "amend_order", "deposit"} == set(kinds)
    lifetimes = Counter(
        (command["order_type"], command.get("time_in_force"))
        for command in commands
        if command["type"] == "place_order"
    )
    assert set(lifetimes) == {
        ("limit", "gtc"),
        ("limit", "ioc"),
        ("limit", "fok"),
        ("market", None),
    }
    assert {command["account"] for command in commands if "account" in command} == set(accounts())


def test_prices_keep_to_the_grid_and_ticks_are_never_crossed() -> None:
    """The engine refuses what is off its grid; a demonstration should not be made of refusals."""
    market = SyntheticMarket(7, "d1")
    grids = {each.symbol: each for each in INSTRUMENTS}
    for command in (each for _ in range(2_000) for each in market.step()):
        if command["type"] == "l1":
            grid = grids[command["symbol"]]
            assert 0 < grid.ticks(command["bid"]) < grid.ticks(command["ask"])
        elif "price" in command:
            grid = grids[command["symbol"]]
            assert grid.price(grid.ticks(command["price"])) == command["price"]
        if "quantity" in command:
            assert not command["quantity"].startswith("-")
            assert command["quantity"] != "0"


def test_a_run_can_begin_where_another_ended() -> None:
    """A second run finds its books again, so its first price must not jump."""
    first = next(c for c in SyntheticMarket(7, "d2", {"BTC-DEMO": "61234.5"}).step())

    assert first["symbol"] == "BTC-DEMO"
    assert first["bid"].startswith("6123")


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [(5, 1, "0.5"), (600_000, 1, "60000"), (1, 3, "0.001"), (12, 0, "12"), (1_050, 2, "10.5")],
)
def test_decimals_are_written_in_shortest_form(value: int, places: int, text: str) -> None:
    """The protocol has one way to write a number."""
    assert decimal(value, places) == text


def test_market_that_hears_cancels_what_is_there_and_falls_now_and_then() -> None:
    """Whoever looks for the first time sees a market and a liquidation, not a fifth of refusals."""
    market, machine = SyntheticMarket(7, "d1"), Machine()
    seen: Counter[str] = Counter()
    batches = [market.setup(), market.opening()]
    for number in range(420):
        commands = batches[number] if number < len(batches) else market.step()
        out: list[bytes] = []
        machine.begin(25_000 * number, out)
        while machine.kernel.is_busy():
            machine.begin(25_000 * number, out)
        for command in commands:
            (item,) = decode_entry(stream_of(command), f"{number + 1}-0", encode(command))
            machine.apply(item, 0, out)
        events = [json.loads(event) for event in out]
        market.hear(events)
        seen.update(event.get("reason", event["type"]) for event in events)

    assert seen["liquidation"] >= 1
    assert 50 * seen["unknown_order"] < seen["requested"], seen
