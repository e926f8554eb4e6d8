"""How orders enter a group or a bracket: what is asked of them, and how they are linked (A13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.limits import MAX_ENTRY_ID_LENGTH, MAX_GROUP_MEMBERS
from matching.brackets import child_ids, new_bracket
from matching.groups import Group, Hold
from matching.terms import FillRule, OrderStatus, Refusal
from risk.admission import NOTHING, Replaced
from risk.margin import fee_hold_atoms

if TYPE_CHECKING:
    from engine.state import State
    from matching.messages import BracketTerms, PlaceOrder
    from matching.order import Order
    from risk.position import Position

Defect = tuple[Refusal, str]
"""A refusal and the path of the field that is at fault."""


RESERVED: Final = b""
"""The digest of a child's id: no command has it, so that whoever sends one under it is refused."""


def links_defect(state: State, command: PlaceOrder) -> Defect | None:
    """Ask whether an order may be linked as it asks; return refusal and path."""
    defect = None
    if command.oco_group or command.fill_rule is not None:
        defect = _group_defect(state, command)
    if defect is None and command.bracket is not None:
        defect = _bracket_defect(state, command, command.bracket)
    return defect


def _group_defect(state: State, command: PlaceOrder) -> Defect | None:
    """Ask whether an order may join the group that it names."""
    if not command.oco_group:
        return Refusal.INVALID_OCO, "$.fill_rule"
    group = state.find_group(command.account, command.symbol, command.oco_group)
    if group is None:
        return None
    if command.fill_rule not in (None, group.rule):
        return Refusal.INVALID_OCO, "$.fill_rule"
    if len(group.members) >= MAX_GROUP_MEMBERS:
        return Refusal.INVALID_OCO, "$.oco_group"
    return (Refusal.OCO_SPENT, "$.oco_group") if group.is_spent else None


def _bracket_defect(state: State, command: PlaceOrder, bracket: BracketTerms) -> Defect | None:
    """Ask whether an entry and its children go together. Paths are those of the bracket."""
    path = bracket.misplaced
    if not path and len(command.client_order_id) > MAX_ENTRY_ID_LENGTH:
        path = "$.entry.client_order_id"
    if not path and command.reduce_only:
        path = "$.entry.reduce_only"
    if not path and not bracket.take_profits and bracket.stop_loss is None:
        path = "$"
    if not path and sum(e.quantity_lots for e in bracket.take_profits) > command.quantity_lots:
        path = "$.take_profit"
    path = path or _misplaced_price(command, bracket)
    if path:
        return Refusal.INVALID_BRACKET, path
    live = state.live.get(command.account, {})
    for name in child_ids(command.client_order_id, bracket):
        if name in live or state.ids.find(command.account, name) is not None:
            return Refusal.ID_REUSED, "$.entry.client_order_id"
    return None


def _misplaced_price(command: PlaceOrder, bracket: BracketTerms) -> str:
    """Return where a child lies on the wrong side of the entry, or the stop-loss of a profit."""
    side, entry_ticks = command.side, command.price_ticks
    for place, each in enumerate(bracket.take_profits):
        if entry_ticks and (each.price_ticks - entry_ticks) * side <= 0:
            return f"$.take_profit[{place}].price"
    stop = bracket.stop_loss
    if stop is None:
        return ""
    prices = [each.price_ticks for each in bracket.take_profits]
    if entry_ticks:
        prices.append(entry_ticks)
    if any((price - stop.trigger_ticks) * side <= 0 for price in prices):
        return "$.stop_loss.trigger_price"
    return ""


def path_in_bracket(command: PlaceOrder, code: Refusal, path: str | None) -> str | None:
    """Return the path of an entry's fault as its bracket has it."""
    is_entrys = path is not None and code not in (Refusal.INVALID_BRACKET, Refusal.ID_REUSED)
    if command.bracket is None or command.defect is not None or not is_entrys:
        return path
    assert path is not None
    return f"$.entry{path[1:]}"


def children_of(bracket: BracketTerms) -> int:
    """Return how many orders may follow an entry."""
    return len(bracket.take_profits) + (bracket.stop_loss is not None)


def group_for(state: State, command: PlaceOrder) -> Group:
    """Return the group that a new order is to join, a new one where there is none."""
    found = state.find_group(command.account, command.symbol, command.oco_group)
    rule = command.fill_rule or FillRule.FIRST_HIT
    return found or Group(command.account, command.symbol, command.oco_group, rule)


def link(state: State, command: PlaceOrder, order: Order) -> None:
    """Link an accepted order to its group and children, whose ids are consumed with it."""
    conditions = order.conditions
    assert conditions is not None
    group = conditions.group
    if group is not None:
        if not group.members:
            state.add_group(group)
        group.join(order)
    if command.bracket is None:
        return
    bracket = new_bracket(order, command.bracket)
    conditions.bracket = bracket
    state.brackets[bracket.order_id] = bracket
    for child in bracket.children():
        state.ids.make_room(state.now_us, state.live)
        entry = (RESERVED, 0, OrderStatus.ARMED, state.now_us)
        state.ids.add((order.account_id, child.client_order_id), entry)


def shares_quantity(order: Order) -> bool:
    """Tell whether an order's quantity follows from others', so that no amend may set it."""
    conditions = order.conditions
    if conditions is None:
        return False
    group, bracket = conditions.group, conditions.bracket
    is_child = bracket is not None and bracket.entry is not order
    return is_child or (group is not None and group.rule is FillRule.INCREMENTAL)


def shared_hold(
    group: Group,
    position: Position,
    side: int,
    lots: int,
    price_ticks: int,
    order: Order | None = None,
    taker_fee_ppm: int = 0,
) -> Replaced:
    """Return what a leg need not hold, since the resting legs of its side do already (B3).

    `order` is the leg that is to become `lots` at `price_ticks`, None for a newcomer, whose fee is
    `taker_fee_ppm`. Legs count once: with another one dearer, nothing is added by this one.
    """
    unit_atoms = position.instrument.unit_atoms
    if order is not None:
        taker_fee_ppm = order.taker_fee_ppm
    now = group.hold_of(side, unit_atoms)
    others = group.hold_of(side, unit_atoms, left_out=order)
    atoms = lots * price_ticks * unit_atoms
    fee_atoms = fee_hold_atoms(atoms, taker_fee_ppm)
    return Replaced(
        now.lots - max(0, others.lots - lots),
        now.atoms - max(0, others.atoms - atoms),
        now.fee_atoms - max(0, others.fee_atoms - fee_atoms),
    )


def shared_with(order: Order, lots: int, price_ticks: int) -> Replaced:
    """Return what an armed order of so many lots at a price need not hold, for its group's sake."""
    group = None if order.conditions is None else order.conditions.group
    if group is None:
        return NOTHING
    return shared_hold(group, order.position, order.side, lots, price_ticks, order)


def hold_together(group: Group, order: Order) -> None:
    """Let a group hold, on an order's side, what the dearest of its resting legs does (B3)."""
    key = order.side, order.reduces_only
    old = group.held.get(key) or Hold()
    unit_atoms = order.position.instrument.unit_atoms
    new = group.hold_of(order.side, unit_atoms, reduce_only=order.reduces_only)
    group.held[key] = new
    lots, fee_atoms = new.lots - old.lots, new.fee_atoms - old.fee_atoms
    if order.reduces_only:
        order.position.hold_reducing(lots, fee_atoms)
    else:
        order.position.hold(order.side, lots, new.atoms - old.atoms, fee_atoms)
