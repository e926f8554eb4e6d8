"""Carry out what was admitted: match, settle, rest, withdraw (A1, A6, B1, B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import cancelled
from engine.limits import PPM
from matching.messages import OrderRef, PreventedMatch, Trade, TradeParty
from matching.order import Order
from matching.terms import CancelReason, MarkSource, OrderType, StpMode, TimeInForce
from risk.margin import fee_hold_atoms

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import Market, State
    from matching.book import Sweep
    from risk.position import Position

GTC = TimeInForce.GTC
MARKET = OrderType.MARKET
LAST = MarkSource.LAST


class Execution:
    """The part of the kernel that moves books, positions and money. Nothing in it can fail."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def enter(
        self, market: Market, order: Order, sweep: Sweep, events: list[Event], *, rests: bool
    ) -> None:
        """Carry out the planned sweep, then rest or cancel what is left. Nothing here can fail."""
        assert order.leaves_lots > 0
        if sweep.bites:
            for maker, lots in sweep.bites:
                if lots:
                    self._settle(market, order, maker, lots, events)
                else:
                    self._prevent(market, order, maker, events)
            self._print(market, sweep)
        if rests:
            self.rest(market, order)
        elif order.leaves_lots > 0:
            events.append(cancelled(order, _remainder_reason(market, order, sweep)))

    def _settle(
        self, market: Market, taker: Order, maker: Order, lots: int, events: list[Event]
    ) -> None:
        """Fill `lots` of a maker: book, holds, positions, fees and balances of both sides."""
        state = self._state
        price_ticks = maker.price_ticks
        unit_price = price_ticks * market.instrument.unit_atoms
        notional = lots * unit_price
        market.book.take(maker, lots)
        fee_hold = 0
        leaves_lots = maker.leaves_lots
        if leaves_lots == 0:
            del state.live[maker.account_id][maker.client_order_id]
        elif maker.fee_hold_atoms:
            fee_hold = fee_hold_atoms(leaves_lots * unit_price, maker.taker_fee_ppm)
        maker.position.hold(maker.side, -lots, -notional, fee_hold - maker.fee_hold_atoms)
        maker.fee_hold_atoms = fee_hold
        taker.leaves_lots -= lots

        trade_id = state.next_trade_id
        state.next_trade_id = trade_id + 1
        made = self._book_fill(maker, lots, price_ticks, notional * maker.maker_fee_ppm, trade_id)
        took = self._book_fill(taker, lots, price_ticks, notional * taker.taker_fee_ppm, trade_id)
        events.append(Trade(maker.symbol, trade_id, price_ticks, lots, taker.side, made, took))

    def _book_fill(
        self, order: Order, lots: int, price_ticks: int, fee_basis: int, trade_id: int
    ) -> TradeParty:
        """Move one side's position and money; fees are cumulative per order (B5)."""
        state = self._state
        ledger = state.ledger
        position: Position = order.position
        account = position.account
        cost_before = position.cost_atoms
        realized = position.trade(order.side * lots, price_ticks, trade_id)
        ledger.open_cost += position.cost_atoms - cost_before
        fee = 0
        if fee_basis:
            order.fee_basis += fee_basis
            charged = -(-order.fee_basis // PPM)
            fee = charged - order.fee_charged_atoms
            order.fee_charged_atoms = charged
            ledger.fees += fee
        account.balance_atoms += realized - fee
        ledger.balances += realized - fee
        state.touched[order.account_id] = account
        return TradeParty(
            order.account_id,
            order.client_order_id,
            order.order_id,
            fee,
            realized,
            position.lots,
            account.balance_atoms,
            order.leaves_lots,
        )

    def _print(self, market: Market, sweep: Sweep) -> None:
        """Take note of the last trade's price, which may be the mark."""
        if sweep.filled_lots == 0:
            return
        price_ticks = next(maker.price_ticks for maker, lots in reversed(sweep.bites) if lots)
        instrument = market.instrument
        instrument.last_ticks = price_ticks
        if instrument.terms.mark_source is LAST and instrument.set_mark(
            2 * price_ticks, self._state.now_us
        ):
            self._state.moved[instrument.symbol] = None

    def _prevent(self, market: Market, taker: Order, maker: Order, events: list[Event]) -> None:
        """Say that two orders of one owner met; where the mode says so the resting one goes."""
        events.append(
            PreventedMatch(
                taker.symbol,
                taker.stp,
                OrderRef(maker.account_id, maker.client_order_id, maker.order_id),
                OrderRef(taker.account_id, taker.client_order_id, taker.order_id),
                min(maker.leaves_lots, taker.leaves_lots),
                maker.price_ticks,
            )
        )
        if taker.stp is StpMode.CANCEL_OLDEST:
            self.withdraw(market, maker)
            events.append(cancelled(maker, CancelReason.SELF_TRADE))

    def rest(self, market: Market, order: Order) -> None:
        """Queue what is left and hold its margin."""
        notional = order.leaves_lots * order.price_ticks * market.instrument.unit_atoms
        order.fee_hold_atoms = fee_hold_atoms(notional, order.taker_fee_ppm)
        order.position.hold(order.side, order.leaves_lots, notional, order.fee_hold_atoms)
        market.book.rest(order)
        self._state.live[order.account_id][order.client_order_id] = order

    def withdraw(self, market: Market, order: Order) -> None:
        """Take a resting order out of book and holds; its account no longer knows it."""
        self.release(market, order)
        del self._state.live[order.account_id][order.client_order_id]

    def release(self, market: Market, order: Order) -> None:
        """Take a resting order out of its book and give its holds back."""
        notional = order.leaves_lots * order.price_ticks * market.instrument.unit_atoms
        order.position.hold(order.side, -order.leaves_lots, -notional, -order.fee_hold_atoms)
        order.fee_hold_atoms = 0
        market.book.remove(order)

    def sell_off(self, position: Position, lots: int, limit_ticks: int, events: list[Event]) -> int:
        """Close `lots` of a position by an IOC order into the book; return what was closed (D5)."""
        state = self._state
        symbol = position.instrument.symbol
        market = state.markets[symbol]
        side = -1 if position.lots > 0 else 1
        order_id = state.next_order_id
        state.next_order_id += 1
        order = Order(
            order_id,
            position.account.account_id,
            f"liq-{order_id}",
            symbol,
            side,
            limit_ticks,
            lots,
            OrderType.LIMIT,
            TimeInForce.IOC,
            StpMode.CANCEL_OLDEST,
            position.account.stp_key,
            position,
            0,
            position.instrument.terms.taker_fee_ppm,
        )
        sweep = market.book.plan(order, limit_ticks)
        self.enter(market, order, sweep, events, rests=False)
        return order.filled_lots


def will_rest(order: Order, sweep: Sweep) -> bool:
    """Tell whether something of the order is left for the book after the sweep."""
    return (
        order.time_in_force is GTC and sweep.end is None and sweep.filled_lots < order.leaves_lots
    )


def _remainder_reason(market: Market, order: Order, sweep: Sweep) -> CancelReason:
    """Say why what is left of an order does not rest."""
    if sweep.end is not None:
        return sweep.end
    if order.order_type is MARKET and market.book.touch_ticks(-order.side) is not None:
        return CancelReason.COLLAR
    return CancelReason.IOC_REMAINDER
