"""`pitboss simulate`: the kernel alone."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.cli.simulate import Simulation
from feeds.synthetic import SyntheticMarket
from tests.cli.program import ROOT, Ended, command, pitboss

X = {"type": "create_instrument", "symbol": "X", "tick_size": "0.0001", "lot_size": "0.1"}


def account(name: str, money: str) -> list[dict[str, Any]]:
    """Return the commands that open an account with money."""
    return [
        {"type": "create_account", "account": name},
        {"type": "deposit", "account": name, "amount": money, "transfer_id": f"{name}-1"},
    ]


def order(name: str, side: str, quantity: str, price: str, **more: Any) -> dict[str, Any]:
    """Return a limit order; its id is unlike that of another size, side or price."""
    return {
        "type": "place_order",
        "account": name,
        "symbol": "X",
        "side": side,
        "order_type": "limit",
        "quantity": quantity,
        "price": price,
        "client_order_id": f"{side}-{quantity}-{price}",
        **more,
    }


def tick(bid: str, ask: str, **more: Any) -> dict[str, Any]:
    """Return an outside price."""
    return {"type": "l1", "symbol": "X", "bid": bid, "ask": ask, **more}


def jsonl(*commands: Any) -> str:
    """Return commands as lines."""
    return "".join(json.dumps(each) + "\n" for each in commands)


def simulated(*commands: Any, options: tuple[str, ...] = ()) -> Ended:
    """Run the program on commands; it exits 0 whatever it refuses."""
    ended = pitboss("simulate", *options, given=jsonl(*commands))
    assert ended.code == 0, ended.err
    return ended


def played(simulation: Simulation, *commands: Any) -> list[dict[str, Any]]:
    """Play commands in this process, each as line 7; return the events."""
    return [
        json.loads(event)
        for each in commands
        for event in simulation.play(json.dumps(each).encode(), 7)
    ]


BANKRUPT_AT_80 = [
    X,
    *account("long", "20"),
    *account("maker", "2000"),
    tick("99.9", "100.1"),
    order("maker", "sell", "1", "100"),
    order("long", "buy", "1", "100"),
]
"""The long of rule D2's vectors: 1 at 100 with lot 0.1, balance 20, maintenance 10 %."""


def test_event_names_the_line_that_caused_it() -> None:
    """Whoever feeds lines finds the answers by number; empty lines count too."""
    ended = pitboss("simulate", given="\n" + jsonl(X) + "\n\n" + jsonl(*account("a", "1")))
    assert [event["in"] for event in ended.lines] == [1, 4, 5]


def test_elements_of_an_array_share_their_line() -> None:
    """An array is one line and one batch; a malformed element refuses all of it."""
    good = simulated([X, *account("a", "1")]).lines
    bad = simulated([*account("b", "1"), {"type": "nonsense"}]).lines
    assert [event["in"] for event in good] == [0, 0, 0]
    assert [(event["reason"], event["path"]) for event in bad] == [("unknown_command", "$[2].type")]


def test_engine_begins_empty_unless_a_configuration_is_named(config_file: Path) -> None:
    """The ./config.toml that other commands pick up must not change a simulation in silence."""
    asked = tick("1", "2", symbol="COIN")
    assert simulated(asked).lines[0]["reason"] == "unknown_instrument"
    assert simulated(asked, options=("--config", str(config_file))).out == ""


def test_configuration_that_its_own_kernel_refuses_ends_with_78(tmp_path: Path) -> None:
    """A simulation on half a configuration would prove nothing."""
    path = tmp_path / "config.toml"
    path.write_text('[[instruments]]\nsymbol = "A"\ntick_size = "1"\nlot_size = "-1"\n')
    ended = pitboss("simulate", "--config", path)
    assert ended.code == 78
    assert "check-config" in ended.err


def test_time_stands_still_without_ts() -> None:
    """A simulation has no clock of its own, or it would differ from run to run."""
    simulation = Simulation()
    played(simulation, {**X, "ts": 1_000}, *account("a", "1"), tick("1", "2"))
    assert simulation.machine.kernel.state.now_us == 1_000_000


FALLING = [
    {**X, "mark_source": "last"},
    *account("long", "20"),
    *account("longer", "25"),
    *account("maker", "2000"),
    order("maker", "sell", "2", "100"),
    order("long", "buy", "1", "100"),
    order("longer", "buy", "1", "100"),
    order("maker", "buy", "0.1", "90"),
    order("maker", "buy", "0.3", "85"),
    order("maker", "buy", "0.3", "82"),
    order("maker", "buy", "0.4", "79"),
    *account("seller", "2000"),
]
"""Sold to 90, `long` reaches tier 1; its print at 85 brings tier 3, whose prints reach `longer`."""

