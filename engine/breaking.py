"""Circuit breakers: what a mark that moved too far does to the markets, and what ends it (E2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import NEVER_US
from engine.state import Turn
from matching.messages import MarketStateChanged
from matching.terms import MarketState, Refusal
from risk.breakers import Watch, level_reached
from risk.guards.messages import BreakerTripped, MarketBreakersSet, MarketBreakerTripped
from risk.messages import Rejected
from risk.price_band import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.market_states import MarketStates
    from engine.messages import Event
    from engine.state import State
    from matching.terms import BreakerLevel
    from risk.guards.messages import SetMarketBreakers
    from risk.instrument import Instrument


class Breaking:
    """The part of the kernel that looks at marks before anything that waits for them does."""

    __slots__ = ("_market_states", "_state")

    def __init__(self, state: State, market_states: MarketStates) -> None:
        self._state: State = state
        self._market_states: MarketStates = market_states

    def begin_window(self) -> None:
        """Begin another UTC day: references as they are now, before anything comes in."""
        state = self._state
        for market in state.markets.values():
            watch = market.instrument.watch
            if watch is not None:
                watch.begin(*reference(market.instrument, state.now_us))
        state.index.tripped = 0
        state.index.renew()

    def set_market_breakers(self, command: SetMarketBreakers, events: list[Event]) -> None:
        """Set the market's breakers, or take them away; the same ones stay tripped."""
        state, index = self._state, self._state.index
        weights, levels = command.weights, command.levels
        if not weights or not levels:
            weights, levels = {}, ()
        for symbol in weights:
            if symbol not in state.markets:
                path = f"$.weights.{symbol}"
                events.append(Rejected(Refusal.UNKNOWN_INSTRUMENT, symbol=symbol, path=path))
                return
        if weights != index.weights or levels != index.levels:
            index.tripped = 0
        concerned = sorted(weights.keys() | index.weights.keys())
        index.weights, index.levels = weights, levels
        index.renew()
        for symbol in concerned:
            instrument = state.markets[symbol].instrument
            renew_watch(state, instrument, instrument.terms.breakers)
        events.append(MarketBreakersSet(weights, levels))

    def look(self, events: list[Event]) -> None:
        """Look at the marks that have moved, in order of symbol. O(levels) a symbol."""
        state = self._state
        watched = sorted(state.watched)
        state.watched.clear()
        moves_index = False
        for symbol in watched:
            instrument = state.markets[symbol].instrument
            watch = instrument.watch
            assert watch is not None
            if not watch.has_reference:
                watch.refer_to(instrument.mark_half_ticks, 2)
            moves_index = moves_index or symbol in state.index.weights
            if watch.tripped < len(instrument.terms.breakers):
                self._look_at(instrument, watch, events)
        if moves_index and state.index.tripped < len(state.index.levels):
            self._look_at_index(events)

    def resume(self, events: list[Event]) -> None:
        """Open the markets whose time has come; an auction uncrosses first (A14)."""
        state = self._state
        for symbol in state.holds.take_due(state.now_us):
            state.turns[symbol] = Turn(MarketState.OPEN)
        self._market_states.go_on(events)

    def _look_at(self, instrument: Instrument, watch: Watch, events: list[Event]) -> None:
        """Trip the highest level that the mark has reached, if it has not tripped before."""
        state, symbol, levels = self._state, instrument.symbol, instrument.terms.breakers
        reached = watch.level_at(levels, instrument.mark_half_ticks)
        if reached <= watch.tripped:
            return
        watch.tripped = reached
        if not self._may_halt(instrument):
            return
        level = levels[reached - 1]
        state.holds.hold([symbol], self._end_us(level))
        events.append(
            BreakerTripped(
                symbol,
                reached,
                level.move_ppm,
                level.auction,
                watch.numerator,
                watch.denominator,
                instrument.mark_half_ticks,
                state.holds.ends_us[symbol],
            )
        )
        self._halt(instrument, events, gathers=level.auction)

    def _look_at_index(self, events: list[Event]) -> None:
        """Halt all markets where the index has reached another level. O(weights and levels)."""
        state, index = self._state, self._state.index
        if not index.is_gathered:
            index.gather(state.markets[symbol].instrument for symbol in index.weights)
        value, whole = index.value()
        reached = level_reached(index.levels, value - whole, whole)
        if reached <= index.tripped:
            return
        index.tripped = reached
        level = index.levels[reached - 1]
        until_us = self._end_us(level)
        events.append(MarketBreakerTripped(reached, level.move_ppm, value, whole, until_us))
        instruments = [market.instrument for _, market in sorted(state.markets.items())]
        concerned = [instrument for instrument in instruments if self._may_halt(instrument)]
        state.holds.hold([instrument.symbol for instrument in concerned], until_us)
        for instrument in concerned:
            self._halt(instrument, events, gathers=False)

    def _may_halt(self, instrument: Instrument) -> bool:
        """Tell whether a market's state is a breaker's business: open, or held by one already."""
        return (
            instrument.state is MarketState.OPEN or instrument.symbol in self._state.holds.ends_us
        )

    def _end_us(self, level: BreakerLevel) -> int:
        return self._state.now_us + level.halt_us if level.halt_us else NEVER_US

    def _halt(self, instrument: Instrument, events: list[Event], *, gathers: bool) -> None:
        """Halt a market, or let it gather; an auction goes on, since its end would trade."""
        before = instrument.state
        after = MarketState.AUCTION if gathers else MarketState.HALTED
        if before is not after and before is not MarketState.AUCTION:
            instrument.state = after
            events.append(MarketStateChanged(instrument.symbol, after))


def reference(instrument: Instrument, now_us: int) -> tuple[int, int]:
    """Return what a mark is measured from if a window begins now, in ticks; numerator 0 is none.

    What a price band would lie around (E1), else the mark.
    """
    band = instrument.band
    numerator, denominator = (0, 1) if band is None else band.reference(now_us // SECOND_US)
    return (numerator, denominator) if numerator else (instrument.mark_half_ticks, 2)


def renew_watch(state: State, instrument: Instrument, before: Sequence[BreakerLevel]) -> None:
    """Watch an instrument from now on, or no longer; other levels have not tripped yet."""
    levels = instrument.terms.breakers
    if not levels and instrument.symbol not in state.index.weights:
        instrument.watch = None
        state.watched.pop(instrument.symbol, None)
    elif instrument.watch is None:
        instrument.watch = Watch()
        instrument.watch.begin(*reference(instrument, state.now_us))
    elif levels != before:
        instrument.watch.tripped = 0


def forget_watch(state: State, symbol: str) -> None:
    """Forget all that breakers know of an instrument that is going."""
    state.watched.pop(symbol, None)
    state.holds.release([symbol])
    if state.index.weights.pop(symbol, None) is not None:
        state.index.renew()
