"""Corporate actions: what they ask, pay and do to orders (B6)."""

from collections.abc import Iterator

from tests.core.oracle import splits
from tests.core.oracle.brackets import Child
from tests.core.oracle.leaving import amended, withdraw
from tests.core.oracle.numbers import ceiling, floor, money, number, written
from tests.core.oracle.splits import REASON, brackets_of, sleeping
from tests.core.oracle.sweeps import makers
from tests.core.oracle.triggers import trigger_of
from tests.core.oracle.world import Command, Instrument, Order, Refused, World


def act(world: World, command: Command) -> None:
    """`corporate_action`: a dividend or a split."""
    instrument = world.instrument(command["symbol"])
    is_split = command["action"] == "split"
    (splits.ask if is_split else _ask_dividend)(command)
    if command["action_id"] in world.actions:
        raise Refused(702, "$.action_id")
    if instrument.state not in {"halted", "closed"}:
        raise Refused(310)
    if is_split:
        splits.ask_market(world, instrument, command)
    world.actions.add(command["action_id"])
    (splits.carry_out if is_split else _pay_dividend)(world, instrument, command)


def _ask_dividend(command: Command) -> None:
    """Refuse what a dividend does not have, and what it has wrong."""
    for key in ("numerator", "denominator"):
        if command.get(key) is not None:
            raise Refused(103, f"$.{key}")
    if command.get("amount") is None:
        raise Refused(105, "$.amount")
    amount = number(command["amount"])
    if not 0 < amount <= 10**9 or (amount * 10**9).denominator != 1:
        raise Refused(107, "$.amount")


def _pay_dividend(world: World, instrument: Instrument, command: Command) -> None:
    """Let shorts pay, rounded up, and longs receive, rounded down; then lower the orders."""
    amount = number(command["amount"])
    a_lot = amount / instrument.tick * instrument.unit
    changes = {
        name: floor(world.accounts[name].positions[instrument.symbol].lots * a_lot)
        for name in sorted(world.accounts)
        if instrument.symbol in world.accounts[name].positions
    }
    paid = -sum(change for change in changes.values() if change < 0)
    received = sum(change for change in changes.values() if change > 0)
    world.residue += paid - received
    world.say(
        "corporate_action",
        action="dividend",
        symbol=instrument.symbol,
        action_id=command["action_id"],
        amount=written(amount),
        paid=money(paid),
        received=money(received),
        residue=money(paid - received),
    )
    for name, change in changes.items():
        if change:
            account = world.accounts[name]
            account.balance += change
            world.traded.add(name)
            world.say(
                "balance_changed",
                account=name,
                delta=money(change),
                balance=money(account.balance),
                cause="dividend",
                symbol=instrument.symbol,
                action_id=command["action_id"],
            )
    _lower(world, instrument, ceiling(amount / instrument.tick))


def _lower(world: World, instrument: Instrument, ticks: int) -> None:
    """Lower bids, and what sleeps below the market, by a dividend."""
    for child, side in _unplaced(world, instrument):
        is_below = side < 0 if child.trigger else side > 0
        if is_below and any(0 < price <= ticks for price in (child.price, child.trigger)):
            child.never = True
        elif is_below:
            child.price -= ticks if child.price else 0
            child.trigger -= ticks if child.trigger else 0
    for order in list(makers(world, instrument, 1)):
        order.price -= ticks
        _say(world, order, order.price > 0)
    for order in sleeping(world, instrument):
        trigger = trigger_of(order)
        if trigger.direction < 0 and not trigger.trails:
            trigger.price -= ticks
            had_limit = order.price > 0
            order.price -= ticks if had_limit else 0
            _say(world, order, trigger.price > 0 and (order.price > 0 or not had_limit))


def _say(world: World, order: Order, lives: bool) -> None:
    """Say what an order has become, or that there is no such price."""
    if lives:
        amended(world, order, kept=True, cause=REASON)
    else:
        withdraw(world, order, REASON)


def _unplaced(world: World, instrument: Instrument) -> Iterator[tuple[Child, int]]:
    """Yield the children that may come yet, and their sides."""
    for bracket in brackets_of(world, instrument):
        for child in bracket.children:
            if child.order is None and not child.never:
                yield child, -bracket.entry.side
