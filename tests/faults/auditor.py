"""An auditor that follows the journal through all restarts, and believes nothing."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from engine.codec import check_hash, decode_inputs, genesis_hash
from engine.connections import Connections
from engine.machine import Machine
from engine.messages import Frame
from engine.replay import replay_frame
from persistence.cursor import read_cursor
from persistence.journal import JournalFrames
from persistence.verify_rows import compare

_WRITER_SECONDS = 60.0


class Auditor:
    """Knows every frame of a shard and the state they lead to; `commands` of one stream seen."""

    def __init__(self, shard: str, stream: str) -> None:
        self.machine = Machine()
        self.frames = 0
        self.commands = 0
        self.trades = 0
        self._shard = shard
        self._stream = stream
        self._hash = genesis_hash(shard)
        self._compared = 0

    async def follow(self, connections: Connections) -> None:
        """Check what has come since: no gap, chain whole, events equal, each command once."""
        link = await connections.redis()
        source = JournalFrames(link, self._shard)
        if self.frames:
            last = await source.get(self.frames)
            assert last is not None, "a frame that was read is gone"
            assert last.hash == self._hash, "a frame that was read has changed"
        top = await source.top()
        assert top is not None
        async for frame in source.frames(self.frames, top.n):
            check_hash(frame, self._hash)
            self._check_commands(frame)
            replay_frame(self.machine, frame)
            self.frames, self._hash = frame.n, frame.hash
            self.trades += frame.events.count(b'{"type":"trade"')
        self.machine.kernel.check()  # every invariant, and money that adds up
        await link.close()

    async def compare_postgres(self, connections: Connections) -> None:
        """Wait for the writer, then compare what came since row for row."""
        database = await connections.postgres()
        async with asyncio.timeout(_WRITER_SECONDS):
            while True:
                cursor = await read_cursor(database, self._shard)
                if cursor is not None and cursor.frame >= self.frames:
                    break
                await asyncio.sleep(0.05)
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

    def _check_commands(self, frame: Frame) -> None:
        for record in decode_inputs(frame.inputs):
            if record.s == self._stream:
                self.commands += 1
                assert record.id == f"{self.commands}-0", "each command once, and in its order"
