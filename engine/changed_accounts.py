"""Which accounts have changed, for each of those who want to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.loop import EngineLoop


class ChangedAccounts:
    """Hands what the machine notes once to several readers. Memory: an id a reader and account.

    A reader that has never asked is told nothing: it begins with everybody anyway.
    """

    def __init__(self, loop: EngineLoop) -> None:
        self._loop = loop
        self._waiting: dict[str, dict[str, None]] = {}

    def take(self, reader: str) -> dict[str, None]:
        """Return the accounts that changed since this reader last asked."""
        fresh = self._loop.machine.take_changed()
        for waiting in self._waiting.values():
            waiting.update(fresh)
        mine = self._waiting.get(reader, fresh)
        self._waiting[reader] = {}
        return mine