LAST_STRAW = order("seller", "sell", "0.1", "90", ts=1_000)


def liquidations(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return account, tier and line of each liquidation."""
    return [
        (event["account"], event["tier"], event.get("in"))
        for event in events
        if event["type"] == "liquidation"
    ]


def test_timers_due_fire_before_the_line_each_at_its_own_time() -> None:
    """What a liquidation's own prints breach is looked at 250 ms later (D2): 1250, then 1500."""
    simulation = Simulation()
    played(simulation, *FALLING)
    assert liquidations(played(simulation, LAST_STRAW)) == [("long", 1, 7)]

    events = played(simulation, {"type": "create_account", "account": "x", "ts": 1_500})
    by_timers = [each for each in liquidations(events) if each[2] is None]
    assert by_timers == [("long", 3, None), ("longer", 3, None)]
    after = [each for each in events if each.get("in") is not None]
    assert (after[0]["type"], after[0]["in"]) == ("account_created", 7)


def test_timer_that_is_not_due_waits() -> None:
    """A line before the deadline is itself the next input, and what it brings about is its own."""
    simulation = Simulation()
    played(simulation, *FALLING, LAST_STRAW)
    events = played(simulation, {"type": "create_account", "account": "x", "ts": 1_249})
    assert events[0]["type"] == "account_created"
    assert liquidations(events) == [("long", 3, 7)]


def test_ts_that_goes_back_is_refused_and_changes_nothing() -> None:
    """Engine time never goes back; the command of such a line is not carried out."""
    simulation = Simulation()
    played(simulation, {**X, "ts": 2_000})
    (refused,) = played(simulation, {"type": "create_account", "account": "a", "ts": 1_999})
    assert (refused["type"], refused["reason"]) == ("rejected", "out_of_range")
    assert refused["path"] == "$.ts"
    assert "a" not in simulation.machine.kernel.state.accounts


def test_l1_keeps_the_ts_that_is_its_own() -> None:
    """A feed orders its ticks by it, so a repeated one is stale though time may stand still."""
    simulation = Simulation()
    played(simulation, X, tick("1", "2", ts=5_000, seq=2))
    (refused,) = played(simulation, tick("1", "2", ts=5_000, seq=1))
    assert refused["reason"] == "tick_not_newer"
    instrument = simulation.machine.kernel.state.markets["X"].instrument
    assert instrument.sources[""] == (2, 5_000_000)


@pytest.mark.parametrize(
    ("ts", "reason"),
    [('"1"', "wrong_type"), ("1.5", "wrong_type"), ("true", "wrong_type"), ("-1", "out_of_range")],
)
def test_ts_that_is_no_time_is_refused(ts: str, reason: str) -> None:
    """Anything but milliseconds would be a time that nobody meant."""
    line = f'{{"type":"create_account","account":"a","ts":{ts}}}'.encode()
    (refused,) = map(json.loads, Simulation().play(line, 0))
    assert (refused["reason"], refused["path"]) == (reason, "$.ts")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"not json", 101),
        (b'{"type":"place_order"', 101),
        (b'{"type":"\xff"}', 101),
        (b'{"type":"create_account","account":"\x00"}', 101),
        (b"[]", 107),
        (b"7", 102),
        (b"{}", 104),
        (b'{"type":"nonsense","ts":1}', 104),
        (b'{"type":"l1","symbol":"X","bid":1.5,"ask":"2"}', 102),
        (b'{"type":"l1","symbol":"X","bid":"NaN","ask":"2"}', 106),
        (b'{"type":"l1","symbol":"X","bid":NaN,"ask":"2"}', 101),
        (b'{"type":"l1","symbol":"X","bid":"2","ask":"1"}', 110),
        (b'{"type":"l1","symbol":"X","bid":"0","ask":"1"}', 111),
        (b'{"type":"l1","symbol":"X","bid":1180591620717411303424,"ask":"1"}', 107),
        (b'{"type":"cancel_all","account":"a","limit":1}', 103),
        (b'{"type":"cancel_all"}', 105),
        (b'{"type":"cancel_all","account":"no such name"}', 109),
        (b"[" * 10_000 + b"]" * 10_000, 113),
        (b'{"type":"cancel_all","account":"' + b"a" * 70_000 + b'"}', 108),
        (b'[{"type":"cancel_all","account":"a"},{"type":"create_account","account":"b"}]', 112),
    ],
)
def test_malformed_line_is_one_numbered_refusal(line: bytes, code: int) -> None:
    """Nothing that a line can hold stops the engine or vanishes."""
    simulation = Simulation()
    (refused,) = map(json.loads, simulation.play(line, 3))
    assert (refused["type"], refused["code"], refused["in"]) == ("rejected", code, 3)
    assert played(simulation, X)[0]["type"] == "instrument_created"


