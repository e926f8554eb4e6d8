"""The price at which an auction ends, against trying every tick there is (A14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.auction import Depth, uncross_price

LOWEST, HIGHEST = 1, 40
LEVELS = st.dictionaries(
    st.one_of(st.integers(LOWEST, HIGHEST), st.sampled_from((10, 11, 20))), st.integers(1, 6)
).map(lambda levels: list(levels.items()))
REFERENCES = st.integers(0, 2 * HIGHEST + 20)


def every_tick(bids: list[Depth], asks: list[Depth], reference_half: int) -> tuple[int, ...] | None:
    """Return price, volume and imbalance by looking at every tick of the scale, and far beyond."""
    best: tuple[int, ...] | None = None
    for price in range(1, 3 * HIGHEST):
        buying = sum(lots for at, lots in bids if at >= price)
        selling = sum(lots for at, lots in asks if at <= price)
        if min(buying, selling) == 0:
            continue
        away = abs(2 * price - reference_half) if reference_half else 0
        rank = (-min(buying, selling), abs(buying - selling), away, price, buying - selling)
        if best is None or rank < best:
            best = rank
    return None if best is None else (best[3], -best[0], best[4])


@given(bids=LEVELS, asks=LEVELS, reference_half=REFERENCES)
def test_price_is_the_best_of_all_ticks(
    bids: list[Depth], asks: list[Depth], reference_half: int
) -> None:
    """Volume, imbalance, nearness, lower price: no tick that is not tried is better (A14)."""
    found = uncross_price(bids, asks, reference_half)

    told = None if found is None else (found.price_ticks, found.volume_lots, found.imbalance_lots)
    assert told == every_tick(bids, asks, reference_half)


@pytest.mark.parametrize(
    ("bids", "asks", "reference_half", "expected"),
    [
        # 7 can trade at 99 and at 100, fewer elsewhere: most volume leads
        ([(101, 5), (100, 2), (98, 3)], [(97, 4), (99, 6)], 0, (99, 7, -3)),
        # 5 trade anywhere from 99 to 101; at 99 nothing is left over
        ([(101, 5)], [(99, 5), (100, 2)], 0, (99, 5, 0)),
        # 5 trade anywhere from 95 to 105: nearest the reference, that is the lower of two
        ([(105, 5)], [(95, 5)], 201, (100, 5, 0)),
        ([(105, 5)], [(95, 5)], 203, (101, 5, 0)),
        ([(105, 5)], [(95, 5)], 2_000, (105, 5, 0)),
        ([(105, 5)], [(95, 5)], 2, (95, 5, 0)),
        # no reference: the lower
        ([(105, 5)], [(95, 5)], 0, (95, 5, 0)),
        # between orders: nobody's price, and the only one without anything left over
        ([(105, 5), (100, 3)], [(95, 5), (102, 4)], 203, (101, 5, 0)),
        ([(99, 5)], [(100, 5)], 0, None),
        ([], [(100, 5)], 0, None),
    ],
)
def test_price_of_an_auction_by_example(
    bids: list[Depth], asks: list[Depth], reference_half: int, expected: tuple[int, ...] | None
) -> None:
    """What a trader would expect, one step of the rule after the other (A14)."""
    found = uncross_price(bids, asks, reference_half)

    told = None if found is None else (found.price_ticks, found.volume_lots, found.imbalance_lots)
    assert told == expected
    assert told == every_tick(bids, asks, reference_half)


@given(
    bids=st.lists(st.tuples(st.integers(1, 10**12), st.integers(1, 10**12)), max_size=8),
    asks=st.lists(st.tuples(st.integers(1, 10**12), st.integers(1, 10**12)), max_size=8),
)
def test_price_is_found_on_any_scale(bids: list[Depth], asks: list[Depth]) -> None:
    """It takes as long for a spread of a billion ticks as for one of two (A14)."""
    found = uncross_price(bids, asks, 1)

    crosses = bool(bids and asks) and max(bids)[0] >= min(asks)[0]
    assert (found is not None) == crosses
    if found is not None:
        assert min(asks)[0] <= found.price_ticks <= max(bids)[0]
        assert found.volume_lots > 0
