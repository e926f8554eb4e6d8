"""Rankings that are kept while accounts change, so that many actions need not rank anew (D7).

What can be asked of them is what `risk.deleveraging.ranked` would answer at that moment; they are
worth nothing but time, and no state depends on them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from functools import cmp_to_key
from typing import TYPE_CHECKING

from risk.deleveraging import candidate_of, ranked, sooner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from risk.account import Account
    from risk.deleveraging import Candidate
    from risk.position import Position
    from risk.position_book import PositionBook

_PLACE = cmp_to_key(sooner)


class Ranking:
    """The positions on one side of an instrument that could be reduced, in their order.

    Right as long as `renew` is told of every position whose account has changed, and no mark has
    moved. Making it is O(n log n), renewing a position O(log n) comparisons.
    """

    __slots__ = ("_found", "_order", "_side")

    def __init__(self, side: int, positions: Iterable[Position]) -> None:
        self._side: int = side
        self._order: list[Candidate] = ranked(each for each in positions if each.lots * side > 0)
        self._found: dict[str, Candidate] = {
            each.position.account.account_id: each for each in self._order
        }

    def first(self, most: int) -> list[Candidate]:
        """Return those who are taken first, at most so many."""
        return self._order[:most]

    def renew(self, position: Position) -> None:
        """Put a position where it belongs by now, which may be nowhere."""
        account_id = position.account.account_id
        old = self._found.pop(account_id, None)
        if old is not None:
            at = bisect_left(self._order, _PLACE(old), key=_PLACE)
            assert self._order[at] is old, "what a candidate is ranked by never changes"
            del self._order[at]
        new = candidate_of(position) if position.lots * self._side > 0 else None
        if new is not None:
            insort(self._order, new, key=_PLACE)
            self._found[account_id] = new


class Rankings:
    """The rankings that were asked for since they were last forgotten, by symbol and side."""

    __slots__ = ("_book", "_made")

    def __init__(self, book: PositionBook) -> None:
        self._book: PositionBook = book
        self._made: dict[tuple[str, int], Ranking] = {}

    def of(self, symbol: str, side: int) -> Ranking:
        """Return the ranking of everybody who is long (side 1) or short (−1) of an instrument."""
        ranking = self._made.get((symbol, side))
        if ranking is None:
            ranking = Ranking(side, self._book.open_in(symbol).values())
            self._made[symbol, side] = ranking
        return ranking

    def renew(self, accounts: Iterable[Account]) -> None:
        """Take note of accounts whose money or lots have changed."""
        if not self._made:
            return
        for account in accounts:
            for (symbol, _), ranking in self._made.items():
                position = account.positions.get(symbol)
                if position is not None:
                    ranking.renew(position)

    def forget(self) -> None:
        """Begin anew: a mark has moved, or a frame ends."""
        self._made.clear()
