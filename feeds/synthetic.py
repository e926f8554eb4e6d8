"""A synthetic market: the same seed and run give the same commands, whatever the machine.

Integers and decimal strings only, no clock. Makers quote around a drifting mid and cancel, takers
hit them, and a few accounts trade at full leverage. Every so often the first instrument falls by
some per cent and comes back, which liquidates those who stand in it. Whoever drives the market may
let it `hear` what happened, so that it cancels what is still there; otherwise many of its cancels
come too late.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from feeds.sources.record import Command

MAKERS: Final = 12
TAKERS: Final = 8
LEVERAGED: Final = 6

_UNKNOWN_ORDER: Final = 203
_QUOTES_PER_MAKER: Final = 30
_ACTIONS_PER_STEP: Final = 20
_TOP_UP_EVERY: Final = 250
_LEVERAGED_EVERY: Final = 40
_FALL_EVERY: Final = 600
_FALL: Final = range(180, 230)
_COMEBACK: Final = range(300, 400)
"""Steps of which the first instrument falls by 0.06 % each, and gains half of that."""


@dataclass(frozen=True, slots=True)
class SyntheticInstrument:
    """An instrument's grid and habits; prices in ticks, sizes in lots."""

    symbol: str
    price_places: int
    lot_places: int
    start_ticks: int
    spacing_ticks: int
    """Distance between two prices that makers quote at."""
    size_lots: int
    """The largest quote."""
    leveraged_lots: int
    """What a leveraged account buys at once: about 40 times its deposit."""

    def price(self, ticks: int) -> str:
        """Return a price as a decimal string."""
        return decimal(ticks, self.price_places)

    def quantity(self, lots: int) -> str:
        """Return a quantity as a decimal string."""
        return decimal(lots, self.lot_places)

    def ticks(self, price: str) -> int:
        """Return a price of this instrument in ticks, rounded down."""
        whole, _, part = price.partition(".")
        return int(whole + part[: self.price_places].ljust(self.price_places, "0"))


INSTRUMENTS: Final = (
    SyntheticInstrument("BTC-DEMO", 1, 3, 600_000, 50, 250, 1_400),
    SyntheticInstrument("ETH-DEMO", 2, 2, 300_000, 25, 400, 2_800),
)


@dataclass(slots=True)
class _Book:
    """What the generator knows of one instrument: its mid and where that is heading."""

    instrument: SyntheticInstrument
    mid_ticks: int
    drift_ticks: int = 0
    drift_steps: int = 0
    quotes: dict[str, deque[str]] = field(default_factory=dict)


