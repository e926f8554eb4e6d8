"""Trades that were agreed elsewhere: asked what orders are asked, booked without a print (B7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.order import Order
from matching.terms import MarketState, OrderType, Refusal, StpMode, TimeInForce
from risk.admission import admission_failures
from risk.messages import Failure, Rejected

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.messages import BookTrade
    from risk.account import Account
    from risk.position import Position

COUNTER_PATH = "$.counter_account"


class Side:
    """One party of the trade: its position, which way it goes, what it pays in ppm."""

    __slots__ = ("fee_ppm", "path", "position", "side")

    def __init__(self, position: Position, side: int, fee_ppm: int, path: str | None) -> None:
        self.position: Position = position
        self.side: int = side
        self.fee_ppm: int = fee_ppm
        self.path: str | None = path


class Booking:
    """The part of the kernel that books trades between two accounts."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def book_trade(self, command: BookTrade, events: list[Event]) -> None:
        """Let `account` take from `counter_account` at the price agreed, if both may.

        Nothing prints: no last trade, no price band, no stop, no mark.
        """
        state = self._state
        account = state.find_account(command.account)
        counter = state.find_account(command.counter_account)
        market = state.markets.get(command.symbol)
        if account is None:
            self._refuse(command, Refusal.UNKNOWN_ACCOUNT, None, events)
        elif counter is None:
            self._refuse(command, Refusal.UNKNOWN_ACCOUNT, COUNTER_PATH, events)
        elif market is None:
            self._refuse(command, Refusal.UNKNOWN_INSTRUMENT, None, events)
        elif (defect := self._defect(command, market)) is not None:
            self._refuse(command, *defect, events)
        else:
            self._book(command, market, account, counter, events)

    def _defect(self, command: BookTrade, market: Market) -> tuple[Refusal, str | None] | None:
        """Ask everything that needs no money, in order; return refusal and path."""
        state, instrument = self._state, market.instrument
        if command.defect is not None:
            return command.defect, command.defect_path
        if command.account == command.counter_account:
            return Refusal.SAME_ACCOUNT, COUNTER_PATH
        if command.digest in state.transfers:
            return Refusal.DUPLICATE, "$.trade_id"
        if command.signature_digest in state.transfers:
            return Refusal.DUPLICATE, "$.timestamp"
        if instrument.state is not MarketState.OPEN:
            return Refusal.MARKET_NOT_OPEN, None
        if instrument.is_outside_band(command.price_ticks, state.now_us):
            return Refusal.OUTSIDE_PRICE_BAND, None
        if instrument.mark_half_ticks == 0:
            # It would not print, so nothing would give the positions a value.
            return Refusal.PRICE_UNAVAILABLE, None
        return None

    def _book(
        self,
        command: BookTrade,
        market: Market,
        account: Account,
        counter: Account,
        events: list[Event],
    ) -> None:
        """Ask C1 of both sides, then move positions and money."""
        state = self._state
        taker = state.positions.open_or_create(account, market.instrument)
        maker = state.positions.open_or_create(counter, market.instrument)
        takes = Side(taker, command.side, state.fees_of(taker)[1], None)
        makes = Side(maker, -command.side, state.fees_of(maker)[0], COUNTER_PATH)
        for party in (takes, makes):
            failures = self._failures(command, party)
            if failures:
                self._refuse(command, failures[0].code, party.path, events, failures)
                return
        state.transfers.add(command.digest)
        if command.signature_digest:
            state.transfers.add(command.signature_digest)
        orders = [self._order(command, party) for party in (takes, makes)]
        trade = self._execution.deal(
            orders[0], orders[1], command.quantity_lots, command.price_ticks, events
        )
        trade.trade_ref, trade.trade_signature = command.trade_id, command.signature
        for position in (maker, taker):
            if position.reduce_lots or position.armed_reducing:
                self._execution.cancel_reducing(market, position, events)

    def _failures(self, command: BookTrade, party: Side) -> tuple[Failure, ...]:
        """Ask the checks of C1 of one side, as of a limit order at the price agreed.

        The house passes all of them by, switches too: it takes what others may do (E4).
        """
        state, account = self._state, party.position.account
        if account is state.house:
            return ()
        return admission_failures(
            party.position,
            party.side,
            command.quantity_lots,
            command.price_ticks,
            party.fee_ppm,
            state.ladder.admission_ratio_ppm,
            state.now_us,
            limited=True,
            switch=state.switch_over(command.symbol, account.account_id, "")
            if state.switches
            else None,
        )

    def _order(self, command: BookTrade, party: Side) -> Order:
        """Make the order that stands for one side in the trade's event; it rests nowhere."""
        state, account = self._state, party.position.account
        if account.account_id not in state.accounts:
            state.add_account(account)
        order_id = state.next_order_id
        state.next_order_id += 1
        return Order(
            order_id,
            account.account_id,
            command.trade_id,
            command.symbol,
            party.side,
            command.price_ticks,
            command.quantity_lots,
            OrderType.LIMIT,
            TimeInForce.IOC,
            StpMode.NONE,
            account.stp_key,
            party.position,
            party.fee_ppm,
            party.fee_ppm,
        )

    def _refuse(
        self,
        command: BookTrade,
        code: Refusal,
        path: str | None,
        events: list[Event],
        failures: tuple[Failure, ...] = (),
    ) -> None:
        """Say why nothing was booked."""
        events.append(Rejected(code, command.symbol, command.account, path=path, failures=failures))
