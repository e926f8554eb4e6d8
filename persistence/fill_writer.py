"""The fill writer: a reader of the journal that brings trades to Postgres, and may lag.

Its cursor is a row moved in the transaction that inserts the rows, so a crash at any instant
repeats nothing and loses nothing. Postgres away for an hour is the ordinary path: the frames wait
in the journal.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from engine.connections import (
    POSTGRES_FAILED,
    POSTGRES_LOST,
    Connections,
    LinkLost,
    PostgresConnection,
    PostgresError,
    PostgresLost,
    RedisLink,
    RedisReplyError,
    SecretUnreadable,
)
from persistence.cursor import Cursor
from persistence.journal_tail import JournalContradicts, JournalTail
from persistence.lives_kept import begin_lives
from persistence.position_lives import LivesContradict, PositionLives
from persistence.queries import query
from persistence.row_batch import CursorTaken, RowsMissing, Written, write_rows
from persistence.row_types import Rows, no_rows
from persistence.rows import append_rows
from persistence.schema import fills_are_misplaced

log = structlog.get_logger()

BATCH_ROWS: Final = 1_000
BATCH_SECONDS: Final = 0.05
CURSOR_SECONDS: Final = 0.25
LIVES_SECONDS: Final = 5.0
_MOST_LIVES: Final = 50_000
_IDLE_SECONDS: Final = 1.0
_REPORT_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_MOST_RACES: Final = 10
_MOST_NAMED: Final = 3
# Classes of SQLSTATE that another attempt can cure: connection, transaction rollback, retails,
# state of the server or of an object, operator, system, configuration; 25 is a primary that became
# a standby, 28 and 3D a login or a database that somebody is still setting up. A row refused for
# what it holds goes to `dead_letters`; whatever else halts: a right or a table is missing.
_CURABLE: Final = frozenset({"08", "25", "28", "3D", "40", "53", "55", "57", "58", "F0", "XX"})
# Arithmetic too: a number that is not exact came from no engine.
_CONTRADICTIONS: Final = (JournalContradicts, LivesContradict, RowsMissing, ArithmeticError)


class WriterHalted(Exception):
    """Going on would hide a contradiction between journal and Postgres: raise an alarm."""


class FillWriter:
    """Writes a shard's `fills`, its logs (balances, margin calls, liquidations, funding) and lives.

    `cursor_frame` is the last frame written. Lives change with every fill; they are written less
    often, up to `lives_frame`, and the journal must be kept from there. `rows_written` counts rows
    since the start, `dead_letters` those that Postgres refused; `state` is one of `starting`,
    `writing`, `idle`, `waiting: <reason>`, `halted: <reason>`. The engine may set `top_frame` to
    the last acknowledged frame to make `lag_frames` exact.
    `fills_misplaced` calls for an alarm: fills lie outside the months prepared for them.
    """

    def __init__(
        self,
        connections: Connections,
        shard: str,
        *,
        batch_rows: int = BATCH_ROWS,
        batch_seconds: float = BATCH_SECONDS,
        cursor_seconds: float = CURSOR_SECONDS,
        lives_seconds: float = LIVES_SECONDS,
    ) -> None:
        self.cursor_frame = 0
        self.lives_frame = 0
        self.top_frame = 0
        self.rows_written = 0
        self.dead_letters = 0
        self.state = "starting"
        self.fills_misplaced = False
        self._connections = connections
        self._shard = shard
        self._reader = (f"{{{shard}}}:readers", "fill_writer")
        self.batch_rows = batch_rows
        self.batch_seconds = batch_seconds
        self._cursor_seconds = cursor_seconds
        self._lives_seconds = lives_seconds
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._races = 0

    @property
    def lag_frames(self) -> int:
        """How many frames of the journal are not in Postgres yet, as far as known."""
        return max(0, self.top_frame - self.cursor_frame)

    async def run(self) -> None:
        """Write for ever; ends only by cancellation or by WriterHalted.

        A server that is away is waited for with growing pauses of at most 5 s.
        """
        while True:
            try:
                await self._write_connected()
            except (LinkLost, PostgresLost, RedisReplyError, SecretUnreadable) as error:
                reason = str(error)
            except CursorTaken as error:
                reason = str(error)
                self._races += 1
                if self._races > _MOST_RACES:
                    raise self._halted("another writer works on this shard: stop one") from None
            except POSTGRES_FAILED as error:
                reason = self._curable(error)
            except (*_CONTRADICTIONS, msgspec.MsgspecError) as error:
                raise self._halted(str(error)) from error
            self.state = f"waiting: {reason}"
            await asyncio.sleep(self._pause_seconds)
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)

    async def _write_connected(self) -> None:
        link = await self._connections.redis(blocking=True)
        try:
            # Known as a reader before Postgres is: the journal must wait for its first frame too.
            await self._tell(link, "HSETNX", 0)
            database = await self._connections.postgres()
            try:
                await self._write_from_cursor(database, link)
            finally:
                database.terminate()
        finally:
            await link.close()

    async def _write_from_cursor(self, database: PostgresConnection, link: RedisLink) -> None:
        await database.execute(query("become_writer"))
        self.fills_misplaced = await fills_are_misplaced(database)
        cursor, kept, lives = await begin_lives(database, self._shard)
        self.cursor_frame, self.lives_frame = cursor.frame, kept.frame
        await JournalTail(link, self._shard, cursor).check_position()
        tail = JournalTail(link, self._shard, kept)
        await tail.check_position()
        fresh = True
        reported_at = written_at = time.monotonic()
        while True:
            before = tail.position
            rows = await self._gather(tail, cursor, lives)
            now = time.monotonic()
            is_due = (
                now >= written_at + self._lives_seconds
                or lives.changed >= _MOST_LIVES
                or tail.position == before  # nothing else to do
            ) and tail.position.frame >= max(cursor.frame, self.lives_frame + 1)
            if tail.position.frame > cursor.frame or is_due:
                standing = lives.take_changed() if is_due else None
                cursors = cursor, tail.position
                written = await write_rows(
                    database, self._shard, rows, standing, *cursors, may_repeat=fresh
                )
                cursor = tail.position
                fresh = False
                self._wrote(cursor, written)
                if is_due:
                    self.lives_frame = cursor.frame
                    written_at = now
            if tail.at_top:
                self.state = "idle"
            if now >= reported_at + _REPORT_SECONDS:
                reported_at = now
                await self._tell(link, "HSET", self.lives_frame)

    async def _tell(self, link: RedisLink, command: str, frame: int) -> None:
        # A Redis that is full refuses this; stopping for it would keep the journal from shrinking.
        with suppress(RedisReplyError):
            await link.call(command, *self._reader, frame)

    async def _gather(self, tail: JournalTail, cursor: Cursor, lives: PositionLives) -> Rows:
        """Read frames until the batch is full or old enough; return its rows beyond the cursor."""
        rows = no_rows()
        begun_at = 0.0
        wait = _IDLE_SECONDS
        while wait > 0 and rows.total < self.batch_rows:
            frames = await tail.read(wait)
            if not frames:
                break
            self.top_frame = max(self.top_frame, tail.position.frame)
            begun_at = begun_at or time.monotonic()
            for frame in frames:
                append_rows(frame, rows if frame.n > cursor.frame else no_rows(), lives)
                if frame.n == cursor.frame and frame.hash != cursor.hash:
                    raise JournalContradicts(f"frame {frame.n} is not that of the cursor")
            # A cursor that moves alone is worth fewer commits than rows that somebody waits for.
            age = self.batch_seconds if rows.total else self._cursor_seconds
            wait = begun_at + age - time.monotonic()
        return rows

    def _wrote(self, cursor: Cursor, written: Written) -> None:
        self.cursor_frame = cursor.frame
        self.rows_written += written.new
        self.dead_letters += len(written.letters)
        for letter in written.letters[:_MOST_NAMED]:
            log.critical(
                "Postgres refused a row; it lies in dead_letters, the others are written",
                table=letter.target,
                frame=letter.frame,
                index=letter.event_index,
                sqlstate=letter.sqlstate,
                reason=letter.reason,
                refused=len(written.letters),
            )
        self.state = "writing"
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._races = 0

    def _curable(self, error: Exception) -> str:
        """Return the reason to wait for, or raise WriterHalted where waiting cannot help."""
        if isinstance(error, PostgresError):
            code = error.sqlstate or ""
            if code[:2] not in _CURABLE:
                raise self._halted(
                    f"Postgres refused rows after frame {self.cursor_frame} ({code}): {error}"
                ) from error
            return f"Postgres: {type(error).__name__} ({code})"
        assert isinstance(error, POSTGRES_LOST)
        return f"Postgres: connection lost ({type(error).__name__})"

    def _halted(self, reason: str) -> WriterHalted:
        self.state = f"halted: {reason}"
        return WriterHalted(f"fill writer of {self._shard}: {reason}")
