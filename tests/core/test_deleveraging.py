"""Whom a bankrupt position is closed against, and how much of each (D7)."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.waterfall import worst_case_atoms
from matching.terms import MarginBracket
from risk.account import Account
from risk.deleveraging import Candidate, most_lots, quintile, ranked, shared_out
from risk.margin import equity_and_maintenance
from risk.position import Position
from tests.core.holdings import holding, instrument

TIER1_PPM = 900_000


def candidate(position: Position) -> Candidate:
    """Return a position that could be reduced."""
    return Candidate(position, *equity_and_maintenance(position.account))


def takes(wanted: int, held: Sequence[int], most: int) -> dict[tuple[int, int], int]:
    """Share out over positions that may give `most` each: (rank, round) -> lots."""
    shares = shared_out(wanted, held, lambda _, lots: min(lots, most))
    return {(place + 1, number): lots for place, number, lots in shares}


RANKED = (20, 10, 10, 20, 10, 30)
"""Longs 10, 10, 20, 30, 20, 10, ranked 3, 6, 1, 4, 5, 2: by rank 20, 10, 10, 30, 20, 10."""
LONGS = {1: 20, 2: 10, 3: 10, 4: 30, 5: 20, 6: 10}


def test_rank_1_gives_a_short_of_20_in_whole() -> None:
    """The vector of the rule (D7)."""
    assert takes(20, list(LONGS.values()), most=20) == {(1, 1): 20}


def test_victims_capped_at_10_share_it() -> None:
    """10 from rank 1 and 10 from rank 2, and nobody else (D7)."""
    assert takes(20, list(LONGS.values()), most=10) == {(1, 1): 10, (2, 1): 10}


def test_second_round_knows_no_cap_and_keeps_the_ranks() -> None:
    """First what leaves everybody safe, then what is needed (D7)."""
    first = {(1, 1): 3, (2, 1): 3, (3, 1): 3}
    second = {(1, 2): 3, (2, 2): 1, (3, 2): 5}
    assert takes(18, [6, 4, 30], most=3) == first | second


@given(
    wanted=st.integers(1, 60),
    held=st.lists(st.integers(1, 20), max_size=6),
    most=st.integers(0, 20),
)
def test_all_that_is_wanted_is_shared_out_while_there_is_any(
    wanted: int, held: list[int], most: int
) -> None:
    """Nobody gives more than it has, nor in the first round more than it may (D7)."""
    shares = takes(wanted, held, most)

    assert sum(shares.values()) == min(wanted, sum(held))
    for place, has in enumerate(held, start=1):
        first = shares.get((place, 1), 0)
        assert first <= most
        assert first + shares.get((place, 2), 0) <= has
    is_short = sum(min(most, has) for has in held) < wanted
    assert any(number == 2 for _, number in shares) <= is_short


@pytest.mark.parametrize(
    ("count", "quintiles"),
    [(1, [5]), (2, [5, 3]), (5, [5, 4, 3, 2, 1]), (7, [5, 5, 4, 3, 3, 2, 1])],
)
def test_quintile_is_a_fifth_of_the_ranking_rounded_up(count: int, quintiles: list[int]) -> None:
    """Five is the first to be taken (D7)."""
    assert [quintile(rank, count) for rank in range(1, count + 1)] == quintiles


# Ranking

longs = st.builds(
    lambda lots, price, balance, opened_by: (lots, price, balance, opened_by),
    st.integers(1, 6),
    st.integers(1, 12),
    st.integers(-20, 60),
    st.integers(1, 3),
)


@given(longs=st.lists(longs, max_size=7), mark_half=st.integers(1, 24))
def test_ranking_is_that_of_exact_fractions(
    longs: list[tuple[int, int, int, int]], mark_half: int
) -> None:
    """Profit % × leverage, in loss ⁄ leverage; ties by notional, opening, account (D7)."""
    of = instrument(mark_half)
    positions = [
        holding(of, lots, price, balance, f"a{number}", opened_by)
        for number, (lots, price, balance, opened_by) in enumerate(longs)
    ]

    def key(position: Position) -> tuple[Fraction, int, int, str]:
        equity = equity_and_maintenance(position.account)[0]
        profit = Fraction(position.unrealized_atoms(), position.cost_atoms)
        leverage = Fraction(position.value_atoms(), equity)
        score = profit * leverage if profit >= 0 else profit / leverage
        name = position.account.account_id
        return -score, -position.value_atoms(), position.opened_by, name

    solvent = [p for p in positions if equity_and_maintenance(p.account)[0] > 0]
    assert [each.position for each in ranked(positions)] == sorted(solvent, key=key)


def test_the_venues_own_are_no_victims() -> None:
    """The backstop took the risk over; nobody takes it from it again (D6, D7)."""
    of = instrument(200)
    everybody = [holding(of, 1, 90, 50, name) for name in ("backstop", "house", "ann")]

    assert [each.position.account.account_id for each in ranked(everybody)] == ["ann"]


# What one may give


def brute(held: Position, wanted: int, price: int, threshold_ppm: int) -> int:
    """Try every number of lots on a copy, from the most on; `most_lots` without any thought."""
    for lots in range(min(wanted, abs(held.lots)), 0, -1):
        account = Account("twin")
        account.balance_atoms = held.account.balance_atoms
        for symbol, each in held.account.positions.items():
            twin = Position(account, each.instrument, {}, {})
            account.positions[symbol] = twin
            twin.lots, twin.cost_atoms = each.lots, each.cost_atoms
            twin.open_index["twin"] = twin
        sign = 1 if held.lots > 0 else -1
        closed = account.positions[held.instrument.symbol]
        account.balance_atoms += closed.trade(-sign * lots, price, 9)
        equity, maintenance = equity_and_maintenance(account)
        if maintenance * 1_000_000 < threshold_ppm * equity:
            return lots
    return 0


@example(
    lots=3, entry=1, mark_half=2, price=2, balance=1, other=0, atoms=2, rate_ppm=333_333, wanted=3
)
@given(
    lots=st.integers(-40, 40).filter(bool),
    entry=st.integers(1, 30),
    mark_half=st.integers(1, 60),
    price=st.integers(1, 40),
    balance=st.integers(-200, 900),
    other=st.integers(-5, 5),
    atoms=st.sampled_from((2, 4, 10)),
    rate_ppm=st.sampled_from((1, 37, 100_000, 111_111, 333_333, 499_999, 700_001)),
    wanted=st.integers(1, 45),
)
def test_most_lots_is_what_trying_them_all_finds(  # noqa: PLR0917 - named by Hypothesis
    lots: int,
    entry: int,
    mark_half: int,
    price: int,
    balance: int,
    other: int,
    atoms: int,
    rate_ppm: int,
    wanted: int,
) -> None:
    """Maintenance is rounded up, so what is safe need not be one run of numbers (D7)."""
    held = holding(instrument(mark_half, atoms, rate_ppm), lots, entry, balance)
    if other:
        beside = Position(held.account, instrument(20, 2, 100_000, "Y"), {}, {})
        beside.trade(other, 10, 1)
        held.account.positions["Y"] = beside
    equity, _ = equity_and_maintenance(held.account)
    if equity <= 0:
        return

    found = most_lots(candidate(held), wanted, price, TIER1_PPM)

    assert found == brute(held, wanted, price, TIER1_PPM)


@given(
    lots=st.integers(-40, 40).filter(bool),
    mark_half=st.integers(1, 60),
    price=st.integers(1, 40),
    balance=st.integers(-200, 2_000),
    steps=st.lists(st.tuples(st.integers(1, 600), st.integers(1, 400_000)), max_size=3),
    wanted=st.integers(1, 45),
)
def test_most_lots_crosses_the_brackets_of_its_instrument(
    lots: int,
    mark_half: int,
    price: int,
    balance: int,
    steps: list[tuple[int, int]],
    wanted: int,
) -> None:
    """What is left of a position is charged at lower rates than all of it was (B4, D7)."""
    bound, rate_ppm = 0, 50_000
    brackets = [MarginBracket(0, 600_000, rate_ppm)]
    for width, dearer in steps:
        bound, rate_ppm = bound + width, rate_ppm + dearer
        brackets.append(MarginBracket(bound, max(600_000, rate_ppm), rate_ppm))
    traded = instrument(mark_half, 2, 50_000)
    terms = msgspec.structs.replace(traded.terms, margin_brackets=tuple(brackets[: 1 + len(steps)]))
    traded.set_terms(terms if steps else traded.terms, 0)
    held = holding(traded, lots, 15, balance)
    if equity_and_maintenance(held.account)[0] <= 0:
        return

    found = most_lots(candidate(held), wanted, price, TIER1_PPM)

    assert found == brute(held, wanted, price, TIER1_PPM)


@given(
    gain=st.integers(-14, -9),
    slack=st.integers(-3, 3),
    lots=st.integers(1, 60),
    mark_half=st.integers(90, 110),
    side=st.sampled_from((1, -1)),
    rate_ppm=st.sampled_from((99_999, 100_001, 107_143, 111_111)),
)
def test_most_lots_is_right_within_an_atom_of_the_threshold(
    gain: int, slack: int, lots: int, mark_half: int, side: int, rate_ppm: int
) -> None:
    """There rounding decides, where a lot costs about as much equity as it frees margin (D7)."""
    price = (mark_half + side * gain) // 2
    held = holding(instrument(mark_half, 2, rate_ppm), side * lots, 50, 0)
    equity, maintenance = equity_and_maintenance(held.account)
    held.account.balance_atoms = ceil(Fraction(maintenance * 10, 9)) - equity + slack
    if equity_and_maintenance(held.account)[0] <= 0:
        return

    found = most_lots(candidate(held), lots, price, TIER1_PPM)

    assert found == brute(held, lots, price, TIER1_PPM)


def test_victim_is_not_pushed_into_debt_in_the_first_round() -> None:
    """Flat with less than nothing has no ratio, and is no better for it (D7)."""
    short = holding(instrument(150), -10, 100, balance=-400)  # equity 100 at a mark of 75
    assert equity_and_maintenance(short.account)[0] == 100

    assert most_lots(candidate(short), 10, 80, TIER1_PPM) == 0
    assert most_lots(candidate(short), 10, 75, TIER1_PPM) == 10


def test_large_positions_are_not_tried_lot_by_lot() -> None:
    """A trillion lots at a sloping threshold: an answer, not a loop (D7)."""
    lots = 10**12
    of = instrument(200, 10**6)
    held = holding(of, lots, 100, balance=lots * 30 * 10**6)

    found = most_lots(candidate(held), lots, 60, TIER1_PPM)

    # 10 (L − k) = 0.9 (30 L − 40 k): below it while 26 k < 17 L
    assert found == -(-17 * lots // 26) - 1


# The worst case of a takeover


@given(
    mark_half=st.integers(1, 400),
    price=st.integers(1, 400),
    lots=st.integers(1, 50),
    side=st.sampled_from((1, -1)),
)
def test_worst_case_is_the_distance_to_the_adverse_mark(
    mark_half: int, price: int, lots: int, side: int
) -> None:
    """The mark moved by the collar against the new owner, rounded up to an atom (D6)."""
    adverse = Fraction(mark_half, 2) * (1 + side * Fraction(5, 100))

    expected = ceil(lots * 2 * abs(price - adverse))
    assert worst_case_atoms(instrument(mark_half), side, lots, price) == expected
