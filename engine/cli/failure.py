"""How a command fails: a message that names the remedy, and an exit code (engine.exits)."""


class CommandError(Exception):
    """A command cannot go on; the caller prints the message and exits with `exit_code`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
