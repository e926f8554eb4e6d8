"""Send a feed's set-up commands and wait until each has been answered."""

from typing import Any, Final

from engine.cli.failure import CommandError
from engine.cli.feed_outlet import WINDOW
from engine.cli.journal_reader import JournalEntry
from engine.cli.reach import Lifeline
from engine.cli.streams import append, encode
from engine.connections import AccessRefused, LinkLost, RedisReplyError
from engine.exits import REFUSED
from feeds.sources.record import Command

ADMIN: Final = "admin"


class Setup:
    """Commands that must have happened before the first order, each harmless when repeated."""

    def __init__(self, shard: str, commands: tuple[Command, ...]) -> None:
        self._key = f"{{{shard}}}:{ADMIN}"
        self._commands = commands
        self._sent: dict[str, Command] = {}
        self._answers: dict[str, list[dict[str, Any]]] = {}

    async def send(self, lifeline: Lifeline) -> None:
        """Write all commands; a window whose reply was lost is written again.

        Whom Redis lets only feed ticks relies on what an operator has set up.
        """
        for start in range(0, len(self._commands), WINDOW):
            window = self._commands[start : start + WINDOW]
            payloads = [encode(command) for command in window]
            replies: list[Any] | None = None
            while replies is None:
                try:
                    replies = await append(lifeline.link, self._key, payloads)
                except LinkLost:
                    await lifeline.renew()
            for command, reply in zip(window, replies, strict=True):
                if isinstance(reply, AccessRefused):
                    self._commands = ()
                    return
                if isinstance(reply, RedisReplyError):
                    raise CommandError(f"{self._key}: Redis refused a command: {reply}", REFUSED)
                self._sent[reply.decode()] = command

    def observe(self, entry: JournalEntry) -> None:
        """Note what a frame answers to admin commands."""
        if b'"admin"' not in entry.inputs:
            return
        inputs = entry.decoded_inputs()
        answered = {
            place: self._answers.setdefault(element["id"], [])
            for place, element in enumerate(inputs)
            if element["s"] == ADMIN
        }
        for event in entry.decoded_events():
            if event.get("in") in answered:
                answered[event["in"]].append(event)

    @property
    def answered(self) -> int:
        """Return how many commands that are known to be written have been answered."""
        return sum(entry in self._answers for entry in self._sent)

    @property
    def is_done(self) -> bool:
        """Tell whether every command has been answered."""
        return len(self._sent) == len(self._commands) and self.answered == len(self._sent)

    def check(self) -> None:
        """Raise CommandError for a refusal that says more than "it is there already"."""
        for entry, command in self._sent.items():
            for event in self._answers[entry]:
                if event["type"] == "rejected" and not _is_repeat(event["reason"]):
                    raise CommandError(
                        f"set-up refused: {encode(command).decode()} gave "
                        f"{event['code']} {event['reason']}; settle that, then feed again",
                        REFUSED,
                    )


def _is_repeat(reason: str) -> bool:
    return reason.endswith("_exists") or "duplicate" in reason
