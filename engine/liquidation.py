"""When a margin runs short: look, call, cancel, close a slice (D1, D2, D4, D5).

What becomes of lots that nobody buys is in `engine.waterfall`.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING

from engine.limits import MAX_REVIEW_WAIT_US, PPM, REVIEW_EVENTS_PER_FRAME
from engine.loss_windows import look_at_losses
from engine.prices import protection_ticks
from engine.selling import sell_off
from engine.state import MassCancel
from engine.waterfall import Waterfall
from matching.terms import CancelReason, MarketState
from risk.bands import safe_bands, unband
from risk.margin import equity_and_maintenance
from risk.messages import Liquidation, MarginCall, MarginReceipt
from risk.tiers import bankruptcy_ticks, largest_first, slice_lots, tier_reached, tier_share_ppm

if TYPE_CHECKING:
    from engine.cancelling import Cancelling
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import State
    from risk.account import Account
    from risk.position import Position
    from risk.terms import LimitHit


class Case:
    """An account that stands at a tier: what it is ordered by when several do."""

    __slots__ = ("account", "equity_atoms", "maintenance_atoms", "notional_atoms")

    def __init__(self, account: Account, equity_atoms: int, maintenance_atoms: int) -> None:
        self.account: Account = account
        self.equity_atoms: int = equity_atoms
        self.maintenance_atoms: int = maintenance_atoms
        self.notional_atoms: int = sum(
            abs(position.value_atoms()) for position in account.positions.values()
        )


def more_urgent(left: Case, right: Case) -> int:
    """Compare for D2: highest ratio first, then notional, then id; never a quotient.

    No equity lies above every ratio.
    """
    if left.equity_atoms > 0 and right.equity_atoms > 0:
        difference = (
            right.maintenance_atoms * left.equity_atoms
            - left.maintenance_atoms * right.equity_atoms
        )
    else:
        difference = (left.equity_atoms > 0) - (right.equity_atoms > 0)
    difference = difference or right.notional_atoms - left.notional_atoms
    if difference == 0:
        return -1 if left.account.account_id < right.account.account_id else 1
    return difference


class Liquidator:
    """The part of the kernel that looks after margins once an input has run.

    `looks` counts the accounts looked at when marks had moved, `moves` how often that was, both
    since the start: they tell what a tick costs (D9), are no state and change nothing.
    """

    __slots__ = ("_cancelling", "_execution", "_state", "looks", "moves", "waterfall")

    def __init__(self, state: State, execution: Execution, cancelling: Cancelling) -> None:
        self._state: State = state
        self.waterfall: Waterfall = Waterfall(state, execution)
        self._execution: Execution = execution
        self._cancelling: Cancelling = cancelling
        self.looks: int = 0
        self.moves: int = 0

    def review(self, events: list[Event], *, wakes: bool) -> None:
        """Look at every account that the input could have pushed over a threshold; act once each.

        What the prints of these actions change in turn waits for the next input or the review
        timer, so that liquidations cannot run away within one frame. An input `wakes` those of whom
        nobody took anything, the timer does not.
        """
        state = self._state
        alone = state.left_alone if wakes else {}
        if state.moved or state.pending_accounts or state.pending_symbols or alone:
            accounts = self._gather()
            accounts.update((account_id, state.accounts[account_id]) for account_id in alone)
            self.moves += 1
            self.looks += len(accounts)
            cases = self._look(accounts, events, renews=True)
        else:
            accounts, state.touched = state.touched, {}
            cases = self._look(accounts, events, renews=False)
        if cases:
            self._act_on(cases, events)

    def review_left_alone(self, events: list[Event]) -> None:
        """Look at those of whom nobody took anything once they have waited long enough (D6)."""
        state = self._state
        due = [name for name, (at_us, _) in state.left_alone.items() if at_us <= state.now_us]
        accounts = {account_id: state.accounts[account_id] for account_id in due}
        cases = self._look(accounts, events, renews=True)
        if cases:
            self._act_on(cases, events)

    def _act_on(self, cases: list[Case], events: list[Event]) -> None:
        """Act on cases, the most urgent first."""
        state = self._state
        cases.sort(key=cmp_to_key(more_urgent))
        assert not state.cases
        state.cases.extend(case.account.account_id for case in cases)
        self.go_on(events)

    def go_on(self, events: list[Event]) -> None:
        """Act on the cases of a review in their order, until the frame has events enough (D2).

        The rest goes on in the next frame, which is no price event: what the prints of this one
        change waits for the next input or the timer all the same.
        """
        state = self._state
        while state.cases and len(events) <= REVIEW_EVENTS_PER_FRAME:
            self._act(state.accounts[state.cases.popleft()], events)
        self.waterfall.forget_rankings()
        self.defer()

    def defer(self) -> None:
        """Leave the accounts touched and the marks moved for the next input, or the timer."""
        state = self._state
        state.postpone()
        is_pending = state.pending_accounts or state.pending_symbols
        if is_pending and not state.review_at_us:
            state.review_at_us = state.now_us + state.ladder.review_us

    def _gather(self) -> dict[str, Account]:
        """Return the accounts to look at, and forget why."""
        state = self._state
        accounts = dict(state.touched)
        for account_id in state.pending_accounts:
            accounts[account_id] = state.accounts[account_id]
        state.moved.update(state.pending_symbols)
        for symbol in state.moved:
            if symbol in state.markets:
                self._gather_moved(symbol, accounts)
        for account_id in accounts if state.left_alone else ():
            state.left_alone.pop(account_id, None)
        state.touched.clear()
        state.moved.clear()
        state.pending_accounts.clear()
        state.pending_symbols.clear()
        state.review_at_us = 0
        return accounts

    def _gather_moved(self, symbol: str, accounts: dict[str, Account]) -> None:
        """Add those whose band the symbol's mark has left, and those who have none (D9)."""
        positions = self._state.positions
        bands = positions.bands(symbol)
        mark = self._state.markets[symbol].instrument.mark_half_ticks
        for position in bands.left_by(mark, positions.in_symbol(symbol)):
            if position.lots:
                accounts[position.account.account_id] = position.account
        for account_id, position in list(bands.unbanded.items()):
            if position.lots and not position.account.is_reserved:
                accounts[account_id] = position.account
            else:
                del bands.unbanded[account_id]

    def _look(
        self, accounts: dict[str, Account], events: list[Event], *, renews: bool
    ) -> list[Case]:
        """Call margins, end locks, pay debts, and return the accounts that stand at a tier.

        Where a mark has moved, bands are renewed; after a mere fill that can wait until one does.
        """
        ladder, alone = self._state.ladder, self._state.left_alone
        cases: list[Case] = []
        called: list[MarginCall] = []
        hits: list[LimitHit] = []
        indebted: list[Account] = []
        call_ppm = ladder.margin_call_ppm
        for account in accounts.values():
            if account.is_reserved:
                continue
            equity, maintenance = equity_and_maintenance(account)
            if account.guard is not None:
                hits += look_at_losses(account, equity, self._state.now_us)
            if maintenance == 0 or maintenance * PPM <= call_ppm * equity:
                account.margin_called = False
                account.end_liquidation()
                if equity < 0:
                    indebted.append(account)
            else:
                if not account.margin_called:
                    account.margin_called = True
                    receipt = MarginReceipt(equity, maintenance)
                    called.append(MarginCall(account.account_id, receipt))
                if tier_reached(maintenance, equity, ladder):
                    cases.append(Case(account, equity, maintenance))
                    unband(account)
                    continue
                account.end_liquidation()
            if alone:
                alone.pop(account.account_id, None)
            if renews:
                self._renew(account, equity, maintenance)
            elif account.is_banded:
                unband(account)
        if called or hits or indebted:
            called.sort(key=lambda call: call.account)
            events.extend(called)
            hits.sort(key=lambda hit: hit.account)
            events.extend(hits)
            indebted.sort(key=lambda account: account.account_id)
            self._pay_debts(indebted, events)
        return cases

    def _pay_debts(self, accounts: list[Account], events: list[Event]) -> None:
        for account in accounts:
            self.waterfall.pay_debt(account, events)

    def _renew(self, account: Account, equity_atoms: int, maintenance_atoms: int) -> None:
        """Give an account below every tier new bands, or have it looked at every time (D9)."""
        bands = safe_bands(account, equity_atoms, maintenance_atoms, self._state.ladder)
        account.is_banded = bool(bands)
        if not bands:
            unband(account)
        for position, low_half, high_half in bands:
            symbol = position.instrument.symbol
            self._state.positions.bands(symbol).place(position, low_half, high_half)

    def rebuild_bands(self) -> None:
        """Give everybody a band after a restore. Linear in the accounts."""
        ladder = self._state.ladder
        for account in self._state.accounts.values():
            if account.is_reserved:
                continue
            equity, maintenance = equity_and_maintenance(account)
            is_safe = maintenance * PPM <= ladder.margin_call_ppm * equity
            is_marked = is_safe == account.margin_called or account.in_liquidation
            if is_marked or tier_reached(maintenance, equity, ladder):
                unband(account)
            else:
                self._renew(account, equity, maintenance)

    def _act(self, account: Account, events: list[Event]) -> None:
        """Cancel, look again, and close what the highest tier reached demands (D2).

        The largest position waits while its market is not open or its price is stale; tier 3 goes
        on to the others. Tries of a position that must wait begin anew: nobody could have bought.
        Who has gone down the waterfall and nothing was taken is left alone by the timer for twice
        as long each time, until something has changed (D6).
        """
        state, account_id = self._state, account.account_id
        _, waited_us = state.left_alone.pop(account_id, (0, 0))
        equity, maintenance = equity_and_maintenance(account)
        tier = tier_reached(maintenance, equity, state.ladder)
        if tier == 0:
            return
        positions = largest_first(account)
        for position in positions:
            if position.tries and not self._tradable(position):
                position.forget_tries()
        chosen = [p for p in (positions if tier == 3 else positions[:1]) if self._tradable(p)]
        if not chosen:
            return
        account.in_liquidation = True
        mass = MassCancel(account_id, "", 0, CancelReason.LIQUIDATION, keeps_exits=True)
        if not self._cancelling.cancel_mass(mass, events):
            state.mass.append(mass)
            state.pending_accounts[account_id] = None
            return
        lots = [position.lots for position in chosen]
        unsold = sum([self._close_slice(position, tier, events) for position in chosen])
        if unsold:
            is_tried = waited_us == 0 and any(position.tries for position in chosen)
            if is_tried or lots != [position.lots for position in chosen]:
                state.pending_accounts[account_id] = None
            else:
                waited_us = min(2 * (waited_us or state.ladder.review_us), MAX_REVIEW_WAIT_US)
                state.left_alone[account_id] = (state.now_us + waited_us, waited_us)
        self.waterfall.pay_debt(account, events)

    def _tradable(self, position: Position) -> bool:
        """Tell whether the position's market is open and its price fresh.

        In mode `l1` the outside price at which it would be closed, too.
        """
        instrument, state = position.instrument, self._state
        if instrument.state is not MarketState.OPEN or instrument.is_stale(state.now_us):
            return False
        outside = state.markets[instrument.symbol].outside
        return outside is None or outside.touch_ticks(1 if position.lots > 0 else -1) is not None

    def _close_slice(self, position: Position, tier: int, events: list[Event]) -> int:
        """Close one slice: in the book no worse than bankruptcy price and collar (D4, D5).

        In mode `l1` at the outside price, whatever it is.
        Returns the lots that found no buyer, and that the waterfall did not take either: they stay,
        and are looked at again at the next input or the review timer.
        """
        state, instrument = self._state, position.instrument
        share_ppm = tier_share_ppm(tier, state.ladder)
        lots = slice_lots(position, share_ppm)
        side = -1 if position.lots > 0 else 1
        equity, maintenance = equity_and_maintenance(position.account)
        bankrupt = bankruptcy_ticks(position)
        market = state.markets[instrument.symbol]
        touch = market.book.touch_ticks(-side)
        collar = outside = 0
        limit = bankrupt
        if market.outside is not None:
            assert touch is not None, "without an outside price the slice waits"
            limit = outside = touch
        elif touch is not None:
            collar = protection_ticks(side, touch, instrument.terms.collar_ppm)
            limit = max(bankrupt, collar) if side < 0 else min(bankrupt, collar)
        receipt = MarginReceipt(
            equity,
            maintenance,
            instrument.mark_half_ticks,
            position.lots,
            position.maintenance_atoms(),
            share_ppm,
            bankrupt,
            collar,
            outside,
        )
        events.append(
            Liquidation(
                position.account.account_id,
                instrument.symbol,
                tier,
                side,
                lots,
                limit,
                receipt,
            )
        )
        sold = sell_off(state, self._execution, position, "liq", (lots, limit), events)
        self.waterfall.charge_fee(position, side, bankrupt, sold, events)
        unsold = lots - sum(filled for _, filled in sold)
        return self.waterfall.follow(position, side, unsold, bankrupt, events)
