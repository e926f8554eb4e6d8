"""An auditor that follows the journal through all restarts, and believes nothing."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from engine.codec import check_hash, decode_cursors, decode_inputs, genesis_hash
from engine.connections import Connections
from engine.limits import RING_FRAMES
from engine.machine import Machine
from engine.messages import Frame
from engine.replay import replay_frame
from engine.snapshot import state_hash
from feeds.inbox import entry_order
from persistence.cursor import read_cursor
from persistence.journal import JournalFrames
from persistence.verify_rows import compare
from tests.line.outcome import live_hashes

_WRITER_SECONDS = 60.0


class Auditor:
    """Knows every frame of a shard and the state they lead to; `commands` of one stream seen.

    Where the server may lose the end of that stream, what the client sends again `may_repeat`; but
    even then an order is accepted once.
    """

    def __init__(self, shard: str, stream: str, *, may_repeat: bool = False) -> None:
        self.machine = Machine()
        self.frames = 0
        self.commands = 0
        self.repeated = 0
        self.trades = 0
        self.hashes = 0
        self._cursors: dict[str, str] = {}
        self._shard = shard
        self._stream = stream
        self._may_repeat = may_repeat
        self._accepted: set[tuple[str, str]] = set()
        self._hash = genesis_hash(shard)
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=RING_FRAMES)
        self._compared = self._hash_compared = 0

    async def follow(self, connections: Connections) -> None:
        """Check what has come since: no gap, chain whole, events equal, each command once.

        Where the engine left a snapshot, its state had the hash that a replay comes to.
        """
        link = await connections.redis()
        try:
            source = JournalFrames(link, self._shard)
            live = await live_hashes(connections, self._shard)
            top = await source.top()
            assert top is not None
            assert top.n >= self.frames, f"the journal ends at {top.n}, {self.frames} was read"
            self._compare_hash(live)
            async for frame in source.frames(self.frames, top.n):
                check_hash(frame, self._hash)
                self._check_cursors(frame)
                self._check_commands(frame)
                replay_frame(self.machine, frame)
                self.frames, self._hash = frame.n, frame.hash
                self._recent.append((frame.n, frame.hash))
                self.trades += frame.events.count(b'{"type":"trade"')
                self._compare_hash(live)
            self.machine.kernel.check()  # every invariant, and money that adds up
        finally:
            await link.close()

    async def look_back(self, connections: Connections) -> None:
        """Check that what was read of late still stands there, frame by frame."""
        link = await connections.redis()
        try:
            (first, _), known = self._recent[0], dict(self._recent)
            async for frame in JournalFrames(link, self._shard).frames(first - 1, self.frames):
                assert frame.hash == known[frame.n], f"frame {frame.n} has changed"
        finally:
            await link.close()

    async def compare_postgres(self, connections: Connections) -> None:
        """Wait for the writer, then compare what came since row for row."""
        database = await connections.postgres()
        async with asyncio.timeout(_WRITER_SECONDS):
            while True:
                cursor = await read_cursor(database, self._shard)
                if cursor is not None and cursor.frame >= self.frames:
                    break
                await asyncio.sleep(0.02)
        async with aclosing(self._since(connections)) as frames:
            assert await compare(database, self._shard, frames) == []
        self._compared = self.frames
        await database.close()

    async def _since(self, connections: Connections) -> AsyncGenerator[Frame, None]:
        """Yield the frames not compared yet, up to whatever the writer can have written."""
        link = await connections.redis()
        source = JournalFrames(link, self._shard)
        top = await source.top()
        assert top is not None
        try:
            async for frame in source.frames(self._compared, top.n):
                yield frame
        finally:
            await link.close()

    def _compare_hash(self, live: dict[int, str]) -> None:
        if self.frames in live and self.frames != self._hash_compared:
            assert live[self.frames] == state_hash(self.machine.kernel), f"frame {self.frames}"
            self._hash_compared = self.frames
            self.hashes += 1

    def _check_cursors(self, frame: Frame) -> None:
        """Check that no stream is read again, unless its end may have been lost."""
        cursors = decode_cursors(frame.cursors)
        for stream, before in self._cursors.items():
            assert stream in cursors, f"frame {frame.n} has forgotten {stream}"
            goes_back = entry_order(cursors[stream]) < entry_order(before)
            assert self._may_repeat or not goes_back, f"frame {frame.n} goes back in {stream}"
        self._cursors = cursors

    def _check_commands(self, frame: Frame) -> None:
        for record in decode_inputs(frame.inputs):
            if record.s != self._stream:
                continue
            number = int(record.id.partition("-")[0])
            if self._may_repeat and number <= self.commands:
                self.repeated += 1
                continue
            self.commands += 1
            assert number == self.commands, "each command once, and in its order"
        if self._may_repeat:
            self._check_accepted(json.loads(frame.events))

    def _check_accepted(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["type"] == "order_accepted" and not event.get("duplicate"):
                order = event["account"], event["client_order_id"]
                assert order not in self._accepted, f"{order} was accepted twice"
                self._accepted.add(order)
