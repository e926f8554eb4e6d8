"""What a tape's operators set that is more than a number: margin brackets (B4)."""

import random
from itertools import accumulate

from tests.core.tape_orders import Command

BOUNDS = ("8", "15.5", "25", "40", "60", "60.00000001", "120", "200", "333.33333333")
INITIAL = ("0.2", "0.2", "0.21", "0.21", "0.25", "0.25", "0.3", "0.333333", "0.5", "1")
SHARES = (50, 65, 75, 75, 79)
"""Maintenance in hundredths of the initial rate; 80 would be beyond the admission ratio."""


def margin_brackets(rng: random.Random) -> list[Command]:
    """Return brackets whose edges positions and orders keep crossing."""
    count = rng.choice((1, 2, 2, 3, 3, 4, 6))
    bounds = ["0", *sorted(rng.sample(BOUNDS, count - 1), key=float)]
    initial = sorted(rng.choices(INITIAL, k=count), key=float)
    parts = [int(float(rate) * 10**4) * rng.choice(SHARES) for rate in initial]
    parts[0] = min(parts[0], 159_000)
    keep = [f"0.{part:06}" for part in accumulate(parts, max)]
    return [
        {"notional": bound, "initial_margin": rate, "maintenance_margin": rest}
        for bound, rate, rest in zip(bounds, initial, keep, strict=True)
    ]


def wrong_brackets(rng: random.Random) -> Command:
    """Return brackets with one thing wrong, or beside a plain rate."""
    brackets = margin_brackets(rng)
    if rng.random() < 0.1:
        return {"margin_brackets": brackets, rng.choice(("initial_margin",)): "0.2"}
    field = rng.choice(("notional", "initial_margin", "maintenance_margin"))
    values = ("0", "-1", "0.0000000001", "0.9", "1.5", "1001", "95000000000", "0.05")
    rng.choice(brackets)[field] = rng.choice(values)
    return {"margin_brackets": brackets}
