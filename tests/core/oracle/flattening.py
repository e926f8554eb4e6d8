"""Closing the positions that a kill switch is over (E4)."""

from fractions import Fraction

from tests.core.oracle import fees, fills, sweeps
from tests.core.oracle.leaving import withdraw
from tests.core.oracle.world import (
    HOUSE,
    NAMES,
    Account,
    Command,
    Event,
    Instrument,
    Order,
    World,
)

PATIENCE = 1_000_000
"""Between two turns of the timer, in µs."""


def is_over(world: World, account: Account, instrument: Instrument) -> bool:
    """Tell whether an account's position in an instrument is to be closed."""
    places = (("global", "*"), ("symbol", instrument.symbol), ("account", account.name))
    is_wanted = any(world.switches.get(place) == "flatten" for place in places)
    if account.name == HOUSE and instrument.is_outside:
        return False
    return is_wanted and account.position(instrument).lots != 0


def left(world: World) -> set[str]:
    """Return the symbols in which something is to be closed."""
    return {
        symbol
        for symbol, instrument in world.instruments.items()
        for account in world.accounts.values()
        if is_over(world, account, instrument)
    }


def begin(world: World, scope: str, target: str) -> None:
    """Close what a new switch is over."""
    symbols = left(world)
    if scope == "symbol":
        symbols &= {target}
    if scope == "account":
        held = world.trader(target).positions.values()
        symbols &= {position.instrument.symbol for position in held if position.lots}
    if symbols and not world.close_at:
        world.close_at = world.now + PATIENCE
    _close(world, symbols, at_input=True)


def forget(world: World) -> None:
    """Let those be that no switch wants closed any more."""
    world.unsold = {
        symbol: tried for symbol, tried in world.unsold.items() if symbol in left(world)
    }
    if not world.unsold:
        world.close_at = 0


def turn(world: World) -> None:
    """Try everything once more."""
    world.close_at = world.now + PATIENCE
    _close(world, set(world.unsold), at_input=False)


def try_again(world: World, command: Command) -> bool:
    """Try the symbol of an input that was accepted, once between two turns; tell whether it was."""
    first: Event = world.events[0] if world.events else {}
    if first.get("type") in {"rejected", "kill_switch"}:
        return False
    named = command.get("symbol") or first.get("symbol")
    symbols = {s for s, tried in world.unsold.items() if not tried and named in {s, "*"}}
    if symbols:
        _close(world, symbols, at_input=True)
    return bool(symbols)


def _close(world: World, symbols: set[str], *, at_input: bool) -> None:
    for symbol in sorted(symbols):
        world.unsold[symbol] = at_input
        for name in sorted(world.accounts):
            instrument, account = world.instruments.get(symbol), world.accounts[name]
            if instrument is not None and instrument.state == "open":
                _sell(world, account, instrument)
        if symbol not in left(world):
            del world.unsold[symbol]
    if not world.unsold:
        world.close_at = 0


def _sell(world: World, account: Account, instrument: Instrument) -> None:
    """Send a position to the market, if there is anybody."""
    held = account.position(instrument).lots if is_over(world, account, instrument) else 0
    side = -1 if held > 0 else 1
    best = sweeps.touch(world, instrument, -side)
    if not held or best is None:
        return
    for order in world.orders_of(account):
        if (order.instrument, order.side, order.reduce_only) == (instrument, side, False):
            withdraw(world, order, "kill_switch")
    limit = best
    if not instrument.is_outside:
        limit = sweeps.protection(side, best, instrument.rate("collar"))
    number = world.next_order
    world.next_order += 1
    order = Order(
        account,
        instrument,
        f"kill-{number}",
        side,
        limit,
        abs(held),
        abs(held),
        "limit",
        "ioc",
        "cancel_oldest",
        Fraction(0),
        fees.rates(world, account, instrument)[1],
        reduce_only=True,
        number=number,
    )
    world.say(
        "flatten",
        symbol=instrument.symbol,
        **order.names(),
        side=NAMES[side],
        quantity=instrument.quantity(abs(held)),
        limit_price=instrument.price(limit),
    )
    fills.enter(world, order, sweeps.plan(world, order, limit))
