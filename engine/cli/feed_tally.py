"""What the engine did with each kind of recorded event, read from the journal."""

from collections import Counter
from typing import Any, Final

from engine.cli.journal_reader import JournalEntry, JournalGap
from engine.cli.streams import entry_id

Counts = Counter[str]

_PLAIN: Final = {
    "order_accepted": "accepted",
    "order_amended": "amended",
    "trade": "trades",
}


class Tally:
    """Joins the journal's inputs with the kinds of the entries that a feed wrote.

    Memory: one byte an entry.
    """

    def __init__(self, suffixes: list[str]) -> None:
        self.sent: Counts = Counter()
        self.outcomes: dict[str, Counts] = {}
        self.consumed = dict.fromkeys(suffixes, 0)
        """By stream, the number of the last entry that the engine has consumed."""
        self.trimmed: list[tuple[int, int]] = []
        """Frames (first, last) that were gone before they could be read."""
        self._kinds: dict[str, bytearray] = {suffix: bytearray() for suffix in suffixes}
        self._names: list[str] = []

    def expect(self, suffix: str, kind: str) -> None:
        """Note that the stream's next entry is of this kind; must precede its frame."""
        if kind not in self.outcomes:
            assert len(self._names) < 256, "a format has few kinds"
            self._names.append(kind)
            self.outcomes[kind] = Counter()
        self.sent[kind] += 1
        self._kinds[suffix].append(self._names.index(kind))

    def observe(self, entry: JournalEntry) -> None:
        """Count one frame."""
        if any(f'"{suffix}"'.encode() in entry.inputs for suffix in self._kinds):
            self._count(entry)
        for suffix, last in entry.decoded_cursors().items():
            if suffix in self.consumed:
                self.consumed[suffix] = max(self.consumed[suffix], entry_id(last)[0])

    def miss(self, gap: JournalGap) -> None:
        """Note that frames were trimmed before they were read, so their events are not counted."""
        self.trimmed.append((gap.expected, gap.found - 1))

    @property
    def unaccounted(self) -> int:
        """Return how many entries were sent whose fate is not known."""
        known = sum(counts["applied"] + counts["conflated"] for counts in self.outcomes.values())
        return self.sent.total() - known

    def _count(self, entry: JournalEntry) -> None:
        counters: list[Counts | None] = [
            self._counter_of(element) for element in entry.decoded_inputs()
        ]
        traded: set[int] = set()
        for event in entry.decoded_events():
            place = event.get("in")
            if place is None or (counts := counters[place]) is None:
                continue
            for label in labels(event):
                counts[label] += 1
            if event["type"] == "trade" and place not in traded:
                traded.add(place)
                counts["traded"] += 1

    def _counter_of(self, element: dict[str, Any]) -> Counts | None:
        kinds = self._kinds.get(element["s"])
        if kinds is None:
            return None
        place = entry_id(element["id"])[0] - 1
        counts = self.outcomes[self._names[kinds[place]]]
        counts["applied"] += 1
        if skipped := element.get("skipped"):
            counts["conflated"] += skipped
        return counts


def labels(event: dict[str, Any]) -> list[str]:
    """Name what an event says about its command, in the words of the report."""
    kind = event["type"]
    if kind == "rejected":
        return ["rejected", f"rejected: {event['code']} {event['reason']}"]
    if kind == "order_cancelled":
        return ["cancelled" if event["reason"] == "requested" else f"cancelled: {event['reason']}"]
    if kind == "order_accepted" and event.get("duplicate"):
        return ["duplicate"]
    if kind == "order_accepted" and event.get("status") == "resting":
        return ["accepted", "rested"]
    return [_PLAIN.get(kind, kind)]
