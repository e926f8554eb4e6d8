"""What the fills of linked orders do to each other, and how an order leaves its links (A13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import amended, cancelled
from matching.terms import CancelReason, FillRule

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.brackets import Bracket
    from matching.order import Order
    from matching.sweep import Sweep

FIRST_HIT = FillRule.FIRST_HIT
COMPLETE_FILL = FillRule.COMPLETE_FILL
INCREMENTAL = FillRule.INCREMENTAL
Effect = tuple["Order", int]
"""A sibling and how many lots it loses."""


class Linking:
    """The part of the kernel that keeps one-cancels-other groups and brackets true."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def follow(self, market: Market, taker: Order, sweep: Sweep, events: list[Event]) -> None:
        """Carry over the fills of a sweep to the siblings of everybody it filled.

        In order of the makers' first print, then the taker: its group, then its bracket. What a
        fill costs the siblings is reckoned, and an entry's is noted for its children, before any of
        them goes: they may have traded too.
        """
        filled = list(sweep.linked.items())
        if taker.conditions is not None and taker.conditions.is_linked:
            filled.append((taker, sweep.filled_lots))
        costs = [(_bracket_of(order), _effects(order, lots)) for order, lots in filled]
        by_order = dict(filled)
        for bracket, _ in costs:
            if bracket is not None and bracket.entry in by_order and not bracket.is_hit:
                self._state.let_wait(bracket)
        followed: set[Bracket] = set()
        for bracket, effects in costs:
            for sibling, lots in effects:
                self._cut(market, sibling, lots, CancelReason.OCO, events)
            if bracket is not None and bracket not in followed:
                followed.add(bracket)
                self._follow_bracket(market, bracket, by_order, events)
        for order in sweep.linked:
            if order.is_linked and order.leaves_lots == 0:
                self.unlink(order)

    def _follow_bracket(
        self, market: Market, bracket: Bracket, filled: dict[Order, int], events: list[Event]
    ) -> None:
        """Cut or cancel what a bracket's fills make too much."""
        wanted = bracket.remaining()
        live = [(c, c.order) for c in bracket.children() if c.order is not None]
        hit = [order for _, order in live if order in filled]
        ends_all = bracket.rule is FIRST_HIT and bool(hit)
        if bracket.rule is COMPLETE_FILL:
            ends_all = any(order.leaves_lots == 0 for order in hit)
        for child, order in live:
            if not ends_all:
                self._cut(
                    market, order, order.leaves_lots - wanted[child], CancelReason.BRACKET, events
                )
            elif order not in filled or bracket.rule is COMPLETE_FILL:
                self._cut(market, order, order.leaves_lots, CancelReason.BRACKET, events)
        if hit and (ends_all or bracket.part_left() <= 0):
            self.close(market, bracket, events)

    def close(self, market: Market, bracket: Bracket, events: list[Event]) -> None:
        """End a bracket: nothing is placed any more, and what is left of its entry goes."""
        bracket.is_hit = True
        entry = bracket.entry
        if entry is not None and entry.leaves_lots > 0:
            self._cut(market, entry, entry.leaves_lots, CancelReason.BRACKET, events)

    def trim(self, market: Market, bracket: Bracket, events: list[Event]) -> None:
        """Cut the live children to what they are to have open by now."""
        wanted = bracket.remaining()
        for child in bracket.children():
            order = child.order
            if order is not None:
                surplus = order.leaves_lots - wanted[child]
                self._cut(market, order, surplus, CancelReason.BRACKET, events)

    def _cut(
        self, market: Market, order: Order, lots: int, reason: CancelReason, events: list[Event]
    ) -> None:
        """Take quantity from a live order, hidden size first; the order goes with the last lot."""
        if lots <= 0 or order.leaves_lots == 0 or not order.is_linked:
            return  # nothing to take, or nothing left to take it from: it has gone since
        if lots >= order.leaves_lots:
            self._execution.withdraw(market, order)
            events.append(cancelled(order, reason))
            return
        self._execution.shrink(market, order, order.leaves_lots - lots)
        events.append(amended(order, kept_priority=True, cause=reason))

    def unlink(self, order: Order) -> None:
        """Let an order that has left go from its group and bracket."""
        conditions = order.conditions
        assert conditions is not None
        group, bracket = conditions.group, conditions.bracket
        if group is not None:
            del group.members[order]
            conditions.group = None
        if bracket is not None:
            bracket.leave(order)
            conditions.bracket = None
            self._state.drop_if_over(bracket)


def _bracket_of(order: Order) -> Bracket | None:
    return None if order.conditions is None else order.conditions.bracket


def _effects(order: Order, lots: int) -> list[Effect]:
    """Return what `lots` filled by an order cost each sibling of its group, as they arrived."""
    group = None if order.conditions is None else order.conditions.group
    if group is None:
        return []
    group.has_filled = True
    siblings = sorted(group.members, key=lambda member: member.order_id)
    siblings.remove(order)
    if group.rule is INCREMENTAL:
        after = order.filled_lots
        return [(each, group.cut_lots(each, order, after - lots, after)) for each in siblings]
    if group.rule is COMPLETE_FILL and order.leaves_lots > 0:
        return []
    return [(each, each.leaves_lots) for each in siblings]
