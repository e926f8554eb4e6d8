"""A gateway that never tires: one random command after the other, each with an id of its own.

Command `n` is the same whenever it is made, and goes in under the id `n-0`: Redis refuses it a
second time, so what is sent again after a crash is what was lost.
"""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from engine.connections import Connections, LinkLost, RedisLink, RedisReplyError

STREAM = "orders:gate"
ACCOUNTS = tuple(f"acc{number}" for number in range(8))
SYMBOLS = ("AAA", "BBB")
_PER_WRITE = 20
_PAUSE_SECONDS = 0.002
_NEVER = 10**9

SETUP: list[dict[str, Any]] = [
    *[
        {
            "type": "create_instrument",
            "symbol": symbol,
            "tick_size": "0.01",
            "lot_size": "0.1",
            "taker_fee": "0.0004",
            "maker_fee": "-0.0001",
            "mark_source": "last",
        }
        for symbol in SYMBOLS
    ],
    *[{"type": "create_account", "account": name} for name in ACCOUNTS],
    *[
        {"type": "deposit", "account": name, "amount": "20000", "transfer_id": f"t-{name}"}
        for name in ACCOUNTS
    ],
]


def command(seed: int, n: int) -> dict[str, Any]:
    """Return the `n`-th command: mostly orders near a price that wanders, some cancels."""
    rng = random.Random(seed * 1_000_003 + n)
    account, roll = rng.choice(ACCOUNTS), rng.random()
    if roll < 0.15:
        name = f"c{max(1, n - rng.randrange(1, 200))}"
        return {"type": "cancel_order", "account": account, "client_order_id": name}
    if roll < 0.16:
        return {"type": "cancel_all", "account": account}
    order = {
        "type": "place_order",
        "account": account,
        "symbol": rng.choice(SYMBOLS),
        "side": rng.choice(("buy", "sell")),
        "quantity": f"{rng.randrange(1, 40) / 10:.1f}",
        "client_order_id": f"c{n}",
        "order_type": "limit",
    }
    middle = 10_000 + 40 * ((n // 500) % 11 - 5)
    order["price"] = f"{(middle + rng.randrange(-60, 61)) / 100:.2f}"
    if roll > 0.9:
        order["time_in_force"] = rng.choice(("ioc", "fok"))
    return order


class Gateway:
    """Sends up to its `last` command, or until told to stop, through restarts of the server."""

    def __init__(
        self,
        seed: int,
        shard: str,
        find: Callable[[], Connections],
        per_write: int = _PER_WRITE,
        last: int = _NEVER,
    ) -> None:
        self.sent = 0
        self._per_write = per_write
        self._last = last
        self._seed = seed
        self._key = f"{{{shard}}}:{STREAM}"
        self._find = find
        self._stopping = False

    def stop(self) -> None:
        """Ask it to end after what it is sending."""
        self._stopping = True

    async def run(self) -> None:
        """Send; a server that is away is waited for and asked where it stands."""
        while not self._stopping:
            link: RedisLink | None = None
            try:
                link = await self._find().redis()
                await self._send(link)
            except (LinkLost, RedisReplyError, LookupError):
                await asyncio.sleep(0.02)
            finally:
                if link is not None:
                    await link.close()

    async def _send(self, link: RedisLink) -> None:
        self.sent = 0
        if await link.call("EXISTS", self._key):
            info = await link.call("XINFO", "STREAM", self._key)
            last: bytes = info[info.index(b"last-generated-id") + 1]
            self.sent = int(last.partition(b"-")[0])
        while not self._stopping:
            numbers = range(self.sent + 1, min(self.sent + self._per_write, self._last) + 1)
            commands = [
                ("XADD", self._key, f"{n}-0", "c", json.dumps(command(self._seed, n)))
                for n in numbers
            ]
            for reply in await link.call_many(commands):
                if isinstance(reply, RedisReplyError):
                    raise reply
                self.sent += 1
            self._stopping |= self.sent >= self._last
            await asyncio.sleep(_PAUSE_SECONDS)
