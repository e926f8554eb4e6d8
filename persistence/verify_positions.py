"""Compare the lives of positions in Postgres with the journal, row for row.

A life that began before the first frame at hand is known from the state there: its side, quantity
and cost, and what becomes of them, are compared; what it had realised and paid until then is not to
be had any more, nor when it began. Instruments that are older than the tables have no lives.
"""

from collections.abc import AsyncIterable, Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from engine.connections import PostgresConnection
from engine.messages import Frame
from persistence.cursor import lives_cursor, read_cursor
from persistence.dead_letters import letter_about
from persistence.position_lives import Life, Place, PositionLives, position_row
from persistence.queries import query
from persistence.row_types import InstrumentRow, PositionRow, no_rows
from persistence.rows import append_rows
from persistence.verify_rows import MOST_DIFFERENCES, each_of, same_value

_ROWS_PER_FETCH: Final = 500
_BEFORE: Final = Place(0, 0, 0)
_COLUMNS: Final = PositionRow._fields
_KNOWN_OF_OLD: Final = frozenset(
    {
        *("sub_account_id", "symbol", "side", "status", "quantity", "cost", "entry_price"),
        *("notional", "taken_over_by", "last_frame", "last_index", "closed_frame", "closed_us"),
    }
)
"""Columns of a life that began before the first frame at hand that can be told from there."""


class Held(NamedTuple):
    """An open position in the state that the frames begin after; decimals are strings."""

    account: str
    symbol: str
    is_long: bool
    quantity: str
    cost: str


class Before(NamedTuple):
    """The state that the frames begin after: contract sizes by symbol, and who holds what."""

    frame: int
    contracts: dict[str, str]
    held: list[Held]


NOTHING_BEFORE: Final = Before(0, {}, [])


class PositionsCompared:
    """What a comparison found: lives compared whole, lives begun before, rows it cannot judge."""

    def __init__(self) -> None:
        self.differences: list[str] = []
        self.frame = 0
        self.whole = 0
        self.begun_before = 0
        self.unseen = 0
        self.symbols_without: list[str] = []

    def report(self, line: str) -> None:
        """Add a difference, at most about 100."""
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(line)


