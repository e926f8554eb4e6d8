"""The persisted window of accepted client order ids, by which a retry is harmless (A10)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from engine.limits import ID_WINDOW, ID_WINDOW_AGE_US, ID_WINDOW_MAX

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping


class IdWindow:
    """The last accepted ids of the shard: (account, id) -> (digest, order id, status, time).

    At least the last ID_WINDOW of them are kept, and those of the last 24 hours up to
    ID_WINDOW_MAX; the id of a live order never leaves. Everything is O(1), evictions amortised.
    An `OrderedDict`, since a plain dict emptied from the front turns quadratic.
    """

    __slots__ = ("_entries", "size")

    def __init__(self, size: int = ID_WINDOW) -> None:
        self.size: int = size
        self._entries: OrderedDict[tuple[str, str], tuple[bytes, int, str, int]] = OrderedDict()

    def find(self, account_id: str, client_order_id: str) -> tuple[bytes, int, str, int] | None:
        """Return (digest, order id, status, time in µs) of an accepted id, or None."""
        return self._entries.get((account_id, client_order_id))

    def add(
        self,
        account_id: str,
        client_order_id: str,
        digest: bytes,
        order_id: int,
        status: str,
        now_us: int,
    ) -> None:
        """Remember an accepted id; it must be new."""
        key = (account_id, client_order_id)
        assert key not in self._entries
        self._entries[key] = (digest, order_id, status, now_us)

    def evict(self, now_us: int, live: Mapping[str, Container[str]]) -> None:
        """Let the oldest ids go while there are too many; those of live orders go to the back.

        At most two live ones are moved a call, so that a window full of them costs no more.
        """
        entries = self._entries
        spared = 0
        while len(entries) > self.size and spared < 2:
            key, entry = next(iter(entries.items()))
            if now_us - entry[3] < ID_WINDOW_AGE_US and len(entries) <= ID_WINDOW_MAX:
                return
            if key[1] in live.get(key[0], ()):
                entries.move_to_end(key)
                spared += 1
            else:
                del entries[key]

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> Iterator[tuple[tuple[str, str], tuple[bytes, int, str, int]]]:
        """Return every entry, oldest first."""
        return iter(self._entries.items())
