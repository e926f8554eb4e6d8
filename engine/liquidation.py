"""When a margin runs short: look, call, cancel, close a slice (D1, D2, D4, D5).

What becomes of lots that nobody buys is in `engine.waterfall`.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING

from engine.limits import PPM
from engine.loss_windows import look_at_losses
from engine.prices import protection_ticks
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
    """The part of the kernel that looks after margins once an input has run."""

    __slots__ = ("_cancelling", "_execution", "_state", "waterfall")

    def __init__(self, state: State, execution: Execution, cancelling: Cancelling) -> None:
        self._state: State = state
        self.waterfall: Waterfall = Waterfall(state, execution)
        self._execution: Execution = execution
        self._cancelling: Cancelling = cancelling

    def review(self, events: list[Event]) -> None:
        """Look at every account that the input could have pushed over a threshold; act once each.

        What the prints of these actions change in turn waits for the next input or the review
        timer, so that liquidations cannot run away within one frame.
        """
        state = self._state
        if state.moved or state.pending_accounts or state.pending_symbols:
            cases = self._look(self._gather(), events, renews=True)
        else:
            accounts, state.touched = state.touched, {}
            cases = self._look(accounts, events, renews=False)
        if not cases:
            return
        cases.sort(key=cmp_to_key(more_urgent))
        for case in cases:
            self._act(case.account, events)
        self.defer()

    def defer(self) -> None:
        """Leave the accounts touched and the marks moved for the next input, or the timer."""
        state = self._state
        state.pending_accounts.update(dict.fromkeys(state.touched))
        state.pending_symbols.update(state.moved)
        state.touched.clear()
        state.moved.clear()
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
        ladder = self._state.ladder
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
            if renews:
                self._renew(account, equity, maintenance)
            elif account.is_banded:
                unband(account)
        called.sort(key=lambda call: call.account)
        events.extend(called)
        hits.sort(key=lambda hit: hit.account)
        events.extend(hits)
        for account in sorted(indebted, key=lambda account: account.account_id):
            self.waterfall.pay_debt(account, events)
        return cases

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
            if is_safe == account.margin_called or tier_reached(maintenance, equity, ladder):
                unband(account)
            else:
                self._renew(account, equity, maintenance)

    def _act(self, account: Account, events: list[Event]) -> None:
        """Cancel, look again, and close what the highest tier reached demands (D2).

        The largest position waits while its market is not open or its price is stale; tier 3 goes
        on to the others.
        """
        state = self._state
        equity, maintenance = equity_and_maintenance(account)
        tier = tier_reached(maintenance, equity, state.ladder)
        if tier == 0:
            return
        positions = largest_first(account)
        chosen = [p for p in (positions if tier == 3 else positions[:1]) if self._tradable(p)]
        if not chosen:
            return
        account.in_liquidation = True
        mass = MassCancel(account.account_id, "", 0, CancelReason.LIQUIDATION)
        if not self._cancelling.cancel_mass(mass, events):
            state.mass.append(mass)
            state.pending_accounts[account.account_id] = None
            return
        for position in chosen:
            if self._close_slice(position, tier, events):
                state.pending_accounts[account.account_id] = None
        self.waterfall.pay_debt(account, events)

    def _tradable(self, position: Position) -> bool:
        """Tell whether the position's market is open and its price fresh."""
        instrument = position.instrument
        return instrument.state is MarketState.OPEN and not instrument.is_stale(self._state.now_us)

    def _close_slice(self, position: Position, tier: int, events: list[Event]) -> int:
        """Send one slice into the book, no worse than bankruptcy price and collar (D4, D5).

        Returns the lots that found no buyer, and that the waterfall did not take either: they stay,
        and are looked at again at the next input or the review timer.
        """
        state, instrument = self._state, position.instrument
        share_ppm = tier_share_ppm(tier, state.ladder)
        lots = slice_lots(position, share_ppm)
        side = -1 if position.lots > 0 else 1
        equity, maintenance = equity_and_maintenance(position.account)
        bankrupt = bankruptcy_ticks(position)
        touch = state.markets[instrument.symbol].book.touch_ticks(-side)
        collar = 0
        limit = bankrupt
        if touch is not None:
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
        sold = self._execution.sell_off(position, lots, limit, events)
        self.waterfall.charge_fee(position, side, bankrupt, sold, events)
        unsold = lots - sum(filled for _, filled in sold)
        return self.waterfall.follow(position, side, unsold, bankrupt, events)
