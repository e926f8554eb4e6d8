"""Tapes on which breakers trip: marks walk by levels, clocks run to the end of a halt (E2).

Levels are a few per cent, halts a few seconds, and days end often. What an operator says, orders,
stops and trades that are the mark come in between.
"""

import json
import random

from tests.core.tape_orders import Command
from tests.core.tapes import Step

MARKS = ("last", "pushed", "pushed", "l1_mid")
MOVES = ("0.02", "0.03", "0.05", "0.0501", "0.1", "0.10005", "0.13", "0.2", "0.333333", "1")
HALTS = (1, 2, 2, 5, 60)
NAMES = ("ann", "bob", "cy")
DAY_MS = 24 * 3600 * 1_000
START = 1_000
"""The first price, in cents."""


def breaking(seed: int, length: int = 150) -> list[Step]:
    """Return the tape of a seed."""
    return list(_Breaking(random.Random(seed)).steps(length))


class _Breaking:
    """The random choices of one tape."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.counter = 0
        count = rng.choice((1, 2, 3))
        self.sources = {f"S{i}": rng.choice(MARKS) for i in range(count)}
        self.prices = dict.fromkeys(self.sources, START)
        self.is_indexed = rng.random() < 0.6
        self.gone: set[str] = set()

    def steps(self, length: int) -> list[Step]:
        """Return the set-up and `length` random commands."""
        said = [self.create(symbol) for symbol in self.sources]
        for name in NAMES:
            said.append({"type": "create_account", "account": name})
            said.append(self.deposit(name, self.rng.choice((12, 30, 60, 100_000))))
        if self.is_indexed:
            said.append(self.market_breakers())
        kinds = [self.price, self.order, self.stop, self.state, self.update, self.relist]
        weights = [60, 30, 10, 8, 3, 1]
        if self.is_indexed:
            kinds, weights = [*kinds, self.market_breakers], [*weights, 3]
        said += [make() for make in self.rng.choices(kinds, weights, k=length)]
        return [self.step(command) for command in said]

    def step(self, command: Command) -> Step:
        """Return a command as an entry, mostly at once, now and then just at the end of a halt."""
        streams = {"place_order": "orders", "mark_price": "ticks", "l1": "ticks"}
        wait = self.rng.choice((0, 0, 0, 1, 300, 700, 999, 1_000, 2_000))
        if self.rng.random() < 0.03:
            wait = self.rng.choice((60_000, 300_000, DAY_MS // 2, DAY_MS))
        return Step(wait, streams.get(command["type"], "admin"), json.dumps(command))

    def create(self, symbol: str) -> Command:
        """List an instrument, mostly with breakers."""
        command: Command = {"type": "create_instrument", "symbol": symbol, "tick_size": "0.01"}
        self.gone.discard(symbol)
        command |= {"lot_size": "1", "mark_source": self.sources[symbol], "collar": "0.5"}
        if self.rng.random() < 0.4:
            command["price_band"] = "0.9"
        if self.rng.random() < 0.1:
            command["state"] = self.rng.choice(("auction", "halted"))
        return command | ({"breakers": self.levels()} if self.rng.random() < 0.9 else {})

    def levels(self, *, gathers: float = 0.4, count: int = 4) -> list[Command]:
        """Return levels whose moves rise; now and then they do not, or an auction has no end."""
        rng = self.rng
        moves = sorted(rng.sample(MOVES, rng.randint(0, count)), key=float)
        if rng.random() < 0.05:
            rng.shuffle(moves)
        levels: list[Command] = []
        for move in moves:
            level: Command = {"move": move}
            if rng.random() < 0.8:
                level["halt_s"] = rng.choice(HALTS)
            if rng.random() < gathers and ("halt_s" in level or rng.random() < 0.05):
                level["auction"] = True
            levels.append(level)
        return levels

    def market_breakers(self) -> Command:
        """Set breakers of the whole market, or none, or of an instrument that is not there."""
        rng = self.rng
        symbols = [*self.sources, *(["S9"] if rng.random() < 0.1 else [])]
        weights = {symbol: rng.choice((1, 2, 7, 1_000)) for symbol in symbols if rng.random() < 0.8}
        levels = self.levels(gathers=0, count=3)
        return {"type": "set_market_breakers", "weights": weights, "levels": levels}

    def symbol(self) -> str:
        """Return one of the instruments."""
        return self.rng.choice(list(self.sources))

    def price(self) -> Command:
        """Move a price: a little, or as far as a level is away from the first price."""
        rng, symbol = self.rng, self.symbol()
        cents = self.prices[symbol] + rng.randint(-15, 15)
        if rng.random() < 0.3:
            cents = START + rng.choice((-1, 1)) * rng.choice((20, 30, 50, 100, 130, 200, 334))
            cents += rng.choice((-1, 0, 0, 0, 1))
        self.prices[symbol] = cents = max(300, min(2_100, cents))
        if self.sources[symbol] == "pushed":
            return {"type": "mark_price", "symbol": symbol, "price": _text(cents)}
        spread = rng.choice((1, 1, 2))
        return {"type": "l1", "symbol": symbol, "bid": _text(cents), "ask": _text(cents + spread)}

    def order(self) -> Command:
        """Place an order that often trades where the price is."""
        symbol, side = self.symbol(), self.rng.choice(("buy", "sell"))
        away = self.rng.choice((0, 0, 0, 1, 20, 50, 100))
        return self.placed(symbol, side, price=self.at(symbol, away * (-1 if side == "buy" else 1)))

    def stop(self) -> Command:
        """Arm a stop between here and the levels."""
        symbol, side = self.symbol(), self.rng.choice(("buy", "sell"))
        away = self.rng.choice((5, 15, 40, 60)) * (1 if side == "buy" else -1)
        by = {"trigger_by": self.rng.choice(("last", "mark", "bid_ask"))}
        trigger = {"trigger_price": self.at(symbol, away)} | by
        return self.placed(symbol, side, order_type="stop", **trigger)

    def placed(self, symbol: str, side: str, **fields: str) -> Command:
        """Return an order of somebody's."""
        self.counter += 1
        named = {"account": self.rng.choice(NAMES), "client_order_id": f"c{self.counter}"}
        lots = {"quantity": str(self.rng.choice((1, 1, 2, 5))), "order_type": "limit"}
        return {"type": "place_order", "symbol": symbol, "side": side, **named, **lots} | fields

    def at(self, symbol: str, away: int) -> str:
        """Return a price so many cents from the present one."""
        return _text(max(1, self.prices[symbol] + away))

    def deposit(self, name: str, amount: int) -> Command:
        """Pay in."""
        self.counter += 1
        named = {"account": name, "transfer_id": f"t{self.counter}"}
        return {"type": "deposit", "amount": str(amount), **named}

    def state(self) -> Command:
        """Say what an operator says, mostly to open."""
        state = self.rng.choice((*["open"] * 9, "halted", "closed", "auction"))
        symbol = self.rng.choice(("*", "*", self.symbol()))
        return {"type": "set_market_state", "symbol": symbol, "state": state}

    def update(self) -> Command:
        """Set other levels, or another band."""
        named = {"type": "update_instrument", "symbol": self.symbol()}
        if self.rng.random() < 0.2:
            return named | {"price_band": self.rng.choice(("0", "0.9"))}
        return named | {"breakers": self.levels()}

    def relist(self) -> Command:
        """Delete an instrument if nobody is in it, or list it again."""
        symbol = self.symbol()
        if self.gone:
            return self.create(self.rng.choice(sorted(self.gone)))
        self.gone.add(symbol)
        return {"type": "delete_instrument", "symbol": symbol}


def _text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
