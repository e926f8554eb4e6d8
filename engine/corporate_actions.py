"""Dividends and splits: what an operator announces of an instrument, once by its id (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.limits import (
    MAX_ORDERS_RESTATED,
    MAX_PRICE_TICKS,
    MAX_QUANTITY_LOTS,
    PAYMENTS_PER_FRAME,
)
from matching.terms import MarketState, Refusal
from risk.account import HOUSE
from risk.actions.messages import DividendPaid, OddLots, UnitsSplit
from risk.actions.split import Split
from risk.carry import Dividend, paid_and_received
from risk.margin import divide_up
from risk.messages import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.carrying import Carrying
    from engine.messages import Event
    from engine.splitting import Splitting
    from engine.state import Market, State
    from engine.waterfall import Waterfall
    from matching.order import Order
    from risk.actions.messages import PayDividend, SplitUnits
    from risk.position import Position

_SHUT: Final = (MarketState.HALTED, MarketState.CLOSED)
_TOO_MANY: Final = f"more than {MAX_ORDERS_RESTATED} orders, resting and armed: cancel them first"


class CorporateActions:
    """The part of the kernel that carries out what companies do to their shares."""

    __slots__ = ("_carrying", "_splitting", "_state", "_waterfall")

    def __init__(
        self, state: State, carrying: Carrying, splitting: Splitting, waterfall: Waterfall
    ) -> None:
        self._state: State = state
        self._carrying: Carrying = carrying
        self._splitting: Splitting = splitting
        self._waterfall: Waterfall = waterfall

    def pay_dividend(self, command: PayDividend, events: list[Event]) -> None:
        """Have shorts pay longs so much a unit; what waits below the market comes down by it."""
        refusal = self._refusal(command) or self._size_refusal(command.symbol)
        if refusal is not None:
            events.append(refusal)
            return
        dividend = Dividend(command.symbol, command.action_id, command.amount_ppb)
        payments = dividend.reckon(self._state.positions.open_in(command.symbol))
        paid, received = paid_and_received(payments)
        events.append(
            DividendPaid(command.symbol, command.action_id, command.amount_ppb, paid, received)
        )
        self._carrying.begin(dividend, command.digest, events)

    def split(self, command: SplitUnits, events: list[Event]) -> None:
        """Make so many new units of so many old ones, once odd lots are paid out at the mark."""
        refusal = self._refusal(command) or self._split_refusal(command)
        if refusal is not None:
            events.append(refusal)
            return
        state = self._state
        state.transfers.add(command.digest)
        state.split = Split(
            command.symbol, command.action_id, command.numerator, command.denominator
        )
        self.go_on(events)

    def go_on(self, events: list[Event]) -> None:
        """Pay out as many odd lots as fit a frame; after the last ones restate everything at once.

        Nothing else runs before that.
        """
        state = self._state
        split = state.split
        assert split is not None
        positions = state.positions.open_in(split.symbol)
        odd = split.find_odd(positions) if split.odd is None else split.odd
        paid_out = 0
        for account_id in odd:
            if len(events) >= PAYMENTS_PER_FRAME:
                break
            self._pay_out(positions[account_id], split, events)
            paid_out += 1
        del odd[:paid_out]
        if not odd:
            state.split = None
            self._restate(split, events)

    def _pay_out(self, position: Position, split: Split, events: list[Event]) -> None:
        """Close a position's odd lots against the house, the half tick in the account's favour."""
        state, instrument = self._state, position.instrument
        if HOUSE not in state.accounts:
            state.add_account(state.house)
        house = state.positions.open_or_create(state.house, instrument)
        lots = split.odd_lots(position.lots)
        side = -1 if position.lots > 0 else 1
        mark = instrument.mark_half_ticks
        price_ticks = divide_up(mark, 2) if side < 0 else max(1, mark // 2)
        trade_id = self._waterfall.next_trade_id()
        after = self._waterfall.settle(position, side * lots, price_ticks, trade_id)
        house_after = self._waterfall.settle(house, -side * lots, price_ticks, trade_id)
        split.cash_atoms += lots * price_ticks * instrument.unit_atoms
        events.append(
            OddLots(
                split.symbol,
                position.account.account_id,
                side,
                lots,
                price_ticks,
                trade_id,
                after,
                house_after,
            )
        )
        self._waterfall.end_reducing(position, events)
        self._waterfall.end_reducing(house, events)

    def _restate(self, split: Split, events: list[Event]) -> None:
        """Give prices, positions and orders what the split makes of them; costs stay."""
        state, market = self._state, self._state.markets[split.symbol]
        positions = state.positions.open_in(split.symbol)
        market.instrument.restate(split.nearest, state.now_us)
        watch = market.instrument.watch
        if watch is not None and watch.has_reference:
            numerator = watch.numerator * split.denominator
            watch.refer_to(numerator, watch.denominator * split.numerator)
            state.index.renew()
        for position in positions.values():
            position.restate(split.lots(position.lots))
        changed = self._splitting.restate(market, split)
        events.append(
            UnitsSplit(
                split.symbol,
                split.action_id,
                split.numerator,
                split.denominator,
                len(positions),
                len(changed),
                split.cash_atoms,
            )
        )
        events.extend(changed)
        self._splitting.trim(market, events)
        state.positions.unband(split.symbol)
        state.moved[split.symbol] = None
        if market.stops.count:
            state.referenced[split.symbol] = None

    def _refusal(self, command: PayDividend | SplitUnits) -> Rejected | None:
        """Ask of an action what is asked of all: instrument, numbers, id, market state."""
        market = self._state.markets.get(command.symbol)
        path: str | None = None
        if market is None:
            refusal = Refusal.UNKNOWN_INSTRUMENT
        elif command.defect is not None:
            refusal, path = command.defect, command.defect_path
        elif command.digest in self._state.transfers:
            refusal, path = Refusal.DUPLICATE, "$.action_id"
        elif market.instrument.state not in _SHUT:
            refusal = Refusal.MARKET_NOT_CLOSED
        else:
            return None
        return Rejected(refusal, symbol=command.symbol, path=path)

    def _size_refusal(self, symbol: str) -> Rejected | None:
        """Ask whether the orders can be restated within one frame."""
        if _order_count(self._state.markets[symbol]) <= MAX_ORDERS_RESTATED:
            return None
        return Rejected(Refusal.TOO_MANY, symbol=symbol, text=_TOO_MANY)

    def _split_refusal(self, command: SplitUnits) -> Rejected | None:
        """Ask whether there is a price for odd lots, and whether everything stays within bounds."""
        market, symbol = self._state.markets[command.symbol], command.symbol
        if market.instrument.mark_half_ticks == 0:
            return Rejected(Refusal.PRICE_UNAVAILABLE, symbol=symbol)
        refusal = self._size_refusal(symbol)
        if refusal is not None:
            return refusal
        split = Split(symbol, command.action_id, command.numerator, command.denominator)
        if any(split.lots(lots) > MAX_QUANTITY_LOTS for lots in self._quantities(market)):
            return Rejected(Refusal.OUT_OF_RANGE, symbol=symbol, path="$.numerator")
        if any(split.price(ticks, 1) > MAX_PRICE_TICKS for ticks in _prices(market)):
            return Rejected(Refusal.OUT_OF_RANGE, symbol=symbol, path="$.denominator")
        return None

    def _quantities(self, market: Market) -> Iterator[int]:
        """Yield how large positions and orders of a market are."""
        for position in self._state.positions.open_in(market.instrument.symbol).values():
            yield abs(position.lots)
        for order in _orders(market):
            yield order.quantity_lots


def _orders(market: Market) -> Iterator[Order]:
    """Yield the orders of a market, those that rest and those that sleep."""
    for side in (market.book.bids, market.book.asks):
        for level in side:
            yield from level
    yield from market.stops


def _order_count(market: Market) -> int:
    """Return how many orders rest or sleep in a market. Linear in them."""
    return sum(1 for _ in _orders(market))


def _prices(market: Market) -> Iterator[int]:
    """Yield the mark, and every price and distance that orders name, in ticks."""
    yield market.instrument.mark_half_ticks // 2
    for order in _orders(market):
        yield order.price_ticks
        trigger = None if order.conditions is None else order.conditions.trigger
        if trigger is not None:
            yield from (trigger.price_ticks, trigger.activation_ticks)
            yield from (trigger.offset_ticks, trigger.step_ticks)
