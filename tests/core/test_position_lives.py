"""One row a position's life, folded from the events alone, as the engine has it."""

import json
from collections import defaultdict
from decimal import Decimal

import pytest

from engine.codec import genesis_hash, seal
from engine.decimals import to_text
from engine.machine import Machine
from engine.views import average_price
from persistence.event_shapes import Party, Trade
from persistence.position_lives import (
    Life,
    LivesContradict,
    Place,
    PositionLives,
    position_row,
)
from persistence.row_types import InstrumentRow, PositionRow, no_rows
from persistence.rows import append_rows
from tests.core.market import Market
from tests.core.tape_squeeze import squeeze
from tests.core.tapes import tape
from tests.core.test_replay import advance


class Folded:
    """Rows of every life, as the frames of a machine bring them."""

    def __init__(self) -> None:
        self.lives = PositionLives("s")
        self.rows: dict[str, PositionRow] = {}
        self.fees: dict[str, Decimal] = defaultdict(Decimal)
        self.realized = Decimal(0)
        self._n = 0

    def take(self, now_us: int, events: list[bytes]) -> None:
        """Fold a frame."""
        self._n += 1
        rows = no_rows()
        frame = seal(self._n, genesis_hash("s"), now_us, [], events, b"{}")
        append_rows(frame, rows, self.lives)
        self.rows |= {life.id: position_row(life) for life in self.lives.take_changed().lives}
        for fill in rows.fills:
            self.realized += Decimal(fill.realized_pnl)
            self.fees[fill.account_id] += Decimal(fill.fee)
        for row in rows.waterfall:
            # What the backstop realises the events do not tell; these tapes sweep it away.
            self.realized += Decimal(row.realized_pnl or 0) + Decimal(row.counter_realized_pnl or 0)

    def of(self, account: str) -> list[PositionRow]:
        """Return an account's rows, oldest first."""
        found = [row for row in self.rows.values() if row.sub_account_id == account]
        return sorted(found, key=lambda row: (row.opened_frame, row.opened_index))


def _held(machine: Machine) -> dict[tuple[str, str], tuple[str, str, str, str]]:
    """Return what the engine has: signed quantity, cost and average price of open positions."""
    held = {}
    for name, account in machine.kernel.state.accounts.items():
        for symbol, position in account.positions.items():
            if position.lots:
                terms = position.instrument.terms
                quantity = to_text(abs(position.lots) * terms.lot_units, terms.quantity_decimals)
                cost = to_text(abs(position.cost_atoms), 8)
                side = "LONG" if position.lots > 0 else "SHORT"
                held[name, symbol] = side, quantity, cost, average_price(position)
    return held


def _same(rows: list[PositionRow], machine: Machine) -> None:
    held = _held(machine)
    for row in rows:
        side, *numbers = held.pop((row.sub_account_id, row.symbol))
        told = row.side, *map(Decimal, (row.quantity, row.cost, row.entry_price))
        assert told == (side, *map(Decimal, numbers))
        assert row.notional == row.cost
    assert held == {}


@pytest.mark.parametrize("seed", range(12))
def test_lives_are_the_positions_of_the_engine(seed: int) -> None:
    """Side, quantity, cost and entry price after every command, to the last atom (B1, D6, D7)."""
    steps = squeeze(seed) if seed < 6 else tape(seed, 220, gaps=seed % 2 == 0)
    machine, folded, now_us = Machine(), Folded(), 0
    for step in steps:
        now_us += step.wait_ms * 1_000
        folded.take(now_us, advance(machine, now_us, step))
        _same([row for row in folded.rows.values() if row.status == "OPEN"], machine)
    for account in machine.kernel.state.accounts:
        # A fill that turns round is charged once; nothing gets lost between two lives.
        fees = sum((Decimal(row.fees) for row in folded.of(account)), Decimal(0))
        assert fees == folded.fees[account]
    told = sum(
        Decimal(row.realized_pnl)
        for row in folded.rows.values()
        if row.sub_account_id != "backstop"
    )
    if "backstop" not in machine.kernel.state.accounts:
        assert told == folded.realized


def test_lives_are_told_by_what_ended_them() -> None:
    """CLOSED by an order, TAKEN_OVER by the backstop or by deleveraging, LIQUIDATED (D5 to D7)."""
    market = Market(lot_size="0.1")
    market.play("""
        ladder max_tries=1
        deposit bob 20
        deposit ann 60
        deposit cy 600
        ann sell 0.2@100
        cy  sell 0.8@100
        bob buy 1@100
        mark 90
        mark 60
    """)
    folded = _folded(market)
    ann, bob, cy = (folded.of(name)[-1] for name in ("ann", "bob", "cy"))
    assert (ann.status, ann.taken_over_by) == ("TAKEN_OVER", "bob")
    assert (bob.status, bob.taken_over_by) == ("TAKEN_OVER", "cy")
    assert (cy.status, cy.quantity) == ("TAKEN_OVER", "0")


