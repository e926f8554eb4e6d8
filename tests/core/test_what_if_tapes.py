"""On random tapes `what_if` foretells every trading command exactly, and changes nothing (C4)."""

import json
from collections import Counter
from typing import Any

from engine.amending import Amending
from engine.cancelling import Cancelling
from engine.entries import decode_entry
from engine.execution import Execution
from engine.kernel import Kernel
from engine.machine import Machine
from engine.messages import Event
from engine.restore import restore
from engine.snapshot import capture, state_hash
from engine.trading import Trading
from engine.views import accounts, positions
from matching.messages import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from tests.core.tape_kills import kills
from tests.core.tapes import Step, tape, tape_outside

ASKED = ("place_order", "place_bracket", "amend_order", "cancel_order", "cancel_all")
SETTLED = {"margin_call", "liquidation", "order_triggered"}
"""What follows a command once its own matching is over."""
STIRRED = {"order_triggered", "breaker", "market_state", "takeover", "deleveraged"}
Said = list[dict[str, Any]]


class Asking:
    """A machine that is asked before each trading command what the command would do."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.now_us = 0
        self.seen: Counter[str] = Counter()

    def play(self, step: Step) -> None:
        """Play an entry, after the question where it is a trading command."""
        self.now_us += step.wait_ms * 1_000
        self.rest()
        if step.refusal is None and step.command["type"] in ASKED:
            self.ask(step)
        else:
            self.send(step.stream, step.payload)

    def rest(self) -> None:
        """Run timers and unfinished frames."""
        self.machine.begin(self.now_us, [])
        while self.machine.kernel.is_busy():
            self.machine.begin(self.now_us, [])

    def send(self, stream: str, payload: str) -> Said:
        """Apply an entry; return its events of this frame."""
        return _apply(self.machine, stream, payload)

    def ask(self, step: Step) -> None:
        """Ask, find nothing changed, then find all of it true."""
        before = state_hash(self.machine.kernel)
        question = json.dumps({"type": "what_if", "command": step.command})
        (told,) = self.send("orders", question)
        assert state_hash(self.machine.kernel) == before, "a question changes nothing"
        self.machine.kernel.check()
        has_pending = bool(self.machine.kernel.state.pending_accounts)
        has_pending |= bool(self.machine.kernel.state.pending_symbols)
        has_pending |= bool(self.machine.kernel.state.left_alone)
        twin = Machine(restore(list(capture(self.machine.kernel))))
        assert _apply(twin, "orders", question) == [told], "a replay says the same"
        bare = _bare(twin, step)
        said = self.send(step.stream, step.payload)
        self.check(told, said, bare)
        if told["accepted"]:
            self.check_after(told, twin.kernel)
            if not has_pending and not self.machine.kernel.is_busy():
                self.check_set_off(told, said)

    def check(self, told: dict[str, Any], said: Said, bare: list[Event]) -> None:
        """Compare the answer with the command's own events: refusal, status, fills, fees."""
        if said and said[0]["type"] == "rejected":
            wanted = said[0].get("errors", [{k: said[0][k] for k in ("code", "reason")}])
            assert not told["accepted"]
            assert told["errors"] == wanted
            assert (told["code"], told["reason"]) == (said[0]["code"], said[0]["reason"])
            if "path" in said[0]:
                assert told["path"] == "$.command" + said[0]["path"][1:]
            self.seen["refused"] += 1
            return
        assert told["accepted"]
        if said and said[0]["type"] == "order_accepted":
            assert told["status"] == said[0]["status"]
            assert told.get("duplicate") == said[0].get("duplicate")
            self.seen[told["status"]] += 1
        if "filled" not in told:
            return
        trades = [event for event in said[: len(bare)] if event["type"] == "trade"]
        sides = [trade[side] for trade in trades for side in ("maker", "taker")]
        own = [side for side in sides if side["account"] == told["account"]]
        assert _sum(told["fills"], "quantity") == _sum(trades, "quantity")
        assert [p for t in trades if (p := t["price"])][-1:] == [
            fill["price"] for fill in told["fills"]
        ][-1:]
        assert round(float(told["fees"]) - _sum(own, "fee"), 8) == 0
        assert round(float(told["realized_pnl"]) - _sum(own, "realized_pnl"), 8) == 0
        self.seen["filled"] += bool(trades)

    def check_after(self, told: dict[str, Any], kernel: Kernel) -> None:
        """Compare how the account would stand with how it stands once the command has run."""
        name, after = told["account"], dict(told["after"])
        held = positions(kernel.state).get(name, {}).get(told.get("symbol"), {})
        assert after.pop("position", held.get("quantity", "0")) == held.get("quantity", "0")
        for field in ("tier_prices", "bankruptcy_price"):
            if "symbol" in told:
                assert after.pop(field, None) == held.get(field)
        if name in kernel.state.accounts:
            stands = accounts(kernel.state)[name]
            assert after == {field: stands[field] for field in after}

    def check_set_off(self, told: dict[str, Any], said: Said) -> None:
        """Compare what would be set off with what was, as far as nothing else came between."""
        kinds = {event["type"] for event in said}
        fired = [event for event in said if event["type"] == "order_triggered"]
        if fired and not kinds & {"breaker"}:
            first = {key: fired[0][key] for key in ("account", "client_order_id")}
            if "order_accepted" not in {event["type"] for event in said[1 : said.index(fired[0])]}:
                assert told["triggers"][0] == first
                self.seen["fired"] += 1
        if kinds & STIRRED or sum(e["type"] == "order_accepted" for e in said) > 1:
            return
        called = [event["account"] for event in said if event["type"] == "margin_call"]
        assert called == told["margin_calls"]
        self.seen["called"] += bool(called)
        tiers = {each["account"]: each["tier"] for each in told["liquidations"]}
        acted = [e for e in said if e["type"] == "liquidation"]
        assert {event["account"] for event in acted} <= tiers.keys()
        if acted:
            assert acted[0]["tier"] == tiers[acted[0]["account"]]
            self.seen["liquidated"] += 1


