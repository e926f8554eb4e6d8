"""The commands that stop trading, from the wire to the core (E4, E5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.conversion_admin import Defect
from engine.limits import MAX_HEARTBEAT_MS, MIN_HEARTBEAT_MS
from matching.terms import KillScope, Refusal, Switch
from risk.guards.messages import Kill, Resume, SetHeartbeat
from risk.messages import Rejected

if TYPE_CHECKING:
    from engine.wire_guards import HeartbeatWire, KillWire, ResumeWire


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


def heartbeat(c: HeartbeatWire) -> SetHeartbeat | Rejected:
    """Return the command with its timeout in µs, 0 or within the bounds."""
    if c.timeout_ms and not MIN_HEARTBEAT_MS <= c.timeout_ms <= MAX_HEARTBEAT_MS:
        return Rejected(Refusal.OUT_OF_RANGE, account=c.account, path="$.timeout_ms")
    return SetHeartbeat(c.account, c.timeout_ms * 1_000)


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
