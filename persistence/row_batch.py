"""Write rows and the cursor in one transaction."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from engine.connections import PostgresConnection, PostgresError
from persistence.cursor import Cursor, move_cursor, move_lives_cursor
from persistence.dead_letters import DeadLetter, dead_letter, put_aside, refusal, sift
from persistence.position_lives import Standing, position_row
from persistence.queries import query
from persistence.row_types import Rows

_STANDING: Final = ("instruments", "positions")
_ROWS_PER_STATEMENT: Final = 500
"""Some milliseconds to make and to send: the engine shares this loop."""

Row = TypeVar("Row")


class CursorTaken(Exception):
    """Another writer moved the cursor; nothing of this batch was written."""


class RowsMissing(Exception):
    """Postgres already had rows that this batch was the first to bring; nothing was written."""

    def __init__(self, table: str, sent: int, inserted: int) -> None:
        super().__init__(f"{table}: {sent} rows were sent and {inserted} were new")


class Written(NamedTuple):
    """How many rows were new, and those that Postgres refused."""

    new: int
    letters: list[DeadLetter]


async def write_rows(
    connection: PostgresConnection,
    shard: str,
    rows: Rows,
    standing: Standing | None,
    before: Cursor,
    after: Cursor,
    *,
    may_repeat: bool,
) -> Written:
    """Write the rows and move the cursor, both or neither.

    What stands, unless it is None, is written over what stood, and does not count; the cursor of
    the lives moves along. Where Postgres refuses rows, the batch is written again and these go to
    `dead_letters`.

    `may_repeat` allows rows that are there already, as in the first batch after a reconnect.
    Raises CursorTaken or RowsMissing, and whatever else Postgres raises.
    """
    batch = _Batch(connection, shard, rows, standing, before, after, may_repeat)
    try:
        return Written(await batch.write(None), [])
    except PostgresError as error:
        if refusal(error) is None:
            raise
    letters: list[DeadLetter] = []
    return Written(await batch.write(letters), letters)


class _Batch(NamedTuple):
    """What `write_rows` is given."""

    connection: PostgresConnection
    shard: str
    rows: Rows
    standing: Standing | None
    before: Cursor
    after: Cursor
    may_repeat: bool

    async def write(self, letters: list[DeadLetter] | None) -> int:
        """Write in one transaction; a row refused raises, or goes to `letters`."""
        connection, shard = self.connection, self.shard
        async with connection.transaction():
            # First, because the row's lock lets two writers of a shard take turns.
            if not await move_cursor(connection, shard, self.before, self.after):
                raise CursorTaken(
                    f"the cursor of {shard} is not at frame {self.before.frame} any more"
                )
            if letters is not None:
                # What waits for the COMMIT would be refused where nobody can tell whose fault it is
                await connection.execute(query("check_at_once"))
            new = 0
            everything: tuple[Sequence[tuple[Any, ...]], ...] = self.rows
            for kind, some in zip(Rows._fields, everything, strict=True):
                known = len(letters or ())
                inserted = await self._write(kind, some, letters)
                refused = len(letters or ()) - known
                if inserted + refused < len(some) and not self.may_repeat:
                    raise RowsMissing(kind, len(some), inserted)
                new += inserted
            if self.standing is not None:
                await self._write("instruments", self.standing.instruments, letters)
                for lives in _bites(self.standing.lives):
                    await self._write("positions", list(map(position_row, lives)), letters)
                await move_lives_cursor(connection, shard, self.after)
            await put_aside(connection, shard, letters or ())
            return new

    async def _write(
        self, kind: str, rows: Sequence[tuple[Any, ...]], letters: list[DeadLetter] | None
    ) -> int:
        """Write the rows of a kind; return how many were new."""
        statement = query(f"{'upsert' if kind in _STANDING else 'insert'}_{kind}")

        async def write(some: Sequence[tuple[Any, ...]]) -> int:
            columns = [list(column) for column in zip(*some, strict=True)]
            status = await self.connection.execute(statement, self.shard, *columns)
            return int(status.rpartition(" ")[2])

        refused: list[tuple[tuple[Any, ...], str, str]] = []
        new = 0
        for some in _bites(rows):
            if letters is None:
                new += await write(some)
            else:
                new += await sift(self.connection, write, some, refused)
        if letters is not None:
            letters += [dead_letter(kind, self.shard, *each) for each in refused]
        return new


def _bites(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield so many rows as one statement takes."""
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        yield rows[start : start + _ROWS_PER_STATEMENT]
