"""`pitboss check-config`: read the configuration, and try the commands that it begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.config import genesis_commands
from engine.entries import decode_entry
from engine.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.config import Config

_TABLES = {
    "create_instrument": "instruments",
    "create_account": "accounts",
    "deposit": "deposits",
}
_HINTS = {
    "account_exists": "the names backstop and house are the venue's own: take another",
    "invalid_terms": (
        "maintenance_margin must be positive and at most initial_margin, maintenance_margin × "
        "max_leverage must lie below admission.ratio, and tick_size × lot_size × contract_size "
        "must be an even number of 0.00000001"
    ),
}


_LEVEL_HINT = "moves rise, above 0 and at most 1, and an auction needs halt_s"
_TIER_HINT = "volumes rise from 0, names differ and are not `none`, fees lie within 0.1 of 0"


class Trial:
    """What the genesis frame of a configuration would do: `problems` by key, or `creates`."""

    def __init__(self, config: Config) -> None:
        self.problems: list[str] = []
        self.creates: dict[str, list[str]] = {table: [] for table in _TABLES.values()}
        machine = Machine()
        places = dict.fromkeys(_TABLES, 0)
        for command in genesis_commands(config):
            kind = str(command["type"])
            place = places.get(kind, 0)
            places[kind] = place + 1
            refused = list(_refusals(machine, command, _key(kind, place)))
            self.problems += refused
            if not refused and kind in _TABLES:
                self.creates[_TABLES[kind]].append(_name(command))

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {"ok": not self.problems, "problems": self.problems, "creates": self.creates}

    def lines(self) -> list[str]:
        """Return what the first frame would create, a line a table."""
        return [
            f"{table:<11}  {', '.join(names) if names else 'none'}"
            for table, names in self.creates.items()
        ]


def _refusals(machine: Machine, command: dict[str, object], key: str) -> Iterator[str]:
    """Apply a command and yield a line for each refusal, with the key of the file."""
    events: list[bytes] = []
    for item in decode_entry("config", "1-0", msgspec.json.encode(command)):
        machine.apply(item, 0, events)
    for event in map(msgspec.json.decode, events):
        if event["type"] == "rejected":
            path = event.get("path", "$").removeprefix("$")
            text = event.get("text") or _HINTS.get(event["reason"])
            if key == "fee_tiers":
                path, text = path.removeprefix(".tiers"), event.get("text") or _TIER_HINT
            if ".breakers[" in path or ".levels[" in path:
                text = event.get("text") or _LEVEL_HINT
            yield f"{key}{path}: {event['reason']} ({event['code']}){f': {text}' if text else ''}"


def _key(kind: str, place: int) -> str:
    if kind == "set_fee_tiers":
        return "fee_tiers"
    if kind == "set_market_breakers":
        return "market_breakers"
    if kind == "set_activity":
        return "activity"
    return f"{_TABLES[kind]}[{place}]" if kind in _TABLES else "liquidation"


def _name(command: dict[str, object]) -> str:
    if command["type"] == "deposit":
        return f"{command['amount']} to {command['account']}"
    return str(command.get("symbol") or command["account"])
