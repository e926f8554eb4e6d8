"""The kernel: a pure state machine. A command and a time go in, events come out.

It knows no clock, no I/O and no randomness: the same commands at the same times give the same
events, always. Recovery, replay, standby, verification and simulation all stand on that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.account_limits import AccountLimits
from engine.account_terms import AccountTerms
from engine.amending import Amending
from engine.arming import Triggering
from engine.cancelling import Cancelling
from engine.carrying import Carrying
from engine.covering import Covering
from engine.execution import Execution
from engine.limits import MASS_CANCELS_PER_FRAME
from engine.liquidation import Liquidator
from engine.loss_windows import LossWindows
from engine.market_states import MarketStates
from engine.operations import Operations
from engine.state import State
from engine.trading import Trading
from matching.messages import AmendOrder, CancelAll, CancelOrder, PlaceOrder, SetMarketState
from risk.messages import (
    ApplyFunding,
    ApplySwap,
    CreateAccount,
    CreateInstrument,
    DeleteInstrument,
    FundInsurance,
    MarkPrice,
    Rejected,
    SetFeeTiers,
    SetLeverage,
    SetLiquidation,
    Tick,
    Transfer,
    UpdateAccount,
    UpdateInstrument,
)
from risk.terms import SetRisk

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.messages import Command, Event


NEVER_US: Final = 2**62


class Kernel:
    """The shard's state and the parts that work on it."""

    __slots__ = (
        "_cancelling",
        "_carrying",
        "_covering",
        "_liquidator",
        "_loss_windows",
        "_market_states",
        "_routes",
        "_triggering",
        "state",
    )

    def __init__(self, state: State | None = None) -> None:
        self.state: State = State() if state is None else state
        execution = Execution(self.state)
        cancelling = Cancelling(self.state, execution)
        trading = Trading(self.state, execution)
        amending = Amending(self.state, execution)
        operations = Operations(self.state)
        self._market_states: MarketStates = MarketStates(self.state, execution)
        account_terms = AccountTerms(self.state)
        self._cancelling: Cancelling = cancelling
        self._carrying: Carrying = Carrying(self.state)
        self._covering: Covering = Covering(self.state, execution)
        self._triggering: Triggering = Triggering(self.state, execution, self._covering)
        self._liquidator: Liquidator = Liquidator(self.state, execution, cancelling)
        self._loss_windows: LossWindows = LossWindows(self.state)
        self._routes: dict[type, Callable[[Any, list[Event]], None]] = {
            PlaceOrder: trading.place,
            AmendOrder: amending.amend,
            CancelOrder: cancelling.cancel,
            CancelAll: cancelling.cancel_all,
            Tick: operations.tick,
            MarkPrice: operations.mark_price,
            CreateInstrument: operations.create_instrument,
            UpdateInstrument: operations.update_instrument,
            DeleteInstrument: operations.delete_instrument,
            SetMarketState: self._market_states.set_market_state,
            CreateAccount: operations.create_account,
            UpdateAccount: operations.update_account,
            Transfer: operations.transfer,
            FundInsurance: operations.fund_insurance,
            SetRisk: AccountLimits(self.state).set_risk,
            SetLiquidation: operations.set_liquidation,
            SetLeverage: account_terms.set_leverage,
            SetFeeTiers: account_terms.set_fee_tiers,
            ApplyFunding: self._carrying.apply_funding,
            ApplySwap: self._carrying.apply_swap,
            Rejected: _reject,
        }

    def begin(self, now_us: int) -> list[Event]:
        """Open a batch at `now_us`: what is unfinished first, then the timers due; return events.

        Time never goes back. While payments, a mass action, an uncross, a cascade or expiries are
        unfinished (`is_busy`), no input may be applied: the next batch goes on with them.
        """
        state = self.state
        assert now_us >= state.now_us, "engine time never goes back"
        state.now_us = now_us
        events: list[Event] = []
        if self._finish(events):
            if 0 < state.windows_turn_us <= now_us:
                self._loss_windows.turn()
            if self._expiry_us() <= now_us:
                self._cancelling.expire(MASS_CANCELS_PER_FRAME - len(events), events)
            if 0 < state.review_at_us <= now_us and not self.is_busy():
                self._settle_prices(events)
        if state.backstop.balance_atoms and state.carry is None:
            self._liquidator.waterfall.sweep_backstop(events)
        return events

    def _finish(self, events: list[Event]) -> bool:
        """Go on with what is unfinished; return whether nothing is any more."""
        state = self.state
        if state.carry is not None:
            self._carrying.go_on(events)
            self._after_payments(events)
            return False
        if state.mass:
            if self._cancelling.cancel_mass(state.mass[0], events):
                state.mass.popleft()
            if state.mass:
                return False
        if state.turns:
            self._market_states.go_on(events)
            self._settle_prices(events)
        elif state.cascades:
            self._settle_prices(events)
        elif state.due:
            # A liquidation filled their entries; what its prints reach waits as ever (D2).
            self._covering.run(events)
            self._liquidator.defer()
        return not (state.turns or state.cascades or state.due)

    def _settle_prices(self, events: list[Event]) -> None:
        """Fire what new prices have reached, then look after margins (A11, D2)."""
        state = self.state
        if (state.referenced or state.cascades or state.due) and not state.turns:
            self._triggering.run(events)
        if state.turns or state.cascades:
            # The margins wait until the uncross or the cascade has ended, in a later frame.
            state.pending_accounts.update(dict.fromkeys(state.touched))
            state.pending_symbols.update(state.moved)
            state.touched.clear()
            state.moved.clear()
        elif state.touched or state.moved or state.pending_accounts or state.pending_symbols:
            self._liquidator.review(events)

    def _after_payments(self, events: list[Event]) -> None:
        """Look after the margins of all who paid or received, once the last one has (B6)."""
        if self.state.carry is not None:
            self._liquidator.defer()
        else:
            self._settle_prices(events)

    def _expiry_us(self) -> int:
        """Return when the next order expires; infinitely late where none does."""
        expiries = self.state.expiries
        return expiries.peekitem(0)[0][0] if expiries else NEVER_US

    def is_busy(self) -> bool:
        """Tell whether something must go on in the next batch, before any input."""
        state = self.state
        unfinished = state.carry or state.mass or state.turns or state.cascades or state.due
        is_due = self._expiry_us() <= state.now_us or 0 < state.windows_turn_us <= state.now_us
        return bool(unfinished) or is_due

    def next_deadline_us(self) -> int | None:
        """Return when the next timer is due, if any; now, while something is unfinished."""
        state = self.state
        if state.carry or state.mass or state.turns or state.cascades or state.due:
            return state.now_us
        review_us, turn_us = state.review_at_us or NEVER_US, state.windows_turn_us or NEVER_US
        deadline_us = min(review_us, turn_us, self._expiry_us())
        return None if deadline_us == NEVER_US else deadline_us

    def apply(self, command: Command) -> list[Event]:
        """Run one command at the batch's time and return what happened.

        A refusal is an event too. After the command: its fills, then the margins of the accounts
        it touched or whose marks it moved (D2).
        """
        state = self.state
        unfinished = state.carry or state.mass or state.turns or state.cascades or state.due
        assert not unfinished, "a mass, an uncross, a cascade goes on before any other input"
        events: list[Event] = []
        self._routes[type(command)](command, events)
        if state.touched or state.moved or state.referenced or state.review_at_us:
            self._after_payments(events)
            if state.backstop.balance_atoms and state.carry is None:
                self._liquidator.waterfall.sweep_backstop(events)
            # After whatever moved money. Its sums run from the beginning: once wrong, always wrong.
            state.ledger.check()
        return events

    def rebuild_bands(self) -> None:
        """Give every account its price bands again; a snapshot does not hold them (D9)."""
        self._liquidator.rebuild_bands()

    def check(self) -> None:
        """Assert every invariant of the state. Linear in everything; for tests and snapshots."""
        self.state.check()


def _reject(refusal: Rejected, events: list[Event]) -> None:
    """Turn a verdict that was reached before the kernel into its event."""
    events.append(refusal)
