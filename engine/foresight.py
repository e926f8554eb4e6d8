"""What would happen to an account next, and at which price: pure questions to a State (D1, D2).

Each is asked of a twin of the account whose marks may be moved, so that margins, order of positions
and slices are those of the rules themselves. One symbol's mark moves, the others stay; what the
account's orders, or others' liquidations, would do on the way is not looked at.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, NamedTuple

from engine.limits import PPM
from matching.terms import MarketState, MarkSource
from risk.margin import equity_and_maintenance
from risk.tiers import largest_first, slice_lots, tier_reached, tier_share_ppm

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.state import State
    from risk.account import Account
    from risk.instrument import Instrument
    from risk.messages import SetLiquidation

_MOST_DOUBLINGS = 48
_CLOSEST = 16


class Closing(NamedTuple):
    """A slice that would be closed: of a symbol, so many of the lots held (signed)."""

    symbol: str
    lots: int
    held_lots: int


class Foreseen(NamedTuple):
    """A rung of the ladder that lies ahead, or that the account stands at.

    `tier` 0 is the margin call. `symbol` is the one whose mark has the least part of its price to
    go; `mark_half` is where (in half ticks), `marks` the same by symbol, None where a symbol alone
    does not bring it about. All of them are empty where the account stands at the tier already.
    `cancels` are the orders that would go before anything is closed; `waits_for` are symbols whose
    market is not open or whose price is stale: nothing is closed in those until it is.
    """

    tier: int
    threshold_ppm: int
    symbol: str = ""
    mark_half: int = 0
    marks: tuple[tuple[str, int | None], ...] = ()
    cancels: tuple[str, ...] = ()
    closings: tuple[Closing, ...] = ()
    waits_for: tuple[str, ...] = ()

    @property
    def is_now(self) -> bool:
        """Tell whether the account stands there already."""
        return not self.symbol


def foresee(state: State, account: Account) -> list[Foreseen]:
    """Return what comes next: a margin call and the tier after it, a tier, or nothing.

    Nothing comes to the venue's own accounts, to those without a position, and where no single
    price brings it about. Linear in the positions, for some hundred marks of each.
    """
    if account.is_reserved or not any(p.lots for p in account.positions.values()):
        return []
    ladder = state.ladder
    twin = twin_of(account)
    equity, maintenance = equity_and_maintenance(twin)
    tier = tier_reached(maintenance, equity, ladder)
    if tier:
        closings, waiting = _closings(state, twin, tier)
        cancels = _cancels(state, account) if closings else ()
        threshold = _threshold_ppm(ladder, tier)
        return [Foreseen(tier, threshold, "", 0, (), cancels, closings, waiting)]
    found: list[Foreseen] = []
    if _is_called(twin, ladder):
        if not account.margin_called:
            found.append(Foreseen(0, ladder.margin_call_ppm))
    else:
        call = _rung(state, account, twin, 0)
        if call is not None:
            found.append(call)
            if call.tier:
                return found  # no price lies between the two
    first = _rung(state, account, twin, 1)
    return found if first is None else [*found, first]


def twin_of(account: Account) -> Account:
    """Return a copy of an account and all it holds, whose marks may be moved freely."""
    twin = copy(account)
    twin.positions = {}
    for symbol, position in account.positions.items():
        if position.lots:
            held = twin.positions[symbol] = copy(position)
            held.account = twin
            held.instrument = copy(position.instrument)
    return twin


def _threshold_ppm(ladder: SetLiquidation, tier: int) -> int:
    return (ladder.margin_call_ppm, ladder.tier1_ppm, ladder.tier2_ppm, ladder.tier3_ppm)[tier]


def _is_called(twin: Account, ladder: SetLiquidation) -> bool:
    """Tell whether the ratio lies above the margin call's threshold, not at it (D1)."""
    equity, maintenance = equity_and_maintenance(twin)
    return maintenance > 0 and maintenance * PPM > ladder.margin_call_ppm * equity


