"""What stops and watches trading as records of the snapshot, and back (E4, E5, E7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from risk.activity import Activity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.state import State
    from matching.terms import Switch
    from risk.guards.messages import SetActivity


class ClosingRecord(msgspec.Struct, array_like=True):
    """How far the closing of positions has got: its timer, what is left, what is gone through."""

    close_at_us: int
    unsold: list[tuple[str, bool]]
    closing: list[tuple[str, str]]


def switches(state: State) -> Iterator[Switch]:
    """Return the kill switches, by scope and target."""
    for _, switch in sorted(state.switches.items(), key=lambda each: _order(each[1])):
        yield switch


def _order(switch: Switch) -> tuple[str, str]:
    return switch.scope.value, switch.target


def restore_switch(state: State, switch: Switch) -> None:
    """Put a switch on again."""
    state.switches[switch.scope, switch.target] = switch


def closings(state: State) -> Iterator[ClosingRecord]:
    """Return what is being closed, if anything is."""
    if state.unsold or state.close_at_us:
        unsold, closing = sorted(state.unsold.items()), sorted(state.closing.items())
        yield ClosingRecord(state.close_at_us, unsold, closing)


def restore_closing(state: State, record: ClosingRecord) -> None:
    """Go on closing where it was left."""
    state.close_at_us = record.close_at_us
    state.unsold, state.closing = dict(record.unsold), dict(record.closing)


def heartbeats(state: State) -> Iterator[tuple[str, int]]:
    """Return the accounts that must be heard of, and until when, in µs."""
    return iter(state.heartbeats)


def restore_heartbeat(state: State, record: tuple[str, int]) -> None:
    """Listen for an account again."""
    state.heartbeats.set(*record)


class ActiveRecord(msgspec.Struct, array_like=True):
    """What an account has done of late: its buckets, and when which kind was told."""

    account_id: str
    buckets: list[tuple[int, int, int, int]]
    told: list[tuple[str, int]]


def activity(state: State) -> Iterator[SetActivity]:
    """Return what is unusual, if anything is."""
    if state.activity is not None:
        yield state.activity.terms


def restore_activity(state: State, terms: SetActivity) -> None:
    """Look at what accounts do again."""
    state.activity = Activity(terms)


def active(state: State) -> Iterator[ActiveRecord]:
    """Return who is active, in the order in which they will be forgotten."""
    if state.activity is not None:
        for account_id, counts in state.activity.accounts.items():
            told = sorted(counts.told.items())
            buckets = [
                (at, done, entered, refused) for at, done, entered, refused in counts.buckets
            ]
            yield ActiveRecord(account_id, buckets, told)


def restore_active(state: State, record: ActiveRecord) -> None:
    """Remember what an account has done."""
    assert state.activity is not None
    state.activity.restore(record.account_id, record.buckets, record.told)
