"""Orders that wait for a price: how they are asked about, armed and fired (A11, A12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.answers import trigger_rejected
from engine.limits import MAX_CASCADE, MAX_CASCADE_PER_FRAME
from engine.linked_entry import shared_with
from engine.prices import cut_by_band, market_limit_ticks
from matching.messages import MarketStateChanged, OrderTriggered
from matching.stops import FALLING, RISING, References, Trigger
from matching.sweep import will_rest
from matching.terms import CancelReason, MarketState, OrderType, Refusal, TimeInForce
from risk.admission import admission_failures
from risk.messages import Failure

if TYPE_CHECKING:
    from engine.breaking import Breaking
    from engine.covering import Covering
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.messages import StopTerms
    from matching.order import Order

TAKE_PROFITS: Final = (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
TRAILING: Final = (OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT)
PLAIN: Final = (OrderType.LIMIT, OrderType.MARKET)
LIMITED: Final = (
    OrderType.LIMIT,
    OrderType.STOP_LIMIT,
    OrderType.TAKE_PROFIT_LIMIT,
    OrderType.TRAILING_STOP_LIMIT,
)
MAX_BPS: Final = 9_999


def references(market: Market) -> References:
    """Return the prices that triggers look at, as they stand now."""
    instrument = market.instrument
    return References(
        2 * instrument.last_ticks,
        instrument.mark_half_ticks,
        2 * instrument.bid_ticks,
        2 * instrument.ask_ticks,
    )


def form_defect(order_type: OrderType, stop: StopTerms | None) -> tuple[Refusal, str] | None:
    """Ask whether an order's trigger goes with its type; return refusal and path."""
    trails = order_type in TRAILING
    if stop is None:
        if order_type in PLAIN:
            return None
        if trails:
            return Refusal.INVALID_TRAIL, "$.trail_offset"
        return Refusal.TRIGGER_REQUIRED, "$.trigger_price"
    given = {
        "$.trigger_price": stop.trigger_ticks is not None,
        "$.trigger_by": stop.by is not None,
        "$.trail_offset": stop.trail_offset_ticks is not None,
        "$.trail_bps": stop.trail_bps is not None,
        "$.trail_step": stop.trail_step_ticks is not None,
        "$.activation_price": stop.activation_ticks is not None,
    }
    if order_type in PLAIN:
        useless = list(given)
    elif trails:
        useless = ["$.trigger_price"]
    else:
        if not given["$.trigger_price"]:
            return Refusal.TRIGGER_REQUIRED, "$.trigger_price"
        useless = ["$.trail_offset", "$.trail_bps", "$.trail_step", "$.activation_price"]
    for path in useless:
        if given[path]:
            return Refusal.TRIGGER_NOT_ALLOWED, path
    if trails:
        if given["$.trail_offset"] == given["$.trail_bps"]:
            return Refusal.INVALID_TRAIL, "$.trail_offset"
        if stop.trail_bps is not None and not 1 <= stop.trail_bps <= MAX_BPS:
            return Refusal.INVALID_TRAIL, "$.trail_bps"
    return None


def new_trigger(order_type: OrderType, side: int, stop: StopTerms, seen: References) -> Trigger:
    """Make the trigger of a new order; a trailing one takes the present reference if it may."""
    by = stop.trigger_by()
    direction = side if order_type not in TAKE_PROFITS else -side
    assert direction in (RISING, FALLING)
    trigger = Trigger(by, side, direction, stop.trigger_ticks or 0)
    if order_type in TRAILING:
        trigger.offset_ticks = stop.trail_offset_ticks or 0
        trigger.bps = stop.trail_bps or 0
        trigger.step_ticks = stop.trail_step_ticks or 0
        trigger.activation_ticks = stop.activation_ticks or 0
        reference = seen.of(by, side)
        if reference and (trigger.activation_ticks == 0 or trigger.is_activated_by(reference)):
            trigger.follow(reference)
    return trigger


