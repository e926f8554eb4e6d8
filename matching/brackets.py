"""An entry and what protects it: take-profits and a stop-loss that share one quantity (A13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.terms import FillRule, TriggerBy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matching.messages import BracketTerms, ExitTerms
    from matching.order import Order
    from matching.terms import StpMode

COMPLETE_FILL = FillRule.COMPLETE_FILL
INCREMENTAL = FillRule.INCREMENTAL
NOTHING_BITTEN: dict[Order, int] = {}


class Exit:
    """A child of a bracket: what was asked for, its order while it lives, what it has filled.

    `price_ticks` is 0 for a stop-loss that fires as a market order, `quantity_lots` 0 for any
    stop-loss. `has_left` is set once it had an order that is gone, or was refused one.
    """

    __slots__ = (
        "by",
        "client_order_id",
        "filled",
        "has_left",
        "order",
        "price_ticks",
        "quantity_lots",
        "trigger_ticks",
    )

    def __init__(self, client_order_id: str, terms: ExitTerms) -> None:
        self.client_order_id: str = client_order_id
        self.price_ticks: int = terms.price_ticks
        self.quantity_lots: int = terms.quantity_lots
        self.trigger_ticks: int = terms.trigger_ticks
        self.by: TriggerBy = terms.by
        self.order: Order | None = None
        self.filled: int = 0
        self.has_left: bool = False

    @property
    def filled_lots(self) -> int:
        """Return what the child has filled."""
        return self.filled if self.order is None else self.order.filled_lots

    def with_bites(self, bitten: Mapping[Order, int]) -> int:
        """Return what the child will have filled after a sweep that has `bitten` so much."""
        if self.order is None:
            return self.filled
        return self.order.filled_lots + bitten.get(self.order, 0)


class Bracket:
    """An entry's children, and how much each of them is to cover.

    `quantity_lots` is the entry's at placement. `is_hit` is set once nothing is to be placed any
    more: the stop-loss has fired, a child was hit under its rule, or the exits have closed what
    the entry opened. `waits_since` orders those whose children are yet to be placed.
    """

    __slots__ = (
        "account_id",
        "client_order_id",
        "entry",
        "filled",
        "is_hit",
        "order_id",
        "quantity_lots",
        "rule",
        "side",
        "stop_loss",
        "stp",
        "symbol",
        "tag",
        "take_profits",
        "waits_since",
    )

    def __init__(
        self,
        order_id: int,
        account_id: str,
        client_order_id: str,
        symbol: str,
        side: int,
        quantity_lots: int,
        rule: FillRule,
        stp: StpMode,
        tag: str,
    ) -> None:
        self.order_id: int = order_id
        self.account_id: str = account_id
        self.client_order_id: str = client_order_id
        self.symbol: str = symbol
        self.side: int = side
        self.quantity_lots: int = quantity_lots
        self.rule: FillRule = rule
        self.stp: StpMode = stp
        self.tag: str = tag
        self.entry: Order | None = None
        self.filled: int = 0
        self.is_hit: bool = False
        self.waits_since: int = 0
        self.take_profits: list[Exit] = []
        self.stop_loss: Exit | None = None

    def children(self) -> Iterator[Exit]:
        """Return the children, the stop-loss last."""
        yield from self.take_profits
        if self.stop_loss is not None:
            yield self.stop_loss

    def members(self) -> list[Order]:
        """Return the live orders of the bracket in order of arrival."""
        orders = [child.order for child in self.children() if child.order is not None]
        if self.entry is not None:
            orders.append(self.entry)
        return sorted(orders, key=lambda order: order.order_id)

    @property
    def entry_filled(self) -> int:
        """Return what the entry has filled."""
        return self.filled if self.entry is None else self.entry.filled_lots

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of the bracket lives."""
        return self.entry is None and all(child.order is None for child in self.children())

    def child_of(self, order: Order) -> Exit | None:
        """Return the child that an order is, None for the entry."""
        return next((child for child in self.children() if child.order is order), None)

    def part_left(self, bitten: Mapping[Order, int] = NOTHING_BITTEN) -> int:
        """Return how much of what the entry opened its children have not closed."""
        return self.entry_filled - sum(child.with_bites(bitten) for child in self.children())

    def remaining(self, bitten: Mapping[Order, int] = NOTHING_BITTEN) -> dict[Exit, int]:
        """Return what each child is to have open, after a sweep that has `bitten` so much.

        A take-profit's total is ⌊entry filled × its quantity ⁄ entry quantity⌋; the last takes the
        rest where the quantities make up the entry's. Under the incremental rule the children may
        not close more than is left: the stop-loss has all of it, and what the take-profits have too
        much is taken from the last of them first.
        """
        opened, left = self.entry_filled, self.part_left(bitten)
        totals = [opened * child.quantity_lots // self.quantity_lots for child in self.take_profits]
        if totals and sum(e.quantity_lots for e in self.take_profits) == self.quantity_lots:
            totals[-1] = opened - sum(totals[:-1])
        wanted: dict[Exit, int] = {}
        for child, total in zip(self.take_profits, totals, strict=True):
            wanted[child] = 0 if child.has_left else max(0, total - child.with_bites(bitten))
        if self.rule is INCREMENTAL:
            surplus = sum(wanted.values()) - max(0, left)
            for child in reversed(self.take_profits):
                taken = max(0, min(surplus, wanted[child]))
                wanted[child] -= taken
                surplus -= taken
        stop = self.stop_loss
        if stop is not None:
            total = left if self.rule is INCREMENTAL else opened - stop.with_bites(bitten)
            wanted[stop] = 0 if stop.has_left else max(0, total)
        return wanted

    def capacity(self, maker: Order, bitten: Mapping[Order, int]) -> int:
        """Return what a resting child may still trade in a sweep that has `bitten` so much."""
        child = self.child_of(maker)
        left = maker.leaves_lots - bitten.get(maker, 0)
        if child is None:
            return left
        if self.rule is INCREMENTAL:
            return max(0, min(left, self.remaining(bitten)[child]))
        for sibling in self.children():
            order = sibling.order
            lots = 0 if order is None or sibling is child else bitten.get(order, 0)
            if order is None or lots == 0:
                continue
            if self.rule is not COMPLETE_FILL or lots == order.leaves_lots:
                return 0
        return left

    def leave(self, order: Order) -> None:
        """Let an order of the bracket go; what it has filled still counts."""
        if order is self.entry:
            self.filled = order.filled_lots
            self.entry = None
            return
        child = self.child_of(order)
        assert child is not None
        child.filled = order.filled_lots
        child.order = None
        child.has_left = True


def new_bracket(entry: Order, terms: BracketTerms) -> Bracket:
    """Make the bracket of an accepted entry; none of its children is placed yet."""
    bracket = Bracket(
        entry.order_id,
        entry.account_id,
        entry.client_order_id,
        entry.symbol,
        entry.side,
        entry.quantity_lots,
        terms.rule,
        entry.stp,
        entry.tag,
    )
    bracket.entry = entry
    names = child_ids(entry.client_order_id, terms)
    if terms.stop_loss is not None:
        bracket.stop_loss = Exit(names.pop(), terms.stop_loss)
    for name, exit_terms in zip(names, terms.take_profits, strict=True):
        bracket.take_profits.append(Exit(name, exit_terms))
    return bracket


def child_ids(client_order_id: str, terms: BracketTerms) -> list[str]:
    """Return the names of a bracket's children, the stop-loss last."""
    names = [f"{client_order_id}.tp{place}" for place in range(1, len(terms.take_profits) + 1)]
    return [*names, f"{client_order_id}.sl"] if terms.stop_loss is not None else names
