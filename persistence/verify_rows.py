"""Compare Postgres with the journal, row for row, without holding either in memory."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from engine.connections import PostgresConnection
from engine.messages import Frame
from persistence.cursor import read_cursor
from persistence.dead_letters import letter_about
from persistence.position_lives import PositionLives
from persistence.queries import query
from persistence.row_types import (
    AdminRow,
    BalanceRow,
    BreakerRow,
    ExecutionRow,
    FillRow,
    FundingRow,
    LiquidationRow,
    MarginCallRow,
    WaterfallRow,
    no_rows,
)
from persistence.rows import append_rows

MOST_DIFFERENCES: Final = 100
_ROWS_PER_FETCH: Final = 500
_HIGHEST_FRAME: Final = 2**63 - 1

Key = tuple[int, ...] | tuple[int, int, str]


async def compare(
    connection: PostgresConnection,
    shard: str,
    frames: AsyncIterable[Frame] | Iterable[Frame],
) -> list[str]:
    """Return the differences between the journal and Postgres, at most about 100; [] is agreement.

    `frames` are whole and in order; those beyond the writer's cursor are not looked at, and rows
    before the first one are not either. Compares `fills` and the logs of balances, margin calls,
    liquidations, their waterfall, funding, breakers, executions and operators' commands within one
    snapshot of the database.
    O(rows) time, bounded memory.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        cursor = await read_cursor(connection, shard)
        written = cursor.frame if cursor else 0
        tables: list[_Table] | None = None
        lives = PositionLives(shard)  # told to nobody: those are compared apart
        async for frame in each_of(frames):
            if tables is None:
                last = written if cursor else _HIGHEST_FRAME
                tables = [
                    _Table(connection, shard, (frame.n, last), name, columns, key)
                    for name, columns, key in _TABLES
                ]
            if frame.n > written:
                break
            rows = no_rows()
            append_rows(frame, rows, lives)
            everything: tuple[Sequence[tuple[Any, ...]], ...] = rows
            for table, expected in zip(tables, everything, strict=True):
                for row in sorted(expected, key=table.key):
                    await table.expect(row)
            if sum(len(table.differences) for table in tables) >= MOST_DIFFERENCES:
                return [line for table in tables for line in table.differences] + ["… and more"]
        for table in tables or ():
            await table.expect_no_more()
        return [line for table in tables or () for line in table.differences]


def _fill_key(row: tuple[Any, ...]) -> Key:
    return row[1], row[2], row[10]


def _event_key(row: tuple[Any, ...]) -> Key:
    return row[1], row[2]


_TABLES: Final[tuple[tuple[str, tuple[str, ...], Callable[[tuple[Any, ...]], Key]], ...]] = (
    ("fills", FillRow._fields, _fill_key),
    ("balances", BalanceRow._fields, _event_key),
    ("liquidations", LiquidationRow._fields, _event_key),
    ("waterfall", WaterfallRow._fields, _event_key),
    ("funding", FundingRow._fields, _event_key),
    ("margin_calls", MarginCallRow._fields, _event_key),
    ("breakers", BreakerRow._fields, _event_key),
    ("executions", ExecutionRow._fields, _event_key),
    ("admin", AdminRow._fields, _event_key),
)


class _Table:
    """One table beside the rows that the journal says it holds; both come in order of the key."""

    def __init__(
        self,
        connection: PostgresConnection,
        shard: str,
        frames: tuple[int, int],
        name: str,
        columns: tuple[str, ...],
        key: Callable[[tuple[Any, ...]], Key],
    ) -> None:
        self.differences: list[str] = []
        self._connection = connection
        self._shard = shard
        self._name = name
        self._columns = columns
        self.key = key
        self._found = aiter(
            connection.cursor(query(f"stream_{name}"), shard, *frames, prefetch=_ROWS_PER_FETCH)
        )
        self._ahead: tuple[Any, ...] | None = None

    async def expect(self, row: tuple[Any, ...]) -> None:
        """Take the next row of the journal; report what Postgres has before and instead of it."""
        key = self.key(row)
        found = await self._peek()
        while found is not None and self.key(found) < key and not self._full:
            self._report(found, "is in Postgres and not in the journal")
            self._ahead = None
            found = await self._peek()
        if found is None or self.key(found) != key:
            frame, index, *side = key
            part = "".join(str(each) for each in side)
            place = int(frame), int(index)
            letter = await letter_about(self._connection, self._shard, self._name, place, part)
            self._report(row, letter or "is in the journal and not in Postgres")
            return
        self._ahead = None
        for column, told, stored in zip(self._columns, row, found, strict=True):
            if told != stored and not same_value(told, stored):
                self._report(row, f"{column} is {told} in the journal and {stored} in Postgres")

    async def expect_no_more(self) -> None:
        """Report the rows that are left over."""
        while (found := await self._peek()) is not None and not self._full:
            self._report(found, "is in Postgres and not in the journal")
            self._ahead = None

    @property
    def _full(self) -> bool:
        return len(self.differences) >= MOST_DIFFERENCES

    def _report(self, row: tuple[Any, ...], what: str) -> None:
        frame, index, *side = self.key(row)
        place = " ".join([f"frame {frame} event {index}", *(str(each) for each in side)])
        self.differences.append(f"{self._name}: {place}: {what}")

    async def _peek(self) -> tuple[Any, ...] | None:
        if self._ahead is None:
            record = await anext(self._found, None)
            self._ahead = None if record is None else tuple(record)
        return self._ahead


async def each_of(frames: AsyncIterable[Frame] | Iterable[Frame]) -> AsyncIterator[Frame]:
    """Yield the frames of either kind of source."""
    if isinstance(frames, AsyncIterable):
        async for frame in frames:
            yield frame
    else:
        for frame in frames:
            yield frame


def same_value(told: object, stored: object) -> bool:
    """Tell whether two texts are the same number, or the same JSON in another spelling."""
    if not isinstance(told, str) or not isinstance(stored, str):
        return False
    try:
        return Decimal(told) == Decimal(stored)
    except InvalidOperation:
        pass
    try:
        return bool(msgspec.json.decode(told) == msgspec.json.decode(stored))
    except msgspec.DecodeError:
        return False