def _apply(machine: Machine, stream: str, payload: str) -> Said:
    """Apply an entry; return its events."""
    out: list[bytes] = []
    (item,) = decode_entry(stream, "1-0", payload.encode())
    machine.apply(item, 0, out)
    return [json.loads(event) for event in out]


def _bare(machine: Machine, step: Step) -> list[Event]:
    """Run a command's own part on another kernel, without what follows a command."""
    state, events = machine.kernel.state, list[Event]()
    (item,) = decode_entry(step.stream, "1-0", step.payload.encode())
    command = machine._conversion.to_core(item.command, machine._symbol_of_order)
    execution = Execution(state)
    cancelling = Cancelling(state, execution)
    if isinstance(command, PlaceOrder):
        Trading(state, execution).place(command, events)
    elif isinstance(command, AmendOrder):
        Amending(state, execution).amend(command, events)
    elif isinstance(command, CancelOrder):
        cancelling.cancel(command, events)
    elif isinstance(command, CancelAll):
        cancelling.cancel_all(command, events)
    return events


def _sum(rows: Said, field: str) -> float:
    return round(sum(float(row[field]) for row in rows), 8)


def _foretold(*tapes: list[Step]) -> Counter[str]:
    """Ask and play tapes; return how often what was foretold."""
    seen: Counter[str] = Counter()
    for steps in tapes:
        asking = Asking()
        for step in steps:
            asking.play(step)
        seen += asking.seen
    return seen


def test_foretold_on_tapes() -> None:
    """Every kind of order, state and refusal; the state hash is that of before the question."""
    seen = _foretold(tape(1, 250), tape(2, 250), tape(4, 250), kills(5, 150))
    assert min(seen[kind] for kind in ("refused", "resting", "armed", "done", "filled")) > 20


def test_foretold_where_prices_jump() -> None:
    """Whom the prints call, and the first of the stops that they reach."""
    seen = _foretold(*(tape(seed, 250, gaps=True) for seed in (0, 1, 3)))
    assert seen["called"]
    assert seen["fired"]


def test_foretold_outside() -> None:
    """Mode `l1`: at the outside price, against the house."""
    assert _foretold(tape_outside(2, 250))["filled"] > 5