def test_backstop_is_followed_by_the_rule_alone() -> None:
    """Of its side of a takeover the event says nothing: ⌊cost × part⌋ to the atom (B1, D6)."""
    market = Market(lot_size="1", tick_size="0.01")
    market.play("""
        ladder max_tries=1
        fund 100000
        deposit bob 45
        deposit cy 24.01
        deposit ann 60
        mm  sell 3@100
        bob buy 2@100
        cy  buy 1@100
        mark 79
        mark 100
        ann sell 2@100
        mm  buy 2@100
        mark 130
    """)
    taken = [(event["side"], event["quantity"]) for event in market.of("takeover")]
    assert sorted(taken) == [("buy", "2"), ("sell", "1"), ("sell", "2")]
    folded = _folded(market)
    _same([row for row in folded.rows.values() if row.status == "OPEN"], market.machine)
    (backstop,) = folded.of("backstop")
    assert Decimal(backstop.cost) % Decimal("0.01") != 0, "a cost that divides proves nothing"


def test_last_slice_that_is_sold_liquidates() -> None:
    """`liq-…` names the order by its own number, which nobody else's name does (D5)."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 20
        mm  sell 1@100
        bob buy 1@100
        mm  buy 1@89
        mark 89.3
        ann sell 1@89
        mm  buy 1@89
        ann buy 1@88
        mm  sell 1@88 id=liq-7
    """)
    folded = _folded(market)
    assert folded.of("mm")[-1].status == "CLOSED"
    (row,) = folded.of("bob")
    assert (row.status, row.side, row.max_quantity) == ("LIQUIDATED", "LONG", "1")
    assert (row.quantity, row.cost, row.notional) == ("0", "0", "100")
    assert Decimal(row.entry_price) == 100
    assert Decimal(row.realized_pnl) == -11


def test_flip_ends_a_life_and_begins_one() -> None:
    """Which of the two a fee or a result belongs to must not depend on who asks (B1)."""
    market = Market(taker_fee="0.001")
    market.play("""
        mm  sell 10@100
        bob buy 10@100
        mm  buy 15@120
        bob sell 15@120
    """)
    folded = _folded(market)
    long, short = folded.of("bob")
    assert (long.status, long.realized_pnl) == ("CLOSED", "200")
    assert (long.fees, short.fees) == ("2.8", "0")
    assert (short.status, short.side, short.quantity, short.cost) == ("OPEN", "SHORT", "5", "600")
    assert long.closed_frame == short.opened_frame
    assert short.id == f"s-{short.opened_frame}-{short.opened_index}-sell"


def test_trade_with_oneself_may_end_two_lives() -> None:
    """Maker first, then taker: the short of an instant has a row too, and ids never meet (A6)."""
    market = Market()
    market.play("""
        mm  sell 5@100
        bob buy 5@100
        bob sell 10@100
        bob buy 10@100 stp=none
    """)
    rows = _folded(market).of("bob")
    assert [(row.side, row.status) for row in rows[:1]] == [("LONG", "CLOSED")]
    assert sorted((row.side, row.status) for row in rows[1:]) == [
        ("LONG", "OPEN"),
        ("SHORT", "CLOSED"),
    ]


def test_instrument_that_was_there_before_has_no_rows() -> None:
    """A life of which the beginning is not known would be told wrong: nothing is said of it."""
    market = Market()
    market.play("""
        mm  sell 5@100
        bob buy 5@100
    """)
    folded = Folded()
    folded.take(1, [json.dumps(event).encode() for event in market.events])
    assert folded.rows == {}


def test_life_that_does_not_fit_the_event_is_told() -> None:
    """Somebody has written to the table: going on would hide it."""
    lives = PositionLives("s")
    listed = InstrumentRow(1, 1, 0, "X", "1", "1", "1", "book", "last", "{}", is_deleted=False)
    lives.know_instrument(listed)
    life = Life("s-1-1-buy", "bob", "X", 1, Decimal(1), Place(1, 1, 1))
    life.grow(Decimal(3), Decimal(100))
    lives.know_life(life)
    maker = Party("ann", "a", 1, "0", "0", "-1")
    taker = Party("bob", "b", 2, "0", "0", "5")
    with pytest.raises(LivesContradict, match="bob has 5 X after it, and 4 by its life so far"):
        lives.trade(Place(2, 2, 0), Trade("X", 7, "100", "1", "buy", maker, taker))


def _folded(market: Market) -> Folded:
    """Fold the market's instrument, and then in one frame whatever it has said."""
    created = {"type": "instrument_created", "symbol": "X", "contract_size": "1"}
    created |= {"tick_size": "0.01", "lot_size": "0.1", "mark_source": "l1_mid"}
    folded = Folded()
    folded.take(1, [json.dumps(created).encode()])
    folded.take(2, [json.dumps(event).encode() for event in market.events])
    return folded
