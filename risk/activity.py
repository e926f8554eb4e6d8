"""How much each account has done of late, counted in buckets of engine time (E7).

Only accounts that did something within the window are kept, the one whose newest bucket began first
at the front; each has at most BUCKETS buckets.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from risk.guards.messages import SetActivity

BUCKETS: Final = 10
"""In which a window is counted: it spans the running bucket and those before it."""


class Counts:
    """What one account did within the window: commands, orders that entered, refusals.

    `buckets` are [number, commands, orders, refusals], oldest first, `newest` the last of them, and
    the others their sums. `told` is in which bucket each kind was said last.
    """

    __slots__ = ("buckets", "commands", "newest", "orders", "refusals", "told")

    def __init__(self, number: int) -> None:
        self.newest: list[int] = [number, 0, 0, 0]
        self.buckets: deque[list[int]] = deque([self.newest])
        self.commands: int = 0
        self.orders: int = 0
        self.refusals: int = 0
        self.told: dict[str, int] = {}

    def turn(self, number: int) -> None:
        """Begin a bucket; what has left its window goes. O(BUCKETS)."""
        buckets = self.buckets
        assert self.newest[0] < number
        while buckets and buckets[0][0] <= number - BUCKETS:
            _, commands, orders, refusals = buckets.popleft()
            self.commands -= commands
            self.orders -= orders
            self.refusals -= refusals
        self.newest = [number, 0, 0, 0]
        buckets.append(self.newest)

    def add(self, commands: int, orders: int, refusals: int) -> None:
        """Count in the newest bucket."""
        newest = self.newest
        newest[1] += commands
        self.commands += commands
        if orders:
            newest[2] += orders
            self.orders += orders
        if refusals:
            newest[3] += refusals
            self.refusals += refusals

    def may_tell(self, kind: str) -> bool:
        """Tell whether a kind was not said within the window, and note that it is said now."""
        number = self.newest[0]
        told = self.told.get(kind)
        if told is not None and told > number - BUCKETS:
            return False
        self.told[kind] = number
        return True


class Activity:
    """The thresholds, and what is known of the accounts that are active."""

    __slots__ = ("accounts", "bucket_us", "terms")

    def __init__(self, terms: SetActivity) -> None:
        self.terms: SetActivity = terms
        self.bucket_us: int = terms.window_us // BUCKETS
        self.accounts: OrderedDict[str, Counts] = OrderedDict()
        assert self.bucket_us * BUCKETS == terms.window_us > 0

    def of(self, account_id: str, number: int) -> Counts:
        """Return an account's counts, their newest bucket that of this number. O(1) but for turns.

        Where one begins, at most two accounts of long ago are forgotten: so no more stay than began
        one within the window, and some that wait for their turn.
        """
        accounts = self.accounts
        counts = accounts.get(account_id)
        if counts is not None and counts.newest[0] == number:
            return counts
        for _ in range(2):
            if accounts:
                oldest, known = next(iter(accounts.items()))
                if known.newest[0] <= number - BUCKETS:
                    del accounts[oldest]
        counts = accounts.get(account_id)
        if counts is None:
            counts = accounts[account_id] = Counts(number)
        else:
            counts.turn(number)
            accounts.move_to_end(account_id)
        return counts

    def restore(
        self,
        account_id: str,
        buckets: Iterable[tuple[int, int, int, int]],
        told: Iterable[tuple[str, int]],
    ) -> None:
        """Put an account behind those that are known, with its buckets, oldest first."""
        for number, *counted in buckets:
            counts = self.accounts.get(account_id)
            if counts is None:
                counts = self.accounts[account_id] = Counts(number)
            else:
                counts.turn(number)
            counts.add(*counted)
        self.accounts[account_id].told = dict(told)

    def check(self) -> None:
        """Assert that sums are those of the buckets, and that accounts stand in their order."""
        lasts = [counts.newest[0] for counts in self.accounts.values()]
        assert lasts == sorted(lasts)
        for counts in self.accounts.values():
            assert counts.newest is counts.buckets[-1]
            numbers = [bucket[0] for bucket in counts.buckets]
            assert numbers == sorted(set(numbers))
            assert numbers[-1] - numbers[0] < BUCKETS
            sums = [sum(bucket[place] for bucket in counts.buckets) for place in (1, 2, 3)]
            assert sums == [counts.commands, counts.orders, counts.refusals]
            assert 0 <= counts.orders + counts.refusals <= counts.commands
