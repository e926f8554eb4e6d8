"""What `pitboss doctor` sees of the engines: which one leads, and how far a standby is behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from engine.cli.doctor_machine import Finding
from persistence.lease import PULSE_SECONDS, RELEASED, lease_key, run_id_of, standby_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.connections import RedisLink

_LOOK_SECONDS: Final = 3 * PULSE_SECONDS
_LATE_FRAMES: Final = 10_000


async def look_at_engines(link: RedisLink, shard: str, top: int) -> AsyncIterator[Finding]:
    """Look twice at both pulses, and tell whether they move. A shard without a standby is well."""
    keys = lease_key(shard), standby_key(shard)
    before = [await link.call("GET", key) for key in keys]
    if before == [None, None]:
        return
    await asyncio.sleep(_LOOK_SECONDS)
    after = [await link.call("GET", key) for key in keys]
    yield _leader(before[0], after[0])
    if after[1] is not None:
        yield _standby(before[1], after[1], top)


def _leader(before: bytes | None, after: bytes | None) -> Finding:
    if after is None or after == RELEASED:
        return Finding("WARN", "leader", "none: the last one ended in order; start one")
    if before == after:
        text = f"{run_id_of(after)} does not renew its lease: it has ended, or hangs; start one"
        return Finding("WARN", "leader", text)
    return Finding("OK", "leader", f"{run_id_of(after)}, {_figure(after)} ms behind its orders")


def _standby(before: bytes | None, after: bytes, top: int) -> Finding:
    remedy = "start it, or DEL the key where there shall be none"
    if after == RELEASED:
        return Finding("WARN", "standby", f"none: it leads now, or ended in order; {remedy}")
    if before == after:
        return Finding("WARN", "standby", f"{run_id_of(after)} has ended, or hangs; {remedy}")
    behind = max(0, top - _figure(after))
    text = f"{run_id_of(after)}, {behind} frames behind"
    if behind > _LATE_FRAMES:
        return Finding("WARN", "standby", f"{text}: its machine is too slow, or it is catching up")
    return Finding("OK", "standby", text)


def _figure(pulse: bytes) -> int:
    """Return what stands last in a pulse: the leader's lag in ms, or the standby's frame."""
    figure = pulse.rpartition(b":")[2]
    return int(figure) if figure.isdigit() else 0