class SyntheticMarket:
    """Yields batches of commands; `run_id` begins every id, so two runs never collide."""

    def __init__(self, seed: int, run_id: str, mids: dict[str, str] | None = None) -> None:
        """`mids` lets a run begin at the prices (by symbol) where an earlier one ended."""
        self._random = random.Random(f"{seed}:{run_id}")  # noqa: S311 - a market, not a secret
        self._run_id = run_id
        self._number = 0
        self._step = 0
        self._live: set[str] = set()
        known = {
            each.symbol: each.ticks(mids[each.symbol])
            for each in INSTRUMENTS
            if mids and each.symbol in mids
        }
        self._books = [
            _Book(each, known.get(each.symbol, each.start_ticks)) for each in INSTRUMENTS
        ]

    def setup(self) -> list[Command]:
        """Return the admin commands to begin with; what exists already refuses them harmlessly."""
        commands = [_instrument(each) for each in INSTRUMENTS]
        for account in accounts():
            commands.append({"type": "create_account", "account": account})
            amount = "2000" if account.startswith("demo-leveraged") else "50000000"
            commands.append(_deposit(account, amount, f"demo-{account}"))
        fund = {"type": "fund_insurance", "amount": "100000", "transfer_id": "demo-insurance"}
        return [*commands, fund]

    def opening(self) -> list[Command]:
        """Return the first prices: without one the engine takes no order."""
        return [self._tick(book) for book in self._books]

    def step(self) -> list[Command]:
        """Return the next commands: prices first, then orders, now and then a deposit."""
        self._step += 1
        commands: list[Command] = []
        for book in self._books:
            self._drift(book)
            commands.append(self._tick(book))
        for _ in range(_ACTIONS_PER_STEP):
            book = self._random.choice(self._books)
            commands += self._act(book)
        if self._step % _LEVERAGED_EVERY == 0:
            commands.append(self._leveraged_order(self._random.choice(self._books)))
        if self._step % _TOP_UP_EVERY == 0:
            account = f"demo-leveraged-{self._random.randint(1, LEVERAGED)}"
            commands.append(_deposit(account, "500", self._new_id()))
        return commands

    def hear(self, events: list[dict[str, Any]]) -> None:
        """Forget the quotes that these events of the journal have ended."""
        for event in events:
            match event["type"]:
                case "trade":
                    for party in (event["maker"], event["taker"]):
                        if party["leaves"] == "0":
                            self._live.discard(party["client_order_id"])
                case "order_cancelled":
                    self._live.discard(event["client_order_id"])
                case "rejected" if event["code"] != _UNKNOWN_ORDER:
                    self._live.discard(event.get("client_order_id", ""))
                case _:
                    pass

    def _drift(self, book: _Book) -> None:
        """Move the mid: a noise, and a trend that lasts some seconds and then turns."""
        if book.drift_steps == 0:
            book.drift_steps = self._random.randint(100, 400)
            # At the 80 steps a second of 2,000 commands this is up to 0.25 % a second.
            book.drift_ticks = self._random.randint(-30, 30) * book.instrument.start_ticks // 10**6
            if book.mid_ticks > book.instrument.start_ticks * 5 // 4:
                book.drift_ticks = -abs(book.drift_ticks)
            elif book.mid_ticks < book.instrument.start_ticks * 3 // 4:
                book.drift_ticks = abs(book.drift_ticks)
        book.drift_steps -= 1
        noise = self._random.randint(-10, 10)
        book.mid_ticks += book.drift_ticks + noise
        if book is self._books[0]:
            phase = self._step % _FALL_EVERY
            step_ticks = book.instrument.start_ticks * 3 // 10_000
            book.mid_ticks += step_ticks * ((phase in _COMEBACK) - 2 * (phase in _FALL))

    def _tick(self, book: _Book) -> Command:
        half = max(book.instrument.spacing_ticks // 2, 1)
        return {
            "type": "l1",
            "symbol": book.instrument.symbol,
            "bid": book.instrument.price(book.mid_ticks - half),
            "ask": book.instrument.price(book.mid_ticks + half),
            "source": "demo",
        }

    def _act(self, book: _Book) -> list[Command]:
        dice = self._random.randrange(100)
        if dice < 85:
            return self._quote(book)
        account = f"demo-taker-{self._random.randint(1, TAKERS)}"
        side = self._random.choice(("buy", "sell"))
        lots = self._random.randint(1, book.instrument.size_lots // 2)
        if dice < 90:
            return [self._order(book, account, side, lots, time_in_force=None, reach=None)]
        time_in_force = "ioc" if dice < 97 else "fok"
        reach = self._random.randint(0, 5)
        return [self._order(book, account, side, lots, time_in_force=time_in_force, reach=reach)]

    def _quote(self, book: _Book) -> list[Command]:
        """Place one quote of a maker and cancel another where it has many."""
        account = f"demo-maker-{self._random.randint(1, MAKERS)}"
        side = self._random.choice(("buy", "sell"))
        lots = self._random.randint(1, book.instrument.size_lots)
        depth = 1 + min(self._random.randrange(30), self._random.randrange(30))
        placed = self._order(book, account, side, lots, time_in_force="gtc", reach=-depth)
        quotes = book.quotes.setdefault(account, deque())
        quotes.append(placed["client_order_id"])
        self._live.add(placed["client_order_id"])
        if len(quotes) > _QUOTES_PER_MAKER:
            withdrawn = self._withdraw(quotes)
            if withdrawn in self._live:
                self._live.remove(withdrawn)
                return [placed, _cancel(account, withdrawn)]
            return [placed]
        if self._random.randrange(25) == 0:
            return [placed, self._amend(book, account, quotes[-1])]
        return [placed]

    def _withdraw(self, quotes: deque[str]) -> str:
        """Take one of a maker's older quotes, not always the oldest, which is likeliest filled."""
        quotes.rotate(-self._random.randrange(len(quotes) // 2))
        return quotes.popleft()

    def _order(
        self,
        book: _Book,
        account: str,
        side: str,
        lots: int,
        *,
        time_in_force: str | None,
        reach: int | None,
    ) -> Command:
        """Build an order `reach` price steps beyond the mid; below 0 short of it, None market."""
        command: Command = {
            "type": "place_order",
            "account": account,
            "symbol": book.instrument.symbol,
            "side": side,
            "order_type": "market" if reach is None else "limit",
            "quantity": book.instrument.quantity(lots),
            "client_order_id": self._new_id(),
        }
        if reach is not None:
            sign = 1 if side == "buy" else -1
            spacing = book.instrument.spacing_ticks
            # On the makers' grid, so that levels gather more than one order.
            grid = (book.mid_ticks + sign * reach * spacing) // spacing * spacing
            command["price"] = book.instrument.price(grid)
        if time_in_force is not None:
            command["time_in_force"] = time_in_force
        return command

    def _leveraged_order(self, book: _Book) -> Command:
        """Enter, or leave, with all that a small account can carry."""
        account = f"demo-leveraged-{self._random.randint(1, LEVERAGED)}"
        side = "buy" if self._random.randrange(8) else "sell"
        lots = book.instrument.leveraged_lots
        # A market order would be held at its protection price, which a small account cannot pay.
        return self._order(book, account, side, lots, time_in_force="ioc", reach=8)

    def _amend(self, book: _Book, account: str, client_order_id: str) -> Command:
        lots = self._random.randint(1, book.instrument.size_lots)
        return {
            "type": "amend_order",
            "account": account,
            "client_order_id": client_order_id,
            "quantity": book.instrument.quantity(lots),
        }

    def _new_id(self) -> str:
        self._number += 1
        return f"{self._run_id}-{self._number}"


def accounts() -> list[str]:
    """Return the accounts of the market, in order."""
    counts = {"maker": MAKERS, "taker": TAKERS, "leveraged": LEVERAGED}
    return [f"demo-{role}-{n}" for role, count in counts.items() for n in range(1, count + 1)]


def decimal(value: int, places: int) -> str:
    """Return `value` / 10^`places` as the shortest decimal string; `value` is not negative."""
    assert value >= 0
    whole, part = divmod(value, 10**places)
    fraction = f"{part:0{places}d}".rstrip("0") if places else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def _instrument(each: SyntheticInstrument) -> Command:
    return {
        "type": "create_instrument",
        "symbol": each.symbol,
        "tick_size": decimal(1, each.price_places),
        "lot_size": decimal(1, each.lot_places),
        "initial_margin": "0.02",
        "maintenance_margin": "0.015",
        "max_leverage": 50,
        "maker_fee": "0.0002",
        "taker_fee": "0.0005",
        "mark_source": "l1_mid",
    }


def _deposit(account: str, amount: str, transfer_id: str) -> Command:
    return {"type": "deposit", "account": account, "amount": amount, "transfer_id": transfer_id}


def _cancel(account: str, client_order_id: str) -> Command:
    return {"type": "cancel_order", "account": account, "client_order_id": client_order_id}
