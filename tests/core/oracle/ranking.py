"""Who is deleveraged first, by exact fractions, and how much each can bear (D7)."""

import copy
from dataclasses import dataclass
from fractions import Fraction

from tests.core.oracle import fills, margins
from tests.core.oracle.numbers import money, number
from tests.core.oracle.world import RESERVED, Account, Event, Position, World


@dataclass(eq=False)
class Victim:
    """An account on the other side, with the figures that it is ranked by."""

    account: Account
    position: Position
    unrealized: int
    cost: int
    notional: int
    equity: int

    @property
    def score(self) -> Fraction:
        """Return profit % × leverage, or ÷ leverage where there is a loss."""
        profit = Fraction(self.unrealized, self.cost)
        leverage = Fraction(self.notional, self.equity)
        return profit * leverage if profit >= 0 else profit / leverage

    def receipt(self) -> Event:
        """Return the figures as the event writes them."""
        return {
            "unrealized": money(self.unrealized),
            "cost": money(self.cost),
            "notional": money(self.notional),
            "equity": money(self.equity),
        }


def ranked(world: World, account: Account, position: Position) -> list[Victim]:
    """Return everybody who stands against a position and has something to lose, first come first.

    Ties: larger notional, earlier opening, name.
    """
    victims = []
    for other in world.accounts.values():
        theirs = other.position(position.instrument)
        has = margins.equity(other)
        opposite = theirs.lots * position.lots < 0
        if opposite and has > 0 and other is not account and other.name not in RESERVED:
            unrealized = theirs.value - theirs.cost
            sizes = (abs(theirs.cost), abs(theirs.value))
            victims.append(Victim(other, theirs, unrealized, *sizes, has))
    victims.sort(key=lambda v: (-v.score, -v.notional, v.position.opened_by, v.account.name))
    return victims


def most(world: World, victim: Victim, wanted: int, price: int) -> int:
    """Return the most lots that leave the victim below the first tier, by trying them all."""
    return max((k for k in range(1, wanted + 1) if _bears(world, victim, k, price)), default=0)


def _bears(world: World, victim: Victim, lots: int, price: int) -> bool:
    """Tell whether the victim has equity then, and less to maintain than the first tier of it."""
    instrument = victim.position.instrument
    twin = copy.copy(victim.account)
    twin.positions = {s: copy.copy(p) for s, p in victim.account.positions.items()}
    signed = lots if victim.position.lots < 0 else -lots
    twin.balance += fills.book(twin, instrument, signed, price, 0)
    return margins.maintenance(twin) < number(world.ladder.tier1) * margins.equity(twin)
