"""A read-only replica: the daemon's state rebuilt beside it, from newest snapshot and journal."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from engine.cli.failure import CommandError
from engine.connections import RedisReplyError
from engine.exits import NO_DAEMON
from engine.replay import recover
from feeds.memory import memory_percent
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore

if TYPE_CHECKING:
    from engine.connections import Connections
    from engine.kernel import Kernel


class Replica(NamedTuple):
    """The state after frame `n`, and how full Redis is, in percent of its `maxmemory`."""

    kernel: Kernel
    n: int
    memory_percent: int = 0


async def replica(connections: Connections, shard: str) -> Replica:
    """Rebuild the state at the journal's top, changing nothing.

    Raises CommandError where there is no journal, and what recovery raises where it is damaged.
    """
    link = await connections.redis()
    try:
        source = JournalFrames(link, shard)
        top = await source.top()
        if top is None:
            raise CommandError(
                f"there is no journal of {shard} yet: start the daemon with `pitboss run`",
                NO_DAEMON,
            )
        snapshots = SnapshotStore(link, shard)
        machine, position = await recover(shard, snapshots, source, top.n, lambda _: None)
        percent = 0
        with suppress(RedisReplyError):  # a mere reader may not ask for INFO
            percent = await memory_percent(link)
    finally:
        await link.close()
    return Replica(machine.kernel, position.n, percent)
