"""A snapshot's chunks to a kernel, checked down to the last order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.account_limits import give_profile
from engine.kernel import Kernel
from engine.limits import LOGIC_VERSION
from engine.snapshot import (
    ArmedRecord,
    CorruptSnapshot,
    Head,
    IdRecord,
    InstrumentRecord,
    OrderRecord,
    PositionRecord,
)
from engine.snapshot_accounts import AccountRecord
from engine.snapshot_breakers import IndexRecord, WatchRecord, restore_index, restore_watch
from engine.snapshot_guards import (
    ActiveRecord,
    ClosingRecord,
    restore_active,
    restore_activity,
    restore_closing,
    restore_heartbeat,
    restore_switch,
)
from engine.snapshot_links import (
    BracketRecord,
    GroupRecord,
    WaitingRecord,
    restore_bracket,
    restore_group,
    restore_waiting,
)
from engine.state import MassCancel, State, Turn
from matching.order import Conditions, Order
from matching.stops import Trigger
from matching.terms import CancelReason, Switch
from risk.account import Account
from risk.actions.split import Split
from risk.carry import resumed
from risk.guard import Guard
from risk.guards.messages import SetActivity
from risk.instrument import Instrument
from risk.losses import Window
from risk.messages import FeeTier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def restore(chunks: Iterable[bytes]) -> Kernel:
    """Build a kernel from a snapshot's chunks and check all of it. Raises CorruptSnapshot."""
    state = State()
    try:
        for chunk in chunks:
            name, body = msgspec.msgpack.decode(chunk, type=tuple[str, bytes])
            decoder, restore_one = SECTIONS[name]
            for record in decoder.decode(body):
                restore_one(state, record)
        state.check()
    except (msgspec.DecodeError, KeyError, ValueError, AssertionError) as error:
        raise CorruptSnapshot(f"the snapshot cannot be restored: {error!r}") from error
    kernel = Kernel(state)
    kernel.rebuild_bands()
    return kernel


def _restore_head(state: State, head: Head) -> None:
    if head.version > LOGIC_VERSION:
        raise CorruptSnapshot(f"logic version {head.version} is newer than this release")
    state.now_us = head.now_us
    state.next_order_id = head.next_order_id
    state.next_trade_id = head.next_trade_id
    state.review_at_us = head.review_at_us
    state.ladder = head.ladder
    for name, amount in zip(state.ledger.__slots__, head.ledger, strict=True):
        setattr(state.ledger, name, int(amount))
    state.ids.size = head.id_window
    state.pending_accounts = dict.fromkeys(head.pending_accounts)
    state.pending_symbols = dict.fromkeys(head.pending_symbols)
    for account_id, symbol, side, reason, tag, keeps_exits in head.mass:
        mass = MassCancel(
            account_id, symbol, side, CancelReason(reason), tag, keeps_exits=keeps_exits
        )
        state.mass.append(mass)
    state.next_arming = head.next_arming
    state.reached = dict.fromkeys(head.reached)
    state.referenced = dict.fromkeys(head.referenced)
    state.cascades = dict(head.cascades)
    for symbol, target, price_ticks, taker_side in head.turns:
        turn = state.turns[symbol] = Turn(target)
        turn.price_ticks, turn.taker_side = price_ticks, taker_side
    state.fee_tiers = tuple(
        FeeTier(name, int(volume), maker_ppm, taker_ppm)
        for name, volume, maker_ppm, taker_ppm in head.fee_tiers
    )
    state.cases.extend(head.cases)
    state.left_alone = {
        account_id: (at_us, wait_us) for account_id, at_us, wait_us in head.left_alone
    }
    state.carry = None if head.carry is None else resumed(*head.carry)
    if head.split is not None:
        symbol, action_id, numerator, denominator, cash = head.split
        state.split = Split(symbol, action_id, numerator, denominator, int(cash))
    state.windows_turn_us, state.turning_day, state.turned_account = head.windows


def _restore_instrument(state: State, record: InstrumentRecord) -> None:
    instrument = Instrument(record.terms, record.state)
    instrument.bid_ticks = record.bid_ticks
    instrument.ask_ticks = record.ask_ticks
    instrument.last_ticks = record.last_ticks
    instrument.mark_half_ticks = record.mark_half_ticks
    instrument.priced_at_us = record.priced_at_us
    instrument.quoted_at_us = record.quoted_at_us
    instrument.sources = {source: (seq, time_us) for source, seq, time_us in record.sources}
    if record.band is not None:
        open_half, session, buckets = record.band
        assert instrument.band is not None
        restored = [(second, int(value), int(lots)) for second, value, lots in buckets]
        instrument.band.restore(open_half, session, restored)
    state.add_market(instrument)


