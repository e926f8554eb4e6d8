"""The persisted window of accepted client order ids, by which a retry is harmless (A10)."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final
from zlib import crc32

from engine.limits import ID_WINDOW, ID_WINDOW_AGE_US, ID_WINDOW_MAX
from matching.terms import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping


_SHARDS: Final = 256
_MASK: Final = _SHARDS - 1

Entry = tuple[bytes, int, OrderStatus, int]
"""Digest of the command, order id, status at acceptance, time of acceptance in µs."""


class IdWindow:
    """The last accepted ids of the shard: (account, id) -> entry.

    At least the last ID_WINDOW of them are kept, and those of the last 24 hours up to
    ID_WINDOW_MAX. The id of a live order never leaves: when its turn comes it is spared, and stands
    apart until the order has ended. Everything is O(1), evictions amortised.

    Entries lie in many small dicts, chosen by the id's checksum, and their order in a queue: one
    dict of a million would stop the engine for a sixth of a second whenever it grew.
    """

    __slots__ = ("_entries", "_queue", "_spared", "size")

    def __init__(self, size: int = ID_WINDOW) -> None:
        self.size: int = size
        self._entries: list[dict[tuple[str, str], Entry]] = [{} for _ in range(_SHARDS)]
        self._queue: deque[tuple[str, str]] = deque()
        self._spared: OrderedDict[tuple[str, str], Entry] = OrderedDict()

    def find(self, account_id: str, client_order_id: str) -> Entry | None:
        """Return the entry of an accepted id, or None."""
        key = (account_id, client_order_id)
        entry = self._entries[crc32(client_order_id.encode()) & _MASK].get(key)
        return entry or (self._spared.get(key) if self._spared else None)

    def add(self, key: tuple[str, str], entry: Entry) -> None:
        """Remember an accepted (account, client order id); it must be new."""
        entries = self._entries[crc32(key[1].encode()) & _MASK]
        assert key not in entries
        entries[key] = entry
        self._queue.append(key)

    def confirm(
        self, key: tuple[str, str], order_id: int, status: OrderStatus, now_us: int
    ) -> None:
        """Note what became of an id that was reserved, in its place if it is still there."""
        entries = self._entries[crc32(key[1].encode()) & _MASK]
        known = entries.get(key)
        if known is None:
            self.add(key, (b"", order_id, status, now_us))
        else:
            entries[key] = (b"", order_id, status, known[3])

    def has_kept(self, account_id: str, client_order_id: str) -> bool:
        """Tell whether an id is still in the window itself, not merely spared."""
        key = (account_id, client_order_id)
        return key in self._entries[crc32(client_order_id.encode()) & _MASK]

    def make_room(self, now_us: int, live: Mapping[str, Container[str]]) -> None:
        """Let the oldest id go if the window is full, before one more is added.

        Two go where the last day had made it larger than it need be. With them goes one spared id
        whose order has ended since, if the next one looked at is such.
        """
        if len(self._queue) >= self.size:
            self._evict(now_us, live)
            if len(self._queue) >= self.size:
                self._evict(now_us, live)

    def _evict(self, now_us: int, live: Mapping[str, Container[str]]) -> None:
        spared = self._spared
        if spared:
            key, entry = spared.popitem(last=False)
            if key[1] in live.get(key[0], ()):
                spared[key] = entry
        key = self._queue[0]
        entries = self._entries[crc32(key[1].encode()) & _MASK]
        entry = entries[key]
        if now_us - entry[3] < ID_WINDOW_AGE_US and len(self._queue) < ID_WINDOW_MAX:
            return
        self._queue.popleft()
        del entries[key]
        if key[1] in live.get(key[0], ()):
            spared[key] = entry

    def __len__(self) -> int:
        return len(self._queue)

    def entries(self) -> Iterator[tuple[tuple[str, str], Entry]]:
        """Return the ids in the window, oldest first."""
        return ((key, self._entries[crc32(key[1].encode()) & _MASK][key]) for key in self._queue)

    def spared(self) -> Iterator[tuple[tuple[str, str], Entry]]:
        """Return the ids that left the window while their orders lived, next looked at first."""
        return iter(self._spared.items())

    def restore(self, key: tuple[str, str], entry: Entry, *, is_spared: bool) -> None:
        """Bring an id back from a snapshot, in the order of `entries` and `spared`."""
        if is_spared:
            self._spared[key] = entry
        else:
            self.add(key, entry)

    def check(self) -> None:
        """Assert that queue and entries name the same ids, each once. Linear."""
        assert sum(map(len, self._entries)) == len(self._queue)
        assert all(key in self._entries[crc32(key[1].encode()) & _MASK] for key in self._queue)
