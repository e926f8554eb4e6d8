"""One check of `pitboss verify`: what it looked at, and what it found wrong."""

from __future__ import annotations

from typing import Any, Final

MOST_PROBLEMS: Final = 20
"""So many are kept of each check; more of the same tell nothing new."""


class Check:
    """A named check. `text` says what was looked at; without problems it has passed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.problems: list[str] = []
        self.is_damage = False
        self._found = 0

    @property
    def passed(self) -> bool:
        """Whether nothing was found wrong."""
        return self._found == 0

    def fail(self, problem: str, *, damage: bool = False) -> None:
        """Note a problem; `damage` tells that data are corrupt rather than different."""
        self._found += 1
        self.is_damage = self.is_damage or damage
        if self._found <= MOST_PROBLEMS:
            self.problems.append(problem)

    def line(self) -> str:
        """Return the check in one line."""
        if self.passed:
            return f"ok      {self.name:<9}  {self.text}"
        more = f" (and {self._found - 1} more)" if self._found > 1 else ""
        return f"FAILED  {self.name:<9}  {self.problems[0]}{more}"

    def as_dict(self) -> dict[str, Any]:
        """Return the check as plain values for JSON."""
        return {
            "name": self.name,
            "ok": self.passed,
            "text": self.text,
            "problems": self.problems,
            "found": self._found,
        }
