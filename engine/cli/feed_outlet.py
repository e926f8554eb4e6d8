"""One ingress stream that a feed writes alone, under dense ids: entry k of the file is `k-0`.

So Redis itself refuses a repeated entry, and the stream's last id says where a second run goes on.
"""

from typing import Final

from engine.cli.failure import CommandError
from engine.connections import RedisLink, RedisReplyError
from engine.exits import CORRUPT_DATA, NO_DAEMON

WINDOW: Final = 256
"""Entries written in one go: the server groups them into few syncs of its log."""

_ALREADY_THERE: Final = "equal or smaller"
_TRANSIENT: Final = ("OOM", "LOADING", "BUSY", "MISCONF", "TRYAGAIN", "CLUSTERDOWN")


class Outlet:
    """The stream's key, what of it is known to be written, and what waits to be written."""

    def __init__(self, shard: str, suffix: str) -> None:
        self.suffix = suffix
        self.key = f"{{{shard}}}:{suffix}"
        self.known = 0
        """Entries of the file seen so far; the last one's id is `known-0`."""
        self.written = 0
        """The highest id that the server has confirmed."""
        self._pending: list[bytes] = []

    @property
    def pending(self) -> int:
        """Return how many entries wait to be written."""
        return len(self._pending)

    def add(self, payload: bytes) -> bool:
        """Take the next entry of the file; False where the stream holds it already."""
        self.known += 1
        if self.known <= self.written:
            return False
        self._pending.append(payload)
        return True

    async def locate(self, link: RedisLink) -> None:
        """Ask the server for the last id it has; entries up to it need not be written again."""
        last = await last_generated(link, self.key)
        if last < self.written:
            raise CommandError(
                f"{self.key} fell back from {self.written}-0 to {last}-0: Redis lost entries that "
                "it had confirmed (it must run with appendfsync always); run the command again, "
                "it goes on from there",
                CORRUPT_DATA,
            )
        self._confirm(last)

    async def flush(self, link: RedisLink) -> str | None:
        """Write what waits, up to a window; None, or why the server refuses for the moment.

        Raises LinkLost (call `locate` on the next link, then flush again) and CommandError.
        """
        window = self._pending[:WINDOW]
        first = self.written + 1
        replies = await link.call_many(
            [
                ("XADD", self.key, f"{number}-0", "c", payload)
                for number, payload in enumerate(window, start=first)
            ]
        )
        refused = [
            number
            for number, reply in enumerate(replies)
            if isinstance(reply, RedisReplyError) and _ALREADY_THERE not in str(reply)
        ]
        if not refused:
            self._confirm(self.written + len(window))
            return None
        self._confirm(self.written + refused[0])
        return self._judge(replies[refused[0] :])

    def _judge(self, replies: list[object]) -> str:
        """Say why the first of these was refused; raise where trying again cannot help."""
        reason = str(replies[0])
        if not all(isinstance(reply, RedisReplyError) for reply in replies):
            raise CommandError(
                f"{self.key}: entry {self.written + 1}-0 was refused ({reason}) but a later one "
                "was written, so it cannot be written any more; use a fresh state directory",
                CORRUPT_DATA,
            )
        if not reason.startswith(_TRANSIENT):
            raise CommandError(f"{self.key}: Redis refused an entry: {reason}", NO_DAEMON)
        return reason

    def _confirm(self, last: int) -> None:
        newly = last - self.written
        del self._pending[:newly]
        self.written = last


async def last_generated(link: RedisLink, key: str) -> int:
    """Return the number of the stream's last id, 0 where the stream does not exist."""
    try:
        flat = await link.call("XINFO", "STREAM", key)
    except RedisReplyError as error:
        if "no such key" in str(error):
            return 0
        raise
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    number, _, sequence = fields[b"last-generated-id"].partition(b"-")
    if sequence != b"0":
        raise CommandError(
            f"{key} holds ids that no feed wrote; feed the file under another name", CORRUPT_DATA
        )
    return int(number)
