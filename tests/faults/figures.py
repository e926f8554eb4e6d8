"""What the attacks came to: seed, progress while they run, and one table at the end."""

import os
import time
from collections import Counter
from collections.abc import Callable

_SHOW_SECONDS = 10.0


def fault_seed() -> int:
    """Return FAULT_SEED, or a seed of the moment; the table says which, to attack there again."""
    return int(os.environ.setdefault("FAULT_SEED", str(time.time_ns() % 1_000_000)))


def fault_number(name: str, usual: int) -> int:
    """Return how often to attack: the environment's `name`, else the usual number."""
    return int(os.environ.get(name, str(usual)))


class Figures:
    """How often each attack was made, what was looked at after it, and the differences found."""

    def __init__(self) -> None:
        self._attacks: dict[str, Counter[str]] = {}

    def add(self, attack: str, **counted: int) -> None:
        """Count, under the name of an attack: number, frames, fills, differences."""
        self._attacks.setdefault(attack, Counter()).update(counted)

    def table(self) -> list[str]:
        """Return one line an attack, under a line that names the columns; [] if there was none."""
        if not self._attacks:
            return []
        columns = ["number", "frames", "fills"]
        columns += sorted({name for each in self._attacks.values() for name in each} - {*columns})
        columns = [each for each in columns if each != "differences"] + ["differences"]
        width = max(map(len, self._attacks))
        widths = [max(len(name), 9) for name in columns]
        lines = [["", *columns]]
        for attack, counted in self._attacks.items():
            lines.append([attack, *(f"{counted[name]:,}" for name in columns)])
        return [
            "  ".join([line[0].ljust(width), *map(str.rjust, line[1:], widths)]) for line in lines
        ]


FIGURES = Figures()


class Progress:
    """Says every ten seconds how far a campaign is, and how long it will still take."""

    def __init__(self, what: str, total: int, show: Callable[[str], None]) -> None:
        self.done = 0
        self._what = what
        self._total = total
        self._show = show
        self._began = self._shown_at = time.monotonic()

    def step(self, number: int = 1, note: str = "") -> None:
        """Count what was done."""
        self.done += number
        now = time.monotonic()
        if now < self._shown_at + _SHOW_SECONDS:
            return
        self._shown_at = now
        took = now - self._began
        left = took / self.done * max(0, self._total - self.done)
        rate = f"{took / self.done:.2f} s each, {left / 60:.1f} min left"
        self._show(f"{self._what}: {self.done:,} of about {self._total:,}, {rate}, {note}")
