"""What a tape does at boundaries: funding and swap, dear enough to hurt (B6)."""

import random

from tests.core.tape_gaps import Gaps
from tests.core.tape_orders import Command, Listing

RATES = (
    "0",
    "0.0001",
    "-0.0001",
    "0.000333",
    "0.000000001",
    "0.012345679",
    "0.02",
    "-0.02",
    "0.1",
    "-0.1",
    "0.4",
    "-0.7",
)


class Boundaries(Gaps):
    """Makes positions pay and receive, now and then twice for one boundary."""

    def __init__(self, rng: random.Random, listings: list[Listing], *, gaps: bool) -> None:
        super().__init__(rng, listings, gaps=gaps)
        self.boundaries: list[str] = []

    def funding(self) -> Command:
        """Apply funding, sometimes beyond its cap or with a rate that is none."""
        rate = self.rng.choice((*RATES, *RATES, "1001", "0.0000000001"))
        return {"type": "apply_funding", **self.boundary("funding_id"), "rate": rate}

    def swap(self) -> Command:
        """Apply a swap, of a year's days or of few."""
        rng = self.rng
        command = {"type": "apply_swap", **self.boundary("swap_id")}
        command |= {"long_rate": rng.choice(RATES), "short_rate": rng.choice(RATES)}
        command["day_count"] = rng.choice((360, 365))
        wrong = {rng.choice(("long_rate", "short_rate")): rng.choice(("-1000.1", "0.0000000001"))}
        return (
            command
            | self.maybe(0.4, {"days": rng.choice((1, 3, 90, 366))})
            | self.maybe(0.05, wrong)
        )

    def boundary(self, key: str) -> Command:
        """Return an instrument and an id: a new one, or one used by whatever else has ids."""
        self.counter += 1
        name = f"t{self.counter}"
        if self.boundaries and self.rng.random() < 0.15:
            name = self.rng.choice(self.boundaries)
        elif self.rng.random() < 0.1:
            name = f"t{self.rng.randint(1, self.counter)}"
        self.boundaries.append(name)
        del self.boundaries[:-6]
        symbol = self.rng.choice((*(each.symbol for each in self.listings), "S0", "S0", "S9"))
        return {"symbol": symbol, key: name}