def amended_trigger(
    old: Trigger, stop: StopTerms | None
) -> tuple[Trigger, tuple[Refusal, str] | None]:
    """Return the trigger that an amend asks for, the old one where it asks for none, and why not.

    A trailing one is set anew from its watermark, and never loosens.
    """
    if stop is None or (
        stop.trigger_ticks in (None, old.price_ticks)
        and stop.trail_offset_ticks in (None, old.offset_ticks)
        and (stop.trail_bps is None or stop.trail_bps == old.bps > 0)
        and not (old.trails and stop.trigger_ticks is not None)
    ):
        return old, None
    if stop.trigger_ticks is not None and old.trails:
        return old, (Refusal.TRIGGER_NOT_ALLOWED, "$.trigger_price")
    if stop.trail_offset_ticks is not None and not old.offset_ticks:
        return old, (Refusal.INVALID_TRAIL, "$.trail_offset")
    if stop.trail_bps is not None and not (old.bps and 1 <= stop.trail_bps <= MAX_BPS):
        return old, (Refusal.INVALID_TRAIL, "$.trail_bps")
    new = Trigger(old.by, old.side, old.direction, stop.trigger_ticks or old.price_ticks)
    new.offset_ticks = stop.trail_offset_ticks or old.offset_ticks
    new.bps = stop.trail_bps or old.bps
    new.step_ticks = old.step_ticks
    new.activation_ticks = old.activation_ticks
    new.watermark_half = old.watermark_half
    if new.trails and new.price_ticks:
        tighter = new.price_at(new.watermark_half)
        if -new.side * (tighter - new.price_ticks) > 0:
            new.price_ticks = tighter
    return new, None


def no_trigger(stop: StopTerms) -> tuple[Refusal, str]:
    """Return how a trigger's field is refused in an amend of an order that waits for nothing."""
    if stop.trigger_ticks is not None:
        return Refusal.TRIGGER_NOT_ALLOWED, "$.trigger_price"
    if stop.trail_offset_ticks is not None:
        return Refusal.INVALID_TRAIL, "$.trail_offset"
    return Refusal.INVALID_TRAIL, "$.trail_bps"


def limit_of(market: Market, order: Order, touch_ticks: int) -> int:
    """Return the worst price an armed order may trade at: its own, or from a touch (A2)."""
    if order.price_ticks:
        return order.price_ticks
    terms = market.instrument.terms
    return market_limit_ticks(terms, order.side, touch_ticks, order.slippage_ppm)


