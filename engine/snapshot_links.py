"""Groups and brackets as records of the snapshot, and back (A13, architecture §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.linked_entry import hold_together
from matching.brackets import Bracket, Exit
from matching.groups import Group
from matching.messages import ExitTerms
from matching.terms import FillRule, StpMode, TriggerBy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.state import State
    from matching.order import Order


class GroupRecord(msgspec.Struct, array_like=True):
    """A one-cancels-other group; members are (client order id, quantity at entry)."""

    account_id: str
    symbol: str
    name: str
    rule: FillRule
    has_filled: bool
    last_id: str
    members: list[tuple[str, int]]


class ExitRecord(msgspec.Struct, array_like=True):
    """A child of a bracket, asked for, placed or gone."""

    client_order_id: str
    price_ticks: int
    quantity_lots: int
    trigger_ticks: int
    by: TriggerBy
    filled: int
    is_live: bool
    has_left: bool


class BracketRecord(msgspec.Struct, array_like=True):
    """A bracket of which something lives."""

    order_id: int
    account_id: str
    client_order_id: str
    symbol: str
    side: int
    quantity_lots: int
    rule: FillRule
    stp: StpMode
    tag: str
    filled: int
    is_hit: bool
    waits_since: int
    is_entry_live: bool
    take_profits: list[ExitRecord]
    stop_loss: ExitRecord | None


class WaitingRecord(msgspec.Struct, array_like=True):
    """The brackets whose children wait: for the next frame, or for a symbol's market to open."""

    symbol: str
    order_ids: list[int]


def groups(state: State) -> Iterator[GroupRecord]:
    """Return the groups, longest known first, the members in order of joining."""
    for group in state.groups.values():
        yield GroupRecord(
            group.account_id,
            group.symbol,
            group.name,
            group.rule,
            group.has_filled,
            group.last_id,
            [(order.client_order_id, total) for order, total in group.members.items()],
        )


def brackets(state: State) -> Iterator[BracketRecord]:
    """Return the brackets in order of their entries' arrival."""
    for _, bracket in sorted(state.brackets.items()):
        stop_loss = bracket.stop_loss
        yield BracketRecord(
            bracket.order_id,
            bracket.account_id,
            bracket.client_order_id,
            bracket.symbol,
            bracket.side,
            bracket.quantity_lots,
            bracket.rule,
            bracket.stp,
            bracket.tag,
            bracket.filled,
            bracket.is_hit,
            bracket.waits_since,
            bracket.entry is not None,
            [_exit_record(child) for child in bracket.take_profits],
            None if stop_loss is None else _exit_record(stop_loss),
        )


def waiting(state: State) -> Iterator[WaitingRecord]:
    """Return the brackets that are due, under no symbol, then those shelved, by symbol."""
    if state.due:
        yield WaitingRecord("", list(state.due))
    for symbol, shelved in sorted(state.shelved.items()):
        yield WaitingRecord(symbol, list(shelved))


def _exit_record(child: Exit) -> ExitRecord:
    return ExitRecord(
        child.client_order_id,
        child.price_ticks,
        child.quantity_lots,
        child.trigger_ticks,
        child.by,
        child.filled,
        child.order is not None,
        child.has_left,
    )


def restore_group(state: State, record: GroupRecord) -> None:
    """Link the members of a group again, and let them hold together what each held alone."""
    group = Group(record.account_id, record.symbol, record.name, record.rule)
    group.has_filled = record.has_filled
    group.last_id = record.last_id
    state.groups[record.account_id, record.symbol, record.name] = group
    for client_order_id, total_lots in record.members:
        order = state.live[record.account_id][client_order_id]
        assert order.conditions is not None
        order.conditions.group = group
        group.members[order] = total_lots
        if order.level is not None:
            _release_alone(order)
    for order in group.members:
        if order.level is not None:
            hold_together(group, order)


def _release_alone(order: Order) -> None:
    """Take back what a resting order holds by itself."""
    if order.reduces_only:
        order.position.hold_reducing(-order.leaves_lots, -order.fee_hold_atoms)
        return
    unit_atoms = order.position.instrument.unit_atoms
    notional = order.leaves_lots * order.price_ticks * unit_atoms
    order.position.hold(order.side, -order.leaves_lots, -notional, -order.fee_hold_atoms)


def restore_bracket(state: State, record: BracketRecord) -> None:
    """Put a bracket together again from its live orders and what the others had filled."""
    orders = state.live[record.account_id]
    bracket = Bracket(
        record.order_id,
        record.account_id,
        record.client_order_id,
        record.symbol,
        record.side,
        record.quantity_lots,
        record.rule,
        record.stp,
        record.tag,
    )
    bracket.filled = record.filled
    bracket.is_hit = record.is_hit
    bracket.waits_since = record.waits_since
    if record.is_entry_live:
        bracket.entry = orders[record.client_order_id]
        _link(bracket.entry, bracket)
    bracket.take_profits = [_exit(each, orders, bracket) for each in record.take_profits]
    if record.stop_loss is not None:
        bracket.stop_loss = _exit(record.stop_loss, orders, bracket)
    state.brackets[record.order_id] = bracket


def _exit(record: ExitRecord, orders: dict[str, Order], bracket: Bracket) -> Exit:
    terms = ExitTerms(record.price_ticks, record.quantity_lots, record.trigger_ticks, record.by)
    child = Exit(record.client_order_id, terms)
    child.filled = record.filled
    child.has_left = record.has_left
    if record.is_live:
        child.order = orders[record.client_order_id]
        _link(child.order, bracket)
    return child


def _link(order: Order, bracket: Bracket) -> None:
    assert order.conditions is not None
    order.conditions.bracket = bracket


def restore_waiting(state: State, record: WaitingRecord) -> None:
    """Let brackets wait again as they did."""
    waiting_brackets = {order_id: state.brackets[order_id] for order_id in record.order_ids}
    if record.symbol:
        state.shelved[record.symbol] = waiting_brackets
    else:
        state.due.update(waiting_brackets)
