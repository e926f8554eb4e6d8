"""The kernel's state as bytes and back, in one canonical form (architecture §9).

The same state always gives the same bytes: everything is sorted, or in an order that the rules
define (a queue, the window of ids). What follows from something else is not written down: holds,
totals of open orders and indexes are rebuilt. Chunks are small, so that none of them is large in
Redis; a chunk is a section's name and some of its records.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.limits import LOGIC_VERSION, SNAPSHOT_CHUNK_BYTES
from engine.snapshot_accounts import accounts
from engine.snapshot_breakers import index, watches
from engine.snapshot_guards import active, activity, closings, heartbeats, switches
from engine.snapshot_links import brackets, groups, waiting
from matching.terms import (
    MarketState,
    OrderStatus,
    OrderType,
    StpMode,
    Terms,
    TimeInForce,
    TriggerBy,
)
from risk.messages import SetLiquidation
from risk.price_band import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.kernel import Kernel
    from engine.state import State
    from matching.order import Order
    from risk.actions.split import Split
    from risk.carry import Carry
    from risk.instrument import Instrument

FORMAT: Final = 1
"""Raised when the records below change; older formats are migrated on reading."""

_RECORDS_PER_CHUNK: Final = 500
"""Of a section's first chunk, whose records may be as large as identifiers allow."""


class Head(msgspec.Struct, array_like=True):
    """What there is one of. Amounts are strings, since they may pass 64 bits."""

    version: int
    now_us: int
    next_order_id: int
    next_trade_id: int
    review_at_us: int
    ladder: SetLiquidation
    ledger: list[str]
    id_window: int
    pending_accounts: list[str]
    pending_symbols: list[str]
    mass: list[tuple[str, str, int, str, str, bool]]
    next_arming: int
    reached: list[str]
    referenced: list[str]
    cascades: list[tuple[str, int]]
    turns: list[tuple[str, MarketState, int, int]]
    carry: tuple[str, str, str, int, int, int, str] | None
    split: tuple[str, str, int, int, str] | None
    fee_tiers: list[tuple[str, str, int, int]]
    cases: list[str]
    left_alone: list[tuple[str, int, int]]
    windows: tuple[int, int, str]


class InstrumentRecord(msgspec.Struct, array_like=True):
    """An instrument as it stands; of a price band what still counts: open, session, buckets."""

    terms: Terms
    state: MarketState
    bid_ticks: int
    ask_ticks: int
    last_ticks: int
    mark_half_ticks: int
    priced_at_us: int
    quoted_at_us: int
    sources: list[tuple[str, int, int]]
    band: tuple[int, int, list[tuple[int, str, str]]] | None


class PositionRecord(msgspec.Struct, array_like=True):
    """A position that is open or has a leverage; the sums of open orders are rebuilt."""

    account_id: str
    symbol: str
    lots: int
    cost_atoms: str
    opened_by: int
    tries: int
    tried_since_us: int
    own_leverage_ppm: int


class OrderRecord(msgspec.Struct, array_like=True):
    """A resting order; its place in the section is its place in the queue."""

    order_id: int
    account_id: str
    client_order_id: str
    symbol: str
    side: int
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    order_type: OrderType
    time_in_force: TimeInForce
    stp: StpMode
    stp_key: str
    tag: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    fee_basis: str
    fee_charged_atoms: str
    fee_hold_atoms: str
    conditions: tuple[int, int, int, bool, bool] | None


class ArmedRecord(msgspec.Struct, array_like=True):
    """An armed order and its trigger, in order of arrival."""

    order: OrderRecord
    by: TriggerBy
    direction: int
    price_ticks: int
    sequence: int
    offset_ticks: int
    bps: int
    step_ticks: int
    activation_ticks: int
    watermark_half: int
    slippage_ppm: int | None


class IdRecord(msgspec.Struct, array_like=True):
    """An accepted client order id, in order of acceptance."""

    account_id: str
    client_order_id: str
    digest: bytes
    order_id: int
    status: OrderStatus
    accepted_at_us: int
    is_spared: bool


class CorruptSnapshot(Exception):
    """The bytes are no snapshot of this format."""


