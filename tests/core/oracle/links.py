"""What links orders, of whatever kind: groups and brackets, asked together (A13)."""

from tests.core.oracle import brackets, groups
from tests.core.oracle.groups import Bites
from tests.core.oracle.world import Order, World


def between(taker: Order, maker: Order) -> str:
    """Return what links two orders so that they never trade with each other."""
    if taker.group is not None and taker.group is maker.group:
        return "oco"
    if taker.bracket is not None and taker.bracket is maker.bracket:
        return "bracket"
    return ""


def allowed(world: World, maker: Order, bites: Bites) -> int:
    """Return what a maker may still trade in a sweep, for all that it is linked with."""
    return min(groups.allowed(maker, bites), brackets.allowed(world, maker, bites))


def sizes(order: Order) -> bool:
    """Tell whether what an order is linked by says how large it is, so that nobody else may."""
    is_cut = order.group is not None and order.group.rule == "incremental"
    return is_cut or order.child is not None


def traded(world: World, order: Order, lots: int) -> None:
    """Let those go or shrink that are linked with an order that traded so much in a sweep."""
    groups.hit(world, order, lots)
    brackets.hit(world, order)
