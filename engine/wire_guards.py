"""The commands that stop trading: the kill switch (E4), and silence (E5); what watches it (E7)."""

from __future__ import annotations

from engine.wire_fields import Decimal, Identifier, Text, Whole, Wire
from matching.terms import KillMode, KillScope


class ResumeWire(Wire, tag="resume"):
    """`resume`: ends the switch of a scope. Of the three targets it names the scope's own."""

    scope: KillScope
    operator: Identifier
    reason: Text
    symbol: Identifier | None = None
    account: Identifier | None = None
    tag: Identifier | None = None


class KillWire(ResumeWire, tag="kill", kw_only=True):
    """`kill`: puts a switch on a scope, in place of the one that it has."""

    mode: KillMode


class HeartbeatWire(Wire, tag="heartbeat"):
    """`heartbeat` of the protocol: cancel on silence; 0 switches it off."""

    account: Identifier
    timeout_ms: Whole


class SetActivityWire(Wire, tag="set_activity"):
    """`set_activity`: what is unusual within a window; what is absent, or 0, is off."""

    order_rate: Whole | None = None
    reject_rate: Decimal | None = None
    least_commands: Whole | None = None
    price_impact: Decimal | None = None
    window_s: Whole | None = None
