"""What a tape's companies do: dividends, while their market is shut (B6)."""

from tests.core.tape_boundaries import Boundaries
from tests.core.tape_orders import Command, Listing

MULTIPLES = ("0.000000001", "0.25", "0.5", "1", "1.5", "3", "7.3", "400")
"""Of a tick: what a dividend may be."""
WRONG: tuple[Command, ...] = (
    {"amount": "0"},
    {"amount": "-1"},
    {"amount": "0.0000000001"},
    {"amount": None},
    {"numerator": 2},
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
        said = named | self.dividend(listing)
        return said | self.maybe(0.05, rng.choice(WRONG))

    def dividend(self, listing: Listing) -> Command:
        """Return a dividend of so many ticks."""
        ticks = float(self.rng.choice(MULTIPLES)) * float(listing.tick)
        amount = f"{ticks:.9f}".rstrip("0").rstrip(".")
        return {"action": "dividend", "amount": amount}