def test_type_inside_a_string_does_not_choose_the_stream() -> None:
    """The stream is that of the command, however its fields are ordered or spelled."""
    line = b'{"account":"a","\\u0074ype":"create_account"}'
    (event,) = map(json.loads, Simulation().play(line, 0))
    assert event["type"] == "account_created"


def test_state_holds_prices_of_every_tier() -> None:
    """The vectors of D2 and D3, D4: tiers at 90, 89.6970, 89.4118 and 88.8889, bankrupt at 80."""
    state = simulated(*BANKRUPT_AT_80, options=("--state",)).lines[-1]
    assert state["type"] == "state"
    position = state["positions"]["long"]["X"]
    assert position["tier_prices"] == {
        "0.9": "90",
        "0.925": "89.697",
        "0.95": "89.4118",
        "1": "88.8889",
    }
    assert (position["liquidation_price"], position["bankruptcy_price"]) == ("90", "80")
    assert (position["quantity"], position["cost"], position["avg_price"]) == ("1", "100", "100")


def test_state_adds_up() -> None:
    """Equity − initial margin − fee hold = free margin (B3), and the totals are rule B7's."""
    state = simulated(
        *BANKRUPT_AT_80,
        order("maker", "sell", "3", "101.5"),
        tick("97", "98"),
        options=("--state",),
    ).lines[-1]
    for each in state["accounts"].values():
        initial, free = float(each["initial_margin"]), float(each["free_margin"])
        assert float(each["equity"]) - initial - float(each["fee_hold"]) == pytest.approx(free)
    assert state["accounts"]["long"]["exposure"] == {"X": "97.5"}
    assert state["accounts"]["long"]["margin_ratio"] == "0.557143", "9.75 / 17.5, rounded up"
    assert float(state["accounts"]["maker"]["order_margin"]) > 0
    assert state["books"]["X"] == {"bids": [], "asks": [["101.5", "3", 1]]}
    totals = {name: float(value) for name, value in state["totals"].items()}
    assert totals["deposits"] == totals["balances"] - totals["open_cost"] + totals["fees"] == 2020


def test_average_price_is_rounded_half_up() -> None:
    """It is derived for display; truncating it would show every buyer a better price (B1)."""
    bought = [
        *BANKRUPT_AT_80[:-2],
        order("maker", "sell", "0.1", "100"),
        order("maker", "sell", "0.2", "101"),
        order("long", "buy", "0.3", "101"),
    ]
    position = simulated(*bought, options=("--state",)).lines[-1]["positions"]["long"]["X"]
    assert (position["cost"], position["avg_price"]) == ("30.2", "100.66666667")


def test_same_lines_give_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """Sets and hashes differ between processes; events and state must not."""
    market = SyntheticMarket(7, "d", {})
    commands = [*market.setup(), *market.opening()]
    while len(commands) < 6_000:
        commands += market.step()
    tape = tmp_path / "tape.jsonl"
    tape.write_text(
        "".join(
            json.dumps({**each, "ts": 10**12 + number} if number % 50 == 0 else each) + "\n"
            for number, each in enumerate(commands)
        )
    )
    first, second = (
        pitboss("simulate", tape, "--state", PYTHONHASHSEED=seed).out for seed in ("0", "4711")
    )
    assert first == second
    assert first.count('"type":"trade"') > 100


def test_reader_that_has_enough_ends_it_in_peace(tmp_path: Path) -> None:
    """`pitboss simulate big.jsonl | head` leaves no trace and no message."""
    tape = tmp_path / "tape.jsonl"
    tape.write_text(
        jsonl(X, *({"type": "create_account", "account": f"a{n}"} for n in range(5_000)))
    )
    with subprocess.Popen(
        command("simulate", tape), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.readline()
        run.stdout.close()
        assert (run.stderr.read(), run.wait(timeout=30)) == (b"", 0)


def test_answer_comes_before_the_next_line_is_asked_for() -> None:
    """A program at the other end of two pipes waits for each answer."""
    with subprocess.Popen(
        command("simulate"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write(jsonl(X).encode())
        run.stdin.flush()
        assert json.loads(run.stdout.readline())["type"] == "instrument_created"
        run.stdin.close()
