"""Markets open, halt, close and gather for an auction, which ends in an uncross (A14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import UNCROSS_EVENTS_PER_FRAME
from engine.state import Turn
from matching.auction import UncrossPrice, uncross_price
from matching.messages import AuctionUncrossed, MarketStateChanged
from matching.terms import BUY, SELL, CancelReason, MarketState, Refusal
from risk.messages import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import Market, State
    from matching.ladder import Ladder
    from matching.messages import SetMarketState
    from matching.order import Order

AUCTION = MarketState.AUCTION


class MarketStates:
    """The part of the kernel that turns markets from one state to another."""

    __slots__ = ("_execution", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution

    def set_market_state(self, command: SetMarketState, events: list[Event]) -> None:
        """Turn one instrument or, with `*`, all of them in order of symbol."""
        state = self._state
        if command.symbol != "*" and command.symbol not in state.markets:
            events.append(Rejected(Refusal.UNKNOWN_INSTRUMENT, symbol=command.symbol))
            return
        symbols = sorted(state.markets) if command.symbol == "*" else [command.symbol]
        state.holds.release(symbols)  # what an operator says ends what a breaker said (E2)
        for symbol in symbols:
            state.turns[symbol] = Turn(command.state)
        self.go_on(events)

    def go_on(self, events: list[Event]) -> None:
        """Turn the markets that are to turn; an uncross too large for a frame goes on in the next.

        A market that leaves an auction trades first, and is in its new state only then.
        """
        state = self._state
        while state.turns:
            symbol, turn = next(iter(state.turns.items()))
            market = state.markets[symbol]
            if (
                market.instrument.state is AUCTION
                and turn.target is not AUCTION
                and not self._uncross(market, turn, events)
            ):
                return
            del state.turns[symbol]
            market.instrument.state = turn.target
            if turn.target is MarketState.OPEN:
                state.unshelve(symbol)
                if market.outside is not None:
                    state.reached[symbol] = None
            state.referenced[symbol] = None
            state.moved[symbol] = None
            events.append(MarketStateChanged(symbol, turn.target))

    def _uncross(self, market: Market, turn: Turn, events: list[Event]) -> bool:
        """Trade until the book no longer crosses; tell whether that is done.

        Round by round: what prevention or a cap has kept from trading may cross at another price.
        """
        while True:
            if turn.price_ticks == 0:
                found = crossing(market)
                if found is None:
                    return True
                events.append(
                    AuctionUncrossed(
                        market.instrument.symbol,
                        found.price_ticks,
                        found.volume_lots,
                        found.imbalance_lots,
                    )
                )
                turn.price_ticks = found.price_ticks
                turn.taker_side = BUY if found.imbalance_lots <= 0 else SELL
            while (taker := self._next_taker(market, turn)) is not None:
                self._take(market, taker, turn.price_ticks, events)
                if len(events) > UNCROSS_EVENTS_PER_FRAME:
                    return False
            turn.price_ticks = 0

    def _next_taker(self, market: Market, turn: Turn) -> Order | None:
        """Return the first order of the smaller side, while it and somebody opposite may trade."""
        book, side = market.book, turn.taker_side
        if not (book.crosses(side, turn.price_ticks) and book.crosses(-side, turn.price_ticks)):
            return None
        best = book.side(side).best
        assert best is not None
        return best.head

    def _take(self, market: Market, taker: Order, price_ticks: int, events: list[Event]) -> None:
        """Let a resting order take what it may at the auction's price, with its whole size.

        What is left of it keeps its place. An iceberg's hidden size goes first.
        """
        execution, book = self._execution, market.book
        shown_lots = taker.shown_lots
        execution.release(market, taker)
        sweep = book.plan(taker, price_ticks)
        assert sweep.bites or sweep.end is not None, "every turn takes something out of the book"
        stays = sweep.wanted_lots > 0 and sweep.end in (None, CancelReason.MAX_FILLS)
        execution.enter(market, taker, sweep, events, rests=stays, price_ticks=price_ticks)
        if stays:
            book.return_to_head(taker, shown_lots)
        else:
            del self._state.live[taker.account_id][taker.client_order_id]


def crossing(market: Market) -> UncrossPrice | None:
    """Return the price at which a market's book would trade if its auction ended now (A14).

    Near the last trade, else the mark. Linear in the orders that cross. None in mode `l1`, where
    orders meet the outside, whose bid is always below its ask.
    """
    instrument, book = market.instrument, market.book
    bid_ticks, ask_ticks = book.touch_ticks(BUY), book.touch_ticks(SELL)
    if bid_ticks is None or ask_ticks is None or bid_ticks < ask_ticks:
        return None
    reference_half = 2 * instrument.last_ticks or instrument.mark_half_ticks
    return uncross_price(_depth(book.bids, ask_ticks), _depth(book.asks, bid_ticks), reference_half)


def _depth(ladder: Ladder, to_ticks: int) -> Iterator[tuple[int, int]]:
    """Yield the price and total of a side's levels, best first, down to a price."""
    for level in ladder:
        if level.key > -ladder.side * to_ticks:
            return
        yield level.price_ticks, sum(order.leaves_lots for order in level)
