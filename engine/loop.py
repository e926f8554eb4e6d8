"""The engine loop: read a batch, stamp it, apply it, append one frame, release (architecture §2).

While one frame is on its way to the journal the next one is being built; never are two on the way.
Nothing that a frame causes is visible to anybody before the server has acknowledged it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING, Self

import structlog

from engine.backlog import IDLE_US, Backlog
from engine.codec import decode_cursors, encode_cursors, seal
from engine.entries import mark_overloaded, refused_input
from engine.limits import (
    MAX_CLOCK_STEP_US,
    MAX_COMMANDS_PER_ENTRY,
    MAX_ENTRY_BYTES,
    MAX_FRAME_EVENTS,
    MAX_FRAME_INPUT_BYTES,
    MAX_POISON_PER_HOUR,
    NEVER_US,
    PPM,
)
from engine.messages import Batch
from engine.visits import Visits
from matching.terms import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.machine import Machine
    from engine.messages import Frame, Input
    from engine.ports import Inbox, Journal, Position

log = structlog.get_logger()

HOUR_US = 3600 * 1_000_000
DRAIN_SECONDS = 1.0
_REFUSED = b'{"code":701,'
_LONGEST_FRAMING_BYTES = 160  # what stands around a command in `in`: stream, entry id, place
# One more entry still fits below.
_FULL_BYTES = (
    MAX_FRAME_INPUT_BYTES - MAX_ENTRY_BYTES - MAX_COMMANDS_PER_ENTRY * _LONGEST_FRAMING_BYTES
)


class ClockStepped(Exception):
    """The wall clock has jumped against the boot clock: halt rather than stamp a wrong time."""


class InputRaised(Exception):
    """Applying an input raised inside the kernel; the cause tells what."""


class PoisonedTooOften(Exception):
    """Inputs keep raising inside the kernel: a bug, and no way to go on (exit 70)."""


class FrameFull(Exception):
    """Inputs that must share one frame do not fit it."""


class GaveUp(Exception):
    """Told to stop, the loop waited long enough for a journal that does not answer."""


class EngineClock:
    """Engine time: the wall clock in µs, never going back, checked against the boot clock."""

    def __init__(
        self, wall_us: Callable[[], int], boot_us: Callable[[], int], *, accept_jump: bool
    ) -> None:
        self._wall_us = wall_us
        self._boot_us = boot_us
        self._accept_jump = accept_jump
        self._offset_us = wall_us() - boot_us()

    @classmethod
    def of_this_machine(cls, *, accept_jump: bool) -> Self:
        """Return a clock on the machine's own wall and boot clocks."""
        return cls(
            lambda: time.time_ns() // 1_000,
            lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000,
            accept_jump=accept_jump,
        )

    def stamp(self, last_us: int) -> int:
        """Return max(last, now). Raises ClockStepped on a step of more than 5 s."""
        wall_us = self._wall_us()
        step_us = wall_us - self._boot_us() - self._offset_us
        if abs(step_us) > MAX_CLOCK_STEP_US and not self._accept_jump:
            raise ClockStepped(
                f"the wall clock has stepped by {step_us / 1e6:.1f} s: put the clock right and "
                "start again, or go on with `pitboss run --accept-time-jump`"
            )
        return max(last_us, wall_us)

    def now_us(self) -> int:
        """Return the wall clock in µs, for deciding whether a timer is due."""
        return self._wall_us()


