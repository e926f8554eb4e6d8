"""The hot standby: the same machine behind the leader's journal, until it must lead itself."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog

from engine import notify
from engine.connections import LinkLost, RedisReplyError
from engine.ports import SteppedDown
from engine.replay import advance
from engine.visits import Visits
from persistence.cursor import Cursor
from persistence.journal_tail import JournalTail, JournalTrimmed
from persistence.lease import RELEASED, Pulse, PulseWatch, lease_key, run_id_of, standby_key
from persistence.snapshotter import Snapshotter

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.connections import RedisLink
    from engine.machine import Machine
    from engine.ports import Position
    from engine.run import Run
    from persistence.journal import FrameRing

log = structlog.get_logger()

LOOK_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 0.1
_NO_TIME_SECONDS: Final = 0.001


async def stand_by(standby: Standby, snapshotter: Snapshotter) -> bool:
    """Follow, say so, and write the snapshots; return whether to lead now.

    Raises what `Standby.run` raises.
    """
    async with asyncio.TaskGroup() as group:
        following = group.create_task(standby.run(), name="standby")
        others = [
            group.create_task(snapshotter.run(), name="snapshotter"),
            group.create_task(standby.pulse.run(), name="pulse"),
        ]
        notify.ready(f"standby, frame {standby.position.n}")
        leads = await following
        for task in others:
            task.cancel()
    await standby.pulse.release()
    return leads


class Standby:
    """Applies the leader's frames, compares every event, and knows when nobody leads any more.

    Others see its machine between frames (`engine.ports.FrameBoundary`).
    """

    def __init__(self, run: Run, machine: Machine, position: Position, ring: FrameRing) -> None:
        shard = run.config.shard
        self.machine = machine
        self.position = position
        self.is_stopping = False
        self.pulse = Pulse(run.connections, standby_key(shard), run.run_id, lambda: position.n)
        self._run = run
        self._ring = ring
        self._watch = PulseWatch(lease_key(shard))
        self._leader = ""
        self._looked_at = 0.0
        self._was_late = False
        self._visits = Visits()

    def stop(self) -> None:
        """Ask it to end without leading."""
        self.is_stopping = True

    async def between_frames(self, visit: Callable[[], None]) -> None:
        """Run `visit` once everything that is in the journal is applied."""
        await self._visits.ask(visit)

    async def run(self) -> bool:
        """Follow until nobody leads; return whether to lead now, False where told to stop.

        Raises Diverged, CorruptFrame or JournalContradicts where the journal is not what this
        machine makes of it.
        """
        while True:
            try:
                link = await self._run.connections.redis(blocking=True)
                try:
                    return await self._follow(link)
                finally:
                    await link.close()
            except (LinkLost, RedisReplyError) as lost:
                log.warning("the standby cannot read; trying again", reason=str(lost)[:200])
            except JournalTrimmed as gap:
                raise SteppedDown(f"the standby fell behind what is kept: {gap}") from gap
            if self.is_stopping:
                self._visits.cancel()
                return False
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, link: RedisLink) -> bool:
        tail = JournalTail(
            link, self._run.config.shard, Cursor(self.position.n, self.position.hash)
        )
        while not self.is_stopping:
            await self._apply(tail, LOOK_SECONDS)
            if tail.at_top:
                self._visits.receive()
            if time.monotonic() < self._looked_at + LOOK_SECONDS:
                continue
            self._looked_at = time.monotonic()
            self._mind_own_pulse()
            await self._watch.look(link)
            self._say_who_leads()
            if tail.at_top and self._watch.is_over:
                while await self._apply(tail, _NO_TIME_SECONDS):
                    pass
                self._say_why()
                return True
        await asyncio.sleep(0)  # whoever asked for a last look has done so by then
        self._visits.receive()
        return False

    async def _apply(self, tail: JournalTail, wait_seconds: float) -> int:
        """Apply the next frames; return how many came in time."""
        frames = await tail.read(wait_seconds)
        for frame in frames:
            advance(self.machine, self.position, frame)
            self._ring.add(frame)
            self._run.witness.write(frame.n, frame.hash)
            await asyncio.sleep(0)  # its own pulse must not wait until it has caught up
        return len(frames)

    def _mind_own_pulse(self) -> None:
        """Judge nobody by a server that takes no pulse: the leader's stands still there too."""
        was_late, self._was_late = self._was_late, self.pulse.is_late
        if self._was_late:
            self._watch.forget()
            if not was_late:
                log.warning("Redis does not take the standby's pulse: it will not take over")

    def _say_why(self) -> None:
        pulse = self._watch.pulse
        why = "released" if pulse == RELEASED else "nobody renews the lease"
        log.warning("taking over", frame=self.position.n, why=why, before=self._leader or None)

    def _say_who_leads(self) -> None:
        """Log each leader once it has moved its lease."""
        pulse = self._watch.pulse
        if not self._watch.has_moved or pulse in {None, RELEASED}:
            return
        assert pulse is not None
        leader = run_id_of(pulse)
        if leader != self._leader:
            self._leader = leader
            log.info("following", leader=leader, frame=self.position.n)
