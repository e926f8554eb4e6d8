"""Events of what stops and watches trading to JSON (E4, E5, E7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.rendering_admin import rate
from matching.terms import SIDE_NAMES, KillScope, Refusal
from risk.guards.messages import (
    ActivitySet,
    HeartbeatMissed,
    HeartbeatSet,
    KillSwitched,
    UnusualActivity,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.grid import Grid
    from matching.terms import Switch
    from risk.guards.messages import FlattenOrder
    from risk.messages import Rejected

_quote = msgspec.json.encode
ALL: Final = "*"
"""The target of a global switch as it is written; no identifier is like it."""
LATE: Final = {
    code: f'"code":{code.value},"reason":"{code.reason}"'
    for code in (Refusal.OVERLOAD, Refusal.MEMORY)
}
"""How the refusals begin of which there are many while there is too much."""


def overload(e: Rejected, where: str) -> bytes:
    """Write a refusal of which there are many while there is too much: in one go (E6)."""
    why, hint = LATE[e.code], f'"retry_ms":{e.failures[0].retry_ms}'
    return (
        f'{{"type":"rejected",{where}{why},"symbol":"{e.symbol}",'
        f'"account":"{e.account}","client_order_id":"{e.client_order_id}","detail":{{{hint}}},'
        f'"errors":[{{{why},{hint}}}]}}'
    ).encode()


def switch_fields(switch: Switch) -> str:
    """Return what a switch is on and what it stops, as the fields of a JSON object."""
    return (
        f'"scope":"{switch.scope.value}","target":"{switch.target or ALL}",'
        f'"mode":"{switch.mode.value}"'
    )


def _kill_switch(e: KillSwitched, where: str) -> str:
    switch = e.switch
    named = ""
    if switch.scope in (KillScope.SYMBOL, KillScope.ACCOUNT):
        named = f'"{switch.scope.value}":"{switch.target}",'
    return (
        f'{{"type":"kill_switch",{where}{named}"action":"{e.action}",{switch_fields(switch)},'
        f'"operator":"{switch.operator}","reason":{_quote(switch.reason).decode()}}}'
    )


def flatten(e: FlattenOrder, where: str, grid: Grid) -> str:
    """Write the order by which a position is closed."""
    return (
        f'{{"type":"flatten",{where}"symbol":"{e.symbol}","account":"{e.account}",'
        f'"client_order_id":"kill-{e.order_id}","order_id":{e.order_id},'
        f'"side":"{SIDE_NAMES[e.side]}","quantity":"{grid.quantity_text(e.quantity_lots)}",'
        f'"limit_price":"{grid.price_text(e.limit_ticks)}"}}'
    )


def _heartbeat(e: HeartbeatSet, where: str) -> str:
    expires = f',"expires_at":{e.expires_us // 1_000}' if e.expires_us else ""
    return (
        f'{{"type":"heartbeat",{where}"account":"{e.account}",'
        f'"timeout_ms":{e.timeout_us // 1_000}{expires}}}'
    )


def _heartbeat_missed(e: HeartbeatMissed, where: str) -> str:
    return f'{{"type":"heartbeat_missed",{where}"account":"{e.account}"}}'


def _activity_set(e: ActivitySet, where: str) -> str:
    terms = e.terms
    return (
        f'{{"type":"activity_set",{where}"order_rate":{terms.order_rate},'
        f'"reject_rate":"{rate(terms.reject_ppm)}","least_commands":{terms.least_commands},'
        f'"price_impact":"{rate(terms.impact_ppm)}","window_s":{terms.window_us // 1_000_000}}}'
    )


def _unusual_activity(e: UnusualActivity, where: str) -> str:
    named = "" if e.symbol is None else f'"symbol":"{e.symbol}",'
    write = str if e.kind == "order_rate" else rate
    return (
        f'{{"type":"unusual_activity",{where}{named}"account":"{e.account}","kind":"{e.kind}",'
        f'"value":"{write(e.value)}","limit":"{write(e.limit)}",'
        f'"window_s":{e.window_us // 1_000_000}}}'
    )


GUARD_ROUTES: Final[dict[type, Callable[[Any, str], str]]] = {
    KillSwitched: _kill_switch,
    HeartbeatSet: _heartbeat,
    HeartbeatMissed: _heartbeat_missed,
    ActivitySet: _activity_set,
    UnusualActivity: _unusual_activity,
}
"""How each of these events is written: (event, the `in` field or nothing) -> JSON."""
