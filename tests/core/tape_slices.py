"""Tapes on which prices creep towards accounts that trade outside, past every tier (D2, D5).

Marks are pushed apart from what can be traded at, so that slices go better and worse than they
should; lots are worth little, so that every rounding shows.
"""

import json
import random

from tests.core.tape_orders import Command
from tests.core.tapes import Step

GRIDS = (("0.00000002", 600), ("0.00000006", 2_500), ("0.01", 10_000))
"""Tick sizes, and how many ticks a lot costs."""
STREAMS = {"place_order": "orders", "l1": "ticks", "mark_price": "ticks"}


def slices(seed: int) -> list[Step]:
    """Return the tape of a seed."""
    rng = random.Random(seed)
    return [
        Step(rng.choice((0, 100, 300)), STREAMS.get(said["type"], "admin"), json.dumps(said))
        for said in _Slices(rng).commands()
    ]


class _Slices:
    """The random choices of one tape."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tick, self.middle = rng.choice(GRIDS)
        self.symbols = ("S0", "S1")[: rng.choice((1, 1, 2))]
        self.prices = dict.fromkeys(self.symbols, self.middle)
        self.names = [f"v{i}" for i in range(rng.randint(1, 4))]
        self.side = rng.choice(("buy", "sell"))
        self.counter = 0

    def commands(self) -> list[Command]:
        """Return everything, in order."""
        rng, said = self.rng, [self.ladder()]
        said += [self.fund()] if rng.random() < 0.5 else []
        for symbol in self.symbols:
            said += [self.listed(symbol), self.quote(symbol, 0), self.mark(symbol)]
        for name in self.names:
            lots = rng.choice((2, 5, 13, 34, 89))
            said.append({"type": "create_account", "account": name})
            said.append(self.paid(name, lots * rng.uniform(0.204, 0.25)))
            for symbol in self.symbols:
                part = lots // len(self.symbols)
                said.append(self.order(symbol, name, self.side, part))
            said += [self.exit(name)] if rng.random() < 0.3 else []
        said += [self.ageing(symbol) for symbol in self.symbols if rng.random() < 0.6]
        for _ in range(rng.randint(20, 40)):
            said += self.move(rng.choice(self.symbols))
        return said

    def ladder(self) -> Command:
        """Return tiers so far apart that prices come to lie between them, or as they are."""
        rng = self.rng
        apart = rng.choice(({}, {"tier1": "0.81", "tier2": "0.88"}))
        shares = rng.choice(({}, {"tier1_share": "0.1", "tier2_share": "0.333333"}))
        fee = {"liquidation_fee": rng.choice(("0", "0.005", "0.5"))}
        return {"type": "set_liquidation"} | apart | shares | fee

    def listed(self, symbol: str) -> Command:
        """List an instrument in mode `l1`."""
        rng = self.rng
        terms = {"tick_size": self.tick, "lot_size": "1", "mode": "l1", "mark_source": "pushed"}
        keep = {"maintenance_margin": rng.choice(("0.1", "0.123457", "0.15"))}
        fee = {"taker_fee": rng.choice(("0", "0", "0.0004")), "maker_fee": "-0.0001"}
        terms |= {"collar": "0.001"}  # so that a market order may use nearly all that is free
        return {"type": "create_instrument", "symbol": symbol} | terms | keep | fee

    def ageing(self, symbol: str) -> Command:
        """Let prices last for a while only from now on."""
        lasts = {"feed_stale_ms": self.rng.choice((100, 300, 500))}
        return {"type": "update_instrument", "symbol": symbol} | lasts

    def move(self, symbol: str) -> list[Command]:
        """Let a mark creep on, seldom jump; what can be traded at goes with it, nearly."""
        rng, down = self.rng, -1 if self.side == "buy" else 1
        share = rng.choice((0.001, 0.003, 0.006, 0.006, 0.01, -0.01, 0.03))
        if rng.random() < 0.03:
            share = rng.choice((0.1, 0.2))
        self.prices[symbol] = max(9, self.prices[symbol] + round(down * share * self.middle))
        aside = round(rng.choice((0, 0, 0, 0.004, -0.004, -0.05)) * self.middle)
        both = [self.quote(symbol, aside * -down), self.mark(symbol)]
        return rng.choice((both, both[::-1], both[1:], both[1:]))

    def quote(self, symbol: str, aside: int) -> Command:
        """Return a best bid and ask, so far beside the mark."""
        bid = max(1, self.prices[symbol] + aside - self.rng.choice((0, 0, 1, 2)))
        ask = bid + self.rng.choice((1, 2, 5))
        return {"type": "l1", "symbol": symbol, "bid": self.at(bid), "ask": self.at(ask)}

    def mark(self, symbol: str) -> Command:
        """Push the mark."""
        return {"type": "mark_price", "symbol": symbol, "price": self.at(self.prices[symbol])}

    def at(self, ticks: int) -> str:
        """Return a price."""
        return _money(ticks * round(float(self.tick) * 10**8))

    def paid(self, name: str, lots: float) -> Command:
        """Pay in what so many lots cost."""
        self.counter += 1
        amount = self.at(max(1, round(lots * self.middle)))
        return {
            "type": "deposit",
            "account": name,
            "amount": amount,
            "transfer_id": f"t{self.counter}",
        }

    def fund(self) -> Command:
        """Pay something into the fund."""
        amount = self.at(self.rng.choice((1, self.middle, 50 * self.middle)))
        return {"type": "fund_insurance", "amount": amount, "transfer_id": "fund"}

    def order(self, symbol: str, name: str, side: str, lots: int) -> Command:
        """Trade at the market."""
        self.counter += 1
        order = {"account": name, "symbol": symbol, "side": side, "quantity": str(lots)}
        named = {"client_order_id": f"c{self.counter}"}
        return {"type": "place_order", **order, **named, "order_type": "market"}

    def exit(self, name: str) -> Command:
        """Let a limit wait that closes a part, further down or up, which may be reached."""
        rng, up = self.rng, 1 if self.side == "buy" else -1
        order = self.order(self.symbols[0], name, "sell" if up > 0 else "buy", rng.choice((1, 5)))
        price = self.at(self.middle + round(up * rng.choice((0.005, 0.02)) * self.middle))
        only = {"reduce_only": True} if rng.random() < 0.7 else {}
        return order | only | {"order_type": "limit", "price": price}


def _money(atoms: int) -> str:
    whole, part = divmod(atoms, 10**8)
    return f"{whole}.{part:08d}"
