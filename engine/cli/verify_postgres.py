"""Compare Postgres with the journal: the writer's cursor, every row, every life, all fills."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from engine.cli.verify_check import Check
from engine.connections import POSTGRES_FAILED, PostgresLost
from persistence.cursor import Cursor, read_cursor
from persistence.position_lives import LivesContradict
from persistence.queries import query
from persistence.verify_positions import Before, compare_positions
from persistence.verify_rows import compare

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from engine.connections import Connections, PostgresConnection
    from engine.messages import Frame
    from persistence.journal import JournalFrames

WRITER_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_MOST_NAMED: Final = 5


class PostgresChecks:
    """The checks that need the database. Whatever cannot be looked at has failed.

    `before` is the state from which positions are followed; without one, only those in instruments
    that the journal at hand creates.
    """

    def __init__(self, connections: Connections, shard: str, source: JournalFrames) -> None:
        self.writer = Check("writer")
        self.rows = Check("rows")
        self.positions = Check("positions")
        self.fills = Check("fills")
        self.before: Before | None = None
        self._connections = connections
        self._shard = shard
        self._source = source

    @property
    def checks(self) -> list[Check]:
        """The checks, in the order in which they are told."""
        return [self.writer, self.rows, self.positions, self.fills]

    async def go(self, first: int, top: int, trades: int, moved: Callable[[int], None]) -> None:
        """Look at everything from frame `first` on; `trades` are those up to `top`."""
        try:
            database = await self._connections.postgres()
        except PostgresLost as away:
            self._unseen(f"{away}; bring it back and verify again")
            return
        try:
            await self._look(database, first, top, trades, moved)
        except POSTGRES_FAILED as error:
            self._unseen(f"Postgres does not answer as it should: {error!r}")
        finally:
            database.terminate()

    async def _look(
        self,
        database: PostgresConnection,
        first: int,
        top: int,
        trades: int,
        moved: Callable[[int], None],
    ) -> None:
        cursor = await self._wait(database, top)
        if cursor is None:
            self._unseen("nothing of this shard was ever written: look into the daemon's log")
            return
        frame = await self._source.get(cursor.frame)
        if frame is not None and frame.hash != cursor.hash:
            self.writer.fail(
                f"frame {frame.n} has another hash in the journal than in the writer's cursor",
                damage=True,
            )
        self.writer.text = f"at frame {cursor.frame}, {top} was the top"
        async with aclosing(live_frames(self._source, first - 1, moved)) as frames:
            for difference in await compare(database, self._shard, frames):
                self.rows.fail(difference)
        self.rows.text = f"every row of frames {first} to {cursor.frame} is in both, and the same"
        await self._look_at_positions(database, first, moved)
        written = await database.fetchval(query("count_fills"), self._shard, first, top)
        if cursor.frame < top:
            self.fills.fail(f"not counted: the writer has not reached frame {top}")
        elif written != 2 * trades:
            letters = await database.fetchval(query("count_dead_letters"), self._shard)
            aside = f", {letters} rows in dead_letters" if letters else ""
            self.fills.fail(f"{written} in Postgres, {2 * trades} in the journal{aside}")
        self.fills.text = f"{written} in Postgres, {2 * trades} in the journal"

    async def _look_at_positions(
        self, database: PostgresConnection, first: int, moved: Callable[[int], None]
    ) -> None:
        before = Before(first - 1, {}, []) if self.before is None else self.before
        async with aclosing(live_frames(self._source, before.frame, moved)) as frames:
            try:
                found = await compare_positions(database, self._shard, frames, before)
            except (LivesContradict, ArithmeticError) as contradiction:
                self.positions.fail(f"they do not follow from each other: {contradiction!r}")
                return
        for difference in found.differences:
            self.positions.fail(difference)
        self.positions.text = f"{found.whole} lives up to frame {found.frame} are the same"
        if found.begun_before:
            self.positions.text += (
                f"; of {found.begun_before} begun before frame {before.frame + 1}: side, quantity, "
                "cost and end, not when they began nor what they had realised and paid until then"
            )
        if found.unseen:
            self.positions.text += f"; {found.unseen} not looked at: no snapshot to begin from"
        if found.symbols_without:
            named = ", ".join(sorted(found.symbols_without)[:_MOST_NAMED])
            self.positions.text += (
                f"; {len(found.symbols_without)} instruments older than the table: {named}"
            )

    async def _wait(self, database: PostgresConnection, top: int) -> Cursor | None:
        """Return the cursor once it is at the top, or as it is after 30 s."""
        deadline = time.monotonic() + WRITER_SECONDS
        while True:
            cursor = await read_cursor(database, self._shard)
            lives = await read_cursor(database, self._shard, "lives_cursor")
            if cursor is not None and lives is not None and lives.frame >= top:
                return cursor
            if time.monotonic() > deadline:
                at = lives.frame if lives is not None else 0
                self.writer.fail(
                    f"it stands at frame {at}, and has not reached {top} within "
                    f"{WRITER_SECONDS:.0f} s: look into the daemon's log"
                )
                return cursor
            await asyncio.sleep(_POLL_SECONDS)

    def _unseen(self, reason: str) -> None:
        for check in self.checks:
            check.fail(reason)


async def live_frames(
    source: JournalFrames, after: int, moved: Callable[[int], None]
) -> AsyncGenerator[Frame, None]:
    """Yield the frames after `after` up to a top that moves: the writer goes on meanwhile."""
    while (top := await source.top()) is not None and top.n > after:
        async for frame in source.frames(after, top.n):
            after = frame.n
            moved(after)
            yield frame
