"""The initial margin of a position under any leverage and any brackets, in fractions (B3)."""

from fractions import Fraction
from math import ceil

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.limits import PPM
from matching.terms import MarginBracket
from risk.account import Account
from risk.instrument import Instrument
from risk.position import Position
from tests.core.market import Market

X = Market().kernel.state.markets["X"].instrument
LEVERAGES = st.one_of(st.just(0), st.integers(PPM, 20 * PPM))
BRACKETS = (
    MarginBracket(0, 150_000, 50_000),
    MarginBracket(10_000, 250_000, 100_000),
    MarginBracket(50_000, 600_000, 300_000),
)


@given(
    st.integers(-40_000, 40_000),
    st.integers(0, 60_000),
    st.integers(0, 60_000),
    st.tuples(LEVERAGES, LEVERAGES),
    st.sampled_from(((), BRACKETS)),
)
def test_margin_is_that_of_the_worse_side_at_the_dearer_rate(
    lots: int,
    bought: int,
    sold: int,
    leverages: tuple[int, int],
    brackets: tuple[MarginBracket, ...],
) -> None:
    """1 ⁄ the least leverage, or the bracket's rate; asked before as it is charged after (B3)."""
    initial_ppm = brackets[0].initial_ppm if brackets else X.terms.initial_margin_ppm
    terms = msgspec.structs.replace(
        X.terms, margin_brackets=brackets, initial_margin_ppm=initial_ppm
    )
    instrument, account = Instrument(terms, X.state), Account("ann")
    instrument.half_atoms, instrument.mark_half_ticks = 1, 2
    account.leverage_ppm, own_ppm = leverages
    position = Position(account, instrument, {}, {})
    position.lots = lots
    position.hold(1, bought, bought, 0)
    position.hold(-1, sold, sold, 0)

    asked = position.initial_atoms_at(own_ppm)
    position.own_leverage_ppm = own_ppm
    position.set_margin_rate()

    sides = [2 * lots + bought] if bought + lots > 0 else []
    sides += [sold - 2 * lots] if sold - lots > 0 else []
    worse = max(2 * abs(lots), *sides, 0)
    used = min(filter(None, (terms.max_leverage_ppm, *leverages)))
    rates = [bracket.initial_ppm for bracket in brackets if bracket.notional_atoms <= worse]
    rate = max(Fraction(PPM, used), Fraction((rates or [initial_ppm])[-1], PPM))
    assert asked == position.initial_atoms() == ceil(worse * rate)
    assert position.leverage_used_ppm == used
