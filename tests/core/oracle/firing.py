"""Waking armed orders, one after the other, each to its end (A11, A12)."""

from tests.core.oracle import bands, bracketing, brackets, breakers, fills, sweeps
from tests.core.oracle.admission import Wish, admit
from tests.core.oracle.numbers import written
from tests.core.oracle.reasons import REASONS
from tests.core.oracle.triggers import reference_of, trigger_of
from tests.core.oracle.world import Instrument, Order, Refused, World


def look(world: World) -> None:
    """Look at all armed orders of all instruments until none is reached any more."""
    for symbol in sorted(world.instruments):
        instrument = world.instruments[symbol]
        while True:
            bracketing.cover(world)
            breakers.look(world)
            order = _next(world, instrument)
            if order is None:
                break
            _fire(world, order)


def _next(world: World, instrument: Instrument) -> Order | None:
    """Let everybody see the prices of now; return the order most deeply crossed, if one is."""
    mine = [order for order in world.armed if order.instrument is instrument]
    reached = []
    for order in mine:
        trigger = trigger_of(order)
        reference = reference_of(instrument, trigger)
        if not trigger.is_reached(reference):
            trigger.see(reference)
        if reference is not None and trigger.is_reached(reference):
            reached.append((-trigger.depth(reference), trigger.sequence, order))
    if not reached or instrument.state != "open":
        return None
    return min(reached, key=lambda each: each[:2])[2]


def _fire(world: World, order: Order) -> None:
    instrument, trigger = order.instrument, trigger_of(order)
    reference = reference_of(instrument, trigger)
    assert reference is not None
    world.armed.remove(order)
    order.trigger = None
    world.say(
        "order_triggered",
        symbol=instrument.symbol,
        **order.names(),
        trigger_price=instrument.price(trigger.price),
        reference=written(reference * instrument.tick),
    )
    brackets.fired(world, order)
    try:
        limit = _ask_again(world, order)
    except Refused as refusal:
        reason = REASONS[refusal.code]
        errors = refusal.fields.get("errors") or [{"code": refusal.code, "reason": reason}]
        world.say(
            "trigger_rejected",
            symbol=instrument.symbol,
            **order.names(),
            code=refusal.code,
            reason=reason,
            errors=errors,
        )
        return
    fills.enter(world, order, sweeps.plan(world, order, limit))


def _ask_again(world: World, order: Order) -> int:
    """Ask what a new order is asked; return the worst price it may trade at."""
    instrument, side = order.instrument, order.side
    limit = order.price
    if not limit:
        best = sweeps.touch(world, instrument, -side)
        if best is None:
            raise Refused(304)
        limit = bands.market_limit(world, order, best)
    else:
        bands.ask(world, instrument, limit)
    if order.reduce_only and order.account.position(instrument).lots * side >= 0:
        raise Refused(413)
    wish = Wish(order.account, instrument, side, order.total, limit, order.taker_rate)
    wish.is_limit, wish.reduce_only = order.price > 0, order.reduce_only
    wish.group, wish.tag, wish.is_new = order.group, order.tag, False
    admit(world, wish)
    if order.post_only and sweeps.would_meet(world, instrument, side, limit):
        raise Refused(412)
    is_fok = order.lifetime == "fok"
    if is_fok and sweeps.plan(world, order, limit).filled < order.total:
        raise Refused(406)
    return limit
