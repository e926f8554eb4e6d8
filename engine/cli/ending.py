"""How a command ends: whatever it returns or raises becomes one exit code (protocol §3)."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import typer
import uvloop

from engine import exits
from engine.cli.failure import CommandError
from engine.connections import AccessRefused, PostgresLost, RedisReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

INTERRUPTED: Final = 130
"""What shells give a command that Ctrl-C has ended; not a code of ours."""

_NO_SERVER: Final = (PostgresLost, RedisReplyError)


def in_loop(work: Coroutine[object, object, Result], *, reads_input: bool = False) -> Result:
    """Run a coroutine to its end.

    `reads_input` tells that it waits for standard input without giving the loop a turn: there
    Ctrl-C must interrupt the reading, since a cancelled task would not notice.
    """
    if reads_input:
        signal.signal(signal.SIGINT, _interrupt)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def ends_with_code(command: Callable[Arguments, int | None]) -> Callable[Arguments, None]:
    """Turn what the command returns or raises into the program's exit code.

    A foreseen failure is one line that names the remedy; anything else is a bug, with its trace.
    """

    @functools.wraps(command)
    def run(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        try:
            code = command(*arguments, **options) or exits.DONE
            sys.stdout.flush()
        except typer.Exit:
            raise
        except BrokenPipeError:
            _let_go_of_stdout()
            code = exits.DONE
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:
            code = _tell(error)
        raise typer.Exit(code)

    return run


def _tell(error: Exception) -> int:
    """Say on stderr what went wrong; return the exit code."""
    if isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        return _tell(error.exceptions[0])
    if isinstance(error, CommandError):
        code = error.exit_code
    elif isinstance(error, _NO_SERVER) and not isinstance(error, AccessRefused):
        code = exits.NO_DAEMON
    else:
        code = exits.exit_code(error)
    if code == exits.BUG and not isinstance(error, CommandError):
        traceback.print_exception(error)
        typer.echo("pitboss: this is a bug: report it with the lines above", err=True)
    else:
        typer.echo(f"pitboss: {error}", err=True)
    return code


def _let_go_of_stdout() -> None:
    """Let the interpreter's last flush go nowhere: whoever read us has had enough (`| head`)."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
