"""Resting and armed orders, and the ids of all: of these there are millions, so they go in rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.order import Conditions, Order
from matching.stops import Trigger

if TYPE_CHECKING:
    from engine.snapshot import ArmedRecord, IdRecord, OrderRecord
    from engine.state import Market, State
    from matching.ladder import Level


def restore_orders(state: State, records: list[OrderRecord]) -> None:
    """Rest orders behind each other as they are written down: by symbol, side, price, arrival.

    What is the same for a row of them is looked up once a row.
    """
    market: Market | None = None
    level: Level | None = None
    symbol, side, price_ticks, unit_atoms = "", 0, 0, 0
    for record in records:
        if record.symbol != symbol or market is None:
            market, level = state.markets[record.symbol], None
            symbol, unit_atoms = record.symbol, market.instrument.unit_atoms
        order = _order(state, market, record)
        if level is None or record.price_ticks != price_ticks or record.side != side:
            market.book.rest(order)
            level, price_ticks, side = order.level, order.price_ticks, order.side
        else:
            level.append(order)
        position, leaves_lots = order.position, order.leaves_lots
        if order.conditions is not None and order.conditions.reduce_only:
            position.hold_reducing(leaves_lots, order.fee_hold_atoms)
        else:
            notional = leaves_lots * price_ticks * unit_atoms
            position.hold(side, leaves_lots, notional, order.fee_hold_atoms)


def restore_armed(state: State, records: list[ArmedRecord]) -> None:
    """Let armed orders wait for their prices again."""
    for record in records:
        order = _order(state, state.markets[record.order.symbol], record.order)
        assert order.conditions is not None
        trigger = Trigger(record.by, order.side, record.direction, record.price_ticks)
        trigger.sequence = record.sequence
        trigger.offset_ticks = record.offset_ticks
        trigger.bps = record.bps
        trigger.step_ticks = record.step_ticks
        trigger.activation_ticks = record.activation_ticks
        trigger.watermark_half = record.watermark_half
        order.conditions.trigger = trigger
        order.conditions.slippage_ppm = record.slippage_ppm
        order.position.armed_reducing += order.reduces_only
        state.markets[order.symbol].stops.arm(order)


def _order(state: State, market: Market, record: OrderRecord) -> Order:
    """Make the order of a record, known to its account.

    Names that the state has already are taken from there, so that each is in memory once.
    """
    position = market.positions.get(record.account_id)
    if position is None:
        account = state.accounts[record.account_id]
        position = state.positions.open_or_create(account, market.instrument)
    account_id, stp_key = position.account.account_id, record.stp_key
    conditions = record.conditions
    order = Order(
        record.order_id,
        account_id,
        record.client_order_id,
        market.instrument.symbol,
        record.side,
        record.price_ticks,
        record.quantity_lots,
        record.order_type,
        record.time_in_force,
        record.stp,
        account_id if stp_key == account_id else stp_key,
        position,
        record.maker_fee_ppm,
        record.taker_fee_ppm,
        record.tag,
        None if conditions is None else _conditions(*conditions),
    )
    order.leaves_lots = record.leaves_lots
    if record.fee_basis != "0":
        order.fee_basis = int(record.fee_basis)
    if record.fee_charged_atoms != "0":
        order.fee_charged_atoms = int(record.fee_charged_atoms)
    order.fee_hold_atoms = int(record.fee_hold_atoms)
    state.live[account_id][order.client_order_id] = order
    return order


def _conditions(
    display_lots: int,
    shown_lots: int,
    expires_us: int,
    post_only: bool,  # noqa: FBT001 - a record's fields in their order
    reduce_only: bool,  # noqa: FBT001
) -> Conditions:
    conditions = Conditions(display_lots, expires_us, post_only=post_only, reduce_only=reduce_only)
    conditions.show(shown_lots)
    return conditions


def restore_ids(state: State, records: list[IdRecord]) -> None:
    """Bring the accepted ids back, in order of acceptance."""
    accounts, restore = state.accounts, state.ids.restore
    for record in records:
        key = (accounts[record.account_id].account_id, record.client_order_id)
        entry = (record.digest, record.order_id, record.status, record.accepted_at_us)
        restore(key, entry, is_spared=record.is_spared)
