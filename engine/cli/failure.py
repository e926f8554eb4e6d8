"""How a command fails: a message that names the remedy, and an exit code of protocol §3."""

from typing import Final

BAD_USAGE: Final = 2
CORRUPT_DATA: Final = 65
REFUSED: Final = 66
NO_DAEMON: Final = 69


class CommandError(Exception):
    """A command cannot go on; the caller prints the message and exits with `exit_code`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
