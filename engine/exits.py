"""Exit codes of the program (protocol §3), and which failure means which."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
DIFFERENCE: Final = 1
BAD_USAGE: Final = 2
CORRUPT_DATA: Final = 65
REFUSED: Final = 66
NO_DAEMON: Final = 69
BUG: Final = 70
STEPPED_DOWN: Final = 75
BAD_CONFIGURATION: Final = 78


def exit_code(error: BaseException) -> int:
    """Return the exit code of a failure; the gravest of a group."""
    if isinstance(error, BaseExceptionGroup):
        return max((exit_code(each) for each in error.exceptions), key=_GRAVITY.index)
    for kind in type(error).__mro__:
        code = _BY_NAME.get(kind.__name__)
        if code is not None:
            return code
    return BUG


# By name, so that this file needs to import none of them.
_BY_NAME: Final = {
    "ConfigError": BAD_CONFIGURATION,
    "WrongSettings": BAD_CONFIGURATION,
    "AccessRefused": BAD_CONFIGURATION,
    "SecretUnreadable": BAD_CONFIGURATION,
    "SteppedDown": STEPPED_DOWN,
    "JournalDamaged": CORRUPT_DATA,
    "CorruptFrame": CORRUPT_DATA,
    "Diverged": CORRUPT_DATA,
    "JournalContradicts": CORRUPT_DATA,
    "StartRefused": REFUSED,
    "StateDirBusy": REFUSED,
    "StateDirUnusable": REFUSED,
    "SchemaMismatch": REFUSED,
    "ClockStepped": REFUSED,
    "ServerUnusable": REFUSED,
    "LinkLost": NO_DAEMON,
}

_GRAVITY: Final = (
    DONE,
    NO_DAEMON,
    REFUSED,
    BAD_CONFIGURATION,
    STEPPED_DOWN,
    CORRUPT_DATA,
    BUG,
    DIFFERENCE,
    BAD_USAGE,
)
