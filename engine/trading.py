"""Orders enter and change: refuse, reserve, then hand over to the execution (A1-A5, A9, A10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import accepted, amend_refused, amended, refused, repeated, unknown
from engine.execution import will_rest
from engine.limits import MAX_OPEN_ORDERS_PER_ACCOUNT, MAX_PRICE_TICKS, PPM
from matching.order import Order
from matching.terms import MarketState, OrderStatus, OrderType, Refusal, TimeInForce
from risk.admission import Replaced, admission_failures, reduces
from risk.margin import divide_up, fee_hold_atoms

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.messages import AmendOrder, PlaceOrder
    from risk.position import Position

OPEN = MarketState.OPEN
IOC = TimeInForce.IOC
FOK = TimeInForce.FOK
MARKET = OrderType.MARKET
LIMIT = OrderType.LIMIT
RESTING = OrderStatus.RESTING
DONE = OrderStatus.DONE


def protection_ticks(side: int, touch_ticks: int, slippage_ppm: int) -> int:
    """Return the worst price within `slippage_ppm` of the far touch, rounded toward it (A2)."""
    if side > 0:
        return touch_ticks * (PPM + slippage_ppm) // PPM
    return max(1, divide_up(touch_ticks * (PPM - slippage_ppm), PPM))


class Trading:
    """The part of the kernel that lets orders into the books."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def place(self, command: PlaceOrder, events: list[Event]) -> None:
        """Admit and match a new order, then let its time in force decide the remainder."""
        state = self._state
        account = state.accounts.get(command.account)
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
        refusal = self._defect(command, market)
        if refusal is not None:
            events.append(refused(command, refusal))
            return
        limit_ticks = command.price_ticks
        if command.order_type is MARKET:
            limit_ticks = _protection(command, market)
        failures = admission_failures(
            position,
            command.side,
            command.quantity_lots,
            limit_ticks,
            market.instrument.terms.taker_fee_ppm,
            state.ladder.admission_ratio_ppm,
            state.now_us,
            limited=command.order_type is LIMIT,
        )
        if failures:
            events.append(refused(command, failures[0].code, failures))
            return

        order = _new_order(command, state.next_order_id, account.stp_key, position)
        sweep = market.book.plan(order, limit_ticks)
        if command.time_in_force is FOK and sweep.filled_lots < order.quantity_lots:
            events.append(refused(command, Refusal.UNFILLABLE))
            return
        rests = will_rest(order, sweep)
        self._accept(command, order, RESTING if rests else DONE, events)
        self._execution.enter(market, order, sweep, events, rests=rests)

    def _defect(self, command: PlaceOrder, market: Market) -> Refusal | None:
        """Ask everything about an order that needs no money, in the order of precedence."""
        state = market.instrument.state
        if state is not OPEN:
            return Refusal.MARKET_NOT_OPEN
        if command.defect is not None:
            return command.defect
        if command.quantity_lots <= 0:
            return Refusal.QUANTITY_NOT_POSITIVE
        if command.order_type is MARKET:
            if command.price_ticks:
                return Refusal.PRICE_NOT_ALLOWED
            if command.time_in_force is not IOC and command.time_in_force is not FOK:
                return Refusal.INVALID_TIME_IN_FORCE
            if market.book.touch_ticks(-command.side) is None:
                return Refusal.NO_LIQUIDITY
        elif command.price_ticks <= 0:
            return Refusal.PRICE_REQUIRED
        if len(self._state.live[command.account]) >= MAX_OPEN_ORDERS_PER_ACCOUNT:
            return Refusal.TOO_MANY_ORDERS
        return None

    def _accept(
        self, command: PlaceOrder, order: Order, status: OrderStatus, events: list[Event]
    ) -> None:
        """Consume the order's id, remember the client's, and say what will become of it."""
        state = self._state
        order_id = state.next_order_id
        assert order.order_id == order_id
        state.next_order_id = order_id + 1
        state.ids.make_room(state.now_us, state.live)
        state.ids.add(
            (order.account_id, order.client_order_id),
            (command.digest, order_id, status, state.now_us),
        )
        events.append(accepted(command, order_id, status))

    def amend(self, command: AmendOrder, events: list[Event]) -> None:
        """Change a resting order's total or price (A9); on refusal the old one is untouched."""
        state = self._state
        orders = state.live.get(command.account)
        if orders is None:
            events.append(unknown(command, Refusal.UNKNOWN_ACCOUNT))
            return
        order = orders.get(command.client_order_id)
        if order is None:
            events.append(unknown(command, Refusal.UNKNOWN_ORDER))
            return
        if command.defect is not None:
            events.append(amend_refused(order, command.defect, path=command.defect_path))
            return
        if command.quantity_lots is None and command.price_ticks is None:
            events.append(amend_refused(order, Refusal.NOTHING_TO_AMEND))
            return
        market = state.markets[order.symbol]
        price_ticks = order.price_ticks if command.price_ticks is None else command.price_ticks
        total_lots = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
        leaves_lots = total_lots - order.filled_lots
        if leaves_lots <= 0:
            self._complete(market, order, events)
        elif price_ticks == order.price_ticks and leaves_lots <= order.leaves_lots:
            self._shrink(market, order, leaves_lots, events)
        else:
            self._replace(market, order, price_ticks, leaves_lots, events)

    def _complete(self, market: Market, order: Order, events: list[Event]) -> None:
        """End an order whose total is now no more than what it has traded."""
        self._execution.withdraw(market, order)
        order.quantity_lots = order.filled_lots
        order.leaves_lots = 0
        events.append(amended(order, kept_priority=True))

    def _shrink(self, market: Market, order: Order, leaves_lots: int, events: list[Event]) -> None:
        """Take quantity away where the order stands; it keeps its priority."""
        unit_price = order.price_ticks * market.instrument.unit_atoms
        fee_hold = fee_hold_atoms(leaves_lots * unit_price, order.taker_fee_ppm)
        gone = order.leaves_lots - leaves_lots
        position: Position = order.position
        position.hold(order.side, -gone, -gone * unit_price, fee_hold - order.fee_hold_atoms)
        order.fee_hold_atoms = fee_hold
        order.quantity_lots -= gone
        order.leaves_lots = leaves_lots
        events.append(amended(order, kept_priority=True))

    def _replace(
        self,
        market: Market,
        order: Order,
        price_ticks: int,
        leaves_lots: int,
        events: list[Event],
    ) -> None:
        """Re-enter an order at another price or with more quantity, checked like a new one."""
        state = self._state
        position: Position = order.position
        replaced = Replaced(
            order.leaves_lots,
            order.leaves_lots * order.price_ticks * market.instrument.unit_atoms,
            order.fee_hold_atoms,
        )
        is_open = market.instrument.state is OPEN
        if not is_open and not (
            price_ticks == order.price_ticks
            and reduces(position, order.side, leaves_lots, replaced)
        ):
            events.append(amend_refused(order, Refusal.MARKET_NOT_OPEN))
            return
        failures = admission_failures(
            position,
            order.side,
            leaves_lots,
            price_ticks,
            order.taker_fee_ppm,
            state.ladder.admission_ratio_ppm,
            state.now_us,
            limited=True,
            replaced=replaced,
        )
        if failures:
            events.append(amend_refused(order, failures[0].code, failures))
            return

        self._execution.release(market, order)
        order.quantity_lots += leaves_lots - order.leaves_lots
        order.leaves_lots = leaves_lots
        order.price_ticks = price_ticks
        events.append(amended(order, kept_priority=False))
        if is_open:
            sweep = market.book.plan(order, price_ticks)
            self._execution.enter(market, order, sweep, events, rests=will_rest(order, sweep))
        else:
            self._execution.rest(market, order)
        if order.level is None:
            del state.live[order.account_id][order.client_order_id]


def _new_order(command: PlaceOrder, order_id: int, stp_key: str, position: Position) -> Order:
    """Make the order that a command asks for, with the fees of now."""
    terms = position.instrument.terms
    return Order(
        order_id,
        command.account,
        command.client_order_id,
        command.symbol,
        command.side,
        command.price_ticks,
        command.quantity_lots,
        command.order_type,
        command.time_in_force,
        command.stp,
        stp_key,
        position,
        terms.maker_fee_ppm,
        terms.taker_fee_ppm,
        command.tag,
    )


def _protection(command: PlaceOrder, market: Market) -> int:
    """Return the worst price a market order may trade at: so far from the far touch (A2)."""
    touch_ticks = market.book.touch_ticks(-command.side)
    assert touch_ticks is not None
    slippage_ppm = command.max_slippage_ppm
    if slippage_ppm is None:
        slippage_ppm = market.instrument.terms.collar_ppm
    return min(protection_ticks(command.side, touch_ticks, slippage_ppm), MAX_PRICE_TICKS)