def capture(kernel: Kernel, version: int = LOGIC_VERSION) -> Iterator[bytes]:
    """Yield the state as chunks of at most about SNAPSHOT_CHUNK_BYTES. Linear in everything.

    With an older logic version, as that one wrote it down.
    """
    encode = msgspec.msgpack.encode
    for name, records_of in SECTIONS.items():
        records = _head(kernel.state, version) if name == "head" else records_of(kernel.state)
        size = _RECORDS_PER_CHUNK
        while batch := list(islice(records, size)):
            body = encode(batch)
            yield encode((name, body))
            size = max(1, min(4 * size, len(batch) * SNAPSHOT_CHUNK_BYTES // (2 * len(body))))


def state_hash(kernel: Kernel, version: int = LOGIC_VERSION) -> str:
    """Return blake2b-256 of the canonical snapshot, in hex."""
    digest = blake2b(digest_size=32)
    for chunk in capture(kernel, version):
        digest.update(chunk)
    return digest.hexdigest()


def _head(state: State, version: int = LOGIC_VERSION) -> Iterator[Head]:
    ledger = state.ledger
    yield Head(
        version,
        state.now_us,
        state.next_order_id,
        state.next_trade_id,
        state.review_at_us,
        state.ladder,
        [str(getattr(ledger, name)) for name in ledger.__slots__],
        state.ids.size,
        sorted(state.pending_accounts),
        sorted(state.pending_symbols),
        [
            (m.account_id, m.symbol, m.side, m.reason.value, m.tag, m.keeps_exits)
            for m in state.mass
        ],
        state.next_arming,
        sorted(state.reached),
        sorted(state.referenced),
        sorted(state.cascades.items()),
        [(s, turn.target, turn.price_ticks, turn.taker_side) for s, turn in state.turns.items()],
        _carry(state.carry),
        _split(state.split),
        [
            (tier.name, str(tier.volume_atoms), tier.maker_fee_ppm, tier.taker_fee_ppm)
            for tier in state.fee_tiers
        ],
        list(state.cases),
        [(account_id, *times) for account_id, times in sorted(state.left_alone.items())],
        (state.windows_turn_us, state.turning_day, state.turned_account),
    )


def _carry(carry: Carry | None) -> tuple[str, str, str, int, int, int, str] | None:
    """Return a boundary that is being paid; what is left to pay follows from the positions."""
    if carry is None:
        return None
    return (
        carry.symbol,
        carry.cause,
        carry.reference,
        carry.long_numerator,
        carry.short_numerator,
        carry.divisor,
        carry.after,
    )


def _split(split: Split | None) -> tuple[str, str, int, int, str] | None:
    """Return a split that is under way; whose odd lots are left follows from the positions."""
    if split is None:
        return None
    ratio = (split.numerator, split.denominator)
    return split.symbol, split.action_id, *ratio, str(split.cash_atoms)


def _instruments(state: State) -> Iterator[InstrumentRecord]:
    for _, market in sorted(state.markets.items()):
        instrument = market.instrument
        yield InstrumentRecord(
            instrument.terms,
            instrument.state,
            instrument.bid_ticks,
            instrument.ask_ticks,
            instrument.last_ticks,
            instrument.mark_half_ticks,
            instrument.priced_at_us,
            instrument.quoted_at_us,
            [(source, *last) for source, last in sorted(instrument.sources.items())],
            _band(instrument, state.now_us),
        )


def _band(
    instrument: Instrument, now_us: int
) -> tuple[int, int, list[tuple[int, str, str]]] | None:
    """Return session open, session and the buckets that count of a price band, if there is one."""
    band = instrument.band
    if band is None:
        return None
    buckets = [(at, str(value), str(lots)) for at, value, lots in band.buckets(now_us // SECOND_US)]
    return band.open_half, band.session, buckets


def _positions(state: State) -> Iterator[PositionRecord]:
    for symbol in sorted(state.markets):
        for account_id, position in sorted(state.positions.in_symbol(symbol).items()):
            if position.lots or position.own_leverage_ppm:
                yield PositionRecord(
                    account_id,
                    symbol,
                    position.lots,
                    str(position.cost_atoms),
                    position.opened_by if position.lots else 0,
                    position.tries,
                    position.tried_since_us,
                    position.own_leverage_ppm,
                )


def _orders(state: State) -> Iterator[OrderRecord]:
    for _, market in sorted(state.markets.items()):
        for ladder in (market.book.bids, market.book.asks):
            for level in ladder:
                for order in level:
                    yield _order_record(order)


def _armed(state: State) -> Iterator[ArmedRecord]:
    for _, market in sorted(state.markets.items()):
        for order in market.stops:
            assert order.conditions is not None
            trigger = order.conditions.trigger
            assert trigger is not None
            yield ArmedRecord(
                _order_record(order),
                trigger.by,
                trigger.direction,
                trigger.price_ticks,
                trigger.sequence,
                trigger.offset_ticks,
                trigger.bps,
                trigger.step_ticks,
                trigger.activation_ticks,
                trigger.watermark_half,
                order.slippage_ppm,
            )


def _order_record(order: Order) -> OrderRecord:
    return OrderRecord(
        order.order_id,
        order.account_id,
        order.client_order_id,
        order.symbol,
        order.side,
        order.price_ticks,
        order.quantity_lots,
        order.leaves_lots,
        order.order_type,
        order.time_in_force,
        order.stp,
        order.stp_key,
        order.tag,
        order.maker_fee_ppm,
        order.taker_fee_ppm,
        str(order.fee_basis),
        str(order.fee_charged_atoms),
        str(order.fee_hold_atoms),
        _conditions(order),
    )


def _conditions(order: Order) -> tuple[int, int, int, bool, bool] | None:
    """Return peak, shown, expiry, post-only and reduce-only, None for a plain order."""
    has = order.conditions
    if has is None:
        return None
    return has.display_lots, has.shown_lots, has.expires_us, has.post_only, has.reduce_only


def _ids(state: State) -> Iterator[IdRecord]:
    for (account_id, client_order_id), entry in state.ids.entries():
        digest, order_id, status, at_us = entry
        yield IdRecord(account_id, client_order_id, digest, order_id, status, at_us, False)
    for (account_id, client_order_id), entry in state.ids.spared():
        digest, order_id, status, at_us = entry
        yield IdRecord(account_id, client_order_id, digest, order_id, status, at_us, True)


def _transfers(state: State) -> Iterator[bytes]:
    return iter(sorted(state.transfers))


def _arrivals(state: State) -> Iterator[int]:
    yield sum(len(orders) for orders in state.live.values())


SECTIONS: Final[dict[str, Callable[[State], Iterator[Any]]]] = {
    "head": _head,
    "instruments": _instruments,
    "index": index,
    "watches": watches,
    "accounts": accounts,
    "positions": _positions,
    "orders": _orders,
    "armed": _armed,
    "groups": groups,
    "brackets": brackets,
    "waiting": waiting,
    "arrivals": _arrivals,
    "ids": _ids,
    "transfers": _transfers,
    "switches": switches,
    "closings": closings,
    "heartbeats": heartbeats,
    "activity": activity,
    "active": active,
}
"""The sections in the order in which they are written and read: each needs only those before."""
