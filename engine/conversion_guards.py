"""The commands that stop trading, from the wire to the core (E4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.conversion_admin import Defect
from matching.messages import Kill, Resume
from matching.terms import KillScope, Refusal, Switch
from risk.messages import Rejected

if TYPE_CHECKING:
    from engine.wire_guards import KillWire, ResumeWire


def kill(c: KillWire) -> Kill | Rejected:
    """Return the command with its switch."""
    try:
        return Kill(Switch(c.scope, _target(c), c.mode, c.operator, c.reason))
    except Defect as defect:
        return _refused(c, defect)


def resume(c: ResumeWire) -> Resume | Rejected:
    """Return the command with its target."""
    try:
        return Resume(c.scope, _target(c), c.operator, c.reason)
    except Defect as defect:
        return _refused(c, defect)


def _target(c: ResumeWire) -> str:
    """Return what the scope is about, empty for all; no other target may be named.

    Raises Defect.
    """
    targets = {
        KillScope.SYMBOL: c.symbol,
        KillScope.ACCOUNT: c.account,
        KillScope.TAG: c.tag,
    }
    for scope, target in targets.items():
        if target is None and scope is c.scope:
            raise Defect(Refusal.MISSING_FIELD, f"$.{scope.value}")
        if target is not None and scope is not c.scope:
            raise Defect(Refusal.UNKNOWN_FIELD, f"$.{scope.value}")
    return targets.get(c.scope) or ""


def _refused(c: ResumeWire, defect: Defect) -> Rejected:
    return Rejected(defect.code, symbol=c.symbol, account=c.account, path=defect.path)
