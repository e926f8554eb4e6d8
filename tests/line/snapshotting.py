"""A line whose snapshots are looked at."""

from engine.connections import Connections
from engine.ports import Manifest
from persistence.snapshotter import Snapshotter
from tests.line.line import Line, ScriptedInbox
from tests.line.words import MARKET, order


class Bench:
    """A line with a snapshotter, whose writing may go over a wire of its own."""

    def __init__(self, connections: Connections, shard: str) -> None:
        self.inbox = ScriptedInbox()
        self.line = Line(connections, shard, inbox=self.inbox)
        self.kept: list[int] = []
        self.sent = 0

    def snapshotter(self, connections: Connections | None = None, keep: int = 3) -> Snapshotter:
        """Return a snapshotter of the line."""
        line = self.line
        return Snapshotter(
            connections or line.connections, line.shard, line.loop, "w", keep, self._note
        )

    async def trade(self, count: int) -> None:
        """Send orders, and wait for them."""
        self.inbox.put(*[order(f"o{self.sent + k}") for k in range(count)])
        self.sent += count
        await self.line.reached(orders=f"{len(MARKET) + 1 + self.sent}-0")

    def _note(self, kept: list[Manifest]) -> None:
        self.kept = [each.frame for each in kept]
