"""The options that several commands share, and where lines come from."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.console import Console

from engine.cli.failure import CommandError
from engine.exits import BAD_USAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration; ./config.toml where present."),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        help="Where the daemon keeps its own servers and their data.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="A", help="Only what concerns this account.")
]
SymbolOption = Annotated[
    str | None, typer.Option("--symbol", metavar="S", help="Only what concerns this one.")
]
LinesArgument = Annotated[
    str, typer.Argument(metavar="[FILE|-]", help="JSON lines; `-` is standard input.")
]

_PIPED_COLUMNS: Final = 240


def print_json(value: object) -> None:
    """Print a value as one line of JSON."""
    typer.echo(msgspec.json.encode(value).decode())


def wide_console() -> Console:
    """Return a console for tables; one that nobody looks at is wide, so that no cell breaks."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPED_COLUMNS)


@contextmanager
def open_lines(name: str) -> Iterator[BinaryIO]:
    """Open a file of lines, or standard input for `-`. Raises CommandError."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below; opening alone is guarded
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}; give a file, or -", BAD_USAGE) from error
    with file:
        yield file