class Triggering:
    """The part of the kernel that wakes armed orders once a command or a tick has run."""

    __slots__ = ("_breaking", "_covering", "_execution", "_state")

    def __init__(
        self, state: State, execution: Execution, covering: Covering, breaking: Breaking
    ) -> None:
        self._state: State = state
        self._breaking: Breaking = breaking
        self._execution: Execution = execution
        self._covering: Covering = covering

    def run(self, events: list[Event]) -> None:
        """Fire what the changed references reach, one after the other, each to its end (A11).

        At most MAX_CASCADE_PER_FRAME a frame, over all instruments; what is left goes on before any
        other input. At MAX_CASCADE the instrument halts with the rest still armed. The children of
        brackets come first, and again after each order that fires; breakers look after both (E2).
        """
        state = self._state
        self._covering.run(events)
        if state.watched:
            self._breaking.look(events)
        for bracket in state.due.values():
            state.referenced[bracket.symbol] = None
        for symbol in sorted(state.referenced):
            state.cascades.setdefault(symbol, 0)
        state.referenced.clear()
        left = 0 if state.due else MAX_CASCADE_PER_FRAME
        for symbol in sorted(state.cascades):
            left = self._cascade(symbol, left, events)

    def _cascade(self, symbol: str, left: int, events: list[Event]) -> int:
        """Fire at most `left` orders of one instrument; return how many may still fire."""
        state = self._state
        market = state.markets[symbol]
        stops = market.stops
        while left > 0:
            seen = references(market)
            stops.observe(seen)
            order = None
            if market.instrument.state is MarketState.OPEN:
                order = stops.next_reached(seen)
            if order is None:
                del state.cascades[symbol]
                state.referenced.pop(symbol, None)
                return left
            if state.cascades[symbol] == MAX_CASCADE:
                market.instrument.state = MarketState.HALTED
                events.append(MarketStateChanged(symbol, MarketState.HALTED))
                continue
            state.cascades[symbol] += 1
            left -= 1
            self._fire(market, order, seen, events)
            self._covering.run(events)
            if state.watched:
                self._breaking.look(events)
            if state.due:
                return 0
        return left

    def _fire(self, market: Market, order: Order, seen: References, events: list[Event]) -> None:
        """Wake one order: everything is asked again, then it enters like a new one."""
        conditions = order.conditions
        assert conditions is not None
        trigger = conditions.trigger
        assert trigger is not None
        events.append(
            OrderTriggered(
                order.symbol,
                order.account_id,
                order.client_order_id,
                order.order_id,
                trigger.price_ticks,
                seen.of(trigger.by, trigger.side),
            )
        )
        self._execution.disarm(market, order)
        conditions.trigger = None
        bracket = conditions.bracket
        if bracket is not None and bracket.entry is not order:
            self._execution.linking.close(market, bracket, events)
        failures = self._refusals(market, order)
        if failures:
            self._state.live[order.account_id].pop(order.client_order_id)
            if order.is_linked:
                self._execution.linking.unlink(order)
            events.append(trigger_rejected(order, failures))
            return
        limit, cut = self._bound(market, order)
        sweep = market.book.plan(order, limit)
        rests = will_rest(order, sweep)
        self._execution.enter(market, order, sweep, events, rests=rests, cut=cut)
        if order.level is None:
            self._state.live[order.account_id].pop(order.client_order_id)

    def _bound(self, market: Market, order: Order) -> tuple[int, CancelReason]:
        """Return the worst price a fired order may trade at now, and what bounds it (A2, E1)."""
        touch = market.book.touch_ticks(-order.side)
        if order.price_ticks or touch is None:
            return order.price_ticks, CancelReason.COLLAR
        limit = limit_of(market, order, touch)
        return cut_by_band(market.instrument, order.side, limit, self._state.now_us)

    def _refusals(self, market: Market, order: Order) -> tuple[Failure, ...]:
        """Ask of a fired order what a new one would be asked."""
        state, book = self._state, market.book
        touch = book.touch_ticks(-order.side)
        if touch is None and order.price_ticks == 0:
            return (Failure(Refusal.NO_LIQUIDITY),)
        if order.price_ticks and market.instrument.is_outside_band(order.price_ticks, state.now_us):
            return (Failure(Refusal.OUTSIDE_PRICE_BAND),)
        if order.reduces_only and order.position.lots * order.side >= 0:
            return (Failure(Refusal.NOTHING_TO_REDUCE),)
        limit, _ = self._bound(market, order)
        failures = admission_failures(
            order.position,
            order.side,
            order.leaves_lots,
            limit,
            order.taker_fee_ppm,
            state.ladder.admission_ratio_ppm,
            state.now_us,
            limited=order.price_ticks > 0,
            reduce_only=order.reduces_only,
            replaced=shared_with(order, order.leaves_lots, limit),
            switch=state.switch_over(order.symbol, order.account_id, order.tag)
            if state.switches
            else None,
            is_new=False,
        )
        if failures:
            return failures
        if order.posts_only and book.crosses(order.side, limit):
            return (Failure(Refusal.POST_ONLY_WOULD_TRADE),)
        is_fok = order.time_in_force is TimeInForce.FOK
        if is_fok and book.plan(order, limit).filled_lots < order.leaves_lots:
            return (Failure(Refusal.UNFILLABLE),)
        return ()
