"""Carrying a sweep out: trades, prevention, replenishment, and what is left (A1 to A8, B1, B5)."""

from fractions import Fraction

from tests.core.oracle import links, losses
from tests.core.oracle.fees import note
from tests.core.oracle.leaving import cancelled, is_live, withdraw
from tests.core.oracle.numbers import ATOMS, ceiling, money
from tests.core.oracle.sweeps import Meeting, Sweep, rests, touch
from tests.core.oracle.world import HOUSE, NAMES, Account, Event, Instrument, Order, World


def enter(world: World, order: Order, sweep: Sweep) -> None:
    """Carry a sweep out and deal with what is left of the order."""
    stays = rests(order, sweep)
    arrival = _arrival(world, order) if sweep.filled else {}
    said = len(world.events)
    carry_out(world, order, sweep)
    for trade in [event for event in world.events[said:] if event["type"] == "trade"][:1]:
        trade["arrival"] = arrival
    if stays:
        rest(world, order)
    elif order.leaves > 0 or sweep.end == "self_trade":
        cancelled(world, order, _why(world, order, sweep))


def _arrival(world: World, order: Order) -> Event:
    """Return what an order that takes is measured against: the far touch and the mark (A1)."""
    instrument = order.instrument
    best = touch(world, instrument, -order.side)
    assert best is not None
    said = {"order_type": order.kind, "touch": instrument.price(best)}
    if instrument.mark2:
        said["mark"] = instrument.price(Fraction(instrument.mark2, 2))
    return said


def carry_out(world: World, order: Order, sweep: Sweep, auction_price: int = 0) -> None:
    """Do what a sweep says, at the makers' prices or all at that of an auction."""
    for meeting in sweep.meetings:
        price = auction_price or meeting.maker.price
        if not meeting.maker.number:
            admit_house(world, meeting.maker)
            rest(world, meeting.maker)
        if meeting.traded:
            _trade(world, order, meeting, price)
        elif meeting.link:
            withdraw(world, meeting.maker, meeting.link)
        else:
            _prevent(world, order, meeting, price)
    _print(world, order, sweep, auction_price)
    for maker, shown in sweep.shown:
        maker.shown = shown
    bitten = [meeting for meeting in sweep.meetings if meeting.traded]
    for meeting in bitten:
        links.traded(world, meeting.maker, meeting.traded)
    if bitten:
        links.traded(world, order, sweep.filled)
    for meeting in bitten:
        let_go(world, meeting.maker.account, order.instrument)
        let_go(world, order.account, order.instrument)
    _replenish(world, sweep)


def admit_house(world: World, order: Order) -> None:
    """Let an order of the house be: it gets a number, and the house its account (D5)."""
    assert order.account.name == HOUSE
    world.accounts[HOUSE] = order.account
    order.number = world.next_order
    world.next_order += 1
    order.name = f"house-{order.number}"


def _print(world: World, order: Order, sweep: Sweep, auction_price: int) -> None:
    """Note the last trade, which is the mark where that is so."""
    traded = [meeting for meeting in sweep.meetings if meeting.traded]
    prices = [auction_price or meeting.maker.price for meeting in traded]
    if not prices:
        return
    order.instrument.last = prices[-1]
    if order.instrument.terms["mark_source"] == "last":
        world.set_mark(order.instrument, 2 * prices[-1])


def _replenish(world: World, sweep: Sweep) -> None:
    """Send the icebergs that used up a peak to the tail of their level with the next (A4)."""
    for maker in sweep.renewed:
        if not is_live(world, maker):
            continue
        world.arrivals += 1
        maker.arrival = world.arrivals
        instrument = maker.instrument
        world.say(
            "order_replenished",
            symbol=instrument.symbol,
            **maker.names(),
            shown=instrument.quantity(maker.shown),
            leaves=instrument.quantity(maker.leaves),
        )


