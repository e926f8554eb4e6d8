"""How much each account has done of late, counted in buckets of engine time (E7).

Only accounts that did something within the window are kept, the one whose last command is longest
ago first; each has at most BUCKETS buckets.
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

    `buckets` are (number, commands, orders, refusals), oldest first, and the others their sums.
    `told` is in which bucket each kind was said last.
    """

    __slots__ = ("buckets", "commands", "orders", "refusals", "told")

    def __init__(self) -> None:
        self.buckets: deque[tuple[int, int, int, int]] = deque()
        self.commands: int = 0
        self.orders: int = 0
        self.refusals: int = 0
        self.told: dict[str, int] = {}

    def add(self, number: int, commands: int, orders: int, refusals: int) -> None:
        """Count in a bucket, none of the later ones; what has left its window goes. O(BUCKETS)."""
        buckets = self.buckets
        while buckets and buckets[0][0] <= number - BUCKETS:
            _, old_commands, old_orders, old_refusals = buckets.popleft()
            self.commands -= old_commands
            self.orders -= old_orders
            self.refusals -= old_refusals
        self.commands += commands
        self.orders += orders
        self.refusals += refusals
        if buckets and buckets[-1][0] == number:
            _, had_commands, had_orders, had_refusals = buckets.pop()
            commands, orders = commands + had_commands, orders + had_orders
            refusals += had_refusals
        buckets.append((number, commands, orders, refusals))

    def may_tell(self, kind: str, number: int) -> bool:
        """Tell whether a kind was not said within the window, and note that it is said now."""
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

    def note(self, account_id: str, now_us: int, *, entered: bool, refused: bool) -> Counts:
        """Count one command of an account. O(1): with each, at most two of long ago are forgotten.

        Each command makes at most one account known, so that no more stay than the window has seen.
        """
        number = now_us // self.bucket_us
        accounts = self.accounts
        for _ in range(2):
            if accounts:
                account, counts = next(iter(accounts.items()))
                if counts.buckets[-1][0] <= number - BUCKETS:
                    del accounts[account]
        counts = accounts.get(account_id) or Counts()
        accounts[account_id] = counts
        accounts.move_to_end(account_id)
        counts.add(number, 1, int(entered), int(refused))
        return counts

    def restore(
        self,
        account_id: str,
        buckets: Iterable[tuple[int, int, int, int]],
        told: Iterable[tuple[str, int]],
    ) -> None:
        """Put an account behind those that are known, with its buckets, oldest first."""
        counts = self.accounts[account_id] = Counts()
        for bucket in buckets:
            counts.add(*bucket)
        counts.told = dict(told)

    def check(self) -> None:
        """Assert that sums are those of the buckets, and that accounts stand in their order."""
        lasts = [counts.buckets[-1][0] for counts in self.accounts.values()]
        assert lasts == sorted(lasts)
        for counts in self.accounts.values():
            numbers = [bucket[0] for bucket in counts.buckets]
            assert numbers == sorted(set(numbers))
            assert numbers[-1] - numbers[0] < BUCKETS
            sums = [sum(bucket[place] for bucket in counts.buckets) for place in (1, 2, 3)]
            assert sums == [counts.commands, counts.orders, counts.refusals]
            assert 0 <= counts.orders + counts.refusals <= counts.commands
