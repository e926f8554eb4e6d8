"""Orders enter and change: refuse, reserve, then hand over to the execution (A1-A5, A9, A10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import accepted, refused, repeated
from engine.arming import LIMITED, PLAIN, form_defect, new_trigger, references
from engine.limits import MAX_OPEN_ORDERS_PER_ACCOUNT
from engine.linked_entry import (
    children_of,
    group_for,
    link,
    links_defect,
    path_in_bracket,
    shared_hold,
)
from engine.order_terms import display_fits, next_session_end_us
from engine.plain_entry import PlainEntry
from engine.prices import cut_by_band, market_limit_ticks
from matching.order import Conditions, Order
from matching.sweep import NO_SWEEP, will_rest
from matching.terms import (
    CancelReason,
    MarketState,
    OrderStatus,
    OrderType,
    Refusal,
    TimeInForce,
)
from risk.admission import NOTHING, Replaced, admission_failures, reduces

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.messages import PlaceOrder, StopTerms
    from matching.terms import Terms
    from risk.messages import Failure
    from risk.position import Position

OPEN = MarketState.OPEN
AUCTION = MarketState.AUCTION
GTC = TimeInForce.GTC
GTD = TimeInForce.GTD
DAY = TimeInForce.DAY
IOC = TimeInForce.IOC
FOK = TimeInForce.FOK
MARKET = OrderType.MARKET
LIMIT = OrderType.LIMIT
RESTING = OrderStatus.RESTING
DONE = OrderStatus.DONE
ARMED = OrderStatus.ARMED
COLLAR = CancelReason.COLLAR


class Trading:
    """The part of the kernel that lets orders into the books."""

    __slots__ = ("_execution", "_plain", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution
        self._plain: PlainEntry = PlainEntry(state, execution)

    def place(self, command: PlaceOrder, events: list[Event]) -> None:
        """Admit and match a new order, then let its time in force decide the remainder."""
        state = self._state
        account = state.accounts.get(command.account) or state.find_account(command.account)
        if account is None:
            events.append(refused(command, Refusal.UNKNOWN_ACCOUNT))
            return
        known = state.ids.find(command.account, command.client_order_id)
        if known is not None:
            events.append(repeated(command, known))
            return
        market = state.markets.get(command.symbol)
        if market is None:
            events.append(refused(command, Refusal.UNKNOWN_INSTRUMENT))
            return
        position = market.positions.get(command.account)
        if position is None:
            position = state.positions.open_or_create(account, market.instrument)
        if self._plain.takes(command, market):
            self._plain.place(command, market, position, events)
            return
        defect = self._defect(command, market, position)
        if defect is not None:
            events.append(refused(command, defect[0], path=path_in_bracket(command, *defect)))
            return
        if command.stop is not None:
            self._arm(command, command.stop, market, position, events)
            return
        limit_ticks, cut = command.price_ticks, COLLAR
        if command.order_type is MARKET:
            touch_ticks = market.book.touch_ticks(-command.side)
            assert touch_ticks is not None
            limit_ticks = market_limit_ticks(
                market.instrument.terms, command.side, touch_ticks, command.max_slippage_ppm
            )
            limit_ticks, cut = cut_by_band(
                market.instrument, command.side, limit_ticks, state.now_us
            )
        fees_ppm = state.fees_of(position)
        failures = self._failures(command, position, limit_ticks, fees_ppm[1])
        if failures:
            events.append(refused(command, failures[0].code, failures))
            return
        if command.post_only and market.book.crosses(command.side, limit_ticks):
            events.append(refused(command, Refusal.POST_ONLY_WOULD_TRADE))
            return

        order = self._new_order(command, position, fees_ppm)
        gathers = market.instrument.state is AUCTION
        sweep = NO_SWEEP if gathers else market.book.plan(order, limit_ticks)
        state.is_quiet = False
        if command.time_in_force is FOK and sweep.filled_lots < order.quantity_lots:
            events.append(refused(command, Refusal.UNFILLABLE))
            return
        rests = will_rest(order, sweep)
        self._accept(command, order, RESTING if rests else DONE, events)
        self._execution.enter(market, order, sweep, events, rests=rests, cut=cut)

    def _arm(
        self,
        command: PlaceOrder,
        stop: StopTerms,
        market: Market,
        position: Position,
        events: list[Event],
    ) -> None:
        """Admit an order that waits for a price, as if it were reached now, and let it sleep.

        For a market order the trigger, or the activation price before there is one, stands for the
        touch.
        """
        self._state.is_quiet = False
        seen = references(market)
        trigger = new_trigger(command.order_type, command.side, stop, seen)
        limit_ticks = command.price_ticks
        if limit_ticks == 0:
            touch_ticks = trigger.price_ticks or trigger.activation_ticks
            limit_ticks = market_limit_ticks(
                market.instrument.terms, command.side, touch_ticks, command.max_slippage_ppm
            )
        fees_ppm = self._state.fees_of(position)
        failures = self._failures(command, position, limit_ticks, fees_ppm[1])
        if failures:
            events.append(refused(command, failures[0].code, failures))
            return
        order = self._new_order(command, position, fees_ppm)
        assert order.conditions is not None
        order.conditions.trigger = trigger
        self._accept(command, order, ARMED, events, trigger.price_ticks)
        self._execution.arm(market, order)
        if trigger.is_reached(seen.of(trigger.by, trigger.side)):
            self._state.referenced[command.symbol] = None

    def _failures(
        self, command: PlaceOrder, position: Position, limit_ticks: int, taker_fee_ppm: int
    ) -> tuple[Failure, ...]:
        """Ask the checks of C1 over money at the worst price the order may trade at."""
        state = self._state
        lots, replaced = command.quantity_lots, NOTHING
        if command.oco_group:
            replaced = self._shared(command, position, limit_ticks)
        if state.late and not (
            command.reduce_only or reduces(position, command.side, lots, replaced)
        ):
            return state.late
        return admission_failures(
            position,
            command.side,
            lots,
            limit_ticks,
            taker_fee_ppm,
            state.ladder.admission_ratio_ppm,
            state.now_us,
            limited=command.price_ticks > 0,
            reduce_only=command.reduce_only,
            bracket=command.bracket,
            replaced=replaced,
            switch=state.switch_over(command.symbol, command.account, command.tag)
            if state.switches
            else None,
        )

    def _shared(self, command: PlaceOrder, position: Position, limit_ticks: int) -> Replaced:
        """Return what a newcomer to a group need not hold, since its siblings do already (B3)."""
        group = self._state.find_group(command.account, command.symbol, command.oco_group)
        if group is None:
            return NOTHING
        lots = command.quantity_lots
        taker_fee_ppm = self._state.fees_of(position)[1]
        return shared_hold(
            group, position, command.side, lots, limit_ticks, taker_fee_ppm=taker_fee_ppm
        )

    def _defect(
        self, command: PlaceOrder, market: Market, position: Position
    ) -> tuple[Refusal, str | None] | None:
        """Ask everything about an order that needs no money, in order; return refusal and path."""
        instrument = market.instrument
        market_state = instrument.state
        if market.outside is not None and position.account is self._state.house:
            return Refusal.HOUSE_IS_COUNTERPARTY, None
        if market_state is not OPEN and market_state is not AUCTION:
            return Refusal.MARKET_NOT_OPEN, None
        open_orders = len(self._state.live.get(command.account, ()))
        if not command.is_plain or market_state is not OPEN or instrument.band is not None:
            defect = self._special_defect(command, market)
            if defect is not None:
                return defect
            if command.bracket is not None:
                open_orders += children_of(command.bracket)
        if open_orders >= MAX_OPEN_ORDERS_PER_ACCOUNT:
            return Refusal.TOO_MANY_ORDERS, None
        if command.reduce_only and position.lots * command.side >= 0:
            return Refusal.NOTHING_TO_REDUCE, None
        return None

    def _special_defect(
        self, command: PlaceOrder, market: Market
    ) -> tuple[Refusal, str | None] | None:
        """Ask what a plain order in an open market need not be asked: form, links, prices seen."""
        if command.defect is not None:
            return command.defect, command.defect_path
        instrument = market.instrument
        defect = self._form_defect(command, market)
        if defect is not None:
            return defect
        if instrument.state is AUCTION and command.stop is None:
            path = _auction_defect(command)
            if path is not None:
                return Refusal.NOT_IN_AUCTION, path
        defect = links_defect(self._state, command)
        if defect is not None:
            return defect
        is_market = command.order_type is MARKET
        if is_market and market.book.touch_ticks(-command.side) is None:
            return Refusal.NO_LIQUIDITY, None
        if command.stop is not None:
            refusal = _reference_refusal(command, command.stop, market)
            if refusal is not None:
                return refusal, None
        elif (
            instrument.band is not None
            and not is_market
            and instrument.is_outside_band(command.price_ticks, self._state.now_us)
        ):
            return Refusal.OUTSIDE_PRICE_BAND, None
        return None

    def _form_defect(
        self, command: PlaceOrder, market: Market
    ) -> tuple[Refusal, str | None] | None:
        """Ask whether an order's attributes go together; return refusal and path."""
        immediate = command.time_in_force is IOC or command.time_in_force is FOK
        is_limited = command.order_type in LIMITED
        if is_limited:
            if command.price_ticks <= 0:
                return Refusal.PRICE_REQUIRED, None
        elif command.price_ticks:
            return Refusal.PRICE_NOT_ALLOWED, None
        elif immediate != (command.order_type is MARKET):
            return Refusal.INVALID_TIME_IN_FORCE, None
        if command.stop is not None or command.order_type not in PLAIN:
            defect = form_defect(command.order_type, command.stop)
            if defect is not None:
                return defect
        immediate = immediate or not is_limited
        if command.post_only and immediate:
            return Refusal.INVALID_TIME_IN_FORCE, "$.post_only"
        if command.display_lots and (
            immediate
            or not display_fits(command.display_lots, command.quantity_lots)
            or (market.outside is not None and command.peak_lots() > 0)
        ):
            return Refusal.INVALID_DISPLAY, "$.display_quantity"
        if command.time_in_force is not GTC or command.expires_us:
            path = self._expiry_defect(command, market)
            if path is not None:
                return Refusal.INVALID_EXPIRY, path
        return None

    def _expiry_defect(self, command: PlaceOrder, market: Market) -> str | None:
        """Return where an order's time of expiry is at fault, None where it is well (A3)."""
        if command.time_in_force is DAY:
            if command.expires_us:
                return "$.expires_at"
            has_end = market.instrument.terms.session_end_minute >= 0
            return None if has_end else "$.time_in_force"
        if command.time_in_force is GTD:
            return None if command.expires_us > self._state.now_us else "$.expires_at"
        return "$.expires_at" if command.expires_us else None

    def _new_order(
        self, command: PlaceOrder, position: Position, fees_ppm: tuple[int, int]
    ) -> Order:
        """Make the order that a command asks for, with the maker's and the taker's fee of now."""
        state = self._state
        maker_fee_ppm, taker_fee_ppm = fees_ppm
        conditions = None
        if not command.is_plain and (
            command.display_lots
            or command.reduce_only
            or command.post_only
            or command.expires_us
            or command.stop is not None
            or command.time_in_force is DAY
            or command.oco_group
            or command.bracket is not None
        ):
            conditions = _conditions(command, position.instrument.terms, state.now_us)
            if command.oco_group:
                conditions.group = group_for(state, command)
        return Order(
            state.next_order_id,
            command.account,
            command.client_order_id,
            command.symbol,
            command.side,
            command.price_ticks,
            command.quantity_lots,
            command.order_type,
            command.time_in_force,
            command.stp,
            position.account.stp_key,
            position,
            maker_fee_ppm,
            taker_fee_ppm,
            command.tag,
            conditions,
        )

    def _accept(
        self,
        command: PlaceOrder,
        order: Order,
        status: OrderStatus,
        events: list[Event],
        trigger_ticks: int = 0,
    ) -> None:
        """Consume the order's id, remember the client's, and say what will become of it."""
        state = self._state
        order_id = state.next_order_id
        assert order.order_id == order_id
        state.next_order_id = order_id + 1
        if order.account_id not in state.accounts:
            state.add_account(order.position.account)
        state.ids.make_room(state.now_us, state.live)
        state.ids.add(
            (order.account_id, order.client_order_id),
            (command.digest, order_id, status, state.now_us),
        )
        if command.oco_group or command.bracket is not None:
            link(state, command, order)
        guard = order.position.account.guard
        if guard is not None:
            guard.note_order(state.now_us)
        events.append(accepted(command, order_id, status, trigger_ticks))


