"""Looks at accounts are bounded, whatever way their prices take, and counted (D9)."""

import pytest

from engine.cli.bench_looks import approach, most_looks
from tests.core.market import Market


@pytest.mark.parametrize("stride", [1, 2, 7])
@pytest.mark.parametrize("instruments", [1, 2, 5, 20])
def test_looks_on_the_way_to_a_threshold_are_bounded(instruments: int, stride: int) -> None:
    """About n × ln(way ⁄ n) and n more, however finely the ticks come (D9)."""
    way = approach(instruments, stride)
    assert way.percent > 19.9, "called as planned"
    assert way.looks <= way.holders * most_looks(instruments, way.half_ticks)


def test_finer_ticks_cost_no_more_than_the_logarithm() -> None:
    """A look for each of 2,000 ticks would be the scan that bands are there to avoid."""
    assert approach(5).looks_per_percent < 2
    assert approach(1).looks_per_percent == 0.05, "one look, at the threshold"


def test_looks_count_accounts_and_moves_count_marks() -> None:
    """A tick over safe positions is a move without a look; counting is no state."""
    market = Market()
    market.play("""
        deposit bob 400
        mm  sell 1@100
        bob buy 1@100
        mark 99.9
        mark 100
    """)
    kernel = market.kernel
    looks, moves = kernel.looks, kernel.moves
    market.play("mark 100.01")
    assert (kernel.looks, kernel.moves) == (looks, moves + 1)
    again = market.restarted()
    assert (again.kernel.looks, again.kernel.moves) == (0, 0)
    assert again.hash() == market.hash()
