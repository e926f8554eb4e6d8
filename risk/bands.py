"""Price bands within which an account is safe, so that a tick looks at nobody else (D9).

The conditions of the ladder are linear in the marks: θ × equity − maintenance margin falls by so
much for each half tick of a symbol. What is left of it, the slack, is shared among an account's
symbols so that all of them may move by the same part of their price; with one symbol the band ends
at the threshold. Maintenance is rounded up per position, for which one atom each is set aside.
Where rates rise with notional all this is linear within a bracket only, so a band ends at its
edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortedcontainers import SortedList

from engine.limits import PPM
from risk.brackets import bracket_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from risk.account import Account
    from risk.messages import SetLiquidation
    from risk.position import Position

Edge = tuple[int, str]
"""Where a band ends, in half ticks, and whose it is."""


class Bands:
    """The bands of one instrument, in two sorted queues: for falling and for rising marks.

    `unbanded` are the positions that must be looked at whenever the mark moves: their account has
    traded since, or stands at a tier. Placing and taking are O(log n); a mark that leaves nobody's
    band costs two comparisons.
    """

    __slots__ = ("_falling", "_rising", "unbanded")

    def __init__(self) -> None:
        self._falling: SortedList[Edge] = SortedList()
        self._rising: SortedList[Edge] = SortedList()
        self.unbanded: dict[str, Position] = {}

    def place(self, position: Position, low_half: int, high_half: int) -> None:
        """Give a position a band; 0 is no end. An old end within the new band is safe, and stays.

        So that an account that trades again and again moves nothing in the queues.
        """
        account_id = position.account.account_id
        self.unbanded.pop(account_id, None)
        mark = position.instrument.mark_half_ticks
        if low_half and not low_half <= position.band_low <= mark:
            if position.band_low:
                self._falling.remove((position.band_low, account_id))
            self._falling.add((low_half, account_id))
            position.band_low = low_half
        if high_half and not high_half >= position.band_high >= mark:
            if position.band_high:
                self._rising.remove((position.band_high, account_id))
            self._rising.add((high_half, account_id))
            position.band_high = high_half

    def left_by(self, mark_half: int, positions: Mapping[str, Position]) -> Iterator[Position]:
        """Take out the ends that a mark has passed and yield whose they are, by the symbol's index.

        A position comes up once for each of its ends that is passed.
        """
        falling, rising = self._falling, self._rising
        while falling and falling[-1][0] > mark_half:
            position = positions[falling.pop()[1]]
            position.band_low = 0
            yield position
        while rising and rising[0][0] < mark_half:
            position = positions[rising.pop(0)[1]]
            position.band_high = 0
            yield position

    def beyond(self, mark_half: int) -> Iterator[str]:
        """Yield whose ends a mark would pass, and who has none to be relied on; change nothing."""
        for low_half, account_id in reversed(self._falling):
            if low_half <= mark_half:
                break
            yield account_id
        for high_half, account_id in self._rising:
            if high_half >= mark_half:
                break
            yield account_id
        yield from self.unbanded

    def __len__(self) -> int:
        return len(self._falling) + len(self._rising)

    def check(self, positions: Mapping[str, Position]) -> None:
        """Assert that queues and positions agree."""
        lows = [(p.band_low, name) for name, p in positions.items() if p.band_low]
        highs = [(p.band_high, name) for name, p in positions.items() if p.band_high]
        assert list(self._falling) == sorted(lows)
        assert list(self._rising) == sorted(highs)
        assert all(positions[account_id] is p for account_id, p in self.unbanded.items())


def unband(account: Account) -> None:
    """Have an account looked at when any symbol it holds moves; its bands are safe no more.

    While it has none, a position that it opens joins by itself (`Position.trade`).
    """
    account.is_banded = False
    for position in account.positions.values():
        if position.lots:
            position.unbanded[account.account_id] = position


class Drift:
    """How far each position's mark may move until `slack` (atoms × ppm) is used up.

    `fall_atoms` is what a half tick down takes from it, negative where a half tick up does. With
    `of_equity` the slack is one of equity alone, whatever must be maintained.
    """

    __slots__ = ("_parts", "_slack", "_weight")

    def __init__(
        self,
        positions: list[Position],
        slack: int,
        threshold_ppm: int,
        sign: int,
        *,
        of_equity: bool = False,
    ) -> None:
        self._slack: int = slack
        self._parts: list[int] = []
        self._weight: int = 0
        for position in positions:
            instrument, lots = position.instrument, position.lots
            rate_ppm = instrument.terms.maintenance_margin_ppm
            if of_equity:
                rate_ppm = 0
            elif instrument.brackets:
                notional = abs(position.value_atoms())
                rate_ppm = bracket_at(instrument.brackets, notional).maintenance_ppm
            fall_atoms = (
                sign * (threshold_ppm * lots - rate_ppm * abs(lots)) * instrument.half_atoms
            )
            self._parts.append(fall_atoms)
            self._weight += abs(fall_atoms) * instrument.mark_half_ticks

    def ends(self, place: int, mark_half: int) -> tuple[int, int]:
        """Return the lowest and the highest mark that is safe for a position; 0 is no end."""
        part = self._parts[place]
        if part == 0:
            return 0, 0
        allowed = self._slack * mark_half // self._weight
        if part > 0:
            return max(0, mark_half - allowed), 0
        return 0, mark_half + allowed


def safe_bands(
    account: Account, equity_atoms: int, maintenance_atoms: int, ladder: SetLiquidation
) -> list[tuple[Position, int, int]]:
    """Return (position, lowest safe mark, highest safe mark) of an account below every tier.

    In half ticks, 0 where there is no end. Within all of them together the account neither crosses
    its next threshold nor, if its margin has been called, goes back over the call's, nor loses what
    would pause its openings (C3). Empty where it stands so close to one that no band is left.
    """
    positions = [p for p in account.positions.values() if p.lots]
    called = account.margin_called
    upper_ppm = ladder.tier1_ppm if called else ladder.margin_call_ppm
    aside = len(positions) * PPM + called
    slack = upper_ppm * equity_atoms - maintenance_atoms * PPM - aside
    drifts = [Drift(positions, slack, upper_ppm, 1)]
    if called:
        call_ppm = ladder.margin_call_ppm
        back = maintenance_atoms * PPM - call_ppm * equity_atoms - aside
        drifts.append(Drift(positions, back, call_ppm, -1))
        slack = min(slack, back)
    floor = None if account.guard is None else account.guard.floor()
    if floor is not None:
        above = (equity_atoms - floor - 1) * PPM
        drifts.append(Drift(positions, above, PPM, 1, of_equity=True))
        slack = min(slack, above)
    if slack < 0:
        return []
    bands: list[tuple[Position, int, int]] = []
    for place, position in enumerate(positions):
        mark = position.instrument.mark_half_ticks
        ends = [drift.ends(place, mark) for drift in drifts]
        if position.instrument.brackets:
            ends.append(_edges(position))
        highs = [high for _, high in ends if high]
        bands.append((position, max(low for low, _ in ends), min(highs, default=0)))
    return bands


def _edges(position: Position) -> tuple[int, int]:
    """Return the lowest and the highest mark at which a position is in its bracket; 0 is none."""
    instrument = position.instrument
    bracket = bracket_at(instrument.brackets, abs(position.value_atoms()))
    half_worth = abs(position.lots) * instrument.half_atoms
    return -(-bracket.bound_atoms // half_worth), bracket.end_atoms // half_worth
