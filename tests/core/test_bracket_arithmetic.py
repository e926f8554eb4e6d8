"""The arithmetic of margin brackets against fractions and against the plainest definition (B4)."""

from fractions import Fraction
from itertools import pairwise
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from engine.limits import MAX_BRACKET_ATOMS, PPM
from matching.terms import MarginBracket, Terms
from risk.account import Account
from risk.brackets import Bracket, Brackets, bracket_at, bracketed_maintenance_atoms, brackets_of
from risk.instrument import Instrument
from risk.position import Position
from risk.tiers import tier_price_ticks
from tests.core.market import Market

RATES = st.lists(st.integers(1, 700_000), min_size=2, max_size=6).map(sorted)
WIDTHS = st.lists(st.integers(1, 10**9), min_size=6, max_size=6)
NOTIONALS = st.integers(0, 10**10)


def _terms(rates: list[int], widths: list[int]) -> Terms:
    """Return terms with a bracket for each rate, each as wide as said; initial is a third more."""
    bound, given_brackets = 0, []
    for rate, width in zip(rates, widths, strict=False):
        given_brackets.append(MarginBracket(bound, min(PPM, rate * 4 // 3 + 1), rate))
        bound += width
    return Terms(
        symbol="X",
        tick_units=1,
        price_decimals=0,
        lot_units=1,
        quantity_decimals=0,
        contract_units=1,
        contract_decimals=0,
        atoms_per_tick_lot=2,
        initial_margin_ppm=given_brackets[0].initial_ppm,
        maintenance_margin_ppm=rates[0],
        max_leverage_ppm=PPM,
        maker_fee_ppm=0,
        taker_fee_ppm=0,
        collar_ppm=1,
        mark_source=Market().kernel.state.markets["X"].instrument.terms.mark_source,
        margin_brackets=tuple(given_brackets),
    )


def _brackets(rates: list[int], widths: list[int]) -> Brackets:
    return brackets_of(_terms(rates, widths))


def _marginal(brackets: Brackets, notional: int) -> int:
    """Charge each part of a notional at its own bracket's rate; round up once."""
    bounds = [bracket.bound_atoms for bracket in brackets]
    charged = Fraction(0)
    for bracket, end in zip(brackets, [*bounds[1:], max(notional, bounds[-1])], strict=True):
        part = max(0, min(notional, end) - bracket.bound_atoms)
        charged += Fraction(part * bracket.maintenance_ppm, PPM)
    return ceil(charged)


@given(RATES, WIDTHS, NOTIONALS)
def test_maintenance_is_charged_bracket_by_bracket(
    rates: list[int], widths: list[int], notional: int
) -> None:
    """The deduction says in one step what a tax table says in many (B4)."""
    brackets = _brackets(rates, widths)

    assert bracketed_maintenance_atoms(brackets, notional) == _marginal(brackets, notional)


@given(RATES, WIDTHS)
def test_maintenance_is_continuous(rates: list[int], widths: list[int]) -> None:
    """At a bound both brackets ask the same: crossing it liquidates nobody by itself (B4)."""
    brackets = _brackets(rates, widths)

    for below, above in pairwise(brackets):
        bound = above.bound_atoms
        asked = [bound * each.maintenance_ppm - each.deduction for each in (below, above)]
        assert asked[0] == asked[1]
        assert bracket_at(brackets, bound) is above
        assert bracket_at(brackets, bound - 1) is below


def test_bounds_may_be_as_large_as_a_snapshot_can_write() -> None:
    """Deductions are never written down, so that they may be larger (B4)."""
    brackets = _brackets([1, PPM], [MAX_BRACKET_ATOMS, 1])

    assert brackets[1].deduction == MAX_BRACKET_ATOMS * (PPM - 1)
    assert bracketed_maintenance_atoms(brackets, MAX_BRACKET_ATOMS) == MAX_BRACKET_ATOMS // PPM


def _held(terms: Terms, lots: int, cost: int, balance: int, mark_half: int) -> Position:
    """Return the one position of an account."""
    market = Market().kernel.state.markets["X"]
    instrument = Instrument(terms, market.instrument.state)
    instrument.mark_half_ticks = mark_half
    account = Account("ann")
    account.balance_atoms = balance
    position = Position(account, instrument, {}, {})
    account.positions["X"] = position
    position.lots, position.cost_atoms = lots, cost
    return position


@given(
    RATES,
    st.lists(st.integers(1, 50_000), min_size=6, max_size=6),
    st.sampled_from((-20, -3, 1, 7)),
    st.integers(-40_000, 120_000),
    st.sampled_from((700_001, 900_000, 950_000, PPM)),
)
def test_tier_price_is_where_the_ratio_crosses(
    rates: list[int], widths: list[int], lots: int, balance: int, threshold: int
) -> None:
    """Whatever bracket it lies in: a tick on one side reaches the threshold, the other not (D3)."""
    terms = _terms(rates, widths)
    position = _held(terms, lots, lots * 2_000, balance, 2_000)
    brackets = position.instrument.brackets

    def reaches(ticks: int) -> bool:
        value = 2 * lots * ticks
        equity = balance + value - position.cost_atoms
        return _exact(brackets, abs(value)) * PPM >= threshold * equity

    price = tier_price_ticks(position, threshold)

    if price is None:
        far = (1, 10**9) if lots > 0 else (10**9, 1)
        assert reaches(far[1]) == reaches(far[0]) or reaches(1)
        return
    inward = 1 if lots > 0 else -1
    assert not reaches(price + inward)
    assert reaches(price - inward) or price - inward == 0


def _exact(brackets: Brackets, notional: int) -> Fraction:
    bracket: Bracket = bracket_at(brackets, notional)
    return Fraction(notional * bracket.maintenance_ppm - bracket.deduction, PPM)