class EngineLoop:
    """Owns the machine. Everybody else sees it only between frames, through `between_frames`."""

    def __init__(
        self,
        machine: Machine,
        position: Position,
        inbox: Inbox,
        journal: Journal,
        clock: EngineClock,
        rebuild: Callable[[int], Awaitable[Machine]],
        acknowledged: Callable[[Frame], None],
    ) -> None:
        self.machine = machine
        self.position = position
        self.inputs = 0
        self.last_turn_us = clock.now_us()
        self.backlog = Backlog(0, 1, self.last_turn_us)
        self._inbox = inbox
        self._journal = journal
        self._clock = clock
        self._rebuild = rebuild
        self._acknowledged = acknowledged
        self._next_n = position.n + 1
        self._parent = position.hash
        self._cursors = dict(position.cursors)
        self._in_flight: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._gives_up = False
        self._visits = Visits()
        self._wake = asyncio.Event()
        self._poisoned_at_us: deque[int] = deque()

    def mind(self, overload_ms: int, batch_commands: int) -> None:
        """From now on refuse what opens while behind for `overload_ms`; 0 takes everything (E6)."""
        self.backlog = Backlog(overload_ms * 1_000, batch_commands, self._clock.now_us())

    def stop(self) -> None:
        """Ask the loop to end after the frame it is at; visits asked for by then still come.

        A frame that is not acknowledged within DRAIN_SECONDS is given up: nobody was told of it,
        and its inputs are read again by the next engine.
        """
        if not self._stopping.is_set():
            self._stopping.set()
            self._wake.set()
            asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._give_up)

    async def between_frames(self, visit: Callable[[], None]) -> None:
        """Run `visit` at a frame boundary where everything applied is acknowledged."""
        done = self._visits.ask(visit)
        self._wake.set()
        await done

    async def run(self) -> None:
        """Turn until stopped; returns once the last frame is acknowledged."""
        reading: asyncio.Task[Batch | None] | None = None
        try:
            while not self._stopping.is_set():
                if reading is None:
                    reading = asyncio.create_task(self._inbox.next(None))
                await self._wait(reading)
                if self._stopping.is_set():
                    break
                self.last_turn_us = self._clock.now_us()
                if self._visits:
                    await self._receive_visits()
                if reading.done():
                    batch, reading = reading.result(), None
                    if batch is not None:
                        self._look_at_backlog(batch)
                        await self._run_batch(batch)
                elif self.backlog.is_idle(self.last_turn_us):
                    self._look_at_backlog(Batch([], {}))
                await self._run_timers()
            await self._settle()
            await self._receive_visits()
        except GaveUp:
            log.warning("the last frame is given up: the journal has not answered")
            self._visits.cancel()
        finally:
            if reading is not None:
                reading.cancel()

    async def append_inputs(self, inputs: list[Input]) -> None:
        """Append one frame of given inputs, cursors unmoved, and wait for it (genesis, fencing).

        Raises FrameFull, before anything is appended, where they are too many for one frame.
        """
        left = deque(inputs)
        frame = self._build(left, {})
        if left:
            raise FrameFull(f"{len(inputs) - len(left)} of {len(inputs)} inputs fit one frame")
        await self._commit(frame)
        await self._settle()

    async def _wait(self, reading: asyncio.Task[Batch | None]) -> None:
        """Wait for a batch, a visit, the next timer or the end of the append in flight."""
        if reading.done() or self._wake.is_set():
            self._wake.clear()
            return
        waking = asyncio.create_task(self._wake.wait())
        waits: set[asyncio.Task[object]] = {reading, waking}
        if self._in_flight is not None and not self._in_flight.done():
            waits.add(self._in_flight)
        try:
            await asyncio.wait(
                waits, timeout=self._until_timer(), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waking.cancel()
        self._wake.clear()
        if self._in_flight is not None and self._in_flight.done():
            await self._settle()

    def _until_timer(self) -> float | None:
        """Return the seconds until the next timer is due, None where there is none."""
        deadline_us = self.machine.kernel.next_deadline_us()
        now_us = self._clock.now_us()
        if self.backlog.is_overloaded:
            deadline_us = min(NEVER_US if deadline_us is None else deadline_us, now_us + IDLE_US)
        return None if deadline_us is None else max(0.0, (deadline_us - now_us) / 1e6)

    def _look_at_backlog(self, batch: Batch) -> None:
        """Mark what may open where the loop is behind; say when that begins and ends (E6)."""
        backlog, began_us = self.backlog, self.backlog.began_us
        now_us = self._clock.now_us()
        open_ppm = backlog.look(batch.size, batch.oldest_us, now_us)
        self._inbox.hurry(is_behind=backlog.is_overloaded and backlog.is_long)
        if open_ppm < PPM:
            mark_overloaded(batch.inputs, backlog.retry_ms, open_ppm)
        if backlog.began_us and not began_us:
            log.warning(
                "overloaded: orders are refused unless they reduce",
                behind_ms=backlog.age_us // 1_000,
            )
        elif began_us and not backlog.began_us:
            seconds = round((now_us - began_us) / 1e6, 1)
            log.warning("no longer overloaded", seconds=seconds, refused=backlog.refused)

    async def _run_timers(self) -> None:
        """Write frames without inputs while a timer is due or a mass action unfinished."""
        kernel = self.machine.kernel
        while True:
            deadline_us = kernel.next_deadline_us()
            if deadline_us is None or deadline_us > self._clock.now_us():
                return
            await self._commit(self._build(deque(), {}))

    async def _run_batch(self, batch: Batch) -> None:
        """Apply a batch in as many frames as it takes; an entry is never split between frames.

        What a stop leaves unapplied is read again by the next engine.
        """
        inputs = deque(batch.inputs)
        while inputs:
            if self._stopping.is_set():
                return
            await self._run_timers_first()
            frame = await self._build_or_quarantine(inputs, batch.cursors)
            await self._commit(frame)
        if any(self._cursors.get(stream) != at for stream, at in batch.cursors.items()):
            await self._commit(self._build(deque(), batch.cursors))

    async def _run_timers_first(self) -> None:
        """Finish a mass action before any other input."""
        while self.machine.kernel.is_busy():
            await self._commit(self._build(deque(), {}))

    async def _build_or_quarantine(self, inputs: deque[Input], cursors: dict[str, str]) -> Frame:
        """Build the next frame; an input that raises is recorded as refused (poison)."""
        while True:
            trial = deque(inputs)
            try:
                frame = self._build(trial, cursors)
            except InputRaised as raised:
                await self._quarantine(inputs, len(inputs) - len(trial), raised)
                continue
            while len(inputs) > len(trial):
                inputs.popleft()
            return frame

    async def _quarantine(self, inputs: deque[Input], at: int, raised: InputRaised) -> None:
        """Rebuild the state from snapshot and journal, and put a verdict on the input at fault."""
        now_us = self._clock.now_us()
        self._poisoned_at_us.append(now_us)
        while self._poisoned_at_us[0] < now_us - HOUR_US:
            self._poisoned_at_us.popleft()
        item = inputs[at]
        digest = blake2b(item.body, digest_size=16).hexdigest()
        log.critical(
            "an input raised inside the kernel and is refused",
            stream=item.stream,
            entry=item.entry_id,
            digest=digest,
            exc_info=raised.__cause__,
        )
        if len(self._poisoned_at_us) > MAX_POISON_PER_HOUR:
            raise PoisonedTooOften("more than 3 inputs an hour raise inside the kernel") from raised
        await self._settle()
        self.machine = await self._rebuild(self.position.n)
        inputs[at] = refused_input(
            item.stream, item.entry_id, Refusal.POISON, "$", digest, "raised inside the kernel"
        )

    def _build(self, inputs: deque[Input], cursors: dict[str, str]) -> Frame:
        """Apply inputs, whole entries at a time, until the frame is full; take them off the deque.

        `cursors` is where the ingress streams stand once all of the batch is applied.
        """
        machine = self.machine
        time_us = self._clock.stamp(machine.kernel.state.now_us)
        bodies: list[bytes] = []
        events: list[bytes] = []
        size = 0
        machine.begin(time_us, events)
        busy = machine.kernel.is_busy
        reached: dict[str, str] = {}
        while inputs and not busy():
            stream, entry_id = inputs[0].stream, inputs[0].entry_id
            while inputs and inputs[0].entry_id == entry_id and inputs[0].stream == stream:
                item = inputs[0]
                size += len(item.body) + 1
                self._apply(item, len(bodies), events)
                bodies.append(item.body)
                inputs.popleft()
            reached[stream] = entry_id
            if len(events) >= MAX_FRAME_EVENTS or size > _FULL_BYTES:
                break
        new_cursors = {**self._cursors, **(cursors if not inputs else reached)}
        frame = seal(
            self._next_n, self._parent, time_us, bodies, events, encode_cursors(new_cursors)
        )
        self._next_n += 1
        self._parent = frame.hash
        self._cursors = new_cursors
        self.inputs += len(bodies)
        if self.backlog.is_overloaded:
            self.backlog.refused += frame.events.count(_REFUSED)
        return frame

    def _apply(self, item: Input, index: int, events: list[bytes]) -> None:
        """Apply one input; whatever it raises, short of no memory, is the input's own fault."""
        try:
            self.machine.apply(item, index, events)
        except MemoryError:
            raise
        except Exception as error:
            raise InputRaised from error

    async def _commit(self, frame: Frame) -> None:
        """Send a frame on its way once the one before it has arrived."""
        await self._settle()
        if self._gives_up:
            raise GaveUp
        self._in_flight = asyncio.create_task(self._append(frame))

    async def _append(self, frame: Frame) -> None:
        try:
            await self._journal.append(frame)
        except asyncio.CancelledError:
            if not self._gives_up:
                raise
            raise GaveUp from None
        self.position.n, self.position.hash = frame.n, frame.hash
        self.position.cursors = decode_cursors(frame.cursors)
        self._acknowledged(frame)

    async def _settle(self) -> None:
        """Wait until the frame in flight is acknowledged."""
        if self._in_flight is not None:
            await self._in_flight
            self._in_flight = None

    def _give_up(self) -> None:
        self._gives_up = True
        if self._in_flight is not None:
            self._in_flight.cancel()

    async def _receive_visits(self) -> None:
        await self._settle()
        self._visits.receive()
