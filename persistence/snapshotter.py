"""Takes snapshots without stopping the loop: fork, and let the child write (architecture §7)."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from engine.connections import LinkLost, RedisReplyError
from engine.limits import LOGIC_VERSION
from persistence.huge_pages import collapse_heap
from persistence.lease import writers
from persistence.snapshot_store import SnapshotStore, write_snapshot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.connections import Connections
    from engine.ports import FrameBoundary, Manifest

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
_CHILD_NICE = 10
_MOST_IDLE_TURNS = 3


class SnapshotFailed(Exception):
    """The child that wrote the snapshot did not finish; the generations before it stand."""


class Snapshotter:
    """Writes snapshots at an interval and on request, and keeps the newest generations.

    Those of the interval are left to another while `left_to` says that there is one who takes them.
    """

    def __init__(
        self,
        connections: Connections,
        shard: str,
        loop: FrameBoundary,
        writer: str,
        keep: int,
        kept: Callable[[list[Manifest]], None],
    ) -> None:
        self.interval_seconds = 300.0
        self.last_pause_ms = 0.0
        self.left_to: Callable[[], Awaitable[bool]] = _nobody
        self._connections = connections
        self._shard = shard
        self._loop = loop
        self._writer = writer
        self._keep = keep
        self._kept = kept
        self._taken_at = 0
        self._newest = 0
        self._idle_turns = 0
        self._writing: set[str] = set()
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Ask for a snapshot as soon as possible."""
        self._asked.set()

    async def run(self) -> None:
        """Take snapshots for ever. A failed one is logged, and tried again at the next turn."""
        prunes = True
        while True:
            try:
                if prunes:
                    await self.prune()
                    prunes = False
            except (LinkLost, RedisReplyError) as lost:
                log.warning("snapshots are not looked through yet", reason=str(lost))
            try:
                async with asyncio.timeout(self.interval_seconds):
                    await self._asked.wait()
            except TimeoutError:
                pass
            asked = self._asked.is_set()
            self._asked.clear()
            if asked or self._loop.position.n > self._taken_at:
                try:
                    if asked or not await self._is_left_to_another():
                        await collapse_heap()
                        await self.take()
                except (SnapshotFailed, LinkLost, RedisReplyError, OSError) as failed:
                    prunes = True  # it may be there all the same, and hold the trimming up
                    log.error("no snapshot", reason=str(failed))

    async def _is_left_to_another(self) -> bool:
        """Tell whether another takes the snapshots; one who has taken none for long does not."""
        if not await self.left_to():
            return False
        before = self._newest
        await self.prune()
        self._idle_turns = 0 if self._newest > before else self._idle_turns + 1
        return self._idle_turns < _MOST_IDLE_TURNS

    async def take(self) -> None:
        """Write one snapshot and delete what is older than the generations kept."""
        forked: list[tuple[int, int]] = []
        await self._loop.between_frames(lambda: forked.append(self._fork()))
        child, frame = forked[0]
        try:
            await _wait_for(child)
        finally:
            self._writing.discard(f"{frame}:{self._writer}")
        self._taken_at = frame
        await self.prune()
        kernel = self._loop.machine.kernel
        log.info(
            "snapshot taken",
            frame=self._taken_at,
            pause_ms=round(self.last_pause_ms, 1),
            looks=kernel.looks,
            moves=kernel.moves,
        )

    async def prune(self) -> None:
        """Delete old generations and what an interrupted write left."""
        link = await self._connections.redis()
        try:
            others = await writers(link, self._shard) - {self._writer}
            kept = await SnapshotStore(link, self._shard).prune(self._keep, self._writing, others)
            if kept and kept[0].version != LOGIC_VERSION:
                self.ask()  # handed over by another release; only that one could go further back
        finally:
            await link.close()
        self._newest = kept[0].frame if kept else 0
        self._kept(kept)

    def _fork(self) -> tuple[int, int]:
        """Fork at a frame boundary; the child writes the state as it is now and leaves.

        Returns the child's process id and the frame.
        """
        started = time.monotonic()
        # What is frozen stays so: the child's collector does not touch, and copy, every page, and
        # the daemon's does not walk through orders that live for hours. Young garbage is taken away
        # before: closed connections are cycles, and 20 kB of them would stay with each snapshot.
        gc.collect(0)
        gc.freeze()
        daemon = os.getpid()
        child = os.fork()
        if child == 0:
            self._write_and_leave(daemon)
        self.last_pause_ms = (time.monotonic() - started) * 1e3
        frame = self._loop.position.n
        self._writing.add(f"{frame}:{self._writer}")
        return child, frame

    def _write_and_leave(self, daemon: int) -> None:
        """Write the snapshot over a connection of its own; touch nothing of the parent's loop."""
        code = 1
        try:
            gc.disable()
            with suppress(OSError):  # a courtesy that a sandbox may forbid
                os.nice(_CHILD_NICE)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == daemon:
                link = self._connections.redis_sync()
                kernel, position = self._loop.machine.kernel, self._loop.position
                kernel.check()  # nothing waits for it here, and good generations are not pushed out
                write_snapshot(link, self._shard, kernel, position, self._writer)
                code = 0
        except AssertionError as broken:
            log.critical("an invariant of the state is broken: no snapshot of it", exc_info=broken)
        except Exception as error:
            log.error("the snapshot cannot be written", reason=str(error)[:200])
        finally:
            os._exit(code)


async def _nobody() -> bool:
    return False


async def _wait_for(child: int) -> None:
    """Wait for a child to end without blocking the loop. Raises SnapshotFailed.

    Where the wait is cancelled the child is killed, and collected once it is gone.
    """
    descriptor = os.pidfd_open(child)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def collect() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(child, os.WNOHANG)
        if not ended.cancelled():
            ended.set_result(status)

    loop.add_reader(descriptor, collect)
    try:
        status = await ended
    except asyncio.CancelledError:
        os.kill(child, signal.SIGKILL)
        raise
    if status != 0:
        raise SnapshotFailed(f"the writing process ended with status {status}")
