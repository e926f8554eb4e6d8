"""Every command of an operator, and what became of it: a row of `admin_log` each.

From a frame's inputs, those of the stream `admin` and of the configuration file, and from the
events that they caused. Texts that people wrote stand in the command as it was journaled, which is
JSON: in there nothing needs an escape that Postgres does not take.
"""

from typing import Final

import msgspec

from engine.codec import decode_inputs
from engine.messages import Frame
from persistence.row_types import AdminRow

_STREAMS: Final = ("admin", "config")
_WORDS: Final = tuple(f'"s":"{stream}'.encode() for stream in _STREAMS)
_EVERYTHING: Final = "*"


class _Command(msgspec.Struct, gc=False):
    """Of a command, what it is, what it is about, and who sent it."""

    type: str
    account: str | None = None
    symbol: str | None = None
    tag: str | None = None
    scope: str | None = None
    operator: str | None = None

    @property
    def target(self) -> str | None:
        """Return the account, symbol or tag it names, `*` for all of them, None for none."""
        named = self.account or self.symbol or self.tag
        return _EVERYTHING if named is None and self.scope == "global" else named


class _Answer(msgspec.Struct, gc=False):
    """Of an event, which input caused it, and why that was refused, if it was."""

    type: str
    cause: int | None = msgspec.field(default=None, name="in")
    code: int | None = None
    reason: str | None = None


_command = msgspec.json.Decoder(_Command)
_answers = msgspec.json.Decoder(list[_Answer])


def append_admin_rows(frame: Frame, rows: list[AdminRow]) -> None:
    """Append a row for each command of an operator's in a frame, at its place among the inputs.

    Refused is what was answered by `rejected`; a malformed entry has no command to show. O(inputs
    and events) where there is any, a search in bytes where there is none.
    """
    if not any(word in frame.inputs for word in _WORDS):
        return
    answers: dict[int, _Answer] = {}
    for answer in _answers.decode(frame.events):
        if answer.cause is not None:
            answers.setdefault(answer.cause, answer)
    for index, record in enumerate(decode_inputs(frame.inputs)):
        if record.s.partition(":")[0] not in _STREAMS:
            continue
        body = None if record.refuse is not None else bytes(record.c)
        command = None if body is None else _command.decode(body)
        first = answers.get(index)
        refusal = first if first is not None and first.type == "rejected" else None
        rows.append(
            AdminRow(
                frame.time_us,
                frame.n,
                index,
                record.s,
                record.id,
                None if command is None else command.type,
                None if command is None else command.target,
                None if command is None else command.operator,
                "accepted" if refusal is None else "refused",
                None if refusal is None else refusal.code,
                None if refusal is None else refusal.reason,
                None if body is None else body.decode(),
            )
        )
