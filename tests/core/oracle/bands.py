"""The band of prices around what an instrument has been worth lately (E1)."""

from fractions import Fraction

from tests.core.oracle import sweeps
from tests.core.oracle.numbers import ceiling, floor
from tests.core.oracle.world import Instrument, Order, Refused, World

SECONDS = 300


def reference(world: World, instrument: Instrument) -> Fraction | None:
    """Return what the band lies around, in ticks: the first that there is.

    The volume-weighted price of the trades of the last 300 whole seconds; the price that the
    session opened at; the mark.
    """
    oldest = world.now // 10**6 - SECONDS
    recent = [(ticks, lots) for second, ticks, lots in instrument.prints if second > oldest]
    if recent:
        return Fraction(
            sum(ticks * lots for ticks, lots in recent), sum(lots for _, lots in recent)
        )
    if instrument.opening is not None:
        return instrument.opening
    return Fraction(instrument.mark2, 2) if instrument.mark2 else None


def bounds(world: World, instrument: Instrument) -> tuple[int, int] | None:
    """Return the lowest and the highest price allowed, in ticks; None without a band."""
    middle = reference(world, instrument)
    if not instrument.band or middle is None:
        return None
    return max(1, ceiling(middle * (1 - instrument.band))), floor(middle * (1 + instrument.band))


def ask(world: World, instrument: Instrument, price: int, path: str | None = None) -> None:
    """Refuse the price of a limit order that lies outside, on either side."""
    band = bounds(world, instrument)
    if band is not None and not band[0] <= price <= band[1]:
        raise Refused(308, path)


def market_limit(world: World, order: Order, best: int) -> int:
    """Return the worst price of a market order: its protection, or the band where that is nearer.

    The order keeps in mind which of them will have cut it off.
    """
    protection = sweeps.protection_of(order, best)
    band = bounds(world, order.instrument)
    edge = protection if band is None else band[1 if order.side > 0 else 0]
    order.cut_by = "price_band" if order.side * edge < order.side * protection else "collar"
    return edge if order.cut_by == "price_band" else protection


def switched(world: World, instrument: Instrument, before: Fraction) -> None:
    """Begin with nothing but the price of now when a band is switched on; forget it when off."""
    if bool(before) == bool(instrument.band):
        return
    instrument.prints, instrument.opening = [], None
    known = Fraction(instrument.mark2, 2) or Fraction(instrument.last)
    if known:
        world.note_price(instrument, known)
