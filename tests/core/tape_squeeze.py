"""Tapes on which those who are to be deleveraged stand badly themselves (D7).

One account falls, and its counterparties have lost about as much elsewhere, so that few lots, or
none, leave them below the first tier. Lots are worth little, so that every rounding shows.
"""

import json
import random

from tests.core.tape_orders import Command
from tests.core.tapes import Step

GRIDS = (("0.00000002", 12), ("0.00000002", 60), ("0.00000006", 25), ("0.01", 1000))
"""Tick sizes, and how many ticks a lot costs."""
PATIENT = {"type": "set_liquidation", "max_tries": 1_000, "max_wait_ms": 600_000}


def squeeze(seed: int) -> list[Step]:
    """Return the tape of a seed."""
    return [_step(command, seed) for command in _Squeeze(random.Random(seed)).commands()]


def _step(command: Command, seed: int) -> Step:
    streams = {"place_order": "orders", "mark_price": "ticks"}
    return Step(seed % 3 * 100, streams.get(command["type"], "admin"), json.dumps(command))


class _Squeeze:
    """The random choices of one tape: `ann` falls in S0, the others in S1."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tick, self.price = rng.choice(GRIDS)
        self.atoms = round(float(self.tick) * 10**8)
        self.victims = [f"v{i}" for i in range(rng.randint(1, 5))]
        self.side = rng.choice(("buy", "sell"))
        self.counter = 0

    def commands(self) -> list[Command]:
        """Return everything, in order."""
        rng = self.rng
        said = [PATIENT]
        for symbol in ("S0", "S1"):
            said += [self.listed(symbol), self.mark(symbol, 0)]
        for name in ("ann", "eve", *self.victims):
            said.append({"type": "create_account", "account": name})
        said.append(self.paid("eve", 10_000))
        total, bad = 0, rng.choice(("buy", "sell"))
        for name in self.victims:
            near, far = rng.choice((1, 2, 5, 13, 34)), rng.choice((0, 13, 34, 55, 89))
            total += near
            said.append(self.paid(name, (near + far) * rng.uniform(0.205, 0.26)))
            way = bad if rng.random() < 0.8 else _other(bad)
            said += self.traded("S1", name, way, "eve", far) if far else []
            said.append(self.order("S0", name, _other(self.side), near))
        said.append(self.paid("ann", total * rng.uniform(0.205, 0.24)))
        said.append(self.order("S0", "ann", self.side, total))
        down = -1 if self.side == "buy" else 1
        moves = [self.mark("S0", down * rng.randint(8, 45))]
        moves.append(self.mark("S1", rng.randint(5, 19) * (-1 if bad == "buy" else 1)))
        said += rng.sample(moves, 2)
        for name in self.victims:
            if rng.random() < 0.3:
                said.append(self.order("S0", name, self.side, 3, away=down * 40))
        if rng.random() < 0.3:
            said.append({"type": "fund_insurance", "amount": "0.0000001", "transfer_id": "fund"})
        tier1 = rng.choice(("0.9", "0.85"))
        said.append({"type": "set_liquidation", "max_tries": 1, "tier1": tier1})
        for _ in range(4):
            said.append(self.mark(rng.choice(("S0", "S0", "S1")), rng.randint(-30, 30)))
        return said

    def listed(self, symbol: str) -> Command:
        """List an instrument."""
        grid = {"tick_size": self.tick, "lot_size": "1", "mark_source": "pushed"}
        keep = {"maintenance_margin": self.rng.choice(("0.010007", "0.05", "0.123457", "0.15"))}
        fee = {"taker_fee": self.rng.choice(("0", "0", "0.002"))}
        return {"type": "create_instrument", "symbol": symbol} | grid | keep | fee

    def mark(self, symbol: str, percent: int) -> Command:
        """Push a mark so far from where it all began."""
        return {"type": "mark_price", "symbol": symbol, "price": self.at(percent)}

    def at(self, percent: int) -> str:
        """Return a price so far from where it all began."""
        return _money(max(1, self.price + self.price * percent // 100) * self.atoms)

    def paid(self, name: str, lots: float) -> Command:
        """Pay in what so many lots cost."""
        self.counter += 1
        amount = _money(max(1, round(lots * self.price * self.atoms)))
        id_ = f"t{self.counter}"
        return {"type": "deposit", "account": name, "amount": amount, "transfer_id": id_}

    def traded(self, symbol: str, name: str, side: str, maker: str, lots: int) -> list[Command]:
        """Let two trade where it all begins."""
        return [self.order(symbol, maker, _other(side), lots), self.order(symbol, name, side, lots)]

    def order(self, symbol: str, name: str, side: str, lots: int, *, away: int = 0) -> Command:
        """Place a limit order."""
        self.counter += 1
        order = {"account": name, "symbol": symbol, "side": side, "order_type": "limit"}
        order |= {"quantity": str(lots), "price": self.at(away)}
        return {"type": "place_order", **order, "client_order_id": f"c{self.counter}"}


def _other(side: str) -> str:
    return "sell" if side == "buy" else "buy"


def _money(atoms: int) -> str:
    whole, part = divmod(atoms, 10**8)
    return f"{whole}.{part:08d}"
