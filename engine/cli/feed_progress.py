"""Show how far a feed is: a bar where a person looks on, else a line now and then."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

LINE_EVERY_SECONDS: Final = 5.0


class FeedProgress:
    """Use it as a context manager around the feed; writes to the console of standard error."""

    def __init__(self, console: Console, file: str) -> None:
        self._console = console
        self._file = file
        self._line_due = time.monotonic() + LINE_EVERY_SECONDS
        self._bar = Progress(
            TextColumn("{task.fields[file]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[state]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, file=file, state="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, done_bytes: int, total_bytes: int, state: str) -> None:
        """Show bytes of the file read, and the state in a few words."""
        self._bar.update(self._task, completed=done_bytes, total=total_bytes, state=state)
        now = time.monotonic()
        if not self._console.is_terminal and now >= self._line_due:
            self._line_due = now + LINE_EVERY_SECONDS
            percent = 100 * done_bytes // max(total_bytes, 1)
            self._console.print(f"{self._file} {percent}% {state}", highlight=False)
