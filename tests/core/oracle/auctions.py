"""Leaving an auction: one price for everybody, found by trying every tick (A14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.core.oracle import fills, leaving, sweeps
from tests.core.oracle.world import Instrument, Order, World


@dataclass
class Crossing:
    """What would trade at a price, and by how much the buyers outweigh the sellers there."""

    price: int
    volume: int
    imbalance: int


MOST_TICKS = 2_000


def best_crossing(orders: list[Order], middle: Fraction | None) -> Crossing | None:
    """Return the price of greatest volume, least imbalance, nearest to `middle`, lowest.

    Something trades between the lowest ask and the highest bid only; every tick there is tried,
    where there are many at least those at and beside every order and the middle.
    """
    selling = [order.price for order in orders if order.side < 0]
    buying = [order.price for order in orders if order.side > 0]
    if not selling or not buying or min(selling) > max(buying):
        return None
    tries: Sequence[int] = range(min(selling), max(buying) + 1)
    if len(tries) > MOST_TICKS:
        marks = {*selling, *buying, *([] if middle is None else [int(middle), int(middle) + 1])}
        beside = {mark + step for mark in marks for step in (-1, 0, 1)}
        tries = sorted(price for price in beside if price in tries)
    tried = []
    for price in tries:
        bids = sum(o.leaves for o in orders if o.side > 0 and o.price >= price)
        asks = sum(o.leaves for o in orders if o.side < 0 and o.price <= price)
        away = Fraction(0) if middle is None else abs(price - middle)
        tried.append((-min(bids, asks), abs(bids - asks), away, price, bids - asks))
    volume, _, _, price, imbalance = min(tried)
    return Crossing(price, -volume, imbalance)


def crossing(instrument: Instrument, orders: list[Order]) -> Crossing | None:
    """Return where an instrument's orders would trade now; near the last trade, or the mark."""
    middle = None
    if instrument.last:
        middle = Fraction(instrument.last)
    elif instrument.mark2:
        middle = Fraction(instrument.mark2, 2)
    return best_crossing(orders, middle)


def uncross(world: World, instrument: Instrument) -> None:
    """Let everything that crosses trade at one price, and again if something still does."""
    while True:
        found = crossing(instrument, [o for o in world.orders if o.instrument is instrument])
        if found is None:
            return
        world.say(
            "auction_uncrossed",
            symbol=instrument.symbol,
            price=instrument.price(found.price),
            quantity=instrument.quantity(found.volume),
            imbalance=instrument.quantity(found.imbalance),
        )
        side = 1 if found.imbalance <= 0 else -1
        for taker in sweeps.makers(world, instrument, side):
            if side * taker.price >= side * found.price:
                _take(world, taker, found.price)


def _take(world: World, taker: Order, price: int) -> None:
    """Let an order of the lighter side take what it can; what is left of it keeps its place."""
    while taker in world.orders:
        world.orders.remove(taker)
        sweep = sweeps.plan(world, taker, price)
        fills.carry_out(world, taker, sweep, price)
        if sweep.end in {"self_trade", "reduce_only"}:
            leaving.cancelled(world, taker, sweep.end)
        elif taker.leaves:
            taker.shown = min(taker.shown, taker.leaves)
            world.orders.append(taker)
        if sweep.end != "max_fills":
            return
