"""`pitboss verify`: replay the journal and compare it with all that was made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from engine import exits
from engine.cli.failure import CommandError
from engine.cli.verify_postgres import PostgresChecks
from engine.cli.verify_walk import Walk
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore

if TYPE_CHECKING:
    from rich.console import Console

    from engine.cli.verify_check import Check
    from engine.connections import Connections


class Verification:
    """The checks of one run."""

    def __init__(self, first: int, top: int, checks: list[Check]) -> None:
        self.first = first
        self.top = top
        self.checks = checks

    @property
    def exit_code(self) -> int:
        """65 where data are damaged, 1 where anything else differs."""
        if any(check.is_damage for check in self.checks):
            return exits.CORRUPT_DATA
        passed = all(check.passed for check in self.checks)
        return exits.DONE if passed else exits.DIFFERENCE

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "ok": self.exit_code == exits.DONE,
            "first_frame": self.first,
            "top_frame": self.top,
            "checks": [check.as_dict() for check in self.checks],
        }


async def verify(connections: Connections, shard: str, watched: Console) -> Verification:
    """Carry out every check; changes nothing, and may run beside the daemon.

    `watched` is the console of standard error and shows a bar where a person looks on. Raises
    CommandError where there is nothing to verify, or what was to be read was trimmed meanwhile.
    """
    link = await connections.redis()
    try:
        source = JournalFrames(link, shard)
        first, top = await source.first(), await source.top()
        if first is None or top is None:
            raise CommandError(
                f"there is no journal of {shard} yet: start the daemon with `pitboss run`",
                exits.NO_DAEMON,
            )
        walk = Walk(source, SnapshotStore(link, shard), shard, (first, top))
        postgres = PostgresChecks(connections, shard, source)
        checks = walk.checks
        with _Bar(watched, top.n - first.n + 1) as bar:
            await walk.go(bar.show("replay", first.n))
            if connections.endpoints.postgres_dsn is not None:
                moved = bar.show("Postgres", first.n)
                postgres.before = walk.before
                await postgres.go(first.n, top.n, walk.trades, moved)
                checks = checks + postgres.checks
        oldest = await source.first()
        if oldest is not None and oldest.n > first.n and not walk.chain.passed:
            raise CommandError(
                f"the daemon trimmed frames {first.n} to {oldest.n - 1} while they were read: "
                "verify again",
                exits.REFUSED,
            )
    finally:
        await link.close()
    return Verification(first.n, top.n, checks)


class _Bar:
    """Shows how far each pass over the frames is."""

    def __init__(self, console: Console, frames: int) -> None:
        self._frames = frames
        self._progress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} frames"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, what: str, first: int) -> _Pass:
        """Begin a pass and return what hears its frames."""
        return _Pass(self._progress, self._progress.add_task(what, total=self._frames), first)


class _Pass:
    """Hears the frame that a pass has reached."""

    def __init__(self, progress: Progress, task: TaskID, first: int) -> None:
        self._progress = progress
        self._task = task
        self._first = first

    def __call__(self, frame: int) -> None:
        if frame % 64 == 0:
            self._progress.update(self._task, completed=frame - self._first + 1)
