"""Machines in random states, and orders against what is open there, with everything in the way."""

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from engine.entries import decode_entry
from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture
from matching.order import Order
from risk.position import Position
from tests.core.market import Event
from tests.core.tape_kills import kills
from tests.core.test_replay import advance
from tests.core.words import STREAMS

GUARDS = frozenset({206, 302, 303, *range(501, 518), *range(601, 606)})
"""What stands against risk: account, price, money, limits, losses and switches."""
ATOM = "0.00000001"
SEEDS = range(40, 50)
RICH = "1000000000"
LIMITS = (
    *("max_order_notional", "max_position_notional", "max_exposure", "max_position"),
    *("max_instrument_exposure", "max_heat", "max_leverage", "day_loss", "month_loss_rate"),
)
COUNTS = ("max_positions", "max_correlated", "max_order_rate", "losing_streak")

Frozen = tuple[list[bytes], int, str, str]
"""A snapshot, its time in µs, and whose position of it is to be reduced: account and symbol."""


@cache
def frozen() -> list[Frozen]:
    """Return random states with something open, once for every such position, in open markets."""
    found: list[Frozen] = []
    for seed in SEEDS:
        machine, now_us = Machine(), 0
        for number, step in enumerate(kills(seed, 160)):
            now_us += step.wait_ms * 1_000
            advance(machine, now_us, step)
            if number % 12 == 11:
                here = Venue(list(capture(machine.kernel)), now_us)
                here.send(type="set_market_state", symbol="*", state="open")
                chunks = list(capture(here.machine.kernel))
                found += [(chunks, now_us, *names) for names in here.reducible()]
    return found


def venues(part: int) -> Iterator[tuple["Venue", Position, random.Random]]:
    """Yield a quarter of those states to be played on, with the position and with dice."""
    for seed, (chunks, now_us, account, symbol) in enumerate(frozen()[part % 4 :: 4]):
        venue = Venue(chunks, now_us)
        yield venue, venue.state.accounts[account].positions[symbol], random.Random(seed)


class Venue:
    """A machine in some state, talked to in commands of the wire."""

    def __init__(self, chunks: list[bytes], now_us: int) -> None:
        self.machine = Machine(restore(chunks))
        self.state = self.machine.kernel.state
        self.now_us = now_us
        self.names = 0

    def send(self, **command: Any) -> list[Event]:
        """Apply a command, and what it leaves to later frames; return the events."""
        stream = STREAMS.get(command["type"], "admin")
        out: list[bytes] = []
        self._begin(out)
        for item in decode_entry(stream, "9-0", json.dumps(command).encode()):
            self.machine.apply(item, 0, out)
        self._begin(out)
        return [json.loads(event) for event in out]

    def _begin(self, out: list[bytes]) -> None:
        self.machine.begin(self.now_us, out)
        while self.machine.kernel.is_busy():
            self.machine.begin(self.now_us, out)

    def reducible(self) -> list[tuple[str, str]]:
        """Return account and symbol of all that is open and may be closed by its owner."""
        return [
            (name, symbol)
            for name, account in sorted(self.state.accounts.items())
            if account.status.value != "closed" and name not in {"backstop", "house"}
            for symbol, position in sorted(account.positions.items())
            if position.lots
        ]

    def order(self, position: Position, lots: int, **more: Any) -> list[Event]:
        """Send an order against a position, a limit where nobody is unless said; its events."""
        self.names += 1
        side, name = against(position), f"probe{self.names}"
        order: dict[str, Any] = {"account": position.account.account_id}
        order |= {"symbol": position.instrument.symbol, "side": "sell" if side < 0 else "buy"}
        order |= {"order_type": "limit", "price": price(position, far(side)), "tag": "probe"}
        order |= {"quantity": quantity(position, lots), "client_order_id": name} | more
        events = self.send(type="place_order", **order)
        return [event for event in events if event.get("client_order_id") == name]

    def exits(self, position: Position) -> list[Order]:
        """Return the account's resting orders against a position."""
        return [
            order
            for order in self.state.live[position.account.account_id].values()
            if order.position is position and order.side == against(position) and not order.is_armed
        ]

    def free_lots(self, position: Position) -> int:
        """Return how much of a position no other order is there to close."""
        return abs(position.lots) - sum(order.leaves_lots for order in self.exits(position))

    def turn_against(self, position: Position, *, market: bool = True) -> None:
        """Put all that there is in the way of an account; with `market` in everybody's."""
        account, symbol = position.account.account_id, position.instrument.symbol
        targets: dict[str, str | None] = {"account": account, "tag": "probe"}
        targets |= {"symbol": symbol, "global": None} if market else {}
        for scope, target in targets.items():
            named = {scope: target} if target else {}
            kill = {"type": "kill", "mode": "no_new", "operator": "ann", "reason": "why"}
            self.send(**kill, scope=scope, **named)
        self.send(type="update_account", account=account, status="suspended")
        self.limit(account)
        if market:
            change = {"symbol": symbol, "feed_stale_ms": 1, "price_band": "0"}
            self.send(type="update_instrument", **change, stop_already_reached="fire")
            self.now_us += 1_000_000
        position.account.in_liquidation = True
        guard = position.account.guard
        assert guard is not None
        assert guard.losses is not None
        guard.losses.streak_paused = True
        for window in guard.losses.windows.values():
            window.is_paused = True
        guard.note_order(self.now_us)
        guard.note_order(self.now_us + 1_000)

    def limit(self, account: str) -> None:
        """Give an account the tightest limits that there are."""
        least = dict.fromkeys(LIMITS, "0.000001") | dict.fromkeys(COUNTS, 1)
        self.send(type="set_risk", account=account, pyramiding=False, **least)

    def let_trade(self, name: str) -> None:
        """Make an account rich and free, if need be a new one."""
        self.send(type="create_account", account=name)
        self.send(type="update_account", account=name, status="active")
        self.send(type="set_risk", account=name, profile="none")
        self.send(type="deposit", account=name, amount=RICH, transfer_id=f"probe-{name}")

    def resume_all(self) -> None:
        """End every switch."""
        for scope, target in list(self.state.switches):
            named = {scope.value: target} if target else {}
            resume = {"type": "resume", "operator": "ann", "reason": "why"}
            self.send(**resume, scope=scope.value, **named)


def against(position: Position) -> int:
    """Return the side on which a position is reduced."""
    return -1 if position.lots > 0 else 1


def far(side: int) -> int:
    """Return a price in ticks at which nobody is met on that side."""
    return 1 if side > 0 else 10**9


def price(position: Position, ticks: int) -> str:
    """Return a price as the wire writes it."""
    terms = position.instrument.terms
    return _decimal(ticks * terms.tick_units, terms.price_decimals)


def quantity(position: Position, lots: int) -> str:
    """Return a quantity as the wire writes it."""
    terms = position.instrument.terms
    return _decimal(lots * terms.lot_units, terms.quantity_decimals)


def _decimal(units: int, places: int) -> str:
    digits = str(units).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def blocked(events: list[Event]) -> list[Event]:
    """Return the refusals by what stands against risk."""
    return [
        event
        for event in events
        if event["type"] in {"rejected", "trigger_rejected"}
        and GUARDS & {error["code"] for error in event.get("errors") or [event]}
    ]
