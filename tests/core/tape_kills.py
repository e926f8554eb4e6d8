"""Tapes on which operators stop trading and let it go on, over and over (E4, E5).

An ordinary tape, with kills, resumes and heartbeats in between; orders carry tags. A flatten is
followed by orders from others, and now and then by as much time as its timer takes.
"""

import json
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from tests.core.tape_orders import ACCOUNTS, Command
from tests.core.tapes import Step, tape

SCOPES = ("global", "symbol", "account", "account", "account", "tag", "tag")
MODES = ("no_new", "no_new", "no_new", "reduce_only", "cancel_all", "flatten", "flatten")
TAGS = ("", "t", "u")
TIMEOUTS = (0, 999, 1_000, 1_000, 1_500, 2_500, 6_000, 86_400_000, 86_400_001)
TURN_MS = 1_000
"""Of the timer by which positions are closed."""


def kills(seed: int, length: int = 260) -> list[Step]:
    """Return the tape of a seed, `length` commands of the ordinary one and what comes between."""
    stopped = _Stopped(random.Random(seed))
    return list(stopped.among(tape(seed, length, gaps=seed % 3 == 0)))


class _Stopped:
    """The random choices of one tape, the switches that are on, and the last plain orders."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.on: list[Command] = []
        self.orders: deque[Command] = deque(maxlen=12)
        self.names = 0

    def among(self, steps: list[Step]) -> Iterator[Step]:
        """Yield a tape with tags on its orders, and what operators and silence do to them."""
        for step in steps:
            tagged = _tagged(step)
            self.note(tagged)
            yield tagged
            if self.rng.random() < 0.04:
                kill = self.kill()
                self.on.append(kill)
                yield _admin(kill)
                if kill["mode"] == "flatten":
                    yield from self.buyers()
            yield from self.resumes()
            if self.rng.random() < 0.04:
                yield self.beat()
            if self.rng.random() < 0.005:
                yield _admin(_resumed(self.kill()))

    def note(self, step: Step) -> None:
        """Remember a limit order that carries nothing more."""
        command = step.command if step.refusal is None else {}
        special = {"post_only", "reduce_only", "oco_group", "trigger_price", "time_in_force"}
        if command.get("order_type") == "limit" and not special & command.keys():
            self.orders.append(command)

    def kill(self) -> Command:
        """Return a switch of any kind, now and then one that cannot be."""
        rng = self.rng
        scope, mode = rng.choice(SCOPES), rng.choice(MODES)
        kill: Command = {"type": "kill", "scope": scope, "mode": mode}
        kill |= {"operator": rng.choice(("ann", "ben")), "reason": "it is said that …"}
        targets = {"symbol": ("S0", "S0", "S1", "S9"), "tag": TAGS[1:]}
        targets["account"] = (*ACCOUNTS, *ACCOUNTS, "backstop", "nobody")
        for each, names in targets.items():
            if (each == scope) != (rng.random() < 0.01):
                kill[each] = rng.choice(names)
        return kill

    def resumes(self) -> Iterator[Step]:
        """End switches, wide ones soon, or the tape would be a list of refusals."""
        wide = [kill for kill in self.on if kill["scope"] in {"global", "symbol"}]
        while self.on and self.rng.random() < (0.25 if wide else 0.05 * len(self.on)):
            ended = self.rng.choice(wide or self.on)
            self.on = [kill for kill in self.on if not _is_on(kill, ended)]
            wide = [kill for kill in wide if kill in self.on]
            yield _admin(_resumed(ended))

    def buyers(self) -> Iterator[Step]:
        """Send what was sent before once more, from others and on either side."""
        for wait_ms in self.rng.choice(((0, 0, 1_000, 0, 999, 1), (0, 0, 0), (TURN_MS, 0, 0))):
            if not self.orders:
                return
            self.names += 1
            order = self.rng.choice(self.orders) | {"client_order_id": f"kill{self.names}"}
            order |= {
                "account": self.rng.choice(ACCOUNTS),
                "side": self.rng.choice(("buy", "sell")),
            }
            yield Step(wait_ms, "orders", json.dumps(order))

    def beat(self) -> Step:
        """Send a heartbeat, now and then with a timeout that cannot be."""
        name, timeout = self.rng.choice((*ACCOUNTS, "nobody")), self.rng.choice(TIMEOUTS)
        beat = {"type": "heartbeat", "account": name, "timeout_ms": timeout}
        return Step(0, "orders", json.dumps(beat))


def _resumed(kill: Command) -> Command:
    return {key: value for key, value in kill.items() if key != "mode"} | {"type": "resume"}


def _is_on(kill: Command, other: Command) -> bool:
    """Tell whether two switches are on the same scope."""
    return all(kill.get(key) == other.get(key) for key in ("scope", "symbol", "account", "tag"))


def _tagged(step: Step) -> Step:
    """Give an order the tag that goes with its id, so that a repeat has the same."""
    if step.refusal is not None or "client_order_id" not in step.payload:
        return step
    command = step.command
    order = command["entry"] if command["type"] == "place_bracket" else command
    if "order_type" not in order:
        return step
    tag = TAGS[sum(order["client_order_id"].encode()) % len(TAGS)]
    if tag:
        order["tag"] = tag
    return replace(step, payload=json.dumps(command))


def _admin(command: Command) -> Step:
    return Step(0, "admin", json.dumps(command))
