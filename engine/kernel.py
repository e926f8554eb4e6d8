"""The kernel: a pure state machine. A command and a time go in, events come out.

It knows no clock, no I/O and no randomness: the same commands at the same times give the same
events, always. Recovery, replay, standby, verification and simulation all stand on that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.account_limits import AccountLimits
from engine.account_terms import AccountTerms
from engine.amending import Amending
from engine.arming import Triggering
from engine.booking import Booking
from engine.breaking import Breaking
from engine.cancelling import Cancelling
from engine.carrying import Carrying
from engine.corporate_actions import CorporateActions
from engine.covering import Covering
from engine.dry_runs import DryRuns
from engine.execution import Execution
from engine.flattening import Flattening
from engine.heartbeats import Heartbeats
from engine.house import House
from engine.kill_switch import KillSwitches
from engine.limits import DAY_US, MASS_CANCELS_PER_FRAME, NEVER_US
from engine.liquidation import Liquidator
from engine.loss_windows import LossWindows
from engine.market_states import MarketStates
from engine.operations import Operations
from engine.overload import Overload
from engine.restating import Restating
from engine.splitting import Splitting
from engine.state import State
from engine.trading import Trading
from engine.unusual import Unusual
from engine.what_if import WhatIfs
from matching.messages import (
    AmendOrder,
    BookTrade,
    CancelAll,
    CancelOrder,
    PlaceOrder,
    SetMarketState,
)
from risk.actions.messages import PayDividend, SplitUnits
from risk.foretold.messages import DryRun, WhatIf
from risk.guards.messages import (
    Kill,
    Overloaded,
    Resume,
    SetActivity,
    SetHeartbeat,
    SetMarketBreakers,
)
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


class Kernel:
    """The shard's state and the parts that work on it."""

    __slots__ = (
        "_actions",
        "_breaking",
        "_cancelling",
        "_carrying",
        "_covering",
        "_day_ends_us",
        "_flattening",
        "_heartbeats",
        "_house",
        "_liquidator",
        "_loss_windows",
        "_market_states",
        "_routes",
        "_triggering",
        "_unusual",
        "state",
    )

    def __init__(self, state: State | None = None) -> None:
        self.state: State = State() if state is None else state
        self._day_ends_us: int = _end_of_day_us(self.state.now_us)
        execution = Execution(self.state)
        cancelling = Cancelling(self.state, execution)
        trading = Trading(self.state, execution)
        amending = Amending(self.state, execution)
        self._market_states: MarketStates = MarketStates(self.state, execution)
        self._flattening: Flattening = Flattening(self.state, execution)
        self._heartbeats: Heartbeats = Heartbeats(self.state, cancelling)
        kill_switches = KillSwitches(self.state, cancelling, self._flattening)
        self._cancelling: Cancelling = cancelling
        restating = Restating(self.state, execution)
        self._carrying: Carrying = Carrying(self.state, restating)
        self._covering: Covering = Covering(self.state, execution)
        self._house: House = House(self.state, execution)
        self._breaking: Breaking = Breaking(self.state, self._market_states)
        self._triggering: Triggering = Triggering(
            self.state, execution, self._covering, self._breaking
        )
        self._liquidator: Liquidator = Liquidator(self.state, execution, cancelling)
        splitting, waterfall = Splitting(self.state, execution), self._liquidator.waterfall
        actions = CorporateActions(self.state, self._carrying, splitting, waterfall)
        self._actions: CorporateActions = actions
        self._loss_windows: LossWindows = LossWindows(self.state)
        self._unusual: Unusual = Unusual(self.state)
        self._routes: dict[type, Callable[[Any, list[Event]], None]] = {
            PlaceOrder: trading.place,
            AmendOrder: amending.amend,
            CancelOrder: cancelling.cancel,
            CancelAll: cancelling.cancel_all,
            SetMarketState: self._market_states.set_market_state,
            SetMarketBreakers: self._breaking.set_market_breakers,
            ApplyFunding: self._carrying.apply_funding,
            ApplySwap: self._carrying.apply_swap,
            BookTrade: Booking(self.state, execution).book_trade,
            PayDividend: self._actions.pay_dividend,
            SplitUnits: self._actions.split,
            Kill: kill_switches.kill,
            Resume: kill_switches.resume,
            SetHeartbeat: self._heartbeats.beat,
            SetActivity: self._unusual.set_activity,
            Overloaded: Overload(self.state, trading.place, amending.amend).apply,
            Rejected: _reject,
        }
        self._routes |= self._routes_of_operators()

    def _routes_of_operators(self) -> dict[type, Callable[[Any, list[Event]], None]]:
        """Return who runs what operators and feeds send, and what is only asked."""
        operations, account_terms = Operations(self.state), AccountTerms(self.state)
        return {
            Tick: operations.tick,
            MarkPrice: operations.mark_price,
            CreateInstrument: operations.create_instrument,
            UpdateInstrument: operations.update_instrument,
            DeleteInstrument: operations.delete_instrument,
            CreateAccount: operations.create_account,
            UpdateAccount: operations.update_account,
            Transfer: operations.transfer,
            FundInsurance: operations.fund_insurance,
            SetRisk: AccountLimits(self.state).set_risk,
            SetLiquidation: operations.set_liquidation,
            SetLeverage: account_terms.set_leverage,
            SetFeeTiers: account_terms.set_fee_tiers,
            WhatIf: WhatIfs(self.state).what_if,
            DryRun: DryRuns(self.state).run,
        }

    def begin(self, now_us: int) -> list[Event]:
        """Open a batch at `now_us`: what is unfinished first, then the timers due; return events.

        Time never goes back. While payments, odd lots, a review, a mass action, an uncross, fills
        that the outside market has reached, a cascade or expiries are unfinished (`is_busy`), no
        input may be applied: the next batch goes on with them.
        """
        state = self.state
        assert now_us >= state.now_us, "engine time never goes back"
        state.now_us = now_us
        if now_us >= self._day_ends_us:
            self._day_ends_us = _end_of_day_us(now_us)
            self._breaking.begin_window()
        events: list[Event] = []
        finished = state.is_quiet or self._finish(events)
        state.is_quiet = False
        if finished:
            if 0 < state.windows_turn_us <= now_us:
                self._loss_windows.turn()
            if self._expiry_us() <= now_us:
                self._cancelling.expire(MASS_CANCELS_PER_FRAME - len(events), events)
            if state.heartbeats.first_us <= now_us < self._expiry_us():
                self._heartbeats.miss(events)
            if state.holds.next_us <= now_us and not self.is_busy():
                self._breaking.resume(events)
                self._settle_prices(events)
            if 0 < state.review_at_us <= now_us and not self.is_busy():
                self._settle_prices(events, wakes=False)
            if state.left_alone and not self.is_busy():
                self._liquidator.review_left_alone(events)
            if 0 < state.close_at_us <= now_us and not self.is_busy():
                self._flattening.turn(events)
                self._settle_prices(events)
        if state.backstop.balance_atoms:
            self._sweep_backstop(events)
        state.is_quiet = not state.stirs()
        return events

    def _finish(self, events: list[Event]) -> bool:
        """Go on with what is unfinished; return whether nothing is any more."""
        state = self.state
        if state.carry is not None or state.split is not None:
            paying = self._actions if state.carry is None else self._carrying
            paying.go_on(events)
            self._after_payments(events)
            return False
        if state.cases:
            self._liquidator.go_on(events)
            if state.watched and not state.cases:
                self._breaking.look(events)
            if state.cases or state.mass or state.due:
                return False
        if state.mass:
            if self._cancelling.cancel_mass(state.mass[0], events):
                state.mass.popleft()
            if state.mass:
                return False
        if state.turns:
            self._market_states.go_on(events)
            self._settle_prices(events)
        elif state.reached or state.cascades:
            self._settle_prices(events)
        elif state.due:
            # A liquidation filled their entries; what its prints reach waits as ever (D2).
            self._covering.run(events)
            self._liquidator.defer()
        elif state.closing:
            self._flattening.go_on(events)
            self._settle_prices(events)
        return not (state.turns or state.reached or state.cascades or state.due or state.closing)

    def _settle_prices(self, events: list[Event], *, wakes: bool = True) -> None:
        """Look at breakers, fill what outside prices have reached, fire stops, look after margins.

        In that order (E2, D5, A11, D2). What liquidations print may trip a breaker too.
        """
        state = self.state
        if state.watched and not state.turns:
            self._breaking.look(events)
        if state.reached and not state.turns:
            self._house.fill_reached(events)
        unfilled = state.turns or state.reached
        if (state.referenced or state.cascades or state.due) and not unfilled:
            self._triggering.run(events)
        if unfilled or state.cascades:
            # The margins wait until the uncross or the cascade has ended, in a later frame.
            state.postpone()
        else:
            self._liquidator.review(events, wakes=wakes)
            if state.watched and not state.cases:
                self._breaking.look(events)

    def _after_payments(self, events: list[Event]) -> None:
        """Look after the margins of all who paid or received, once the last one has (B6)."""
        if self.state.carry is not None or self.state.split is not None:
            self._liquidator.defer()
        else:
            self._settle_prices(events)

    def _sweep_backstop(self, events: list[Event]) -> None:
        """Bring the backstop's balance to zero once a command has moved all its money (D6)."""
        state = self.state
        prices = state.turns or state.reached or state.cascades
        if not (prices or state.carry or state.split or state.cases):
            self._liquidator.waterfall.sweep_backstop(events)

    def _expiry_us(self) -> int:
        """Return when the next order expires; infinitely late where none does."""
        expiries = self.state.expiries
        return expiries.peekitem(0)[0][0] if expiries else NEVER_US

    def is_busy(self) -> bool:
        """Tell whether something must go on in the next batch, before any input."""
        state = self.state
        now_us = state.now_us
        return bool(
            (not state.is_quiet and state.is_unfinished())
            or state.heartbeats.first_us <= now_us
            or 0 < state.windows_turn_us <= now_us
            or (state.expiries and self._expiry_us() <= now_us)
        )

    def next_deadline_us(self) -> int | None:
        """Return when the next timer is due, if any; now, while something is unfinished."""
        state = self.state
        if state.is_unfinished():
            return state.now_us
        alone_us = min((at_us for at_us, _ in state.left_alone.values()), default=NEVER_US)
        timers_us = (state.review_at_us, state.close_at_us, state.windows_turn_us)
        set_us = min((at_us for at_us in timers_us if at_us), default=NEVER_US)
        orders_us = min(self._expiry_us(), state.heartbeats.first_us)
        deadline_us = min(set_us, orders_us, alone_us, state.holds.next_us)
        return None if deadline_us == NEVER_US else deadline_us

    def apply(self, command: Command) -> list[Event]:
        """Run one command at the batch's time and return what happened.

        A refusal is an event too. After the command: its fills, then the margins of the accounts
        it touched or whose marks it moved (D2).
        """
        state = self.state
        waits = not state.is_quiet and state.is_unfinished()
        assert not waits, "what is unfinished goes on before any other input"
        events: list[Event] = []
        kind = type(command)
        if kind is not PlaceOrder and kind is not CancelOrder:
            state.is_quiet = False  # whoever places says so himself, and a cancel stirs nothing
        self._routes[kind](command, events)
        if state.activity is not None:
            self._unusual.note(command, events)
        if state.is_quiet:
            return events
        if (
            state.touched
            or state.moved
            or state.referenced
            or state.reached
            or state.review_at_us
            or state.left_alone
            or state.unsold
        ):
            if kind is WhatIf or kind is DryRun:
                return events  # a question is no price event, and wakes nobody
            if state.carry is None and state.split is None:
                self._settle_prices(events)
            else:
                self._liquidator.defer()
            if state.unsold and self._flattening.try_again(command, events):
                self._settle_prices(events)
            if state.backstop.balance_atoms:
                self._sweep_backstop(events)
            # After whatever moved money. Its sums run from the beginning: once wrong, always wrong.
            state.ledger.check()
        state.is_quiet = not state.stirs()
        return events

    @property
    def looks(self) -> int:
        """How many accounts moved marks have had looked at since the start (D9)."""
        return self._liquidator.looks

    @property
    def moves(self) -> int:
        """How often marks had moved since the start."""
        return self._liquidator.moves

    def rebuild_bands(self) -> None:
        """Give every account its price bands again; a snapshot does not hold them (D9)."""
        self._liquidator.rebuild_bands()

    def check(self) -> None:
        """Assert every invariant of the state. Linear in everything; for tests and snapshots."""
        self.state.check()


def _end_of_day_us(now_us: int) -> int:
    """Return when the UTC day of `now_us` ends."""
    return (now_us // DAY_US + 1) * DAY_US


def _reject(refusal: Rejected, events: list[Event]) -> None:
    """Turn a verdict that was reached before the kernel into its event."""
    events.append(refusal)