async def compare_positions(
    connection: PostgresConnection,
    shard: str,
    frames: AsyncIterable[Frame] | Iterable[Frame],
    before: Before = NOTHING_BEFORE,
) -> PositionsCompared:
    """Fold the frames after `before` up to the cursor of the lives, and compare what comes of it.

    Compares `instruments` too, within one snapshot of the database. O(rows) time; memory grows with
    the open positions alone.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found = PositionsCompared()
        if await read_cursor(connection, shard) is None:
            return found
        found.frame = (await lives_cursor(connection, shard)).frame
        comparing = _Comparing(connection, shard, found, before)
        await comparing.begin()
        async for frame in each_of(frames):
            if frame.n > found.frame:
                break
            if frame.n > before.frame:
                await comparing.take(frame)
        await comparing.end()
        return found


class _Comparing:
    """One comparison under way."""

    def __init__(
        self, connection: PostgresConnection, shard: str, found: PositionsCompared, before: Before
    ) -> None:
        self._connection = connection
        self._shard = shard
        self._found = found
        self._before = before
        self._lives = PositionLives(shard)
        self._followed: set[str] = set()
        self._told: dict[str, InstrumentRow] = {}
        self._stored: dict[str, InstrumentRow] = {}
        span = shard, before.frame + 1, found.frame
        self._ended = aiter(
            connection.cursor(query("stream_ended_positions"), *span, prefetch=_ROWS_PER_FETCH)
        )
        self._ahead: PositionRow | None = None

    async def begin(self) -> None:
        """Know what was there before the frames."""
        for row in await self._connection.fetch(query("stream_instruments"), self._shard):
            self._stored[row["symbol"]] = InstrumentRow(*row)
        for symbol, contract in self._before.contracts.items():
            stored = self._stored.get(symbol)
            if stored is None:
                self._found.symbols_without.append(symbol)
                continue
            is_old = stored.frame <= self._before.frame
            if is_old and Decimal(stored.contract_size) != Decimal(contract):
                self._found.report(
                    f"instruments: {symbol}: contract_size is {contract} in the journal and "
                    f"{stored.contract_size} in Postgres"
                )
            self._lives.know_instrument(stored._replace(contract_size=contract))
            self._followed.add(symbol)
        for held in self._before.held:
            if held.symbol in self._followed:
                self._lives.know_life(_old_life(held, self._before.contracts[held.symbol]))

    async def take(self, frame: Frame) -> None:
        """Fold a frame and compare the lives that it ended."""
        append_rows(frame, no_rows(), self._lives)
        changed = self._lives.take_changed()
        for row in changed.instruments:
            self._told[row.symbol] = row
            self._followed.add(row.symbol)
        ended = [life for life in changed.lives if life.has_ended]
        for life in sorted(ended, key=lambda life: _key(position_row(life))):
            await self._expect(life)

    async def _expect(self, life: Life) -> None:
        told = position_row(life)
        stored = await self._next_ended()
        while stored is not None and _key(stored) < _key(told):
            self._left_over(stored)
            self._ahead = None
            stored = await self._next_ended()
        if stored is None or _key(stored) != _key(told):
            letter = await self._letter(life.id)
            what = letter or "ended in the journal and not in Postgres"
            self._found.report(f"positions: {told.id}: {what}")
            return
        self._ahead = None
        self._compare(life, told, stored)

    async def _letter(self, life_id: str) -> str | None:
        """Return why a life's last row was refused, None where it was not."""
        return await letter_about(self._connection, self._shard, "positions", (0, 0), life_id)

    async def _next_ended(self) -> PositionRow | None:
        if self._ahead is None:
            record = await anext(self._ended, None)
            self._ahead = None if record is None else PositionRow(*record)
        return self._ahead

    async def end(self) -> None:
        """Compare what is open, and report what is left over."""
        while (stored := await self._next_ended()) is not None:
            self._left_over(stored)
            self._ahead = None
        lives = {(life.account, life.symbol): life for life in self._lives.open_lives}
        rows = self._connection.cursor(
            query("stream_open_positions"), self._shard, prefetch=_ROWS_PER_FETCH
        )
        async for record in rows:
            stored = PositionRow(*record)
            life = lives.pop((stored.sub_account_id, stored.symbol), None)
            if life is None:
                if await self._letter(stored.id) is None:  # else it is told already
                    self._left_over(stored)
            elif _key(position_row(life)) != _key(stored) and (
                letter := await self._letter(stored.id)
            ):
                self._found.report(f"positions: {stored.id}: {letter}")
            else:
                self._compare(life, position_row(life), stored)
        for life in lives.values():
            what = await self._letter(life.id) or "open in the journal and not in Postgres"
            self._found.report(f"positions: {life.id}: {what}")
        for symbol, row in self._stored.items():
            told = self._told.get(symbol)
            if told is not None:
                self._differ(f"instruments: {symbol}", InstrumentRow._fields, told, row)
            elif row.frame > self._before.frame:
                self._found.report(f"instruments: {symbol}: is in Postgres and not in the journal")
        for symbol in self._told.keys() - self._stored.keys():
            self._found.report(f"instruments: {symbol}: is in the journal and not in Postgres")

    def _compare(self, life: Life, told: PositionRow, stored: PositionRow) -> None:
        if life.opened is not _BEFORE:
            self._found.whole += 1
            self._differ(f"positions: {told.id}", _COLUMNS, told, stored)
            return
        self._found.begun_before += 1
        known = [name for name in _COLUMNS if name in _KNOWN_OF_OLD]
        if life.last is _BEFORE:
            known = [name for name in known if not name.startswith("last_")]
        values = [[getattr(row, name) for name in known] for row in (told, stored)]
        self._differ(f"positions: {stored.id}", known, *values)
        if stored.opened_frame > self._before.frame:
            self._found.report(
                f"positions: {stored.id}: begins at frame {stored.opened_frame} in Postgres, and "
                f"before frame {self._before.frame + 1} in the journal"
            )

    def _differ(self, what: str, columns: Iterable[str], told: Any, stored: Any) -> None:
        for column, ours, theirs in zip(columns, told, stored, strict=True):
            if ours != theirs and not same_value(ours, theirs):
                self._found.report(
                    f"{what}: {column} is {ours} in the journal and {theirs} in Postgres"
                )

    def _left_over(self, stored: PositionRow) -> None:
        if stored.symbol not in self._followed:
            self._found.unseen += 1
            return
        how = "open" if stored.status == "OPEN" else "ended"
        self._found.report(f"positions: {stored.id}: {how} in Postgres and not in the journal")


def _key(row: PositionRow) -> tuple[int, int, str]:
    return row.last_frame, row.last_index, row.side


def _old_life(held: Held, contract: str) -> Life:
    sign = 1 if held.is_long else -1
    name = f"{held.account}/{held.symbol} of before"
    life = Life(name, held.account, held.symbol, sign, Decimal(contract), _BEFORE)
    life.quantity = life.max_quantity = Decimal(held.quantity)
    life.cost = Decimal(held.cost)
    return life
