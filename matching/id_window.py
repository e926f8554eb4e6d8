"""The persisted window of accepted client order ids, by which a retry is harmless (A10)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from engine.limits import ID_WINDOW, ID_WINDOW_AGE_US, ID_WINDOW_MAX
from matching.terms import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping


Entry = tuple[bytes, int, OrderStatus, int]
"""Digest of the command, order id, status at acceptance, time of acceptance in µs."""


class IdWindow:
    """The last accepted ids of the shard: (account, id) -> entry.

    At least the last ID_WINDOW of them are kept, and those of the last 24 hours up to
    ID_WINDOW_MAX. The id of a live order never leaves: when its turn comes it is spared, and stands
    apart until the order has ended. Everything is O(1), evictions amortised. An `OrderedDict`,
    since a plain dict emptied from the front turns quadratic.
    """

    __slots__ = ("_entries", "_spared", "size")

    def __init__(self, size: int = ID_WINDOW) -> None:
        self.size: int = size
        self._entries: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self._spared: OrderedDict[tuple[str, str], Entry] = OrderedDict()

    def find(self, account_id: str, client_order_id: str) -> Entry | None:
        """Return the entry of an accepted id, or None."""
        key = (account_id, client_order_id)
        return self._entries.get(key) or (self._spared.get(key) if self._spared else None)

    def add(self, key: tuple[str, str], entry: Entry) -> None:
        """Remember an accepted (account, client order id); it must be new."""
        assert key not in self._entries
        self._entries[key] = entry

    def confirm(
        self, key: tuple[str, str], order_id: int, status: OrderStatus, now_us: int
    ) -> None:
        """Note what became of an id that was reserved, in its place if it is still there."""
        known = self._entries.get(key)
        at_us = now_us if known is None else known[3]
        self._entries[key] = (b"", order_id, status, at_us)

    def has_kept(self, account_id: str, client_order_id: str) -> bool:
        """Tell whether an id is still in the window itself, not merely spared."""
        return (account_id, client_order_id) in self._entries

    def make_room(self, now_us: int, live: Mapping[str, Container[str]]) -> None:
        """Let the oldest id go if the window is full, before one more is added.

        Two go where the last day had made it larger than it need be. With them goes one spared id
        whose order has ended since, if the next one looked at is such.
        """
        if len(self._entries) >= self.size:
            self._evict(now_us, live)
            if len(self._entries) >= self.size:
                self._evict(now_us, live)

    def _evict(self, now_us: int, live: Mapping[str, Container[str]]) -> None:
        entries, spared = self._entries, self._spared
        if spared:
            key, entry = spared.popitem(last=False)
            if key[1] in live.get(key[0], ()):
                spared[key] = entry
        key, entry = next(iter(entries.items()))
        if now_us - entry[3] < ID_WINDOW_AGE_US and len(entries) < ID_WINDOW_MAX:
            return
        del entries[key]
        if key[1] in live.get(key[0], ()):
            spared[key] = entry

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> Iterator[tuple[tuple[str, str], Entry]]:
        """Return the ids in the window, oldest first."""
        return iter(self._entries.items())

    def spared(self) -> Iterator[tuple[tuple[str, str], Entry]]:
        """Return the ids that left the window while their orders lived, next looked at first."""
        return iter(self._spared.items())

    def restore(self, key: tuple[str, str], entry: Entry, *, is_spared: bool) -> None:
        """Bring an id back from a snapshot, in the order of `entries` and `spared`."""
        (self._spared if is_spared else self._entries)[key] = entry
