"""One-cancels-other: who may join a group, and what a fill of one does to the others (A13)."""

from tests.core.oracle.leaving import cut, withdraw
from tests.core.oracle.world import Command, Group, Order, Refused, World

MOST_MEMBERS = 10
Bites = dict[Order, int]
"""What makers have traded in a sweep so far."""


def ask(world: World, order: Order, command: Command) -> None:
    """Ask whether a new order may be what it says it is linked with, and link it."""
    name, rule = command.get("oco_group"), command.get("fill_rule")
    if name is None:
        if rule is not None:
            raise Refused(418, "$.fill_rule")
        return
    group = world.groups.get((order.account.name, order.instrument.symbol, name))
    if group is None:
        order.group = Group(name, rule or "first_hit")
        return
    if rule not in {None, group.rule}:
        raise Refused(418, "$.fill_rule")
    if len(world.members(group)) >= MOST_MEMBERS:
        raise Refused(418, "$.oco_group")
    if is_spent(world, group):
        raise Refused(419, "$.oco_group")
    order.group = group


def join(world: World, order: Order) -> None:
    """Know the group of an accepted order from now on."""
    if order.group is not None:
        key = (order.account.name, order.instrument.symbol, order.group.name)
        world.groups[key] = order.group


def is_spent(world: World, group: Group) -> bool:
    """Tell whether a group takes nobody any more: one has traded, or the last has left."""
    return group.hit or not world.members(group)


def hit(world: World, order: Order, lots: int) -> None:
    """Do to the others what the rule says about a member that has traded so much in a sweep."""
    group = order.group
    if group is None:
        return
    group.hit = True
    for other in world.members(group):
        if other is order:
            continue
        if group.rule == "incremental":
            cut(world, other, _share(order, other, order.filled - lots, lots), "oco")
        elif group.rule == "first_hit" or order.leaves == 0:
            withdraw(world, other, "oco")


def allowed(order: Order, bites: Bites) -> int:
    """Return what a maker may still trade, after what it and its siblings did in the sweep."""
    left = order.leaves - bites.get(order, 0)
    if order.group is None:
        return left
    for other, lots in bites.items():
        if other is order or other.group is not order.group:
            continue
        if order.group.rule == "incremental":
            left -= _share(other, order, other.filled, lots)
        elif order.group.rule == "first_hit" or lots == other.leaves:
            return 0
    return max(0, left)


def _share(order: Order, other: Order, before: int, lots: int) -> int:
    """Return what the other loses as an order that had traded `before` trades `lots` more."""
    whole, part = order.entered, other.entered
    return (before + lots) * part // whole - before * part // whole
