"""A journal made by hand, so that it can be spoilt by hand."""

from collections.abc import Callable
from typing import Any

import msgspec

from engine.cli.streams import stream_of
from engine.codec import chain_hash, frame_fields, genesis_hash, seal
from engine.connections import Connections, RedisLink
from engine.entries import decode_entry
from engine.machine import Machine
from engine.messages import Frame, Input
from engine.ports import Position
from persistence.journal import journal_key
from persistence.snapshot_store import write_snapshot

FRAME_US = 1_000_000


class Recording:
    """Runs commands, one to a frame and a second apart, and keeps the frames.

    What is unfinished goes on in frames of its own, at once and before a command, as in the loop.
    """

    def __init__(self, shard: str) -> None:
        self.shard = shard
        self.machine = Machine()
        self.frames: list[Frame] = []
        self.now_us = 0

    @property
    def top(self) -> Frame:
        """The newest frame."""
        return self.frames[-1]

    def run(self, *commands: dict[str, Any]) -> None:
        """Apply commands and seal their frames."""
        for command in commands:
            n = len(self.frames) + 1
            inputs = decode_entry(stream_of(command), f"{n}-0", msgspec.json.encode(command))
            self.enter(FRAME_US, inputs)

    def enter(self, wait_us: int, inputs: list[Input]) -> None:
        """Let time pass, apply inputs that share a frame and seal it, and those that go on."""
        self.now_us += wait_us
        self._seal(inputs)
        while inputs or self.machine.kernel.is_busy():
            self._seal(inputs)

    def _seal(self, inputs: list[Input]) -> None:
        """Seal a frame with the inputs, if nothing must go on before them; they are taken then."""
        n = len(self.frames) + 1
        parent = self.frames[-1].hash if self.frames else genesis_hash(self.shard)
        events: list[bytes] = []
        bodies: list[bytes] = []
        self.machine.begin(self.now_us, events)
        if not self.machine.kernel.is_busy():
            for index, item in enumerate(inputs):
                self.machine.apply(item, index, events)
                bodies.append(item.body)
            inputs.clear()
        self.frames.append(seal(n, parent, self.now_us, bodies, events, b"{}"))

    def spoil(self, n: int, change: Callable[[Frame], None]) -> None:
        """Change a frame and seal it and those after it again, so that the chain still holds."""
        change(self.frames[n - 1])
        parent = self.frames[n - 2].hash if n > 1 else genesis_hash(self.shard)
        for frame in self.frames[n - 1 :]:
            time = str(frame.time_us).encode()
            frame.hash = parent = chain_hash(
                parent, time, frame.inputs, frame.events, frame.cursors, frame.version
            )

    async def write(self, link: RedisLink, first: int = 1, last: int | None = None) -> None:
        """Write frames; with `first`, as if those before had been trimmed."""
        for frame in self.frames[first - 1 : last]:
            await link.call("XADD", journal_key(self.shard), f"{frame.n}-0", *frame_fields(frame))

    def snapshot(self, connections: Connections, writer: str = "test") -> str:
        """Write a snapshot of the state as it is now; return the key of its first chunk."""
        position = Position(self.top.n, self.top.hash, {})
        link = connections.redis_sync()
        try:
            write_snapshot(link, self.shard, self.machine.kernel, position, writer)
        finally:
            link.close()
        return f"{{{self.shard}}}:state:{self.top.n}:{writer}:0"
