"""Where a breaker's levels lie, exactly, and what its index and its holds remember (E2)."""

from fractions import Fraction

import pytest

from engine.limits import NEVER_US
from matching.terms import BreakerLevel, MarketState, MarkSource, Terms
from risk.breakers import Holds, Index, Watch, level_reached
from risk.instrument import Instrument

LEVELS = tuple(BreakerLevel(ppm, 60_000_000, auction=False) for ppm in (50_000, 100_000, 200_000))


def _instrument(symbol: str, mark_half: int, numerator: int, denominator: int) -> Instrument:
    """Return an instrument at a mark that is watched from a reference."""
    terms = Terms(
        symbol=symbol,
        tick_units=1,
        price_decimals=2,
        lot_units=1,
        quantity_decimals=0,
        contract_units=1,
        contract_decimals=0,
        atoms_per_tick_lot=10**6,
        initial_margin_ppm=200_000,
        maintenance_margin_ppm=100_000,
        max_leverage_ppm=5_000_000,
        maker_fee_ppm=0,
        taker_fee_ppm=0,
        collar_ppm=50_000,
        mark_source=MarkSource.PUSHED,
        breakers=LEVELS,
    )
    instrument = Instrument(terms, MarketState.OPEN)
    assert instrument.watch is not None
    instrument.watch.begin(numerator, denominator)
    instrument.mark_half_ticks = mark_half
    return instrument


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("distance", "reached"),
    [(0, 0), (499, 0), (500, 1), (999, 1), (1_000, 2), (1_999, 2), (2_000, 3), (9_000, 3)],
)
def test_the_threshold_itself_is_reached(sign: int, distance: int, reached: int) -> None:
    """Up as down, and never a part of a tick before (E2)."""
    assert level_reached(LEVELS, sign * distance, 10_000) == reached


@pytest.mark.parametrize(("mark_half", "reached"), [(190, 1), (191, 0), (209, 0), (210, 1)])
def test_half_a_tick_decides(mark_half: int, reached: int) -> None:
    """A mark is counted in half ticks, from 100 ticks here (E2)."""
    watch = Watch()
    watch.begin(100, 1)

    assert watch.level_at(LEVELS, mark_half) == reached


def test_reference_between_two_ticks_is_kept_exactly() -> None:
    """Five per cent below 301 ⁄ 3 is 95.31666…: 95.5 ticks are above it, 95 below (E2)."""
    watch = Watch()
    watch.begin(301 * 10, 3 * 10)

    assert (watch.numerator, watch.denominator) == (301, 3)
    assert Fraction(191, 2) > Fraction(301, 3) * Fraction(95, 100) > 95
    assert [watch.level_at(LEVELS, mark) for mark in (191, 190)] == [0, 1]
    watch.check(LEVELS)


def test_new_window_forgets_what_tripped() -> None:
    """Another day, another reference (E2)."""
    watch = Watch()
    watch.begin(100, 1)
    watch.tripped = 3

    watch.begin(80, 1)

    assert (watch.tripped, watch.level_at(LEVELS, 153)) == (0, 0)


def test_index_is_the_weighted_sum_of_what_each_has_moved() -> None:
    """Exactly, though the references have nothing in common (E2)."""
    marks = {"A": (190, 301, 3), "B": (77, 40, 7), "C": (1, 2, 9)}
    weights = {"A": 5, "B": 1, "C": 10**6}
    index = Index()
    index.weights = dict(weights)
    instruments = [_instrument(symbol, *mark) for symbol, mark in marks.items()]

    index.gather(instruments)
    total, whole = index.value()

    expected = sum(
        weights[symbol] * Fraction(half, 2) / Fraction(numerator, denominator)
        for symbol, (half, numerator, denominator) in marks.items()
    )
    assert Fraction(total, whole) == expected / sum(weights.values())
    instruments[1].mark_half_ticks = 154
    assert Fraction(*index.value()) - Fraction(total, whole) == Fraction(77 * 7, 80 * 1_000_006)
    index.check()


def test_instruments_without_a_price_do_not_count_yet() -> None:
    """What nobody has priced has not fallen either (E2)."""
    index = Index()
    index.weights = {"A": 1, "B": 99, "C": 99}

    index.gather([_instrument("A", 190, 100, 1), _instrument("B", 0, 100, 1)])

    assert Fraction(*index.value()) == Fraction(95, 100)
    index.gather([_instrument("C", 190, 0, 1)])
    assert index.value() == (0, 0)


def test_holds_end_in_their_order() -> None:
    """The first end is what the engine waits for; an operator's has none (E2)."""
    holds = Holds()
    holds.hold(["B", "A"], 500)
    holds.hold(["C"], 400)
    holds.hold(["D"], NEVER_US)
    holds.check()

    assert holds.next_us == 400
    assert holds.take_due(399) == []
    assert holds.take_due(500) == ["A", "B", "C"]
    assert (holds.next_us, holds.ends_us) == (NEVER_US, {"D": NEVER_US})
    holds.release(["D", "E"])
    holds.check()
    assert holds.ends_us == {}


def test_later_end_counts() -> None:
    """A market that two breakers hold opens when both let go (E2)."""
    holds = Holds()
    holds.hold(["A"], 900)
    holds.hold(["A"], 300)
    assert holds.next_us == 900

    holds.hold(["A"], 1_200)
    assert holds.next_us == 1_200
