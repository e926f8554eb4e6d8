"""Matching and settling, maker by maker (A1, A2, A5, A6, B1, B5)."""

from dataclasses import dataclass, field
from fractions import Fraction

from tests.core.oracle.numbers import ATOMS, ceiling, floor, money
from tests.core.oracle.world import NAMES, Account, Event, Instrument, Order, World

MOST_MAKERS = 10_000


@dataclass
class Sweep:
    """Whom an order would meet: (maker, lots), or (own order, 0); and why it ends early."""

    meetings: list[tuple[Order, int]] = field(default_factory=list)
    filled: int = 0
    end: str = ""


def makers(world: World, instrument: Instrument, side: int) -> list[Order]:
    """Return the resting orders of one side: better price first, then earlier arrival (A1)."""
    resting = [o for o in world.orders if o.instrument is instrument and o.side == side]
    return sorted(resting, key=lambda o: (-side * o.price, o.arrival))


def touch(world: World, instrument: Instrument, side: int) -> int | None:
    """Return the best resting price of a side."""
    resting = makers(world, instrument, side)
    return resting[0].price if resting else None


def protection(side: int, best: int, slippage: Fraction) -> int:
    """Return the worst price within the slippage of the best one, rounded toward it (A2)."""
    if side > 0:
        return min(floor(best * (1 + slippage)), 10**12)
    return max(1, ceiling(best * (1 - slippage)))


def plan(world: World, order: Order, limit: int) -> Sweep:
    """Say what would happen; nothing does."""
    sweep = Sweep()
    for maker in makers(world, order.instrument, -order.side):
        wanted = order.leaves - sweep.filled
        if wanted == 0 or order.side * maker.price > order.side * limit:
            break
        if len(sweep.meetings) == MOST_MAKERS:
            sweep.end = "max_fills"
            break
        if order.stp != "none" and maker.account.owner == order.account.owner:
            sweep.meetings.append((maker, 0))
            if order.stp == "cancel_newest":
                sweep.end = "self_trade"
                break
            continue
        lots = min(wanted, maker.leaves)
        sweep.meetings.append((maker, lots))
        sweep.filled += lots
    return sweep


def rests(order: Order, sweep: Sweep) -> bool:
    """Tell whether something will be left for the book."""
    return order.lifetime == "gtc" and not sweep.end and sweep.filled < order.leaves


def enter(world: World, order: Order, sweep: Sweep) -> None:
    """Carry a sweep out and deal with what is left of the order."""
    stays = rests(order, sweep)
    last = 0
    for maker, lots in sweep.meetings:
        if lots == 0:
            _prevent(world, order, maker)
        else:
            _trade(world, order, maker, lots)
            last = maker.price
    if last and order.instrument.terms["mark_source"] == "last":
        world.set_mark(order.instrument, 2 * last)
    if stays:
        rest(world, order)
    elif order.leaves > 0:
        cancelled(world, order, _why(world, order, sweep))


def rest(world: World, order: Order) -> None:
    """Queue an order behind everybody at its price."""
    world.arrivals += 1
    order.arrival = world.arrivals
    world.orders.append(order)


def cancelled(world: World, order: Order, reason: str) -> None:
    """Say that something of an order was not traded."""
    instrument = order.instrument
    world.say(
        "order_cancelled",
        symbol=instrument.symbol,
        **order.names(),
        reason=reason,
        leaves=instrument.quantity(order.leaves),
    )


def withdraw(world: World, order: Order, reason: str) -> None:
    """Take a resting order out of the book."""
    world.orders.remove(order)
    cancelled(world, order, reason)


def _why(world: World, order: Order, sweep: Sweep) -> str:
    if sweep.end:
        return sweep.end
    something_left = touch(world, order.instrument, -order.side) is not None
    return "collar" if order.kind == "market" and something_left else "ioc_remainder"


def _prevent(world: World, taker: Order, maker: Order) -> None:
    """Say that two orders of one owner met; the resting one may have to go (A6)."""
    instrument = taker.instrument
    world.say(
        "prevented_match",
        symbol=instrument.symbol,
        mode=taker.stp,
        maker=maker.names(),
        taker=taker.names(),
        quantity=instrument.quantity(min(maker.leaves, taker.leaves)),
        price=instrument.price(maker.price),
    )
    if taker.stp == "cancel_oldest":
        withdraw(world, maker, "self_trade")


def _trade(world: World, taker: Order, maker: Order, lots: int) -> None:
    """Let two orders trade at the maker's price."""
    instrument = taker.instrument
    maker.leaves -= lots
    taker.leaves -= lots
    if maker.leaves == 0:
        world.orders.remove(maker)
    number = world.next_trade
    world.next_trade += 1
    parties = [
        _settle(world, order, lots, maker.price, number, rate)
        for order, rate in ((maker, maker.maker_rate), (taker, taker.taker_rate))
    ]
    world.say(
        "trade",
        symbol=instrument.symbol,
        trade_id=number,
        price=instrument.price(maker.price),
        quantity=instrument.quantity(lots),
        aggressor_side=NAMES[taker.side],
        maker=parties[0],
        taker=parties[1],
    )


def _settle(world: World, order: Order, lots: int, price: int, trade: int, rate: Fraction) -> Event:
    """Move one side's position and money."""
    account, instrument = order.account, order.instrument
    order.fees_due += lots * price * instrument.unit * rate
    fee = ceiling(order.fees_due) - order.fees_paid
    order.fees_paid += fee
    realized = book(account, instrument, order.side * lots, price, trade)
    account.balance += realized - fee
    world.traded.add(account.name)
    return order.names() | {
        "fee": money(fee),
        "realized_pnl": money(realized),
        "position": instrument.quantity(account.position(instrument).lots),
        "balance": money(account.balance),
        "leaves": instrument.quantity(order.leaves),
    }


def book(account: Account, instrument: Instrument, lots: int, price: int, trade: int) -> int:
    """Book a fill, one lot's worth of thought at a time: close first, then open (B1)."""
    position = account.position(instrument)
    worth = price * instrument.unit
    realized = 0
    closing = min(abs(lots), abs(position.lots)) if position.lots * lots < 0 else 0
    if closing:
        direction = 1 if position.lots > 0 else -1
        out = abs(position.cost) * closing // abs(position.lots)
        realized = direction * (closing * worth - out)
        position.lots -= direction * closing
        position.cost -= direction * out
        lots += direction * closing
    if lots:
        if position.lots == 0:
            position.opened_by = trade
        position.lots += lots
        position.cost += lots * worth
    return realized


assert ATOMS == 10**8
