"""Brackets: how much each child is to cover, and what a fill does to the others (A13)."""

from dataclasses import dataclass, field

from tests.core.oracle.groups import Bites
from tests.core.oracle.leaving import cut, is_live, withdraw
from tests.core.oracle.world import Order, World


@dataclass(eq=False)
class Child:
    """A child as asked for; `order` is what it became, `never` says that it was refused."""

    name: str
    price: int
    quantity: int = 0
    trigger: int = 0
    by: str = ""
    order: Order | None = None
    never: bool = False

    @property
    def filled(self) -> int:
        """Return what it has traded."""
        return 0 if self.order is None else self.order.filled

    def filled_with(self, bites: Bites) -> int:
        """Return what it will have traded after those bites."""
        return self.filled + (0 if self.order is None else bites.get(self.order, 0))

    def may_be(self, world: World) -> bool:
        """Tell whether it lives, or may come yet."""
        if self.order is None:
            return not self.never
        return is_live(world, self.order)


@dataclass(eq=False)
class Bracket:
    """An entry and its children; `closed` once nothing is placed or grown any more."""

    entry: Order
    rule: str
    content: object = None
    take_profits: list[Child] = field(default_factory=list)
    stop_loss: Child | None = None
    closed: bool = False

    @property
    def children(self) -> list[Child]:
        """Return the take-profits, then the stop-loss."""
        return self.take_profits + ([] if self.stop_loss is None else [self.stop_loss])

    def rest(self, bites: Bites) -> int:
        """Return what the entry has opened and no child has closed."""
        return self.entry.filled - sum(child.filled_with(bites) for child in self.children)


def wanted(world: World, bracket: Bracket, bites: Bites) -> dict[Child, int]:
    """Return what each child is to have left, after those bites of a sweep."""
    filled, whole = bracket.entry.filled, bracket.entry.entered
    profits = bracket.take_profits
    totals = [filled * child.quantity // whole for child in profits]
    if sum(child.quantity for child in profits) == whole:
        totals[-1] = filled - sum(totals[:-1])
    left = {
        child: max(0, total - child.filled_with(bites))
        for child, total in zip(profits, totals, strict=True)
    }
    rest = bracket.rest(bites)
    if bracket.rule == "incremental":
        there = [child for child in profits if child.may_be(world)]
        too_much = sum(left[child] for child in there) - max(0, rest)
        for child in reversed(there):
            taken = min(max(0, too_much), left[child])
            left[child] -= taken
            too_much -= taken
    stop = bracket.stop_loss
    if stop is not None:
        own = filled - stop.filled_with(bites)
        left[stop] = max(0, rest if bracket.rule == "incremental" else own)
    return left


def allowed(world: World, maker: Order, bites: Bites) -> int:
    """Return what a maker may still trade, after what it and its siblings did in the sweep."""
    left = maker.leaves - bites.get(maker, 0)
    bracket = maker.bracket
    if bracket is None or maker is bracket.entry:
        return left
    if bracket.rule == "incremental":
        return min(left, wanted(world, bracket, bites)[maker.child])
    for child in bracket.children:
        lots = 0 if child.order is None or child.order is maker else bites.get(child.order, 0)
        if lots and (bracket.rule == "first_hit" or lots == child.order.leaves):
            return 0
    return left


def hit(world: World, order: Order) -> None:
    """Do to a bracket what a sweep asks for in which its entry or one of its children traded."""
    bracket = order.bracket
    if bracket is None:
        return
    left = wanted(world, bracket, {})
    for child in _live(world, bracket):
        assert child.order is not None
        cut(world, child.order, child.order.leaves - left[child], "bracket")
    if order is bracket.entry:
        if bracket not in world.uncovered and not bracket.closed:
            world.uncovered.append(bracket)
        return
    is_hit = bracket.rule == "first_hit" or (bracket.rule == "complete_fill" and order.leaves == 0)
    if is_hit:
        for child in _live(world, bracket):
            if child.order is not None and child.order is not order:
                withdraw(world, child.order, "bracket")
    if is_hit or bracket.rest({}) <= 0:
        close(world, bracket)


def close(world: World, bracket: Bracket) -> None:
    """Open nothing more: what is left of the entry goes, and no child comes or grows."""
    bracket.closed = True
    if is_live(world, bracket.entry):
        withdraw(world, bracket.entry, "bracket")


def fired(world: World, order: Order) -> None:
    """Close the bracket of a stop-loss that fires."""
    if order.child is not None and order.child is order.bracket.stop_loss:
        close(world, order.bracket)


def _live(world: World, bracket: Bracket) -> list[Child]:
    return [c for c in bracket.children if c.order is not None and is_live(world, c.order)]