def _auction_defect(command: PlaceOrder) -> str | None:
    """Return what of a plain order an auction does not take, None where it is welcome (A14)."""
    if command.order_type is MARKET:
        return "$.order_type"
    if command.time_in_force is IOC or command.time_in_force is FOK:
        return "$.time_in_force"
    return "$.post_only" if command.post_only else None


def _conditions(command: PlaceOrder, terms: Terms, now_us: int) -> Conditions:
    """Return what the order carries beyond a plain one."""
    expires_us = command.expires_us
    if command.time_in_force is DAY:
        expires_us = next_session_end_us(terms.session_end_minute, now_us)
    conditions = Conditions(
        command.peak_lots(),
        expires_us,
        post_only=command.post_only,
        reduce_only=command.reduce_only,
    )
    conditions.slippage_ppm = command.max_slippage_ppm
    return conditions


def _reference_refusal(command: PlaceOrder, stop: StopTerms, market: Market) -> Refusal | None:
    """Answer whether the reference of a trigger is unseen, or has reached it already (A11)."""
    seen = references(market)
    trigger = new_trigger(command.order_type, command.side, stop, seen)
    reference = seen.of(trigger.by, trigger.side)
    if reference == 0:
        return Refusal.PRICE_UNAVAILABLE
    if trigger.is_reached(reference) and not market.instrument.terms.fires_at_once:
        return Refusal.WOULD_TRIGGER
    return None
