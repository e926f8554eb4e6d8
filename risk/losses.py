"""Loss limits: what an account has lost since its day, week and month began (C3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine.limits import DAY_US, PPM
from matching.terms import Refusal
from risk.margin import divide_up
from risk.messages import Failure
from risk.terms import COUNT, DAY, MONTH, STREAK, WEEK

if TYPE_CHECKING:
    from risk.terms import Profile

CODES: Final = {
    DAY: Refusal.DAY_LOSS,
    WEEK: Refusal.WEEK_LOSS,
    MONTH: Refusal.MONTH_LOSS,
    STREAK: Refusal.LOSING_STREAK,
}
_FIRST_MONDAY: Final = 4
"""1970-01-05, as a day since 1970-01-01."""
_DAYS_BEFORE_1970: Final = 719_468
"""Since 1 March of the year 0."""
_DAYS_IN_400_YEARS: Final = 146_097


def turns(day: int) -> tuple[str, ...]:
    """Return which windows begin with that UTC day, counted from 1970-01-01."""
    begun: tuple[str, ...] = (DAY,)
    if (day - _FIRST_MONDAY) % 7 == 0:
        begun += (WEEK,)
    return (*begun, MONTH) if _day_of_month(day) == 1 else begun


def ends_us(name: str, now_us: int) -> int:
    """Return when the window of now turns: the next midnight, Monday or first of a month, UTC."""
    day = now_us // DAY_US + 1
    wanted = DAY if name == STREAK else name
    while wanted not in turns(day):
        day += 1
    return day * DAY_US


def _day_of_month(day: int) -> int:
    """Return the day of the month, 1 to 31, of a day since 1970-01-01 (Gregorian).

    Years are counted from 1 March, so that a leap day is the last of its year: H. Hinnant,
    "chrono-Compatible Low-Level Date Algorithms".
    """
    of_era = (day + _DAYS_BEFORE_1970) % _DAYS_IN_400_YEARS
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return of_year - (153 * month + 2) // 5 + 1


class Window:
    """Equity when the window began, what was paid in since (less what was paid out), in atoms."""

    __slots__ = ("is_paused", "paid_in", "start")

    def __init__(self, start: int, paid_in: int = 0, *, is_paused: bool = False) -> None:
        self.start: int = start
        self.paid_in: int = paid_in
        self.is_paused: bool = is_paused

    def loss(self, equity: int) -> int:
        """Return what has been lost since the window began; a gain is below 0."""
        return self.start + self.paid_in - equity


class Hit(NamedTuple):
    """A limit that a loss has reached: its name, the loss and the limit, in atoms or closes."""

    name: str
    used: int
    limit: int


class Losses:
    """What one account has lost, by window, and how many losing closes in a row it has made."""

    __slots__ = ("streak", "streak_paused", "windows")

    def __init__(self, equity: int) -> None:
        self.windows: dict[str, Window] = {name: Window(equity) for name in (DAY, WEEK, MONTH)}
        self.streak: int = 0
        self.streak_paused: bool = False

    def note_payment(self, atoms: int) -> None:
        """Take note of money paid in, or out where it is negative: neither gain nor loss."""
        for window in self.windows.values():
            window.paid_in += atoms

    def note_close(self, result: int) -> None:
        """Count a fill that closed a position; one that breaks even neither counts nor resets."""
        if result:
            self.streak = self.streak + 1 if result < 0 else 0

    def floor(self, profile: Profile) -> int | None:
        """Return the equity at which the next limit is reached, None where none is left."""
        floors = [
            window.start + window.paid_in - limit
            for name, window in self.windows.items()
            if not window.is_paused and (limit := limit_of(profile, name, window)) is not None
        ]
        return max(floors, default=None)

    def look(self, profile: Profile, equity: int) -> list[Hit]:
        """Pause openings for every limit that is reached now; return the new ones."""
        found: list[Hit] = []
        for name, window in self.windows.items():
            limit = limit_of(profile, name, window)
            loss = window.loss(equity)
            if limit is not None and loss >= limit and not window.is_paused:
                window.is_paused = True
                found.append(Hit(name, loss, limit))
        if 0 < profile.losing_streak <= self.streak and not self.streak_paused:
            self.streak_paused = True
            found.append(Hit(STREAK, self.streak, profile.losing_streak))
        return found

    def failures(self, profile: Profile, equity: int) -> tuple[Failure, ...]:
        """Return what keeps the account from opening now, with the loss as it stands."""
        found: list[Failure] = []
        for name, window in self.windows.items():
            if window.is_paused:
                limit = limit_of(profile, name, window)
                found.append(Failure(CODES[name], limit, max(0, window.loss(equity)), 0))
        if self.streak_paused:
            limit = profile.losing_streak
            found.append(Failure(CODES[STREAK], limit, self.streak, 0, COUNT))
        return tuple(found)

    def turn(self, names: tuple[str, ...], equity: int) -> None:
        """Begin windows anew; with the day a pause for a losing streak ends too."""
        for name in names:
            self.windows[name] = Window(equity)
        if DAY in names and self.streak_paused:
            self.streak, self.streak_paused = 0, False

    def resume(self, equity: int) -> tuple[str, ...]:
        """End all pauses and begin their windows anew; return which there were."""
        paused = tuple(name for name, window in self.windows.items() if window.is_paused)
        for name in paused:
            self.windows[name] = Window(equity)
        if self.streak_paused:
            self.streak, self.streak_paused = 0, False
            paused += (STREAK,)
        return paused


def limit_of(profile: Profile, name: str, window: Window) -> int | None:
    """Return the loss at which a window pauses, in atoms: the lesser of amount and part of equity.

    The part is rounded up to an atom. None where there is no limit, or nothing to take a part of.
    """
    amount, part_ppm = {
        DAY: (profile.day_loss_atoms, profile.day_loss_ppm),
        WEEK: (0, profile.week_loss_ppm),
        MONTH: (0, profile.month_loss_ppm),
    }[name]
    limits = [amount] if amount else []
    if part_ppm and window.start > 0:
        limits.append(divide_up(part_ppm * window.start, PPM))
    return min(limits, default=None)
