"""The tests' language, spoken to the oracle: a scenario that both agree on binds both."""

import copy
import json
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.core import view
from tests.core.market import Event, Market
from tests.core.oracle import margins, sweeps
from tests.core.oracle.numbers import money
from tests.core.oracle.oracle import Oracle
from tests.core.oracle.triggers import trigger_of
from tests.core.oracle.world import Instrument, Order


class NaiveMarket(Market):
    """A market that the oracle plays. It reads no malformed entries."""

    def __init__(self, mark: str | None = "100", *, symbol: str = "X", **terms: Any) -> None:
        self.oracle = Oracle()
        super().__init__(mark, symbol=symbol, **terms)

    def deliver(self, stream: str, payload: bytes | None) -> list[Event]:
        """Apply one command to the oracle; return its events."""
        assert payload is not None, stream
        command = json.loads(payload)
        begun = self._begin()
        if command["type"] == "what_if":
            self.last = begun + self._foretell(command)
        else:
            self.last = begun + self.oracle.apply(command, self.retry_ms)
        self.events += self.last
        return self.last

    def _foretell(self, question: Event) -> list[Event]:
        """Answer what a command would trade, or be refused with, by trying it on a copy."""
        command = question["command"]
        said = copy.deepcopy(self.oracle).apply(command)
        told = {"type": "what_if_result", "account": command["account"]}
        if said[0]["type"] == "rejected":
            return [told | {"accepted": False, "errors": said[0].get("errors", said)}]
        return [told | {"accepted": True, "fills": [e for e in said if e["type"] == "trade"]}]

    def _begin(self) -> list[Event]:
        return list(self.oracle.begin(self.now_us))

    def restarted(self) -> "NaiveMarket":
        """Return a copy that goes on by itself."""
        twin = copy.deepcopy(self)
        twin.forget()
        return twin

    def book(self, symbol: str | None = None) -> dict[str, list[str]]:
        """Return every resting order in queue order, best price first."""
        world = self.oracle.world
        instrument = world.instruments[symbol or self.symbol]
        return {
            name: [_line(instrument, order) for order in sweeps.makers(world, instrument, side)]
            for name, side in (("bids", 1), ("asks", -1))
        }

    def armed(self, symbol: str | None = None) -> list[str]:
        """Return the orders that sleep, first armed first."""
        world = self.oracle.world
        instrument = world.instruments[symbol or self.symbol]
        mine = [order for order in world.armed if order.instrument is instrument]
        return [
            view.armed_line(
                order.name,
                order.side,
                _decimal(order.leaves * instrument.lot),
                _decimal(trigger_of(order).price * instrument.tick),
            )
            for order in sorted(mine, key=lambda order: trigger_of(order).sequence)
        ]

    def accounts(self) -> Iterable[str]:
        """Return the ids of all accounts."""
        return self.oracle.world.accounts

    def symbols(self) -> Iterable[str]:
        """Return all symbols."""
        return self.oracle.world.instruments

    def balance(self, account: str) -> str:
        """Return an account's cash."""
        return money(self.oracle.world.accounts[account].balance)

    def position(self, account: str, symbol: str | None = None) -> str:
        """Return an account's signed quantity."""
        instrument = self.oracle.world.instruments[symbol or self.symbol]
        lots = self.oracle.world.accounts[account].position(instrument).lots
        return instrument.quantity(lots)

    def cost(self, account: str, symbol: str | None = None) -> str:
        """Return the signed cost of an account's position."""
        instrument = self.oracle.world.instruments[symbol or self.symbol]
        return money(self.oracle.world.accounts[account].position(instrument).cost)

    def margin(self, account: str) -> dict[str, str]:
        """Return `equity maintenance initial fee_hold free` of an account."""
        world = self.oracle.world
        of = world.accounts[account]
        figures = {
            "equity": margins.equity(of),
            "maintenance": margins.maintenance(of),
            "initial": margins.all_initial(world, of),
            "fee_hold": margins.fee_holds(world, of),
            "free": margins.free(world, of),
        }
        return {name: money(atoms) for name, atoms in figures.items()}

    def hash(self) -> str:
        """Return all there is, in words."""
        world = self.oracle.world
        counters = (world.next_order, world.next_trade, len(world.ids), sorted(world.transfers))
        return repr((self.oracle.everything(), counters))


def _line(instrument: Instrument, order: Order) -> str:
    price = instrument.price(order.price)
    leaves, shown = (_decimal(lots * instrument.lot) for lots in (order.leaves, order.shown))
    return view.line(order.account.name, price, leaves, shown)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
