"""What every reader of recorded market data yields, whatever the venue's format was."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from feeds.sources.lines import LineFile

Command: TypeAlias = dict[str, Any]
"""One command of the protocol, ready to be written as JSON (decimals are strings)."""


class Record(NamedTuple):
    """One recorded event: its kind, the command it becomes (None: skipped), its time in ms."""

    kind: str
    command: Command | None
    time_ms: int | None
    rounded: bool = False
    """Whether a quantity was rounded to the instrument's lot."""


@dataclass(frozen=True, slots=True)
class Source:
    """A format: what must exist before the first record, and how a file becomes records."""

    setup: tuple[Command, ...]
    """Admin commands, each harmless when repeated."""
    read: Callable[[LineFile], Iterator[Record]]


ORDER_TYPES: Final = frozenset(
    {
        "place_order",
        "amend_order",
        "cancel_order",
        "cancel_all",
        "place_bracket",
        "heartbeat",
        "what_if",
    }
)
TICK_TYPES: Final = frozenset({"l1", "quote", "mark_price"})

_DECIMAL: Final = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


def shortest(decimal: str) -> str | None:
    """Return an unsigned decimal in its shortest form, or None where it is no such decimal."""
    if _DECIMAL.fullmatch(decimal) is None:
        return None
    whole, _, fraction = decimal.partition(".")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction}" if fraction else whole
