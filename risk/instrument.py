"""An instrument as it stands now: its terms, its market state and its prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.terms import MarketState, MarkSource, Terms
from risk.brackets import Brackets, brackets_of
from risk.breakers import Watch
from risk.price_band import SECOND_US, PriceBand, bounds_around, session_of

if TYPE_CHECKING:
    from collections.abc import Callable


class Instrument:
    """Terms plus what moves: market state, best outside bid and ask, last trade, mark.

    The mark is kept in half ticks, so that the mid of a one-tick spread is exact (B2). A price of
    0 means that none has been seen; bid and ask are as of `quoted_at_us`. `band` is None where the
    instrument has no price band (E1), so that nothing is recorded for it; `watch` None where
    neither breakers of its own nor the market's look at its mark (E2).
    """

    __slots__ = (
        "ask_ticks",
        "band",
        "bid_ticks",
        "brackets",
        "half_atoms",
        "last_ticks",
        "mark_half_ticks",
        "priced_at_us",
        "quoted_at_us",
        "sources",
        "state",
        "symbol",
        "terms",
        "unit_atoms",
        "watch",
    )

    def __init__(self, terms: Terms, state: MarketState) -> None:
        assert terms.atoms_per_tick_lot % 2 == 0
        self.symbol: str = terms.symbol
        self.terms: Terms = terms
        self.brackets: Brackets = brackets_of(terms)
        self.state: MarketState = state
        self.unit_atoms: int = terms.atoms_per_tick_lot
        self.half_atoms: int = terms.atoms_per_tick_lot // 2
        self.bid_ticks: int = 0
        self.ask_ticks: int = 0
        self.last_ticks: int = 0
        self.mark_half_ticks: int = 0
        self.priced_at_us: int = 0
        self.quoted_at_us: int = 0
        self.sources: dict[str, tuple[int, int]] = {}
        self.band: PriceBand | None = PriceBand() if terms.price_band_ppm else None
        self.watch: Watch | None = Watch() if terms.breakers else None

    def is_stale(self, now_us: int) -> bool:
        """Tell whether the price is older than the instrument allows (0: any age will do)."""
        limit_us = self.terms.feed_stale_us
        return limit_us > 0 and now_us - self.priced_at_us > limit_us

    def outside_ticks(self, side: int, now_us: int) -> int:
        """Return the outside bid (side +1) or ask, 0 where there is none or it is too old."""
        limit_us = self.terms.feed_stale_us
        if limit_us > 0 and now_us - self.quoted_at_us > limit_us:
            return 0
        return self.bid_ticks if side > 0 else self.ask_ticks

    def accept_tick(self, bid_ticks: int, ask_ticks: int, now_us: int) -> bool:
        """Take an outside bid and ask; return whether the mark moved."""
        assert 0 < bid_ticks < ask_ticks
        self.bid_ticks = bid_ticks
        self.ask_ticks = ask_ticks
        self.quoted_at_us = now_us
        if self.terms.mark_source is not MarkSource.L1_MID:
            return False
        return self.set_mark(bid_ticks + ask_ticks, now_us)

    def set_mark(self, mark_half_ticks: int, now_us: int) -> bool:
        """Set the mark; return whether it moved, or is fresh again after it was stale."""
        assert mark_half_ticks > 0
        moved = mark_half_ticks != self.mark_half_ticks or self.is_stale(now_us)
        self.priced_at_us = now_us
        self.mark_half_ticks = mark_half_ticks
        if self.band is not None:
            self.band.note_price(mark_half_ticks, self._session(now_us))
        return moved

    def set_terms(self, terms: Terms, now_us: int) -> None:
        """Take new rates, fees and protections; the grid stays.

        A price band begins with the price known now, and forgets all with 0.
        """
        assert terms.atoms_per_tick_lot == self.unit_atoms
        self.terms = terms
        self.brackets = brackets_of(terms)
        if terms.price_band_ppm == 0:
            self.band = None
        elif self.band is None:
            self.band = PriceBand()
            known_half = self.mark_half_ticks or 2 * self.last_ticks
            if known_half:
                self.band.note_price(known_half, self._session(now_us))

    def restate(self, restated: Callable[[int], int], now_us: int) -> None:
        """Give all prices what a split makes of them; a price band begins anew with the mark."""
        self.bid_ticks = restated(self.bid_ticks)
        self.ask_ticks = restated(self.ask_ticks)
        self.last_ticks = restated(self.last_ticks)
        self.mark_half_ticks = restated(self.mark_half_ticks)
        if self.band is not None:
            self.band = PriceBand()
            self.band.note_price(self.mark_half_ticks, self._session(now_us))

    def record_trade(self, price_ticks: int, lots: int, now_us: int) -> None:
        """Let the price band know of a trade."""
        assert self.band is not None
        self.band.record(now_us // SECOND_US, price_ticks, lots)
        self.band.note_price(2 * price_ticks, self._session(now_us))

    def price_bounds(self, now_us: int) -> tuple[int, int] | None:
        """Return the lowest and highest price of a limit order now, in ticks; None is no bound.

        Around the window's price, else the session's open, else the mark (E1).
        """
        if self.band is None:
            return None
        numerator, denominator = self.band.reference(now_us // SECOND_US)
        if numerator == 0:
            numerator, denominator = self.mark_half_ticks, 2
        if numerator == 0:
            return None
        return bounds_around(numerator, denominator, self.terms.price_band_ppm)

    def is_outside_band(self, price_ticks: int, now_us: int) -> bool:
        """Tell whether a limit at that price lies outside the price band, on either side (E1)."""
        bounds = self.price_bounds(now_us)
        return bounds is not None and not bounds[0] <= price_ticks <= bounds[1]

    def check(self) -> None:
        """Assert that there is a band exactly where the terms ask for one, and that it is sound."""
        assert (self.band is not None) == (self.terms.price_band_ppm > 0)
        if self.band is not None:
            self.band.check()
        assert self.watch is not None or not self.terms.breakers
        if self.watch is not None:
            self.watch.check(self.terms.breakers)

    def _session(self, now_us: int) -> int:
        return session_of(now_us, self.terms.session_end_minute)
