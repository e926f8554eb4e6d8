"""Equity, margins and the ratio, straight from rules B2 to B4 and D1."""

from fractions import Fraction

from tests.core.oracle.numbers import ceiling, up
from tests.core.oracle.world import Account, Instrument, Order, Position, World

NEVER = Fraction(10**30)
"""The ratio of an account without positive equity: above everything."""


def equity(account: Account) -> int:
    """Return cash and the unrealised result (B2)."""
    return account.balance + sum(p.value - p.cost for p in account.positions.values())


def maintenance(account: Account) -> int:
    """Return what must be maintained (B4)."""
    return sum(position_maintenance(p) for p in account.positions.values())


def position_maintenance(position: Position) -> int:
    """Return one position's maintenance margin."""
    return keep_for(position.instrument, abs(position.value))


def keep_for(instrument: Instrument, notional: int) -> int:
    """Return the maintenance margin of a notional: each part of it at its bracket's rate (B4)."""
    brackets = instrument.brackets
    if len(brackets) == 1:
        return up(notional, brackets[0][2])
    ends = [bound for bound, _, _ in brackets[1:]] + [Fraction(notional)]
    exact = Fraction(0)
    for (start, _, rate), end in zip(brackets, ends, strict=True):
        exact += max(Fraction(0), min(Fraction(notional), end) - start) * rate
    return ceiling(exact)


def ratio(account: Account) -> Fraction:
    """Return maintenance ÷ equity (D1)."""
    return ratio_of(maintenance(account), equity(account))


def ratio_of(must_maintain: int, has: int) -> Fraction:
    """Return must ÷ has; above everything without positive equity."""
    if has > 0:
        return Fraction(must_maintain, has)
    return NEVER if must_maintain > 0 else Fraction(0)


def leverage(account: Account, instrument: Instrument) -> Fraction:
    """Return the leverage used: the least of the account's two and the instrument's (B3)."""
    greatest = instrument.rate("max_leverage")
    own = (account.leverage, account.leverages.get(instrument.symbol))
    return min([greatest, *(each for each in own if each is not None)])


def initial_for(account: Account, instrument: Instrument, notional: int) -> int:
    """Return notional × the dearer of 1 ⁄ leverage and the initial rate of its bracket (B3)."""
    rates = [rate for bound, rate, _ in instrument.brackets if bound <= notional]
    return up(notional, max(1 / leverage(account, instrument), rates[-1]))


def worse_side(
    position: Position, buys: list[tuple[int, int]], sells: list[tuple[int, int]]
) -> int:
    """Return the larger notional of: all buys filled, all sells filled (B3).

    Orders are (lots, notional). A side that can only reduce the position holds nothing.
    """
    candidates = [abs(position.value)]
    if position.lots + sum(lots for lots, _ in buys) > 0:
        candidates.append(position.value + sum(notional for _, notional in buys))
    if position.lots - sum(lots for lots, _ in sells) < 0:
        candidates.append(sum(notional for _, notional in sells) - position.value)
    return max(candidates)


def initial(world: World, account: Account, position: Position) -> int:
    """Return the initial margin of a position and its open orders (B3)."""
    buys, sells = (on_order(world, account, position, side) for side in (1, -1))
    if not (position.lots or buys or sells):
        return 0
    return initial_for(account, position.instrument, worse_side(position, buys, sells))


def on_order(
    world: World, account: Account, position: Position, side: int, but: Order | None = None
) -> list[tuple[int, int]]:
    """Return (lots, notional) of each bunch of a side; reduce-only orders hold no margin."""
    resting = [o for o in world.resting(position, account, side) if o is not but]
    counted = [o for o in resting if not o.reduce_only]
    if all(o.group is None for o in counted):
        return [(o.leaves, o.notional) for o in counted]
    return [
        (max(o.leaves for o in bunch), max(o.notional for o in bunch)) for bunch in bunches(counted)
    ]


def bunches(resting: list[Order]) -> list[list[Order]]:
    """Part resting orders into those that count once: a group's, of one side and kind (B3)."""
    found: dict[object, list[Order]] = {}
    for order in resting:
        linked = (order.group, order.side, order.reduce_only)
        found.setdefault(order if order.group is None else linked, []).append(order)
    return list(found.values())


def fee_hold(order: Order) -> int:
    """Return the worst-case taker fee of what is left of an order (B3)."""
    return max(0, up(order.notional, order.taker_rate))


def fee_holds(world: World, account: Account, but: Order | None = None) -> int:
    """Return the worst-case taker fees of all of an account's open orders."""
    mine = [order for order in world.orders if order.account is account and order is not but]
    return sum(max(fee_hold(order) for order in bunch) for bunch in bunches(mine))


def all_initial(world: World, account: Account) -> int:
    """Return the initial margin of everything an account holds and has on order."""
    return sum(initial(world, account, p) for p in account.positions.values())


def free(world: World, account: Account) -> int:
    """Return free margin (B3)."""
    return equity(account) - all_initial(world, account) - fee_holds(world, account)
