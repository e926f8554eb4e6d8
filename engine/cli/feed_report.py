"""What a feed tells its user at the end."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class FeedReport:
    """How many events of each kind were sent, and what the engine did with them."""

    file: str
    format: str
    streams: list[str]
    sent: int
    """Entries of the file that are in the streams, from this run or an earlier one."""
    resumed_at: int
    """How many of them an earlier run had written."""
    rounded: int
    skipped: dict[str, int]
    """Events of the file that become no command, by kind."""
    kinds: dict[str, dict[str, int]]
    """By kind: `sent`, then what happened, by word."""
    unaccounted: int
    """Entries whose fate is unknown; more than 0 only where frames were trimmed."""
    trimmed_frames: list[tuple[int, int]] = field(default_factory=list)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return asdict(self)

    def notes(self) -> list[str]:
        """Return what the table has no column for, a sentence each."""
        streams = ", ".join(self.streams) or "no stream"
        notes = [f"{self.file}: {self.sent} entries in {streams} ({self.seconds:.1f} s)"]
        if self.resumed_at:
            notes.append(f"{self.resumed_at} of them were there from an earlier run")
        if self.rounded:
            notes.append(f"{self.rounded} quantities rounded to the lot")
        if self.skipped:
            skipped = ", ".join(f"{count} {kind}" for kind, count in self.skipped.items())
            notes.append(f"skipped: {skipped}")
        for first, last in self.trimmed_frames:
            notes.append(f"frames {first} to {last} were trimmed and are not counted")
        if self.unaccounted:
            notes.append(f"{self.unaccounted} entries without a known outcome")
        return notes

    def table(self) -> Table:
        """Return the counts as a table, one column a kind, one row an outcome."""
        table = Table("")
        for kind in self.kinds:
            table.add_column(kind, justify="right")
        words = dict.fromkeys(word for counts in self.kinds.values() for word in counts)
        for word in sorted(words, key=_order):
            counts = (kind.get(word, 0) for kind in self.kinds.values())
            table.add_row(word, *(str(count) if count else "" for count in counts))
        return table


_FIRST = ("sent", "applied", "conflated", "accepted", "traded", "trades", "rested", "amended")


def _order(word: str) -> tuple[int, str]:
    return (_FIRST.index(word) if word in _FIRST else len(_FIRST), word)
