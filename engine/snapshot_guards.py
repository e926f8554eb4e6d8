"""Kill switches as records of the snapshot, and back (E4, architecture §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.state import State
    from matching.terms import Switch


def switches(state: State) -> Iterator[Switch]:
    """Return the kill switches, by scope and target."""
    for _, switch in sorted(state.switches.items(), key=lambda each: _order(each[1])):
        yield switch


def _order(switch: Switch) -> tuple[str, str]:
    return switch.scope.value, switch.target


def restore_switch(state: State, switch: Switch) -> None:
    """Put a switch on again."""
    state.switches[switch.scope, switch.target] = switch
