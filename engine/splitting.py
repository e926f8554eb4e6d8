"""Orders, groups and brackets that a split restates, where they stand (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import amended, cancelled
from matching.terms import CancelReason

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.brackets import Bracket
    from matching.groups import Group
    from matching.order import Conditions, Order
    from matching.stops import Trigger
    from risk.actions.split import Split

CORPORATE_ACTION = CancelReason.CORPORATE_ACTION


class Splitting:
    """The part of the kernel that restates orders, each once and in order of priority.

    So that where two levels become one, the better price of before stands first. Nobody can be met,
    since the market does not trade and prices are rounded away from it.
    """

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def restate(self, market: Market, split: Split) -> list[Event]:
        """Restate every order of a market; return what is said of those that it changes."""
        events: list[Event] = []
        uneven = self._restate_links(split)
        resting = [
            order
            for side in (market.book.bids, market.book.asks)
            for level in side
            for order in level
        ]
        for order in [*resting, *market.stops]:
            conditions = order.conditions
            if conditions is not None and (
                conditions.group in uneven or conditions.bracket in uneven
            ):
                self._cancel(market, order, events)
            else:
                self._restate(market, split, order, events)
        return events

    def trim(self, market: Market, events: list[Event]) -> None:
        """Cut what the finer units of a bracket make too much: the last share may be smaller."""
        symbol = market.instrument.symbol
        for _, bracket in sorted(self._state.brackets.items()):
            if bracket.symbol == symbol:
                self._execution.linking.trim(market, bracket, events)

    def _restate_links(self, split: Split) -> set[Group | Bracket | None]:
        """Restate what links orders, and return the groups and brackets that do not come out even.

        Their shares follow from each other, and could not if each were rounded by itself.
        """
        uneven: set[Group | Bracket | None] = set()
        for group in self._state.groups.values():
            if group.symbol != split.symbol:
                continue
            if _is_even(split, [*group.members.values(), *_quantities(list(group.members))]):
                for order, total in group.members.items():
                    group.members[order] = split.lots(total)
            else:
                uneven.add(group)
        for bracket in self._state.brackets.values():
            if bracket.symbol != split.symbol:
                continue
            if _is_even(split, [*_shares(bracket), *_quantities(bracket.members())]):
                _restate_bracket(split, bracket)
            else:
                bracket.is_hit = True  # nothing is placed any more
                uneven.add(bracket)
        return uneven

    def _restate(self, market: Market, split: Split, order: Order, events: list[Event]) -> None:
        """Restate an order; one of which no lot is left, or no price, is cancelled."""
        conditions = order.conditions
        trigger = None if conditions is None else conditions.trigger
        leaves_lots = split.lots(order.leaves_lots)
        price_ticks = split.price(order.price_ticks, -order.side)
        if leaves_lots == 0 or _vanishes(split, order, price_ticks, trigger):
            self._cancel(market, order, events)
            return
        before = amended(order, kept_priority=True, cause=CORPORATE_ACTION)
        shown_lots = order.shown_lots
        if trigger is None:
            self._execution.release(market, order)
        else:
            market.stops.disarm(order)
            _restate_trigger(split, trigger)
        order.price_ticks = price_ticks
        order.quantity_lots = split.lots(order.filled_lots) + leaves_lots
        order.leaves_lots = leaves_lots
        if conditions is not None and conditions.display_lots:
            conditions.display_lots = max(1, split.lots(conditions.display_lots))
        if trigger is None:
            self._execution.rest(market, order)
            _show(split, conditions, shown_lots, leaves_lots)
        else:
            market.stops.arm(order)
        after = amended(order, kept_priority=True, cause=CORPORATE_ACTION)
        if after != before:
            events.append(after)

    def _cancel(self, market: Market, order: Order, events: list[Event]) -> None:
        self._execution.withdraw(market, order)
        events.append(cancelled(order, CORPORATE_ACTION))


def _show(split: Split, conditions: Conditions | None, shown_lots: int, leaves_lots: int) -> None:
    """Let an iceberg show what is left of its present peak."""
    if conditions is not None:
        conditions.show(min(leaves_lots, max(1, split.lots(shown_lots))))


def _is_even(split: Split, quantities: list[int]) -> bool:
    return not any(split.odd_lots(lots) for lots in quantities)


def _quantities(orders: list[Order]) -> list[int]:
    """Return what has filled and what is left of live orders."""
    return [lots for order in orders for lots in (order.filled_lots, order.leaves_lots)]


def _shares(bracket: Bracket) -> list[int]:
    """Return what a bracket was asked for, and what those of it have filled that are gone."""
    asked = [bracket.quantity_lots, *(child.quantity_lots for child in bracket.take_profits)]
    return [*asked, bracket.filled, *(child.filled for child in bracket.children())]


def _restate_bracket(split: Split, bracket: Bracket) -> None:
    """Restate what a bracket remembers; a child still to come that has no price never comes."""
    side = -bracket.side
    bracket.quantity_lots = split.lots(bracket.quantity_lots)
    bracket.filled = split.lots(bracket.filled)
    for child in bracket.children():
        child.quantity_lots = split.lots(child.quantity_lots)
        child.filled = split.lots(child.filled)
        if child.order is not None or child.has_left:
            continue
        price_ticks = split.price(child.price_ticks, -side)
        trigger_ticks = split.price(child.trigger_ticks, side)
        had = (child.price_ticks > 0, child.trigger_ticks > 0)
        if had != (price_ticks > 0, trigger_ticks > 0):
            child.has_left = True
            continue
        child.price_ticks, child.trigger_ticks = price_ticks, trigger_ticks


def _vanishes(split: Split, order: Order, price_ticks: int, trigger: Trigger | None) -> bool:
    """Tell whether a price of an order would be rounded down to nothing."""
    if order.price_ticks and not price_ticks:
        return True
    if trigger is None:
        return False
    given = [each for each in (trigger.price_ticks, trigger.activation_ticks) if each]
    return any(split.price(each, trigger.direction) == 0 for each in given)


def _restate_trigger(split: Split, trigger: Trigger) -> None:
    """Restate what an armed order waits for, away from the market; distances to the nearest."""
    direction = trigger.direction
    trigger.price_ticks = split.price(trigger.price_ticks, direction)
    trigger.activation_ticks = split.price(trigger.activation_ticks, direction)
    trigger.watermark_half = split.price(trigger.watermark_half, direction)
    trigger.offset_ticks = split.nearest(trigger.offset_ticks)
    trigger.step_ticks = split.nearest(trigger.step_ticks)
