"""Our own commands, one JSON object a line: what `pitboss send` and `pitboss simulate` read too.

Admin commands may only stand before the first other one: they are the set-up, which is waited for.
A `ts` (ms) on any line paces `--speed`; on a price tick it also stays part of the command.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from feeds.sources.lines import LineFile
from feeds.sources.record import ORDER_TYPES, TICK_TYPES, Command, Record, Source

MAX_SETUP: Final = 10_000
"""Set-up commands are held in memory until they are answered."""

_WRITE: Final = "write one command object a line, as docs/protocol.md describes"


def source(path: Path) -> Source:
    """Return the format for the file at `path`, whose head is read now for its set-up."""
    with LineFile(path) as lines:
        return Source(setup=tuple(_head(lines)), read=_read)


def _head(lines: LineFile) -> Iterator[Command]:
    for count, command in enumerate(_commands(lines), start=1):
        if command["type"] in ORDER_TYPES | TICK_TYPES:
            return
        if count > MAX_SETUP:
            lines.refuse(f"more than {MAX_SETUP} set-up commands", "play them with `pitboss send`")
        command.pop("ts", None)
        yield command


def _read(lines: LineFile) -> Iterator[Record]:
    in_head = True
    for command in _commands(lines):
        kind = command["type"]
        time_ms = command.get("ts")
        if time_ms is not None and not isinstance(time_ms, int):
            lines.refuse("ts is not a whole number of ms", _WRITE)
        if kind in TICK_TYPES:
            yield Record(kind, command, time_ms)
        elif kind in ORDER_TYPES:
            command.pop("ts", None)
            yield Record(kind, command, time_ms)
        elif not in_head:
            lines.refuse(
                f"{kind} after the first order or tick",
                "put admin commands first, or play the file with `pitboss send`",
            )
        else:
            continue
        in_head = False


def _commands(lines: LineFile) -> Iterator[dict[str, Any]]:
    decode = msgspec.json.Decoder().decode
    for line in lines:
        if not line.strip():
            continue
        try:
            command = decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            lines.refuse(f"not JSON ({error})", _WRITE)
        if not isinstance(command, dict) or not isinstance(command.get("type"), str):
            lines.refuse("not an object with a type", _WRITE)
        yield command
