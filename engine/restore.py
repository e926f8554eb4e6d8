"""A snapshot's chunks to a kernel, checked down to the last order."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.account_limits import give_profile
from engine.collecting import undisturbed
from engine.kernel import Kernel
from engine.limits import LOGIC_VERSION
from engine.restore_orders import restore_armed, restore_ids, restore_orders
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

    from matching.order import Order


def restore(chunks: Iterable[bytes]) -> Kernel:
    """Build a kernel from a snapshot's chunks and check all of it. Raises CorruptSnapshot."""
    with undisturbed():
        return _built(chunks)


def _built(chunks: Iterable[bytes]) -> Kernel:
    state = State()
    try:
        for chunk in chunks:
            name, body = msgspec.msgpack.decode(chunk, type=tuple[str, bytes])
            decoder, restore_all = SECTIONS[name]
            restore_all(state, decoder.decode(body))
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


def _restore_arrival(state: State, order_id_count: int) -> None:
    """Put orders into their order of arrival, that of the order ids, and those that expire in line.

    All at once: one by one into a sorted queue would take longer than all the rest.
    """
    by_order_id = attrgetter("order_id")
    expiring: dict[tuple[int, int], Order] = {}
    for account_id, orders in state.live.items():
        by_arrival = sorted(orders.values(), key=by_order_id)
        state.live[account_id] = {order.client_order_id: order for order in by_arrival}
        for order in by_arrival:
            if order.conditions is not None and order.conditions.expires_us:
                expiring[order.conditions.expires_us, order.order_id] = order
    state.expiries.update(expiring)
    assert order_id_count == sum(len(orders) for orders in state.live.values())


def _restore_transfers(state: State, digests: list[bytes]) -> None:
    state.transfers.update(digests)


def _decoder(record: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(list[record])


def _each(restore_one: Callable[[State, Any], None]) -> Callable[[State, list[Any]], None]:
    def restore_all(state: State, records: list[Any]) -> None:
        for record in records:
            restore_one(state, record)

    return restore_all


SECTIONS: Final[
    dict[str, tuple[msgspec.msgpack.Decoder[Any], Callable[[State, list[Any]], None]]]
] = {
    "head": (_decoder(Head), _each(_restore_head)),
    "instruments": (_decoder(InstrumentRecord), _each(_restore_instrument)),
    "index": (_decoder(IndexRecord), _each(restore_index)),
    "watches": (_decoder(WatchRecord), _each(restore_watch)),
    "accounts": (_decoder(AccountRecord), _each(_restore_account)),
    "positions": (_decoder(PositionRecord), _each(_restore_position)),
    "orders": (_decoder(OrderRecord), restore_orders),
    "armed": (_decoder(ArmedRecord), restore_armed),
    "groups": (_decoder(GroupRecord), _each(restore_group)),
    "brackets": (_decoder(BracketRecord), _each(restore_bracket)),
    "waiting": (_decoder(WaitingRecord), _each(restore_waiting)),
    "arrivals": (_decoder(int), _each(_restore_arrival)),
    "ids": (_decoder(IdRecord), restore_ids),
    "transfers": (_decoder(bytes), _restore_transfers),
    "switches": (_decoder(Switch), _each(restore_switch)),
    "closings": (_decoder(ClosingRecord), _each(restore_closing)),
    "heartbeats": (_decoder(tuple[str, int]), _each(restore_heartbeat)),
    "activity": (_decoder(SetActivity), _each(restore_activity)),
    "active": (_decoder(ActiveRecord), _each(restore_active)),
}
