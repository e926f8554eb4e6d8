"""A ranking that is kept is the one that would be made anew, whatever has happened (D7)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.waterfall import Waterfall
from risk.deleveraging import Candidate, ranked
from risk.position import Position
from risk.ranking import Ranking, Rankings
from tests.core.holdings import holding, instrument
from tests.core.market import Market

Change = tuple[int, str, int, int]

holdings = st.tuples(st.integers(-6, 6).filter(bool), st.integers(1, 12), st.integers(-20, 60))
changes = st.tuples(
    st.integers(0, 5),
    st.sampled_from(("X", "Y", "money")),
    st.integers(-9, 9).filter(bool),
    st.integers(1, 12),
)


def _figures(candidates: list[Candidate]) -> list[tuple[object, ...]]:
    names = [name for name in Candidate.__slots__ if name != "position"]
    return [(id(c.position), *(getattr(c, name) for name in names)) for c in candidates]


def _anew(positions: list[Position], side: int) -> list[Candidate]:
    return ranked(position for position in positions if position.lots * side > 0)


def _change(position: Position, change: Change, trade_id: int) -> None:
    """Pay something, or trade in either of the account's two instruments."""
    _, what, amount, price = change
    account = position.account
    if what == "money":
        account.balance_atoms += amount
    else:
        account.balance_atoms += account.positions[what].trade(amount, price, trade_id)


@given(
    held=st.lists(holdings, min_size=6, max_size=6),
    batches=st.lists(st.lists(changes, max_size=4), max_size=6),
    marks=st.tuples(st.integers(1, 24), st.integers(1, 24)),
)
def test_kept_ranking_is_the_one_made_anew(
    held: list[tuple[int, int, int]], batches: list[list[Change]], marks: tuple[int, int]
) -> None:
    """Fills that reduce, end, turn or begin a position, and money, of whoever is named (D7)."""
    of, other = instrument(marks[0]), instrument(marks[1], symbol="Y")
    positions = [
        holding(of, lots, price, balance, f"a{number}", number % 3)
        for number, (lots, price, balance) in enumerate(held)
    ]
    for position in positions:
        position.account.positions["Y"] = Position(position.account, other, {}, {})
    rankings = {side: Ranking(side, positions) for side in (1, -1)}

    for trade_id, batch in enumerate(batches, start=9):
        for change in batch:
            _change(positions[change[0]], change, trade_id)
        for number in {change[0] for change in batch}:
            for ranking in rankings.values():
                ranking.renew(positions[number])
        for side, ranking in rankings.items():
            kept, made = ranking.first(99), _anew(positions, side)
            assert _figures(kept) == _figures(made)


def test_position_that_turned_round_is_found_where_it_was() -> None:
    """It is another position since, and was the oldest among equals (D7)."""
    of = instrument(200)
    names = {"ann": 1, "bob": 2, "cy": 3}
    held = {name: holding(of, 2, 90, 50, name, trade_id) for name, trade_id in names.items()}
    ranking = Ranking(1, held.values())

    held["ann"].trade(-5, 100, 9)
    ranking.renew(held["ann"])

    assert [c.position for c in ranking.first(9)] == [held["bob"], held["cy"]]


def _compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have each ranking that an action asks for made anew, too; return how many were kept."""
    ask, make = Waterfall._ranking, Rankings.of
    known: list[int] = []

    def of(rankings: Rankings, symbol: str, side: int) -> Ranking:
        if (symbol, side) in rankings._made:
            known.append(side)
        return make(rankings, symbol, side)

    def asked(waterfall: Waterfall, symbol: str, side: int) -> list[Candidate]:
        kept = ask(waterfall, symbol, side)
        everybody = list(waterfall._state.positions.open_in(symbol).values())
        assert _figures(kept) == _figures(_anew(everybody, side))
        return kept

    monkeypatch.setattr(Rankings, "of", of)
    monkeypatch.setattr(Waterfall, "_ranking", asked)
    return known


def test_actions_of_one_review_see_what_those_before_have_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Random markets in which many fall at once and somebody always gives (D7)."""
    known = _compared(monkeypatch)

    for seed in range(12):
        dice = random.Random(seed)
        market = Market(lot_size="0.1")
        market.play("ladder max_tries=1\n instrument Y lot_size=0.1\n mark Y 100")
        for number in range(12):
            market.play(f"deposit a{number} {dice.randrange(12, 30)}")
        for number in range(60):
            # Mostly the same are long; the others have a little of both.
            sides = [dice.randrange(6), dice.randrange(6, 12)]
            buyer, seller = sides if dice.random() < 0.8 else sides[::-1]
            terms = f"{dice.choice('XXY')} {dice.randrange(1, 4) / 10}@100"
            market.play(f"a{seller} sell {terms} id=s{number}\n a{buyer} buy {terms} id=b{number}")
        for mark in (90, 83, 79, 74):
            market.play(f"a{dice.randrange(12)} buy 0.2@{dice.randrange(60, mark)}")
            market.play(f"mark X {mark + dice.randrange(3)}\n mark Y {mark + dice.randrange(3)}")
            market.wait(250)

    assert len(known) > 20


def test_print_that_moves_the_mark_ranks_everybody_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the last trade is the mark a liquidation's own print changes all scores (D7)."""
    known = _compared(monkeypatch)
    market = Market(None, mark_source="last", lot_size="0.1")
    market.play("ladder max_tries=1\n mm buy 0.1@100\n eve sell 0.1@100")
    for number in range(4):
        market.play(f"""
            deposit long{number} {20 + number / 2}
            deposit short{number} {20 + 30 * number}
            short{number} sell 1@100
            long{number} buy 1@100
        """)
    market.play("x buy 0.1@88\n x buy 0.2@79.2")
    market.forget()

    market.play("mm sell 0.1@88")

    said = [kind for kind in market.kinds() if kind in {"trade", "deleveraged"}]
    assert said == ["trade", *["deleveraged"] * 2, "trade", *["deleveraged"] * 2]
    assert len(known) == 2
