"""One side of a book: price levels in order of priority, each a queue in order of arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortedcontainers import SortedList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matching.order import Order


class Level:
    """The orders resting at one price, first come first. A linked list, so that leaving is O(1).

    `conditional` counts those that show or trade less than they are (icebergs, reduce-only).
    """

    __slots__ = ("conditional", "head", "key", "price_ticks", "tail")

    def __init__(self, key: int, price_ticks: int) -> None:
        self.key: int = key
        self.price_ticks: int = price_ticks
        self.conditional: int = 0
        self.head: Order | None = None
        self.tail: Order | None = None

    def append(self, order: Order) -> None:
        """Queue `order` behind everybody at this price."""
        assert order.level is None
        order.level = self
        if order.conditions is not None:
            self.conditional += 1
        order.before = self.tail
        order.after = None
        if self.tail is None:
            self.head = order
        else:
            self.tail.after = order
        self.tail = order

    def prepend(self, order: Order) -> None:
        """Queue `order` before everybody at this price."""
        assert order.level is None
        order.level = self
        if order.conditions is not None:
            self.conditional += 1
        order.before = None
        order.after = self.head
        if self.head is None:
            self.tail = order
        else:
            self.head.before = order
        self.head = order

    def remove(self, order: Order) -> None:
        """Take `order` out of the queue, wherever it stands."""
        assert order.level is self
        if order.conditions is not None:
            self.conditional -= 1
        before, after = order.before, order.after
        if before is None:
            self.head = after
        else:
            before.after = after
        if after is None:
            self.tail = before
        else:
            after.before = before
        order.level = order.before = order.after = None

    def __iter__(self) -> Iterator[Order]:
        order = self.head
        while order is not None:
            yield order
            order = order.after


class Ladder:
    """The levels of one side under the priority key `-side * price_ticks`: least is best.

    Adding to or leaving an existing level is O(1); a level's birth and death are O(log n).
    """

    __slots__ = ("_keys", "_levels", "best", "side")

    def __init__(self, side: int) -> None:
        self.side: int = side
        self.best: Level | None = None
        self._levels: dict[int, Level] = {}
        self._keys: SortedList[int] = SortedList()

    def add(self, order: Order) -> None:
        """Queue `order` at its price."""
        key = -self.side * order.price_ticks
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = Level(key, order.price_ticks)
            self._keys.add(key)
            if self.best is None or key < self.best.key:
                self.best = level
        level.append(order)

    def remove(self, order: Order) -> None:
        """Take `order` out, and its level with it if that is now empty."""
        level = order.level
        assert level is not None
        level.remove(order)
        if level.head is not None:
            return
        del self._levels[level.key]
        if level is self.best:
            self._keys.pop(0)
            self.best = self._levels[self._keys[0]] if self._keys else None
        else:
            self._keys.remove(level.key)

    def level_at(self, rank: int) -> Level | None:
        """Return the level of that rank, 0 being the best, or None past the last one."""
        if rank >= len(self._keys):
            return None
        return self._levels[self._keys[rank]]

    def __iter__(self) -> Iterator[Level]:
        for key in self._keys:
            yield self._levels[key]

    def __len__(self) -> int:
        return len(self._keys)

    def check(self) -> None:
        """Assert every invariant of the side."""
        assert list(self._keys) == sorted(self._levels)
        assert self.best is (self._levels[self._keys[0]] if self._keys else None)
        for key, level in self._levels.items():
            assert level.key == key == -self.side * level.price_ticks
            assert level.head is not None, "an empty level must be gone"
            before = None
            conditional = 0
            for order in level:
                leaves_lots = order.leaves_lots
                if order.conditions is not None:
                    conditional += 1
                    assert 0 < order.shown_lots <= leaves_lots
                assert order.level is level
                assert order.before is before
                assert order.side == self.side
                assert order.price_ticks == level.price_ticks
                assert 0 < leaves_lots <= order.quantity_lots
                before = order
            assert level.tail is before
            assert level.conditional == conditional
