"""Tapes on which it is looked at what accounts do, with thresholds that change (E7)."""

import json
import random
from collections.abc import Iterator

from tests.core.tape_orders import Command
from tests.core.tapes import Step, tape

WINDOWS = (1, 2, 7, 10, 60, 3_600)
RATES = ("0", "0.25", "0.333333", "0.5", "1")
IMPACTS = ("0", "0.005", "0.01", "0.05")


def activity(seed: int, length: int = 200) -> list[Step]:
    """Return the tape of a seed, `length` commands of the ordinary one and the thresholds."""
    return list(_watched(random.Random(seed), tape(seed, length)))


def _watched(rng: random.Random, steps: list[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if rng.random() < 0.04:
            yield _thresholds(rng)


def _thresholds(rng: random.Random) -> Step:
    """Return thresholds that are soon reached, now and then some that cannot be."""
    fields: Command = {
        "order_rate": rng.choice((0, 1, 2, 3, 5)),
        "reject_rate": rng.choice(RATES),
        "least_commands": rng.choice((1, 2, 5)),
        "price_impact": rng.choice(IMPACTS),
        "window_s": rng.choice(WINDOWS),
    }
    if rng.random() < 0.1:
        fields = {key: value for key, value in fields.items() if rng.random() < 0.5}
    if rng.random() < 0.1:
        key, value = rng.choice((("window_s", 0), ("window_s", 3_601), ("reject_rate", "1.01")))
        fields[key] = value
    return Step(0, "admin", json.dumps({"type": "set_activity", **fields}))
