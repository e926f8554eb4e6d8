"""Kill switches: which of those that are on bind an order (E4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from matching.terms import KillMode, KillScope

if TYPE_CHECKING:
    from matching.terms import Switch

Place = tuple[KillScope, str]
"""A scope and its target; there is at most one switch on it."""

Switches = dict[Place, "Switch"]

EVERYWHERE: Final[Place] = (KillScope.GLOBAL, "")
STRICTNESS: Final = {mode: place for place, mode in enumerate(KillMode)}


def strictest(switches: Switches, symbol: str, account_id: str, tag: str) -> Switch | None:
    """Return the strictest switch over an order, of equals the widest; None where there is none.

    An order without a tag, whose tag is empty, is under no switch of a tag.
    """
    found: Switch | None = None
    for place in (
        EVERYWHERE,
        (KillScope.SYMBOL, symbol),
        (KillScope.ACCOUNT, account_id),
        (KillScope.TAG, tag),
    ):
        switch = switches.get(place)
        if switch is not None and (
            found is None or STRICTNESS[switch.mode] > STRICTNESS[found.mode]
        ):
            found = switch
    return found