def let_go(world: World, account: Account, instrument: Instrument) -> None:
    """Cancel what only reduces and has nothing left to reduce, oldest first (A8)."""
    held = account.position(instrument).lots
    for order in world.orders_of(account):
        if order.reduce_only and order.instrument is instrument and held * order.side >= 0:
            withdraw(world, order, "reduce_only")


def rest(world: World, order: Order) -> None:
    """Queue an order behind everybody at its price."""
    world.arrivals += 1
    order.arrival = world.arrivals
    order.account.position(order.instrument)  # from now on it may hold something
    order.shown = min(order.peak, order.leaves) if order.peak else order.leaves
    world.orders.append(order)


def _why(world: World, order: Order, sweep: Sweep) -> str:
    if sweep.end:
        return sweep.end
    something_left = touch(world, order.instrument, -order.side) is not None
    return order.cut_by if not order.price and something_left else "ioc_remainder"


def _prevent(world: World, taker: Order, meeting: Meeting, price: int) -> None:
    """Say that two orders of one owner met, and do to them what the mode says (A6)."""
    instrument, maker, lots = taker.instrument, meeting.maker, meeting.prevented
    world.say(
        "prevented_match",
        symbol=instrument.symbol,
        mode=taker.stp,
        maker=maker.names(),
        taker=taker.names(),
        quantity=instrument.quantity(lots),
        price=instrument.price(price),
    )
    if taker.stp == "decrement":
        for order in (maker, taker):
            order.total -= lots
            order.leaves -= lots
    if taker.stp in {"cancel_oldest", "cancel_both"} or maker.leaves == 0:
        withdraw(world, maker, "self_trade")


def _trade(world: World, taker: Order, meeting: Meeting, price: int) -> None:
    """Let two orders trade at a price: the maker's, or that of an auction."""
    maker, lots = meeting.maker, meeting.traded
    maker.leaves -= lots
    taker.leaves -= lots
    if maker.leaves == 0:
        world.orders.remove(maker)
    _exchange(world, maker, taker, lots, price, {})
    world.note_trade(taker.instrument, price, lots)


def book_apart(world: World, maker: Order, taker: Order, said: Event) -> None:
    """Let two trade what was agreed elsewhere: nothing prints, and no order takes part."""
    lots, maker.leaves, taker.leaves = maker.leaves, 0, 0
    _exchange(world, maker, taker, lots, maker.price, said)
    let_go(world, maker.account, maker.instrument)
    let_go(world, taker.account, taker.instrument)


def _exchange(world: World, maker: Order, taker: Order, lots: int, price: int, more: Event) -> None:
    """Move the positions and the money of both sides."""
    instrument = taker.instrument
    number = world.next_trade
    world.next_trade += 1
    parties = [
        _settle(world, order, lots, price, number, rate)
        for order, rate in ((maker, maker.maker_rate), (taker, taker.taker_rate))
    ]
    world.say(
        "trade",
        symbol=instrument.symbol,
        trade_id=number,
        price=instrument.price(price),
        quantity=instrument.quantity(lots),
        aggressor_side=NAMES[taker.side],
        maker=parties[0],
        taker=parties[1],
        **more,
    )


def _settle(world: World, order: Order, lots: int, price: int, trade: int, rate: Fraction) -> Event:
    """Move one side's position and money."""
    account, instrument = order.account, order.instrument
    order.fees_due += lots * price * instrument.unit * rate
    fee = ceiling(order.fees_due) - order.fees_paid
    order.fees_paid += fee
    note(world, account, lots * price * instrument.unit)
    before = account.position(instrument).lots
    realized = book(account, instrument, order.side * lots, price, trade)
    account.balance += realized - fee
    losses.note_close(account, before, account.position(instrument).lots, realized - fee)
    world.fees += fee
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
        if position.lots == 0:
            position.tries = position.since = 0
    if lots:
        if position.lots == 0:
            position.opened_by = trade
        position.lots += lots
        position.cost += lots * worth
    return realized


assert ATOMS == 10**8
