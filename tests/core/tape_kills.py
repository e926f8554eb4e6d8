"""Tapes on which operators stop trading and let it go on, over and over (E4).

An ordinary tape, with kills, resumes and heartbeats in between; orders carry tags.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import replace

from tests.core.tape_orders import ACCOUNTS, Command
from tests.core.tapes import Step, tape

SCOPES = ("global", "symbol", "account", "account", "tag", "tag")
MODES = ("no_new", "reduce_only", "cancel_all", "flatten")
TAGS = ("", "t", "u")
TIMEOUTS = (0, 999, 1_000, 1_000, 1_500, 2_500, 6_000, 86_400_000, 86_400_001)


def kills(seed: int, length: int = 300) -> list[Step]:
    """Return the tape of a seed, `length` commands of the ordinary one and what comes between."""
    return list(_stopped(random.Random(seed), tape(seed, length, gaps=seed % 3 == 0)))


def _stopped(rng: random.Random, steps: list[Step]) -> Iterator[Step]:
    """Yield a tape with tags on its orders, and now and then an operator or a heartbeat."""
    on: list[Command] = []
    for step in steps:
        yield _tagged(step)
        if rng.random() < 0.04:
            kill = _kill(rng)
            on.append(kill)
            yield _admin(kill)
        # The wider a switch, the sooner it goes, or the tape would be a list of refusals.
        wide = [kill for kill in on if kill["scope"] in {"global", "symbol"}]
        while on and rng.random() < (0.25 if wide else 0.05 * len(on)):
            ended = rng.choice(wide or on)
            on = [kill for kill in on if not _is_on(kill, ended)]
            wide = [kill for kill in wide if kill in on]
            yield _admin(_resumed(ended))
        if rng.random() < 0.04:
            name, timeout = rng.choice((*ACCOUNTS, "nobody")), rng.choice(TIMEOUTS)
            beat = {"type": "heartbeat", "account": name, "timeout_ms": timeout}
            yield Step(0, "orders", json.dumps(beat))
        if rng.random() < 0.005:
            yield _admin(_resumed(_kill(rng)))


def _kill(rng: random.Random) -> Command:
    """Return a switch of any kind, now and then one that cannot be."""
    scope, mode = rng.choice(SCOPES), rng.choice(MODES)
    kill: Command = {"type": "kill", "scope": scope, "mode": mode}
    kill |= {"operator": rng.choice(("ann", "ben")), "reason": "it is said that …"}
    targets = {"symbol": ("S0", "S0", "S1", "S9"), "tag": TAGS[1:]}
    targets["account"] = (*ACCOUNTS, *ACCOUNTS, "backstop", "nobody")
    for each, names in targets.items():
        if (each == scope) != (rng.random() < 0.01):
            kill[each] = rng.choice(names)
    return kill


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
