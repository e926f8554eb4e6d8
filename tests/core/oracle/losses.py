"""Loss limits (C3): what an account has lost since day, week and month began, by the calendar."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from tests.core.oracle import margins
from tests.core.oracle.numbers import ATOMS, ceiling, money, number
from tests.core.oracle.reasons import REASONS
from tests.core.oracle.world import Account, Event, World

DAY = 24 * 3600 * 1_000_000
WINDOWS = ("day_loss", "week_loss", "month_loss")
CODES = {"day_loss": 601, "week_loss": 602, "month_loss": 603, "losing_streak": 604}
LIMITS = ("day_loss", "day_loss_rate", "week_loss_rate", "month_loss_rate", "losing_streak")


@dataclass
class Window:
    """A window: which one by the calendar, equity at its start, net payments since."""

    which: object
    start: int
    paid_in: int = 0
    paused: bool = False


@dataclass
class Losses:
    """What is remembered of an account with limits on its losses."""

    windows: dict[str, Window] = field(default_factory=dict)
    streak: int = 0
    streak_paused: bool = False


def _which(name: str, now: int) -> object:
    """Return the day, week or month that a time lies in."""
    at = datetime.fromtimestamp(now // 10**6, UTC).date()
    return {"day_loss": at, "week_loss": at.isocalendar()[:2], "month_loss": (at.year, at.month)}[
        name
    ]


def begin_or_end(world: World, account: Account) -> None:
    """Watch an account that has such limits, and no other."""
    if not any(number(account.limits.get(key) or 0) for key in LIMITS):
        account.losses = None
        return
    if account.losses is None:
        now, equity = world.now, margins.equity(account)
        account.losses = Losses({name: Window(_which(name, now), equity) for name in WINDOWS})
    if not world.turn_at:
        world.turn_at = (world.now // DAY + 1) * DAY


def turn(world: World) -> None:
    """Begin at midnight the windows that lie in another day, week or month by now."""
    if not 0 < world.turn_at <= world.now:
        return
    watched = [account for account in world.accounts.values() if account.losses is not None]
    for account in watched:
        losses = account.losses
        for name, window in losses.windows.items():
            now = _which(name, world.now)
            if window.which != now:
                losses.windows[name] = Window(now, margins.equity(account))
        if losses.streak_paused:
            losses.streak, losses.streak_paused = 0, False
    world.turn_at = (world.now // DAY + 1) * DAY if watched else 0


def note_payment(account: Account, amount: int) -> None:
    """Count what was paid in or out as neither gain nor loss."""
    if account.losses is not None:
        for window in account.losses.windows.values():
            window.paid_in += amount


def note_close(account: Account, before: int, after: int, result: int) -> None:
    """Count a fill that left a position flat or turned it."""
    closed = before != 0 and (after == 0 or (after > 0) != (before > 0))
    if account.losses is not None and closed and result:
        account.losses.streak = account.losses.streak + 1 if result < 0 else 0


def _limit(account: Account, name: str, window: Window) -> int | None:
    amount = number(account.limits.get(name) or 0) * ATOMS
    rate = number(account.limits.get(f"{name}_rate") or 0)
    limits = [Fraction(amount)] if amount and name == "day_loss" else []
    if rate and window.start > 0:
        limits.append(Fraction(ceiling(rate * window.start)))
    return int(min(limits)) if limits else None


def _lost(account: Account, window: Window) -> int:
    return window.start + window.paid_in - margins.equity(account)


def look(world: World, account: Account) -> None:
    """Pause openings for each limit that is reached, and say so once."""
    losses = account.losses
    if losses is None:
        return
    for name, window in losses.windows.items():
        limit, lost = _limit(account, name, window), _lost(account, window)
        if limit is not None and lost >= limit and not window.paused:
            window.paused = True
            _say(world, account, name, money(lost), money(limit))
    most = int(number(account.limits.get("losing_streak") or 0))
    if most and losses.streak >= most and not losses.streak_paused:
        losses.streak_paused = True
        _say(world, account, "losing_streak", str(losses.streak), str(most))


def _say(world: World, account: Account, name: str, used: str, limit: str) -> None:
    ends = (world.now // DAY + 1) * DAY
    while name in WINDOWS and _which(name, ends) == _which(name, world.now):
        ends += DAY
    said = {"account": account.name, "limit_name": name, "used": used, "limit": limit}
    world.say("limit_hit", **said, until=ends // 1_000)


def resume(account: Account) -> list[str]:
    """End the pauses of an account; return which there were. Their windows begin anew."""
    losses = account.losses
    if losses is None:
        return []
    paused = [name for name, window in losses.windows.items() if window.paused]
    for name in paused:
        losses.windows[name] = Window(losses.windows[name].which, margins.equity(account))
    if losses.streak_paused:
        losses.streak, losses.streak_paused = 0, False
        paused.append("losing_streak")
    return paused


def checks(account: Account) -> list[Event]:
    """Return what keeps an account from opening."""
    losses = account.losses
    if losses is None:
        return []
    failures: list[Event] = []
    for name, window in losses.windows.items():
        if window.paused:
            said: Event = {"code": CODES[name], "reason": REASONS[CODES[name]]}
            limit = _limit(account, name, window)
            if limit is not None:
                lost = max(0, _lost(account, window))
                said |= {"limit": money(limit), "used": money(lost), "requested": "0"}
            failures.append(said)
    if losses.streak_paused:
        most = str(account.limits.get("losing_streak") or 0)
        said = {"code": 604, "reason": REASONS[604], "limit": most}
        failures.append(said | {"used": str(losses.streak), "requested": "0"})
    return failures


def known(account: Account) -> object:
    """Return what is remembered, as plain values."""
    losses = account.losses
    if losses is None:
        return None
    windows = [(w.start, w.paid_in, w.paused) for w in losses.windows.values()]
    return windows, losses.streak, losses.streak_paused
