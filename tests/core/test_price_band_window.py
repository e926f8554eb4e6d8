"""The window behind a price band, against a list of everything that ever happened (E1)."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.price_band import DAY_US, PriceBand, bounds_around, session_of
from tests.core.market import Market

Trade = tuple[int, int, int]

WAITS = st.sampled_from((0, 0, 1, 2, 98, 150, 299, 300, 301, 1_000))
TRADES = st.lists(st.tuples(WAITS, st.integers(1, 10**12), st.integers(1, 10**12)), max_size=30)


def naive_reference(trades: list[Trade], second: int) -> Fraction | None:
    """Return the volume-weighted price of what is less than 300 seconds old, by going over all."""
    young = [(price, lots) for at, price, lots in trades if at > second - 300]
    if not young:
        return None
    return Fraction(sum(price * lots for price, lots in young), sum(lots for _, lots in young))


@given(trades=TRADES, last_wait=WAITS)
def test_window_is_the_volume_weighted_price_of_five_minutes(
    trades: list[Trade], last_wait: int
) -> None:
    """300 whole seconds, the present one included; what is older no longer counts (E1)."""
    band, second, seen = PriceBand(), 0, list[Trade]()
    for wait, price, lots in trades:
        second += wait
        band.record(second, price, lots)
        seen.append((second, price, lots))
        assert Fraction(*band.reference(second)) == naive_reference(seen, second)
        band.check()
    second += last_wait
    counted = [at for at, _, _ in band.buckets(second)]
    assert counted == sorted({at for at, _, _ in seen if at > second - 300})

    twin = PriceBand()
    twin.restore(band.open_half, band.session, list(band.buckets(second)))

    for each in (band, twin):
        assert Fraction(*each.reference(second)) == (naive_reference(seen, second) or 0)
        each.check()
    assert list(twin.buckets(second)) == list(band.buckets(second))


@given(
    reference=st.fractions(Fraction(1, 2), 10**9, max_denominator=10**6),
    band_ppm=st.integers(1, 999_999),
)
def test_bounds_are_the_outermost_ticks_within(reference: Fraction, band_ppm: int) -> None:
    """Rounded into the band, so that no price outside is ever let in (E1)."""
    lowest, highest = bounds_around(reference.numerator, reference.denominator, band_ppm)

    band = Fraction(band_ppm, 10**6)
    assert lowest == max(1, ceil(reference * (1 - band)))
    assert highest == floor(reference * (1 + band))


@given(prices=st.lists(st.tuples(st.sampled_from((0, 1, 1, 2, 5)), st.integers(2, 9)), min_size=1))
def test_session_opens_at_its_first_price(prices: list[tuple[int, int]]) -> None:
    """And the open of the session before stands in until there is one (E1)."""
    band, session, seen = PriceBand(), 0, dict[int, int]()
    for later, half in prices:
        session += later
        band.note_price(half, session)
        seen.setdefault(session, half)
        assert Fraction(*band.reference(0)) == Fraction(seen[session], 2)


@pytest.mark.parametrize(
    ("now_us", "minute", "session"),
    [
        (0, -1, 0),
        (DAY_US - 1, -1, 0),
        (DAY_US, -1, 1),
        (DAY_US, 0, 1),
        (DAY_US + 17 * 3_600_000_000, 17 * 60, 1),
        (DAY_US + 17 * 3_600_000_000 - 1, 17 * 60, 0),
        (0, 1, -1),
    ],
)
def test_session_turns_at_its_end(now_us: int, minute: int, session: int) -> None:
    """A new day begins where the day orders of the old one leave; else at midnight (E1, A3)."""
    assert session_of(now_us, minute) == session


def test_band_survives_a_restart_within_its_window() -> None:
    """Buckets, open and session: whatever comes next is asked of the same bounds (E1, F)."""
    market = Market(price_band="0.05", session_end="00:02")
    market.play("""
        alice sell 10@101
        alice sell 10@104
        bob   buy  7@101
        wait 120000
        mark 99
        bob   buy  9@104
        wait 100000
        mark 98
    """)
    assert market.refusals == []
    twin = market.restarted()
    assert twin.hash() == market.hash()
    later = """
        carol sell 1@107.15
        carol buy  1@96.96
        carol buy  1@96.95
        wait 85000
        carol buy  1@97.5
        carol sell 1@108.68
        carol sell 1@108.69
        wait 120000
        carol buy  1@94.05
        carol sell 1@103.96
        carol buy  1@94.04
        wait 86400000
        mark 120
        carol sell 1@126
        carol buy  1@113.99
    """
    for line in later.strip().splitlines():
        for each in (market, twin):
            each.forget()
            each.play(line)
        assert twin.events == market.events, line
        twin = twin.restarted()
        assert twin.hash() == market.hash()


def test_instrument_without_a_band_records_nothing() -> None:
    """Who does not use it pays nothing for it; switching it off forgets all (E1)."""
    market = Market()

    def band() -> PriceBand | None:
        return market.kernel.state.markets["X"].instrument.band

    market.play("""
        alice sell 2@101
        bob   buy  1@101
    """)
    assert band() is None

    market.play("change X price_band=0.02\n bob buy 1@101")
    begun = band()
    assert begun is not None
    assert (begun.open_half, len(list(begun.buckets(1)))) == (20_000, 1)

    market.play("change X price_band=0")
    assert band() is None
    market.play("change X price_band=0.02")
    anew = band()
    assert anew is not None
    assert list(anew.buckets(1)) == []
