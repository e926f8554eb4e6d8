"""What the attacks came to: seed, progress while they run, and one table at the end."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SHOW_SECONDS = 10.0
_COLUMNS = ("number", "frames", "fills", "differences")
_WIDTH = 11


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
        """Count, under the name of an attack: number, frames, fills, differences, and more."""
        self._attacks.setdefault(attack, Counter()).update(counted)

    @contextmanager
    def watch(self, attack: str) -> Iterator[None]:
        """Count a difference where what is done inside does not come to its end."""
        try:
            yield
        except Exception:
            self.add(attack, differences=1)
            raise

    def table(self) -> list[str]:
        """Return one line an attack, under a line that names the columns; [] if there was none."""
        if not self._attacks:
            return []
        width = max(map(len, self._attacks))
        lines = ["  ".join([" " * width, *(name.rjust(_WIDTH) for name in _COLUMNS)])]
        for attack, counted in self._attacks.items():
            numbers = (f"{counted[name]:,}".rjust(_WIDTH) for name in _COLUMNS)
            more = (f"{count:,} {name}" for name, count in counted.items() if name not in _COLUMNS)
            lines.append("  ".join([attack.ljust(width), *numbers, ", ".join(more)]))
        return lines


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
