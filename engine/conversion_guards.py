"""The commands that stop trading, from the wire to the core (E4, E5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.conversion_admin import Defect, rate_ppm
from engine.limits import (
    MAX_ACTIVITY,
    MAX_ACTIVITY_WINDOW_S,
    MAX_HEARTBEAT_MS,
    MIN_HEARTBEAT_MS,
    PPM,
)
from matching.terms import KillScope, Refusal, Switch
from risk.guards.messages import Kill, Resume, SetActivity, SetHeartbeat
from risk.messages import Rejected

if TYPE_CHECKING:
    from engine.wire_guards import HeartbeatWire, KillWire, ResumeWire, SetActivityWire


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


def set_activity(c: SetActivityWire) -> SetActivity | Rejected:
    """Return the thresholds in counts, ppm and µs; what is absent is off, or its default."""
    terms = SetActivity()
    try:
        if c.order_rate is not None:
            terms.order_rate = _within(c.order_rate, 0, MAX_ACTIVITY, "$.order_rate")
        if c.least_commands is not None:
            terms.least_commands = _within(c.least_commands, 1, MAX_ACTIVITY, "$.least_commands")
        if c.window_s is not None:
            window_s = _within(c.window_s, 1, MAX_ACTIVITY_WINDOW_S, "$.window_s")
            terms.window_us = window_s * 1_000_000
        terms.reject_ppm = _share_ppm(c.reject_rate, "$.reject_rate")
        terms.impact_ppm = _share_ppm(c.price_impact, "$.price_impact")
    except Defect as defect:
        return Rejected(defect.code, path=defect.path)
    return terms


def _share_ppm(rate: str | int | None, path: str) -> int:
    """Return a rate between 0 and 1 in ppm, 0 where it is absent. Raises Defect."""
    return 0 if rate is None else _within(rate_ppm(rate, path), 0, PPM, path)


def _within(value: int, least: int, most: int, path: str) -> int:
    if not least <= value <= most:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return value


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
