"""How orders shrink and go without having traded (A3, A9, A13)."""

from tests.core.oracle.world import Order, World


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


def amended(world: World, order: Order, *, kept: bool, cause: str | None = None) -> None:
    """Say what has become of an order, and what it is linked by if that did it."""
    instrument = order.instrument
    world.say(
        "order_amended",
        symbol=instrument.symbol,
        **order.names(),
        quantity=instrument.quantity(order.total),
        **order.prices(),
        leaves=instrument.quantity(order.leaves),
        kept_priority=kept,
        **({"cause": cause} if cause else {}),
        **({"display_quantity": instrument.quantity(order.peak)} if order.peak else {}),
    )


def is_live(world: World, order: Order) -> bool:
    """Tell whether an order rests or sleeps."""
    return order in world.orders or order in world.armed


def remove(world: World, order: Order) -> None:
    """Forget an order, be it resting or armed."""
    (world.orders if order.trigger is None else world.armed).remove(order)


def withdraw(world: World, order: Order, reason: str) -> None:
    """Take an order out of the book, or out of those that sleep."""
    remove(world, order)
    cancelled(world, order, reason)


def cut(world: World, order: Order, lots: int, cause: str) -> None:
    """Take lots from a linked order where it stands, hidden size first; all of them ends it."""
    if lots <= 0:
        return
    if lots >= order.leaves:
        withdraw(world, order, cause)
        return
    order.total -= lots
    order.leaves -= lots
    order.shown = min(order.shown, order.leaves)
    amended(world, order, kept=True, cause=cause)


def expire(world: World) -> None:
    """Let every order go whose time is over, in the order of their times (A3)."""
    due = [order for order in world.orders + world.armed if 0 < order.expires <= world.now]
    for order in sorted(due, key=lambda each: (each.expires, each.number)):
        remove(world, order)
        instrument = order.instrument
        world.say(
            "order_expired",
            symbol=instrument.symbol,
            **order.names(),
            leaves=instrument.quantity(order.leaves),
        )
