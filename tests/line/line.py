"""The line in this process: inbox, loop and journal on real streams, with no daemon around."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any, Self

from engine.connections import Connections, LinkLost, RedisReplyError
from engine.entries import decode_entry
from engine.loop import EngineClock, EngineLoop
from engine.machine import Machine
from engine.messages import Batch, Frame, Input
from engine.ports import Inbox, Journal, Position
from engine.replay import recover
from feeds.inbox import RedisInbox
from persistence.journal import JournalFrames, RedisJournal
from persistence.snapshot_store import SnapshotStore
from tests.edges.tape import until

Command = dict[str, Any]
Wrap = Callable[[Journal], Journal]


class HandClock:
    """Wall and boot clock that move when the test says so."""

    def __init__(self) -> None:
        self.wall_us = self.boot_us = 1_700_000_000_000_000

    def pass_us(self, duration_us: int) -> None:
        """Let time pass on both."""
        self.wall_us += duration_us
        self.boot_us += duration_us

    def engine_clock(self, *, accept_jump: bool = False) -> EngineClock:
        """Return the engine's clock on these two."""
        return EngineClock(lambda: self.wall_us, lambda: self.boot_us, accept_jump=accept_jump)


class ScriptedInbox:
    """Gives the batches that it is told to give, then waits."""

    def __init__(self) -> None:
        self._batches: asyncio.Queue[Batch] = asyncio.Queue()
        self._numbers = itertools.count(1)
        self.hurried: list[bool] = []

    def put(self, *commands: Command | list[Command], stream: str | None = None) -> None:
        """Make a batch of entries: a command, or a list of them, each; ids rise from 1-0."""
        inputs: list[Input] = []
        cursors: dict[str, str] = {}
        for each in commands:
            first = each[0] if isinstance(each, list) else each
            name = stream or stream_of(first)
            entry_id = f"{next(self._numbers)}-0"
            inputs += decode_entry(name, entry_id, json.dumps(each).encode())
            cursors[name] = entry_id
        self.put_batch(Batch(inputs, cursors))

    def put_batch(self, batch: Batch) -> None:
        """Queue a batch made elsewhere."""
        self._batches.put_nowait(batch)

    def is_empty(self) -> bool:
        """Tell whether every batch was taken."""
        return self._batches.empty()

    def hurry(self, *, is_behind: bool) -> None:
        """Write it down; what comes is what the test says."""
        self.hurried.append(is_behind)

    async def next(self, timeout_seconds: float | None) -> Batch | None:
        """Return the next batch."""
        return await self._batches.get()


class Gate:
    """A journal that a test can hold up; it counts how many frames are on their way at once."""

    def __init__(self, journal: Journal) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = self.most = 0
        self._journal = journal

    async def append(self, frame: Frame) -> None:
        """Append a frame once the gate is open."""
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.open.wait()
        await self._journal.append(frame)
        self.waiting -= 1


class Line:
    """One engine on a shard: recovered from the journal, then running until left."""

    def __init__(
        self,
        connections: Connections,
        shard: str,
        *,
        inbox: Inbox | None = None,
        clock: EngineClock | None = None,
        wrap: Wrap = lambda journal: journal,
        count: int = 512,
    ) -> None:
        self.shard = shard
        self.connections = connections
        self.acknowledged: list[Frame] = []
        self.loop: EngineLoop
        self.task: asyncio.Task[None]
        self._given = inbox
        self._clock = clock or EngineClock.of_this_machine(accept_jump=False)
        self._wrap = wrap
        self._count = count
        self._closers: list[Callable[[], Awaitable[None]]] = []

    async def __aenter__(self) -> Self:
        machine, position = await self.recovered()
        journal = RedisJournal(
            self.connections.redis, self.shard, n=position.n, frame_hash=position.hash
        )
        self._closers.append(journal.close)
        inbox = self._given
        if inbox is None:
            inbox = RedisInbox(
                lambda: self.connections.redis(blocking=True),
                (LinkLost, RedisReplyError),
                self.shard,
                position.cursors,
                self._count,
            )
            self._closers.append(inbox.close)
        self.loop = EngineLoop(
            machine,
            position,
            inbox,
            self._wrap(journal),
            self._clock,
            self._rebuild,
            self.acknowledged.append,
        )
        self.task = asyncio.create_task(self.loop.run())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.loop.stop()
        done, pending = await asyncio.wait([self.task], timeout=10)
        for task in pending:
            task.cancel()
        await asyncio.gather(*done, *pending, return_exceptions=True)
        for close in self._closers:
            await close()

    async def recovered(self, n: int | None = None) -> tuple[Machine, Position]:
        """Return the machine as it was at frame `n`, or at the journal's top."""
        link = await self.connections.redis()
        try:
            source = JournalFrames(link, self.shard)
            top = await source.top()
            until_n = n if n is not None else (0 if top is None else top.n)
            store = SnapshotStore(link, self.shard)
            return await recover(self.shard, store, source, until_n, _unexpected)
        finally:
            await link.close()

    async def frame(self, n: int) -> Frame:
        """Wait until frame `n` is acknowledged."""
        await until(lambda: self.loop.position.n >= n, self.task)
        return next(each for each in self.acknowledged if each.n == n)

    async def reached(self, **cursors: str) -> None:
        """Wait until these streams are applied and acknowledged so far."""
        await until(lambda: cursors.items() <= self.loop.position.cursors.items(), self.task)

    async def send(self, *commands: Command | list[Command], stream: str | None = None) -> str:
        """Add one entry each; return the id of the last one."""
        return await send(self.connections, self.shard, *commands, stream=stream)

    async def sent_and_applied(self, *commands: Command | list[Command]) -> None:
        """Add one entry each and wait until all of them are acknowledged."""
        for each in commands:
            name = stream_of(each[0] if isinstance(each, list) else each)
            await self.reached(**{name: await self.send(each, stream=name)})

    async def _rebuild(self, n: int) -> Machine:
        return (await self.recovered(n))[0]


async def send(
    connections: Connections,
    shard: str,
    *commands: Command | list[Command],
    stream: str | None = None,
) -> str:
    """Add one entry each to the stream given, or to that where it belongs; return the last id."""
    link = await connections.redis()
    words = [
        (
            "XADD",
            f"{{{shard}}}:{stream or stream_of(each[0] if isinstance(each, list) else each)}",
            "*",
            "c",
            json.dumps(each),
        )
        for each in commands
    ]
    replies: list[bytes] = await link.call_many(words)
    await link.close()
    return replies[-1].decode()


def stream_of(command: Command) -> str:
    """Return the stream that a command belongs to."""
    return _STREAMS.get(command["type"], "admin")


def _unexpected(complaint: str) -> None:
    raise AssertionError(complaint)


_STREAMS = {
    "place_order": "orders",
    "amend_order": "orders",
    "cancel_order": "orders",
    "cancel_all": "orders",
    "l1": "ticks",
    "mark_price": "ticks",
}