def _restore_account(state: State, record: AccountRecord) -> None:
    account = state.find_account(record.account_id) or Account(record.account_id)
    account.balance_atoms = int(record.balance_atoms)
    account.leverage_ppm = record.leverage_ppm
    account.set_stp_group(record.stp_group)
    account.status = record.status
    account.margin_called = record.margin_called
    account.in_liquidation = record.in_liquidation
    account.fee_tier = record.fee_tier
    account.volumes = {day: int(atoms) for day, atoms in record.volumes}
    state.add_account(account)
    if record.profile is not None:
        give_profile(state, account, record.profile)
        assert account.guard is not None
        account.guard.rate_second, account.guard.rate_count = record.order_rate
        _restore_losses(account.guard, record)


def _restore_losses(guard: Guard, record: AccountRecord) -> None:
    if record.losses is None:
        return
    assert guard.losses is not None
    windows, guard.losses.streak, guard.losses.streak_paused = record.losses
    for name, start, paid_in, is_paused in windows:
        guard.losses.windows[name] = Window(int(start), int(paid_in), is_paused=is_paused)


def _restore_position(state: State, record: PositionRecord) -> None:
    position = state.positions.restore(
        state.accounts[record.account_id],
        state.markets[record.symbol].instrument,
        record.lots,
        int(record.cost_atoms),
        record.opened_by,
    )
    position.tries, position.tried_since_us = record.tries, record.tried_since_us
    position.own_leverage_ppm = record.own_leverage_ppm
    position.set_margin_rate()


def _restore_order(state: State, record: OrderRecord) -> None:
    order = _order(state, record)
    market = state.markets[record.symbol]
    if order.reduces_only:
        order.position.hold_reducing(order.leaves_lots, order.fee_hold_atoms)
    else:
        notional = order.leaves_lots * order.price_ticks * market.instrument.unit_atoms
        order.position.hold(order.side, order.leaves_lots, notional, order.fee_hold_atoms)
    market.book.rest(order)


def _restore_armed(state: State, record: ArmedRecord) -> None:
    order = _order(state, record.order)
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


def _order(state: State, record: OrderRecord) -> Order:
    """Make the order of a record, known to its account and, if it expires, to the clock."""
    market = state.markets[record.symbol]
    account = state.accounts[record.account_id]
    order = Order(
        record.order_id,
        record.account_id,
        record.client_order_id,
        record.symbol,
        record.side,
        record.price_ticks,
        record.quantity_lots,
        record.order_type,
        record.time_in_force,
        record.stp,
        record.stp_key,
        state.positions.open_or_create(account, market.instrument),
        record.maker_fee_ppm,
        record.taker_fee_ppm,
        record.tag,
        None if record.conditions is None else _conditions(*record.conditions),
    )
    order.leaves_lots = record.leaves_lots
    order.fee_basis = int(record.fee_basis)
    order.fee_charged_atoms = int(record.fee_charged_atoms)
    order.fee_hold_atoms = int(record.fee_hold_atoms)
    if order.conditions is not None and order.conditions.expires_us:
        state.expiries[order.conditions.expires_us, order.order_id] = order
    state.live[order.account_id][order.client_order_id] = order
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


def _restore_id(state: State, record: IdRecord) -> None:
    key = (record.account_id, record.client_order_id)
    entry = (record.digest, record.order_id, record.status, record.accepted_at_us)
    state.ids.restore(key, entry, is_spared=record.is_spared)


def _restore_arrival(state: State, order_id_count: int) -> None:
    """Put every account's live orders back into their order of arrival, that of the order ids."""
    for account_id, orders in state.live.items():
        by_arrival = sorted(orders.values(), key=lambda order: order.order_id)
        state.live[account_id] = {order.client_order_id: order for order in by_arrival}
    assert order_id_count == sum(len(orders) for orders in state.live.values())


def _restore_transfer(state: State, digest: bytes) -> None:
    state.transfers.add(digest)


def _decoder(record: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(list[record])


SECTIONS: Final[dict[str, tuple[msgspec.msgpack.Decoder[Any], Callable[[State, Any], None]]]] = {
    "head": (_decoder(Head), _restore_head),
    "instruments": (_decoder(InstrumentRecord), _restore_instrument),
    "index": (_decoder(IndexRecord), restore_index),
    "watches": (_decoder(WatchRecord), restore_watch),
    "accounts": (_decoder(AccountRecord), _restore_account),
    "positions": (_decoder(PositionRecord), _restore_position),
    "orders": (_decoder(OrderRecord), _restore_order),
    "armed": (_decoder(ArmedRecord), _restore_armed),
    "groups": (_decoder(GroupRecord), restore_group),
    "brackets": (_decoder(BracketRecord), restore_bracket),
    "waiting": (_decoder(WaitingRecord), restore_waiting),
    "arrivals": (_decoder(int), _restore_arrival),
    "ids": (_decoder(IdRecord), _restore_id),
    "transfers": (_decoder(bytes), _restore_transfer),
    "switches": (_decoder(Switch), restore_switch),
    "closings": (_decoder(ClosingRecord), restore_closing),
    "heartbeats": (_decoder(tuple[str, int]), restore_heartbeat),
    "activity": (_decoder(SetActivity), restore_activity),
    "active": (_decoder(ActiveRecord), restore_active),
}
