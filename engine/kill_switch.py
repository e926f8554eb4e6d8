"""The kill switch: an operator stops trading, everywhere or in one place (E4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import MAX_SWITCHES
from engine.state import MassCancel
from matching.terms import CancelReason, KillMode, KillScope, Refusal, Switch
from risk.bands import unband
from risk.guards.messages import KillSwitched
from risk.margin import equity_and_maintenance
from risk.messages import Rejected
from risk.terms import LimitsResumed

if TYPE_CHECKING:
    from engine.cancelling import Cancelling
    from engine.flattening import Flattening
    from engine.messages import Event
    from engine.state import State
    from risk.guards.messages import Kill, Resume

SYMBOL = KillScope.SYMBOL
ACCOUNT = KillScope.ACCOUNT
TAG = KillScope.TAG


class KillSwitches:
    """The part of the kernel that puts kill switches on and takes them off."""

    __slots__ = ("_cancelling", "_flattening", "_state")

    def __init__(self, state: State, cancelling: Cancelling, flattening: Flattening) -> None:
        self._state: State = state
        self._cancelling: Cancelling = cancelling
        self._flattening: Flattening = flattening

    def kill(self, command: Kill, events: list[Event]) -> None:
        """Put a switch on a scope, stricter or looser than the one that it replaces.

        What its mode cancels and closes goes at once, and over frames before any other input.
        """
        switch = command.switch
        refusal, path = self._refusal(switch)
        if refusal is not None:
            events.append(_refused(refusal, switch.scope, switch.target, path))
            return
        self._state.switches[switch.scope, switch.target] = switch
        events.append(KillSwitched("kill", switch))
        if switch.mode is not KillMode.NO_NEW:
            self._cancelling.cancel_or_go_on(_mass(switch), events)
        if switch.mode is KillMode.FLATTEN:
            self._flattening.begin(switch, events)
        else:
            self._flattening.forget()

    def resume(self, command: Resume, events: list[Event]) -> None:
        """End the switch of a scope, of an account also what its losses have paused (C3).

        Those of other scopes stay.
        """
        scope, target = command.scope, command.target
        ended = self._state.switches.pop((scope, target), None)
        resumed = self._resume_limits(command)
        if ended is not None:
            switch = Switch(scope, target, ended.mode, command.operator, command.reason)
            events.append(KillSwitched("resume", switch))
            self._flattening.forget()
        if resumed is not None:
            events.append(resumed)
        elif ended is None:
            refusal = _refused(Refusal.NO_SUCH_SWITCH, scope, target, "$.scope")
            refusal.text = f"no kill switch is on {scope.value} {target or '*'}"
            events.append(refusal)

    def _resume_limits(self, command: Resume) -> LimitsResumed | None:
        """Begin the windows of an account's losses anew that have paused it, and say so."""
        if command.scope is not ACCOUNT:
            return None
        account = self._state.guarded.get(command.target)
        if account is None:
            return None
        assert account.guard is not None
        assert account.guard.losses is not None
        names = account.guard.losses.resume(equity_and_maintenance(account)[0])
        if not names:
            return None
        unband(account)
        return LimitsResumed(command.target, names, command.operator, command.reason)

    def _refusal(self, switch: Switch) -> tuple[Refusal | None, str | None]:
        """Answer what is wrong with a switch, if anything is, and where."""
        state, scope, target = self._state, switch.scope, switch.target
        if scope is ACCOUNT and state.find_account(target) is None:
            return Refusal.UNKNOWN_ACCOUNT, None
        if scope is SYMBOL and target not in state.markets:
            return Refusal.UNKNOWN_INSTRUMENT, None
        if (scope, target) not in state.switches and len(state.switches) >= MAX_SWITCHES:
            return Refusal.TOO_MANY, None
        if scope is TAG and switch.mode is KillMode.FLATTEN:
            # A position carries no tag: nobody could say which part of it to close.
            return Refusal.INVALID_SWITCH, "$.mode"
        return None, None


def _mass(switch: Switch) -> MassCancel:
    """Return the cancels of a switch."""
    scope, target = switch.scope, switch.target
    return MassCancel(
        target if scope is ACCOUNT else "",
        target if scope is SYMBOL else "",
        0,
        CancelReason.KILL_SWITCH,
        target if scope is TAG else "",
        keeps_exits=switch.mode is KillMode.REDUCE_ONLY,
    )


def _refused(code: Refusal, scope: KillScope, target: str, path: str | None) -> Rejected:
    """Refuse a command about a switch, by the name of what it is on."""
    return Rejected(
        code,
        symbol=target if scope is SYMBOL else None,
        account=target if scope is ACCOUNT else None,
        path=path,
    )