def _rung(state: State, account: Account, twin: Account, tier: int) -> Foreseen | None:
    """Return the first rung, at least of a tier, that one symbol's mark would reach."""
    ladder = state.ladder

    def is_reached() -> bool:
        if tier == 0:
            return _is_called(twin, ladder)
        equity, maintenance = equity_and_maintenance(twin)
        return tier_reached(maintenance, equity, ladder) >= tier

    marks: dict[str, int | None] = {}
    nearest: tuple[int, int, str] | None = None  # how far, of what: compared as a fraction
    for symbol, position in sorted(twin.positions.items()):
        mark = position.instrument.mark_half_ticks
        marks[symbol] = found = _nearest_mark(position.instrument, is_reached)
        if found is None:
            continue
        way = abs(found - mark)
        if nearest is None or way * nearest[1] < nearest[0] * mark:
            nearest = way, mark, symbol
    if nearest is None:
        return None
    symbol = nearest[2]
    moved = twin.positions[symbol].instrument
    mark, moved.mark_half_ticks = moved.mark_half_ticks, marks[symbol] or 0
    equity, maintenance = equity_and_maintenance(twin)
    reached = tier_reached(maintenance, equity, ladder)
    closings, waiting = _closings(state, twin, reached, moved.symbol)
    mark_half, moved.mark_half_ticks = moved.mark_half_ticks, mark
    cancels = _cancels(state, account) if closings else ()
    threshold = _threshold_ppm(ladder, reached)
    places = tuple(marks.items())
    return Foreseen(reached, threshold, symbol, mark_half, places, cancels, closings, waiting)


def _nearest_mark(instrument: Instrument, is_reached: Callable[[], bool]) -> int | None:
    """Return the mark nearest to the present one at which something is reached, or None.

    What is safe is an interval of marks, since rates never fall with notional: each of its ends is
    found by halving. Where a half tick is worth about an atom, rounding may blur an end; the marks
    closest to it are looked at one by one. Leaves the mark as it was.
    """
    mark = instrument.mark_half_ticks
    # A mid may lie between two ticks and needs a bid below it; other marks are whole ticks.
    is_mid = instrument.terms.mark_source is MarkSource.L1_MID
    step, lowest = (1, 3) if is_mid else (2, 1)

    def reached(number: int) -> bool:
        instrument.mark_half_ticks = number * step
        return is_reached()

    found = [
        _end(reached, -(-mark // step), lowest),
        _end(reached, mark // step, _further(reached, mark // step)),
    ]
    instrument.mark_half_ticks = mark
    ends = [number * step for number in found if number]
    return min(ends, key=lambda at: abs(at - mark), default=None)


def _further(reached: Callable[[int], bool], start: int) -> int:
    """Return a number above `start` at which it is reached, or else the highest looked at."""
    for doublings in range(1, _MOST_DOUBLINGS):
        if reached(start << doublings):
            break
    return start << doublings


def _end(reached: Callable[[int], bool], start: int, far: int) -> int:
    """Return the number nearest to `start`, on the way to `far`, at which it is reached, or 0."""
    way = 1 if far > start else -1
    if way * (far - start) <= 0 or not reached(far):
        return 0
    safe, beyond = start, far
    while abs(beyond - safe) > 1:
        middle = (safe + beyond) // 2
        if reached(middle):
            beyond = middle
        else:
            safe = middle
    closest = max(way * start + 1, way * beyond - _CLOSEST) * way
    return next((at for at in range(closest, beyond, way) if reached(at)), beyond)


def _closings(
    state: State, twin: Account, tier: int, moved: str = ""
) -> tuple[tuple[Closing, ...], tuple[str, ...]]:
    """Return what the tier would close of the twin, and the symbols that it would wait for (D2).

    The price of the symbol that `moved` is fresh by then.
    """
    if tier == 0:
        return (), ()
    largest = largest_first(twin)
    closings: list[Closing] = []
    waiting: list[str] = []
    for position in largest if tier == 3 else largest[:1]:
        instrument = position.instrument
        is_fresh = instrument.symbol == moved or not instrument.is_stale(state.now_us)
        if instrument.state is MarketState.OPEN and is_fresh:
            lots = slice_lots(position, tier_share_ppm(tier, state.ladder))
            closings.append(Closing(instrument.symbol, lots, position.lots))
        else:
            waiting.append(instrument.symbol)
    return tuple(closings), tuple(waiting)


def _cancels(state: State, account: Account) -> tuple[str, ...]:
    """Return the orders that would be cancelled first: all that do not only reduce (D2)."""
    orders = state.live[account.account_id].values()
    return tuple(order.client_order_id for order in orders if not order.reduces_only)
