"""On random tapes a dry run changes nothing, and settings then call and act as it said (C4)."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from engine.snapshot import state_hash
from tests.core.tapes import Step, tape
from tests.core.test_what_if_tapes import Asking, Said

SEEDS = (2, 10, 16)
SETTINGS = ("set_risk", "set_liquidation", "update_instrument")
ANYTIME: tuple[dict[str, Any], ...] = (
    {"type": "set_risk", "account": "amy", "profile": "desk"},
    {"type": "set_liquidation", "margin_call": "0.2"},
    {"type": "update_instrument", "symbol": "S0", "maintenance_margin": "0.15"},
)


class Trying(Asking):
    """A machine on which settings are tried before they are set, and others at any time."""

    def play(self, step: Step) -> None:
        """Play an entry, after a dry run."""
        self.now_us += step.wait_ms * 1_000
        self.rest()
        for command in ANYTIME:
            self.tried(command)
        if step.refusal is not None or step.command["type"] not in SETTINGS:
            self.send(step.stream, step.payload)
            return
        state = self.machine.kernel.state
        is_quiet = not (state.pending_accounts or state.pending_symbols or state.left_alone)
        told = self.tried(step.command)
        said = self.send(step.stream, step.payload)
        if said[0]["type"] == "rejected":
            assert told == said[0]
            self.seen["refused"] += 1
        elif "called" in told and is_quiet and not self.machine.kernel.is_busy():
            self.compare(told, said)

    def tried(self, command: dict[str, Any]) -> dict[str, Any]:
        """Try settings, find nothing changed, and return the answer."""
        before = state_hash(self.machine.kernel)
        (told,) = self.send("admin", json.dumps(command | {"dry_run": True}))
        assert state_hash(self.machine.kernel) == before
        return told

    def compare(self, told: dict[str, Any], said: Said) -> None:
        """Compare whom settings would call and act on with whom they did."""
        if {event["type"] for event in said} & {"order_triggered", "breaker"}:
            return
        called = [event["account"] for event in said if event["type"] == "margin_call"]
        assert called == told["called"]
        tiers = {each["account"]: each["tier"] for each in told["liquidated"]}
        acted = [event for event in said if event["type"] == "liquidation"]
        assert {event["account"] for event in acted} <= tiers.keys()
        if acted:
            assert acted[0]["tier"] == tiers[acted[0]["account"]]
        self.seen["called"] += bool(called)
        self.seen["acted"] += bool(acted)


def _among(steps: list[Step], seed: int) -> Iterator[Step]:
    """Yield a tape with settings in between that call, and act on, whoever stands close."""
    rng = random.Random(seed)
    for step in steps:
        yield step
        if rng.random() < 0.1:
            ladder = {"type": "set_liquidation", "margin_call": rng.choice(("0.1", "0.2", "0.5"))}
            steep = rng.choice(({}, {"tier1": "0.6", "tier2": "0.7", "admission_ratio": "0.55"}))
            rates = {"type": "update_instrument", "symbol": rng.choice(("S0", "S1"))}
            maintenance = rng.choice(("0.02", "0.1", "0.14", "0.15"))
            command = rng.choice((ladder | steep, rates | {"maintenance_margin": maintenance}))
            yield Step(0, "admin", json.dumps(command))


def _tried(*seeds: int) -> Counter[str]:
    """Try and set what comes on some tapes; return how often something came of it."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        trying = Trying()
        for step in _among(tape(seed, 150, gaps=seed % 2 == 0), seed):
            trying.play(step)
        seen += trying.seen
    return seen


def test_dry_runs_are_true_on_tapes() -> None:
    """Also while accounts wait to be looked at: a question wakes nobody."""
    seen = _tried(*SEEDS)
    assert min(seen[kind] for kind in ("refused", "called", "acted")) > 0, seen
