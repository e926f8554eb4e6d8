"""Drive the synthetic market through the streams, no faster than the engine follows."""

import asyncio
import time
from typing import Final

from engine.cli.latency import Latency
from engine.cli.reach import Lifeline, Reach
from engine.cli.streams import StreamName, encode, entry_id, stream_of
from engine.connections import LinkLost
from feeds.sources.record import Command
from feeds.synthetic import SyntheticMarket

MAX_UNANSWERED: Final = 1_000
"""Orders in flight at most; beyond, the driver waits for the engine."""

_SLICE_SECONDS: Final = 0.02


class DemoDriver:
    """Writes the market's commands to the shard's plain streams, and knows what it wrote."""

    def __init__(self, market: SyntheticMarket, reach: Reach, shard: str, latency: Latency) -> None:
        self.sent = 0
        self.last_ids: dict[StreamName, tuple[int, int]] = {}
        """By stream, the id of the last entry written."""
        self._market = market
        self._reach = reach
        self._shard = shard
        self._latency = latency

    async def write(self, commands: list[Command]) -> None:
        """Write commands over a link of their own; what exists already refuses them harmlessly."""
        async with Lifeline(self._reach) as lifeline:
            await self._write(lifeline, commands)

    async def run(self, per_second: float, stop: asyncio.Event) -> None:
        """Write commands at the rate until told to stop, fewer where the engine falls behind."""
        started, credit = time.monotonic(), 0.0
        async with Lifeline(self._reach) as lifeline:
            while not stop.is_set():
                now = time.monotonic()
                # What was not sent while the engine was behind is not made up for.
                credit = min(credit + (now - started) * per_second, per_second / 4)
                started = now
                commands: list[Command] = []
                while len(commands) < credit:
                    commands += self._market.step()
                credit -= len(commands)
                await self._write(lifeline, commands)
                await asyncio.sleep(_SLICE_SECONDS)
                while self._latency.unanswered > MAX_UNANSWERED and not stop.is_set():
                    await asyncio.sleep(_SLICE_SECONDS)
                    started = time.monotonic()

    async def _write(self, lifeline: Lifeline, commands: list[Command]) -> None:
        """Write commands, each to its stream; again on a new link where the reply was lost.

        Whether a lost write happened is unknown, but a repeated order or deposit changes nothing.
        """
        streams = [stream_of(command) for command in commands]
        entries = [
            ("XADD", f"{{{self._shard}}}:{stream}", "*", "c", encode(command))
            for stream, command in zip(streams, commands, strict=True)
        ]
        self._latency.sent(
            [each["client_order_id"] for each in commands if each["type"] == "place_order"]
        )
        while True:
            try:
                replies = await lifeline.link.call_many(entries)
                break
            except LinkLost:
                await lifeline.renew()
        for stream, reply in zip(streams, replies, strict=True):
            if isinstance(reply, Exception):
                raise reply
            self.last_ids[stream] = entry_id(reply)
        self.sent += len(commands)
