"""An instrument as it stands now: its terms, its market state and its prices."""

from __future__ import annotations

from matching.terms import MarketState, MarkSource, Terms
from risk.brackets import Brackets, brackets_of


class Instrument:
    """Terms plus what moves: market state, best outside bid and ask, last trade, mark.

    The mark is kept in half ticks, so that the mid of a one-tick spread is exact (B2). A price of
    0 means that none has been seen.
    """

    __slots__ = (
        "ask_ticks",
        "bid_ticks",
        "brackets",
        "half_atoms",
        "last_ticks",
        "mark_half_ticks",
        "priced_at_us",
        "sources",
        "state",
        "symbol",
        "terms",
        "unit_atoms",
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
        self.sources: dict[str, tuple[int, int]] = {}

    def set_terms(self, terms: Terms) -> None:
        """Take new rates, fees and protections; the grid stays."""
        assert terms.atoms_per_tick_lot == self.unit_atoms
        self.terms = terms
        self.brackets = brackets_of(terms)

    def is_stale(self, now_us: int) -> bool:
        """Tell whether the price is older than the instrument allows (0: any age will do)."""
        limit_us = self.terms.feed_stale_us
        return limit_us > 0 and now_us - self.priced_at_us > limit_us

    def accept_tick(self, bid_ticks: int, ask_ticks: int, now_us: int) -> bool:
        """Take an outside bid and ask; return whether the mark moved."""
        assert 0 < bid_ticks < ask_ticks
        self.bid_ticks = bid_ticks
        self.ask_ticks = ask_ticks
        if self.terms.mark_source is not MarkSource.L1_MID:
            return False
        return self.set_mark(bid_ticks + ask_ticks, now_us)

    def set_mark(self, mark_half_ticks: int, now_us: int) -> bool:
        """Set the mark; return whether it moved, or is fresh again after it was stale."""
        assert mark_half_ticks > 0
        moved = mark_half_ticks != self.mark_half_ticks or self.is_stale(now_us)
        self.priced_at_us = now_us
        self.mark_half_ticks = mark_half_ticks
        return moved
