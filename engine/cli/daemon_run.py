"""`pitboss run`: the daemon in this process; failures become messages and exit codes."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import structlog
import uvloop

from engine import daemon, exits

if TYPE_CHECKING:
    from engine.run import RunOptions

log = structlog.get_logger()


def run_daemon(options: RunOptions) -> int:
    """Run the daemon until it is stopped; return the exit code."""
    if sys.flags.optimize:
        log.critical("pitboss asserts what it believes: start python without -O")
        return exits.BAD_CONFIGURATION
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(daemon.run(options))
    except KeyboardInterrupt:
        return exits.DONE
    except BaseException as error:  # the boundary where a failure becomes an exit code
        code = exits.exit_code(error)
        if isinstance(error, SystemExit):
            raise
        _say(error, code)
        return code
    return exits.DONE


def _say(error: BaseException, code: int) -> None:
    """Log each failure once, with a trace where it is a bug."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            _say(each, exits.exit_code(each))
        return
    trace = error if code == exits.BUG else None
    log.critical(str(error) or type(error).__name__, exit_code=code, exc_info=trace)
