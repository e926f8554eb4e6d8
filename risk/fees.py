"""Which fees an account is charged: those of its tier, by what it traded in 30 days (B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import DAY_US, VOLUME_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from risk.account import Account
    from risk.messages import FeeTier


def first_day(now_us: int) -> int:
    """Return the first UTC day that still counts, as days since 1970: today is the thirtieth."""
    return now_us // DAY_US - VOLUME_DAYS + 1


def add_volume(account: Account, notional_atoms: int, now_us: int) -> None:
    """Add a fill's notional to the day's volume; days that count no more are forgotten."""
    volumes, today = account.volumes, now_us // DAY_US
    if today not in volumes:
        oldest = first_day(now_us)
        account.volumes = volumes = {day: v for day, v in volumes.items() if day >= oldest}
        volumes[today] = 0
    volumes[today] += notional_atoms


def counted_volumes(account: Account, now_us: int) -> list[tuple[int, int]]:
    """Return (day, atoms) of the days that count, in their order."""
    oldest = first_day(now_us)
    return sorted((day, atoms) for day, atoms in account.volumes.items() if day >= oldest)


def volume_atoms(account: Account, now_us: int) -> int:
    """Return what the account's fills were worth in the last 30 days, today included."""
    oldest = first_day(now_us)
    return sum(atoms for day, atoms in account.volumes.items() if day >= oldest)


def tier_of(account: Account, tiers: Sequence[FeeTier], now_us: int) -> FeeTier:
    """Return the tier an account is fixed to, if there is one of that name, else by its volume.

    Volumes rise from 0, so there is always one.
    """
    if account.fee_tier:
        for tier in tiers:
            if tier.name == account.fee_tier:
                return tier
    volume = volume_atoms(account, now_us)
    return next(tier for tier in reversed(tiers) if tier.volume_atoms <= volume)
