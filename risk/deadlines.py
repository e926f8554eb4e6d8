"""Until when accounts must be heard of, and who is due first (E5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortedcontainers import SortedDict

if TYPE_CHECKING:
    from collections.abc import Iterator

NEVER_US: Final = 2**62


class Deadlines:
    """At most one deadline an account, in µs. Setting and dropping one are O(log n).

    `first_us` is the earliest, infinitely late where there is none: it is looked at for every
    input.
    """

    __slots__ = ("_by_account", "_in_order", "first_us")

    def __init__(self) -> None:
        self._by_account: dict[str, int] = {}
        self._in_order: SortedDict[tuple[int, str], None] = SortedDict()
        self.first_us: int = NEVER_US

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Yield accounts and their deadlines, in order of account."""
        yield from sorted(self._by_account.items())

    def set(self, account_id: str, at_us: int) -> None:
        """Give an account a deadline, in place of the one that it has."""
        self.drop(account_id)
        self._by_account[account_id] = at_us
        self._in_order[at_us, account_id] = None
        self._find_first()

    def drop(self, account_id: str) -> None:
        """Take an account's deadline away, if it has one."""
        at_us = self._by_account.pop(account_id, None)
        if at_us is not None:
            del self._in_order[at_us, account_id]
            self._find_first()

    def first(self) -> str:
        """Return who is due first, of equals the first by name. There must be somebody."""
        account_id: str = self._in_order.peekitem(0)[0][1]
        return account_id

    def check(self) -> None:
        """Assert that both orders hold the same."""
        assert list(self._in_order) == sorted((at, who) for who, at in self._by_account.items())
        assert self.first_us == min(self._by_account.values(), default=NEVER_US)

    def _find_first(self) -> None:
        self.first_us = self._in_order.peekitem(0)[0][0] if self._in_order else NEVER_US
