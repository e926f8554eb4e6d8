"""Carry out what was admitted: match, settle, rest, withdraw (A1, A6, B1, B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import cancelled, remainder_reason
from engine.house import enter_house
from engine.limits import PPM
from engine.linked_entry import hold_together
from engine.linking import Linking
from matching.messages import OrderRef, OrderReplenished, PreventedMatch, Trade, TradeParty
from matching.order import Order
from matching.terms import CancelReason, MarkSource, StpMode, TimeInForce
from risk.account import HOUSE
from risk.fees import add_volume
from risk.margin import fee_hold_atoms

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import Market, State
    from matching.sweep import Sweep
    from risk.position import Position

IOC = TimeInForce.IOC
FOK = TimeInForce.FOK
LAST = MarkSource.LAST


class Execution:
    """The part of the kernel that moves books, positions and money. Nothing in it can fail."""

    __slots__ = ("_state", "linking")

    def __init__(self, state: State) -> None:
        self._state: State = state
        self.linking: Linking = Linking(state, self)

    def enter(
        self,
        market: Market,
        order: Order,
        sweep: Sweep,
        events: list[Event],
        *,
        rests: bool,
        cut: CancelReason = CancelReason.COLLAR,
        price_ticks: int = 0,
    ) -> None:
        """Carry out the planned sweep, then rest or cancel what is left. Nothing here can fail.

        `cut` is what bounded a market order. All of it prints at `price_ticks`, where that is not
        0, instead of the makers' prices.
        """
        assert order.leaves_lots > 0
        if sweep.bites:
            begins = len(events)
            for maker, lots in sweep.bites:
                if lots > 0:
                    at_ticks = price_ticks or maker.price_ticks
                    self._settle(market, order, maker, lots, at_ticks, events)
                elif lots < 0:
                    self._prevent(market, order, maker, -lots, price_ticks, events)
                else:
                    self._part(market, order, maker, events)
            if sweep.filled_lots:
                self._print(market, order, sweep, price_ticks, events, begins)
                if sweep.linked or (order.conditions is not None and order.is_linked):
                    self.linking.follow(market, order, sweep, events)
                self._end_reducing(market, order, sweep, events)
            if sweep.requeued:
                self._requeue(market, sweep, events)
        if rests:
            self.rest(market, order)
        elif order.leaves_lots > 0 or sweep.end is CancelReason.SELF_TRADE:
            events.append(cancelled(order, remainder_reason(market, order, sweep, cut)))
        if order.conditions is not None and not rests and order.is_linked:
            self.linking.unlink(order)

    def _settle(
        self,
        market: Market,
        taker: Order,
        maker: Order,
        lots: int,
        price_ticks: int,
        events: list[Event],
    ) -> None:
        """Fill `lots` of a maker: book, holds, positions, fees and balances of both sides."""
        state = self._state
        if maker.level is None:  # the house, for the outside market
            enter_house(state, maker)
            self.deal(taker, maker, lots, price_ticks, events)
            return
        unit_price = maker.price_ticks * market.instrument.unit_atoms
        notional = lots * unit_price
        market.book.take(maker, lots)
        fee_hold = 0
        leaves_lots = maker.leaves_lots
        if leaves_lots == 0:
            del state.live[maker.account_id][maker.client_order_id]
            if maker.conditions is not None:
                self._forget_expiry(maker)
        elif maker.fee_hold_atoms:
            fee_hold = fee_hold_atoms(leaves_lots * unit_price, maker.taker_fee_ppm)
        fee_change = fee_hold - maker.fee_hold_atoms
        maker.fee_hold_atoms = fee_hold
        if maker.conditions is None:
            maker.position.hold(maker.side, -lots, -notional, fee_change)
        else:
            self._hold(maker, -lots, -notional, fee_change)
        taker.leaves_lots -= lots
        if price_ticks != maker.price_ticks:
            notional = lots * price_ticks * market.instrument.unit_atoms

        trade_id = state.next_trade_id
        state.next_trade_id = trade_id + 1
        made = self._book_fill(maker, lots, price_ticks, notional * maker.maker_fee_ppm, trade_id)
        took = self._book_fill(taker, lots, price_ticks, notional * taker.taker_fee_ppm, trade_id)
        events.append(Trade(maker.symbol, trade_id, price_ticks, lots, taker.side, made, took))

    def deal(
        self, taker: Order, maker: Order, lots: int, price_ticks: int, events: list[Event]
    ) -> Trade:
        """Fill `lots` of two orders of which the maker rests in no book; return the event."""
        state = self._state
        taker.leaves_lots -= lots
        maker.leaves_lots -= lots
        notional = lots * price_ticks * taker.position.instrument.unit_atoms
        trade_id = state.next_trade_id
        state.next_trade_id = trade_id + 1
        made = self._book_fill(maker, lots, price_ticks, notional * maker.maker_fee_ppm, trade_id)
        took = self._book_fill(taker, lots, price_ticks, notional * taker.taker_fee_ppm, trade_id)
        trade = Trade(maker.symbol, trade_id, price_ticks, lots, taker.side, made, took)
        events.append(trade)
        return trade

    def _book_fill(
        self, order: Order, lots: int, price_ticks: int, fee_basis: int, trade_id: int
    ) -> TradeParty:
        """Move one side's position and money; fees are cumulative per order (B5)."""
        state = self._state
        ledger = state.ledger
        position: Position = order.position
        account = position.account
        cost_before = position.cost_atoms
        held = position.lots
        realized = position.trade(order.side * lots, price_ticks, trade_id)
        ledger.open_cost += position.cost_atoms - cost_before
        if state.fee_tiers and account is not state.house:
            notional = lots * price_ticks * position.instrument.unit_atoms
            add_volume(account, notional, state.now_us)
        fee = 0
        if fee_basis:
            order.fee_basis += fee_basis
            charged = -(-order.fee_basis // PPM)
            fee = charged - order.fee_charged_atoms
            order.fee_charged_atoms = charged
            ledger.fees += fee
        gained = realized - fee
        if gained:
            account.balance_atoms += gained
            ledger.balances += gained
        state.touched[order.account_id] = account
        if account.guard is not None and held and held * position.lots <= 0:
            account.guard.note_close(gained)
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

    def _print(
        self,
        market: Market,
        order: Order,
        sweep: Sweep,
        at_ticks: int,
        events: list[Event],
        begins: int,
    ) -> None:
        """Take note of the last trade's price, which may be the mark.

        First the first trade, among the events from `begins` on, tells what the order is measured
        against. In an auction, and where the outside comes to those who wait, nobody has arrived.
        """
        if not at_ticks and (market.outside is None or order.account_id != HOUSE):
            first = events[begins]
            if type(first) is not Trade:
                first = next(event for event in events[begins:] if type(event) is Trade)
            first.order_type = order.order_type
            first.touch_ticks = sweep.bites[0][0].price_ticks
            first.mark_half_ticks = market.instrument.mark_half_ticks
        maker, lots = sweep.bites[-1]
        if lots <= 0:  # it ended without a trade: the last one was before
            maker = next(each for each, traded in reversed(sweep.bites) if traded > 0)
        price_ticks = at_ticks or maker.price_ticks
        instrument = market.instrument
        instrument.last_ticks = price_ticks
        if instrument.band is not None:
            for maker, lots in sweep.bites:
                if lots > 0:
                    printed_ticks = at_ticks or maker.price_ticks
                    instrument.record_trade(printed_ticks, lots, self._state.now_us)
        if market.stops.count:
            self._state.referenced[instrument.symbol] = None
        if instrument.terms.mark_source is LAST and instrument.set_mark(
            2 * price_ticks, self._state.now_us
        ):
            self._state.moved[instrument.symbol] = None
            if instrument.watch is not None:
                self._state.watched[instrument.symbol] = None

    def _prevent(
        self,
        market: Market,
        taker: Order,
        maker: Order,
        lots: int,
        at_ticks: int,
        events: list[Event],
    ) -> None:
        """Say that two orders of one owner met; by the mode the resting one goes or shrinks."""
        mode = taker.stp
        events.append(
            PreventedMatch(
                taker.symbol,
                mode,
                OrderRef(maker.account_id, maker.client_order_id, maker.order_id),
                OrderRef(taker.account_id, taker.client_order_id, taker.order_id),
                lots,
                at_ticks or maker.price_ticks,
            )
        )
        if mode is StpMode.DECREMENT:
            taker.quantity_lots -= lots
            taker.leaves_lots -= lots
            self.shrink(market, maker, maker.leaves_lots - lots)
            goes = maker.leaves_lots == 0
        else:
            goes = mode is not StpMode.CANCEL_NEWEST
        if goes:
            self.withdraw(market, maker)
            events.append(cancelled(maker, CancelReason.SELF_TRADE))

    def _part(self, market: Market, taker: Order, maker: Order, events: list[Event]) -> None:
        """Cancel an order that its aggressor is linked to: the two never trade (A13)."""
        assert taker.conditions is not None
        assert maker.conditions is not None
        bracket = maker.conditions.bracket
        is_bracket = bracket is not None and bracket is taker.conditions.bracket
        self.withdraw(market, maker)
        events.append(cancelled(maker, CancelReason.BRACKET if is_bracket else CancelReason.OCO))

    def _end_reducing(
        self, market: Market, taker: Order, sweep: Sweep, events: list[Event]
    ) -> None:
        """Cancel reduce-only orders of accounts that the sweep left flat or turned round (A8)."""
        held = taker.position
        for maker, lots in sweep.bites:
            if lots <= 0:
                continue
            made = maker.position
            if made.has_turned and (made.reduce_lots or made.armed_reducing):
                made.has_turned = False
                self.cancel_reducing(market, made, events)
            if held.has_turned and (held.reduce_lots or held.armed_reducing):
                held.has_turned = False
                self.cancel_reducing(market, held, events)

    def cancel_reducing(self, market: Market, position: Position, events: list[Event]) -> None:
        """Cancel a position's live reduce-only orders that no longer reduce it (A8)."""
        symbol = position.instrument.symbol
        spent = [
            order
            for order in self._state.live[position.account.account_id].values()
            if order.symbol == symbol
            and order.reduces_only
            and (order.level is not None or order.is_armed)
            and order.side * position.lots >= 0
        ]
        for order in spent:
            self.withdraw(market, order)
            events.append(cancelled(order, CancelReason.REDUCE_ONLY))

    def _requeue(self, market: Market, sweep: Sweep, events: list[Event]) -> None:
        """Send icebergs with a new peak to the tail of their level (A4)."""
        for order, shown_lots in sweep.requeued:
            if order.level is None:
                continue  # cancelled since: nothing was left to reduce, or a sibling was filled
            shown = min(shown_lots, order.leaves_lots)
            market.book.requeue(order, shown)
            events.append(
                OrderReplenished(
                    order.symbol,
                    order.account_id,
                    order.client_order_id,
                    order.order_id,
                    shown,
                    order.leaves_lots,
                )
            )

    def shrink(self, market: Market, order: Order, leaves_lots: int) -> None:
        """Take quantity away from a live order, hidden size first, where it stands."""
        gone = order.leaves_lots - leaves_lots
        order.quantity_lots -= gone
        order.leaves_lots = leaves_lots
        if order.is_armed:
            return
        unit_price = order.price_ticks * market.instrument.unit_atoms
        fee_hold = fee_hold_atoms(leaves_lots * unit_price, order.taker_fee_ppm)
        fee_change = fee_hold - order.fee_hold_atoms
        order.fee_hold_atoms = fee_hold
        self._hold(order, -gone, -gone * unit_price, fee_change)
        if order.conditions is not None:
            order.conditions.show(min(order.conditions.shown_lots, leaves_lots))

    def rest(self, market: Market, order: Order) -> None:
        """Queue what is left and hold its margin."""
        notional = order.leaves_lots * order.price_ticks * market.instrument.unit_atoms
        order.fee_hold_atoms = fee_hold_atoms(notional, order.taker_fee_ppm)
        conditions = order.conditions
        if conditions is None:
            order.position.hold(order.side, order.leaves_lots, notional, order.fee_hold_atoms)
            market.book.rest(order)
        else:
            conditions.show(min(conditions.display_lots, order.leaves_lots))
            if conditions.expires_us:
                self._state.expiries[conditions.expires_us, order.order_id] = order
            market.book.rest(order)
            self._hold(order, order.leaves_lots, notional, order.fee_hold_atoms)
        self._state.live[order.account_id][order.client_order_id] = order

    def withdraw(self, market: Market, order: Order) -> None:
        """Take a resting order out of book and holds; its account no longer knows it."""
        self.release(market, order)
        del self._state.live[order.account_id][order.client_order_id]
        if order.conditions is not None and order.is_linked:
            self.linking.unlink(order)

    def arm(self, market: Market, order: Order) -> None:
        """Let an order sleep until its trigger is reached; nothing is held for it (B3)."""
        conditions = order.conditions
        assert conditions is not None
        assert conditions.trigger is not None
        conditions.trigger.sequence = self._state.next_arming
        self._state.next_arming += 1
        market.stops.arm(order)
        order.position.armed_reducing += conditions.reduce_only
        if conditions.expires_us:
            self._state.expiries[conditions.expires_us, order.order_id] = order
        self._state.live[order.account_id][order.client_order_id] = order

    def disarm(self, market: Market, order: Order) -> None:
        """Take an armed order out of its queues; its account still knows it."""
        market.stops.disarm(order)
        order.position.armed_reducing -= order.reduces_only
        self._forget_expiry(order)

    def release(self, market: Market, order: Order) -> None:
        """Take an order out of the book and give its holds back, or out of the armed ones."""
        if order.is_armed:
            self.disarm(market, order)
            return
        notional = order.leaves_lots * order.price_ticks * market.instrument.unit_atoms
        fee_hold = order.fee_hold_atoms
        order.fee_hold_atoms = 0
        market.book.remove(order)
        self._hold(order, -order.leaves_lots, -notional, -fee_hold)
        if order.conditions is not None:
            self._forget_expiry(order)

    def _hold(self, order: Order, lots: int, atoms: int, fee_atoms: int) -> None:
        """Hold, or release, an open order's margin; one that only reduces holds its fee alone.

        The legs of a group count once: what they hold together is reckoned anew (B3).
        """
        conditions = order.conditions
        if conditions is not None and conditions.group is not None:
            hold_together(conditions.group, order)
        elif order.reduces_only:
            order.position.hold_reducing(lots, fee_atoms)
        else:
            order.position.hold(order.side, lots, atoms, fee_atoms)

    def _forget_expiry(self, order: Order) -> None:
        assert order.conditions is not None
        self._state.expiries.pop((order.conditions.expires_us, order.order_id), None)
