"""Whoever falls silent has its orders cancelled: cancel on silence (E5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import MASS_CANCELS_PER_FRAME
from engine.state import MassCancel
from matching.terms import CancelReason, Refusal
from risk.guards.messages import HeartbeatMissed, HeartbeatSet
from risk.messages import Rejected

if TYPE_CHECKING:
    from engine.cancelling import Cancelling
    from engine.messages import Event
    from engine.state import State
    from risk.guards.messages import SetHeartbeat


class Heartbeats:
    """The part of the kernel that listens for accounts that asked for it."""

    __slots__ = ("_cancelling", "_state")

    def __init__(self, state: State, cancelling: Cancelling) -> None:
        self._state: State = state
        self._cancelling: Cancelling = cancelling

    def beat(self, command: SetHeartbeat, events: list[Event]) -> None:
        """Give an account until now and its timeout to be heard of again; 0 switches it off."""
        state, account_id = self._state, command.account
        if account_id not in state.accounts:
            events.append(Rejected(Refusal.UNKNOWN_ACCOUNT, account=account_id))
            return
        expires_us = 0
        if command.timeout_us:
            expires_us = state.now_us + command.timeout_us
            state.heartbeats.set(account_id, expires_us)
        else:
            state.heartbeats.drop(account_id)
        events.append(HeartbeatSet(account_id, command.timeout_us, expires_us))

    def miss(self, events: list[Event]) -> None:
        """Cancel the orders of those whose time is over, in order of (time, account).

        What only reduces stays. As many as fit a frame; the rest goes on before any input.
        """
        state = self._state
        heartbeats = state.heartbeats
        while heartbeats.first_us <= state.now_us and len(events) < MASS_CANCELS_PER_FRAME:
            account_id = heartbeats.first()
            heartbeats.drop(account_id)
            events.append(HeartbeatMissed(account_id))
            mass = MassCancel(account_id, "", 0, CancelReason.HEARTBEAT, keeps_exits=True)
            self._cancelling.cancel_or_go_on(mass, events)
