"""What becomes of lots that nobody buys, and of money that is missing (D6, D7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import cancelled
from engine.limits import MAX_DELEVERAGED, MAX_FRAME_EVENTS, PPM
from matching.terms import CancelReason
from risk.account import BACKSTOP
from risk.deleveraging import most_lots, shared_out
from risk.margin import divide_up
from risk.messages import BalanceChanged, Deficit, Deleveraged, Settled, Takeover
from risk.ranking import Rankings

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import State
    from risk.account import Account
    from risk.deleveraging import Candidate
    from risk.instrument import Instrument
    from risk.position import Position


def worst_case_atoms(instrument: Instrument, side: int, lots: int, price_ticks: int) -> int:
    """Return ⌈lots × |price − mark moved by the collar|⌉: what taking lots over may cost (D6).

    `side` is that of the account's closing: whoever takes over what it sells fears a fall.
    """
    collar_ppm = instrument.terms.collar_ppm
    adverse = instrument.mark_half_ticks * (PPM + side * collar_ppm)  # half ticks × PPM
    distance = abs(2 * PPM * price_ticks - adverse)
    return divide_up(lots * instrument.half_atoms * distance, PPM)


class Waterfall:
    """The part of the kernel behind a liquidation: backstop, deleveraging, fund, deficit."""

    __slots__ = ("_execution", "_rankings", "_state")

    def __init__(self, state: State, execution: Execution) -> None:
        self._state: State = state
        self._execution: Execution = execution
        self._rankings: Rankings = Rankings(state.positions)

    def charge_fee(
        self,
        position: Position,
        side: int,
        bankrupt_ticks: int,
        sold: list[tuple[int, int]],
        events: list[Event],
    ) -> None:
        """Take the fee of a slice into the fund: at most what it brought above bankruptcy (D6).

        ⌈notional × rate⌉, or the surplus over the bankruptcy price where that is less.
        """
        state, account = self._state, position.account
        unit_atoms = position.instrument.unit_atoms
        better = sum(max(0, side * (bankrupt_ticks - ticks)) * lots for ticks, lots in sold)
        notional = sum(ticks * lots for ticks, lots in sold) * unit_atoms
        fee = divide_up(notional * state.ladder.liquidation_fee_ppm, PPM)
        fee = min(fee, better * unit_atoms)
        if fee == 0:
            return
        assert account.account_id in state.touched, "it has sold, and is ranked anew for that"
        account.balance_atoms -= fee
        state.ledger.balances -= fee
        state.ledger.insurance += fee
        events.append(
            BalanceChanged(account.account_id, -fee, account.balance_atoms, "liquidation_fee")
        )

    def follow(
        self,
        position: Position,
        side: int,
        unsold_lots: int,
        bankrupt_ticks: int,
        events: list[Event],
    ) -> int:
        """Count the slice as tried; after enough tries have its rest taken over (D6).

        Returns the lots that are left of the slice all the same.
        """
        state, ladder = self._state, self._state.ladder
        if unsold_lots == 0:
            position.forget_tries()
            return 0
        if position.tries == 0:
            position.tried_since_us = state.now_us
        position.tries += 1
        waited_us = state.now_us - position.tried_since_us
        if position.tries < ladder.max_tries and waited_us < ladder.max_wait_us:
            return unsold_lots
        position.forget_tries()
        if self._take_over(position, side, unsold_lots, bankrupt_ticks, events):
            return 0
        return unsold_lots - self._deleverage(position, side, unsold_lots, bankrupt_ticks, events)

    def _take_over(
        self,
        position: Position,
        side: int,
        lots: int,
        price_ticks: int,
        events: list[Event],
    ) -> bool:
        """Move lots to the backstop if the fund can bear the worst case; return whether it did.

        It bears already what the backstop would lose if it closed everything at the marks.
        """
        state, instrument = self._state, position.instrument
        worst = worst_case_atoms(instrument, side, lots, price_ticks)
        insurance, unrealized = state.ledger.insurance, self._backstop_unrealized_atoms()
        if worst > insurance + min(0, unrealized):
            return False
        if BACKSTOP not in state.accounts:
            state.add_account(state.backstop)
        backstop = state.positions.open_or_create(state.backstop, instrument)
        trade_id = self.next_trade_id()
        after = self.settle(position, side * lots, price_ticks, trade_id)
        self.settle(backstop, -side * lots, price_ticks, trade_id)
        events.append(
            Takeover(
                instrument.symbol,
                position.account.account_id,
                side,
                lots,
                price_ticks,
                trade_id,
                after,
                worst,
                insurance,
                unrealized,
                instrument.mark_half_ticks,
            )
        )
        self.end_reducing(position, events)
        self.end_reducing(backstop, events)
        return True

    def _backstop_unrealized_atoms(self) -> int:
        """Return what closing all that the backstop holds at the marks would realise."""
        positions = self._state.backstop.positions.values()
        return sum(position.unrealized_atoms() for position in positions if position.lots)

    def _deleverage(
        self,
        position: Position,
        side: int,
        lots: int,
        price_ticks: int,
        events: list[Event],
    ) -> int:
        """Close lots against the positions on the other side (D7); return how many were.

        Stops where the victims' cancelled orders have filled a frame: the rest waits like what
        nobody could give.
        """
        state = self._state
        victims = self._ranking(position.instrument.symbol, side)
        threshold_ppm = state.ladder.tier1_ppm
        backstop_unrealized = self._backstop_unrealized_atoms()
        shares = shared_out(
            lots,
            (abs(victim.position.lots) for victim in victims),
            lambda place, wanted: most_lots(victims[place], wanted, price_ticks, threshold_ppm),
        )
        done = 0
        for place, number, taken in shares:
            if len(events) >= MAX_FRAME_EVENTS:
                break
            done += taken
            self._cancel_closing(victims[place].position, -side, events)
            trade_id = self.next_trade_id()
            after = self.settle(position, side * taken, price_ticks, trade_id)
            victim = victims[place].position
            counter_after = self.settle(victim, -side * taken, price_ticks, trade_id)
            events.append(
                _deleveraged(
                    (position, after, victims[place], counter_after),
                    (-side, taken, price_ticks, trade_id),
                    (place + 1, number),
                    backstop_unrealized,
                )
            )
            # The victim's exits are gone already: they were on the side of this fill.
            self.end_reducing(position, events)
        return done

    def _ranking(self, symbol: str, side: int) -> list[Candidate]:
        """Return whom a slice may be closed against, as they stand after the slices before it.

        Those whom these have moved wait for the next look from now on, as they would at its end.
        """
        state, rankings = self._state, self._rankings
        if state.moved:
            rankings.forget()
        rankings.renew(state.touched.values())
        state.postpone()
        return rankings.of(symbol, side).first(MAX_DELEVERAGED)

    def forget_rankings(self) -> None:
        """Rank anew when somebody is deleveraged next: what a frame has ranked ends with it."""
        self._rankings.forget()

    def _cancel_closing(self, position: Position, side: int, events: list[Event]) -> None:
        """Cancel a victim's orders that would close what is being taken from it (D7)."""
        symbol = position.instrument.symbol
        market = self._state.markets[symbol]
        orders = self._state.live[position.account.account_id]
        for order in [o for o in orders.values() if o.symbol == symbol and o.side == side]:
            self._execution.withdraw(market, order)
            events.append(cancelled(order, CancelReason.DELEVERAGED))

    def next_trade_id(self) -> int:
        """Use up the next trade id, and return it."""
        trade_id = self._state.next_trade_id
        self._state.next_trade_id += 1
        return trade_id

    def settle(
        self, position: Position, signed_lots: int, price_ticks: int, trade_id: int
    ) -> Settled:
        """Book one side of a fill that no order made: no fee, no print (B6, D6, D7)."""
        ledger, account = self._state.ledger, position.account
        cost_before = position.cost_atoms
        realized = position.trade(signed_lots, price_ticks, trade_id)
        ledger.open_cost += position.cost_atoms - cost_before
        account.balance_atoms += realized
        ledger.balances += realized
        self._state.touched[account.account_id] = account
        return Settled(realized, position.lots, account.balance_atoms)

    def end_reducing(self, position: Position, events: list[Event]) -> None:
        """Cancel the reduce-only orders that the fill has left nothing to reduce (A8)."""
        if position.reduce_lots or position.armed_reducing:
            market = self._state.markets[position.instrument.symbol]
            self._execution.cancel_reducing(market, position, events)

    def pay_debt(self, account: Account, events: list[Event]) -> None:
        """Make good what a flat account lacks: from the fund, then as a deficit (D6)."""
        owed = -account.balance_atoms
        if owed <= 0 or any(position.lots for position in account.positions.values()):
            return
        insurance = self._state.ledger.insurance
        paid = self._draw(owed)
        account.balance_atoms = 0
        events.append(Deficit(account.account_id, owed, paid, insurance))

    def sweep_backstop(self, events: list[Event]) -> None:
        """Bring the backstop's balance to zero, into the fund or out of it (D6)."""
        account, ledger = self._state.backstop, self._state.ledger
        balance = account.balance_atoms
        assert balance != 0
        if balance > 0:
            ledger.balances -= balance
            ledger.insurance += balance
        else:
            self._draw(-balance)
        account.balance_atoms = 0
        events.append(BalanceChanged(BACKSTOP, -balance, 0, "insurance"))

    def _draw(self, atoms: int) -> int:
        """Pay into balances out of the fund, and what it lacks out of the deficit.

        Returns what the fund paid. The caller moves the balance itself.
        """
        ledger = self._state.ledger
        paid = min(ledger.insurance, atoms)
        ledger.balances += atoms
        ledger.insurance -= paid
        ledger.deficits += atoms - paid
        return paid


def _deleveraged(
    who: tuple[Position, Settled, Candidate, Settled],
    fill: tuple[int, int, int, int],
    turn: tuple[int, int],
    backstop_unrealized_atoms: int,
) -> Deleveraged:
    """Say what was taken of a victim: who, (side, lots, ticks, trade id), (rank, round)."""
    position, after, victim, counter_after = who
    return Deleveraged(
        position.instrument.symbol,
        position.account.account_id,
        victim.position.account.account_id,
        *fill,
        *turn,
        after,
        counter_after,
        victim.unrealized_atoms,
        victim.cost_atoms,
        victim.notional_atoms,
        victim.equity_atoms,
        backstop_unrealized_atoms,
    )
