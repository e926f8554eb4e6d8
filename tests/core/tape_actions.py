"""What a tape's companies do: dividends and splits, while their market is shut (B6)."""

from tests.core.tape_boundaries import Boundaries
from tests.core.tape_orders import Command, Listing

MULTIPLES = ("0.000000001", "0.25", "0.5", "1", "1.5", "3", "7.3", "400")
"""Of a tick: what a dividend may be."""
RATIOS = ((2, 1), (2, 1), (3, 2), (1, 2), (1, 2), (1, 3), (2, 3), (4, 6), (1, 10), (10, 1), (5, 4))
WRONG: tuple[Command, ...] = (
    {"amount": "0"},
    {"amount": "-1"},
    {"amount": "0.0000000001"},
    {"amount": None},
    {"numerator": 2},
    {"numerator": 1001, "denominator": 0},
    {"numerator": 7, "denominator": 7},
    {"numerator": None},
    {"denominator": 1000},
)


class Actions(Boundaries):
    """Shuts a market, acts on it once or twice, and opens it again."""

    def corporate(self) -> Command:
        """Plan an action: now and then in an open market, or by an id that was."""
        rng, listing = self.rng, self.rng.choice(self.listings)
        shut = {"type": "set_market_state", "symbol": listing.symbol}
        acts = [self.action(listing) for _ in range(rng.choice((1, 1, 2)))]
        reopened = shut | {"state": rng.choice(("open", "open", "open", "auction"))}
        self.plan = [*acts, reopened]
        if rng.random() < 0.1:
            return self.plan.pop(0)
        return shut | {"state": rng.choice(("halted", "closed"))}

    def action(self, listing: Listing) -> Command:
        """Return an action of an instrument, now and then one that is refused."""
        rng = self.rng
        named = {"type": "corporate_action", **self.boundary("action_id")}
        named |= {"symbol": listing.symbol} if rng.random() < 0.97 else {}
        said = named | (self.dividend(listing) if rng.random() < 0.4 else self.split(listing))
        return said | self.maybe(0.05, rng.choice(WRONG))

    def split(self, listing: Listing) -> Command:
        """Return a split; the market goes on from there, most of the time."""
        new, old = self.rng.choice(RATIOS)
        if self.rng.random() < 0.9:
            listing.middle = max(60, listing.middle * old // new)
        return {"action": "split", "numerator": new, "denominator": old}

    def dividend(self, listing: Listing) -> Command:
        """Return a dividend of so many ticks."""
        ticks = float(self.rng.choice(MULTIPLES)) * float(listing.tick)
        amount = f"{ticks:.9f}".rstrip("0").rstrip(".")
        return {"action": "dividend", "amount": amount}
