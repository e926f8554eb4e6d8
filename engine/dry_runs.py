"""What would new limits, another ladder or other margin rates set off? Nothing changes (C4)."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from engine.account_limits import asked_profile, give_profile
from engine.arming import limit_of
from engine.limits import MAX_NAMED, MAX_REHEARSED
from engine.linked_entry import shared_hold, shared_with
from engine.loss_windows import look_at_losses
from engine.operations import ladder_is_sound, terms_refusal
from engine.rehearsal import Rehearsal
from matching.terms import Refusal
from risk.admission import Replaced, admission_failures
from risk.foretold.messages import Barred, MarginsTried, RiskTried
from risk.margin import divide_up, equity_and_maintenance, equity_and_maintenance_with
from risk.messages import Rejected, SetLiquidation
from risk.terms import SetRisk
from risk.tiers import is_called, tier_reached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.messages import Event
    from engine.state import State
    from matching.order import Order
    from risk.account import Account
    from risk.foretold.messages import DryRun
    from risk.instrument import Instrument
    from risk.messages import Failure, UpdateInstrument
    from risk.position import Position
    from risk.terms import LimitHit

Asked = dict[tuple[str, str], tuple["Failure", ...]]
"""What is refused now, by symbol and client order id, which is empty of a position."""


class DryRuns:
    """The part of the kernel that tells what settings would set off; it changes nothing."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def run(self, question: DryRun, events: list[Event]) -> None:
        """Answer what a command would set off, or what it would be refused with."""
        command = question.command
        if isinstance(command, SetRisk):
            events.append(self._risk(command))
        elif isinstance(command, SetLiquidation):
            events.append(self._ladder(command))
        else:
            events.append(self._terms(command))

    def _risk(self, command: SetRisk) -> Event:
        """Ask each open order, and one lot more of each position, anew under the new limits.

        Linear in the account's positions times its orders; at most MAX_REHEARSED of these.
        """
        state = self._state
        account = state.accounts.get(command.account)
        profile = asked_profile(command, account)
        if account is None or isinstance(profile, Rejected):
            assert isinstance(profile, Rejected), "who is unknown is refused"
            return profile
        if len(state.live[command.account]) > MAX_REHEARSED:
            return Rejected(Refusal.TOO_MANY, account=command.account)
        rehearsal = Rehearsal(state, account, "")
        twin = rehearsal.account(account)
        before = self._refused(account, twin)
        give_profile(rehearsal.state, twin, profile)
        refused: list[Barred] = []
        for (symbol, name), failures in self._refused(account, twin).items():
            known = {failure.code for failure in before[symbol, name]}
            added = tuple(failure for failure in failures if failure.code not in known)
            if added:
                refused.append(Barred(symbol, name, added))
        paused: tuple[LimitHit, ...] = ()
        if twin.guard is not None:
            hits = look_at_losses(twin, equity_and_maintenance(twin)[0], state.now_us)
            paused = tuple(hits)
        return RiskTried(command.account, tuple(refused[:MAX_NAMED]), len(refused), paused)

    def _refused(self, account: Account, twin: Account) -> Asked:
        """Return the failing checks of all that the account has open, with the copy's limits."""
        found: Asked = {}
        for symbol, position in sorted(twin.positions.items()):
            if position.lots:
                mark_half = position.instrument.mark_half_ticks
                side, ticks = (1 if position.lots > 0 else -1), max(1, divide_up(mark_half, 2))
                found[symbol, ""] = self._failures(position, side, 1, ticks)
        for order in self._state.live[account.account_id].values():
            if not order.reduces_only:
                position = twin.positions[order.symbol]
                found[order.symbol, order.client_order_id] = self._asked_anew(order, position)
        return found

    def _asked_anew(self, order: Order, position: Position) -> tuple[Failure, ...]:
        """Ask of an open order what it would be asked if it were sent now, in place of itself."""
        lots, ticks = order.leaves_lots, order.price_ticks
        group = None if order.conditions is None else order.conditions.group
        if order.is_armed:
            assert order.conditions is not None
            trigger = order.conditions.trigger
            assert trigger is not None
            market = self._state.markets[order.symbol]
            touch = trigger.price_ticks or trigger.activation_ticks
            ticks = ticks or limit_of(market, order, touch)
            replaced = shared_with(order, lots, ticks)
        elif group is not None:
            replaced = shared_hold(group, position, order.side, lots, ticks, order)
        else:
            atoms = lots * ticks * position.instrument.unit_atoms
            replaced = Replaced(lots, atoms, order.fee_hold_atoms)
        return self._failures(position, order.side, lots, ticks, order, replaced)

    def _failures(
        self,
        position: Position,
        side: int,
        lots: int,
        ticks: int,
        order: Order | None = None,
        replaced: Replaced | None = None,
    ) -> tuple[Failure, ...]:
        """Ask the checks of C1, but for kill switches and the rate of orders."""
        state = self._state
        fee_ppm = state.fees_of(position)[1] if order is None else order.taker_fee_ppm
        return admission_failures(
            position,
            side,
            lots,
            ticks,
            fee_ppm,
            state.ladder.admission_ratio_ppm,
            state.now_us,
            limited=order is None or order.price_ticks > 0,
            replaced=replaced or Replaced(0, 0, 0),
            is_new=False,
        )

    def _ladder(self, command: SetLiquidation) -> Event:
        """Hold every account against another ladder. Linear in the accounts, as setting it is."""
        state = self._state
        if not ladder_is_sound(state, command):
            return Rejected(Refusal.INVALID_TERMS)
        return _tried("set_liquidation", "", state.accounts.values(), command, None)

    def _terms(self, command: UpdateInstrument) -> Event:
        """Hold everybody who has a position against other margin rates. Linear in these."""
        state, symbol, terms = self._state, command.symbol, command.terms
        market = state.markets.get(symbol)
        if market is None:
            return Rejected(Refusal.UNKNOWN_INSTRUMENT, symbol=symbol)
        refusal, path = terms_refusal(state, command)
        if refusal is not None:
            return Rejected(refusal, symbol=symbol, path=path)
        assert terms is not None
        trial = copy(market.instrument)
        trial.set_terms(terms, state.now_us)
        accounts = [position.account for position in state.positions.open_in(symbol).values()]
        return _tried("update_instrument", symbol, accounts, state.ladder, trial)


def _tried(
    command: str,
    symbol: str,
    accounts: Iterable[Account],
    ladder: SetLiquidation,
    trial: Instrument | None,
) -> MarginsTried:
    """Tell who would be called, and who would stand at a tier; with `trial` for its symbol."""
    called: list[str] = []
    reached: list[tuple[str, int]] = []
    for account in accounts:
        if account.is_reserved:
            continue
        if trial is None:
            equity, maintenance = equity_and_maintenance(account)
        else:
            equity, maintenance = equity_and_maintenance_with(account, trial)
        if not account.margin_called and is_called(maintenance, equity, ladder):
            called.append(account.account_id)
        tier = tier_reached(maintenance, equity, ladder)
        if tier:
            reached.append((account.account_id, tier))
    called.sort()
    reached.sort()
    return MarginsTried(
        command,
        symbol,
        tuple(called[:MAX_NAMED]),
        len(called),
        tuple(reached[:MAX_NAMED]),
        len(reached),
    )
