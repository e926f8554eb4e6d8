"""A short life of an engine: a market, orders, a liquidation, a snapshot, a stop; always the same.

The engine may be killed at any moment of it. Then another one is started, the client sends again
whatever had no answer, and the life goes on to its end, which must be that of an undisturbed one.
"""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from engine.connections import Connections, PostgresConnection, RedisLink
from persistence.cursor import read_cursor
from persistence.journal import JournalFrames, journal_key
from persistence.snapshot_store import SnapshotStore
from persistence.verify_rows import compare
from tests.line.line import Command, stream_of
from tests.line.outcome import Outcome, left_by, live_hashes, outcome, replayed
from tests.line.process import DaemonProcess
from tests.line.words import order
from tests.line.written import events_of, frames_of

CONFIG = """
[engine]
overload_ms = 0

[snapshot]
interval_s = 3600

[mirror]
interval_ms = 50
"""
_SECONDS = 60.0
_POLL_SECONDS = 0.003


def _paid(account: str, amount: str) -> list[Command]:
    return [
        {"type": "create_account", "account": account},
        {
            "type": "deposit",
            "account": account,
            "amount": amount,
            "transfer_id": f"t-{account}",
        },
    ]


def _mark(price: str) -> Command:
    return {"type": "mark_price", "symbol": "X", "price": price}


SETUP: list[Command] = [
    {
        "type": "create_instrument",
        "symbol": "X",
        "tick_size": "0.01",
        "lot_size": "1",
        "mark_source": "pushed",
        "taker_fee": "0.0005",
    },
    *_paid("ann", "100000"),
    *_paid("bea", "100000"),
    *_paid("cat", "211"),
]
ORDERS: list[Command] = [
    order("a1", "sell", "100", "10"),
    order("c1", "buy", "100", "10", "cat"),  # ten times what cat can lose
    order("b1", "buy", "88.7", "20", "bea"),
    order("b2", "buy", "88.5", "5", "bea"),
    {"type": "cancel_order", "account": "bea", "client_order_id": "b2"},
]
AFTER: list[Command] = [
    order("a2", "sell", "89.9", "6"),
    {
        "type": "place_order",
        "account": "bea",
        "symbol": "X",
        "side": "buy",
        "order_type": "stop",
        "trigger_price": "89.5",
        "quantity": "2",
        "client_order_id": "b3",
    },
    order("b4", "buy", "90", "4", "bea"),  # trades, and wakes the stop
    {"type": "amend_order", "account": "ann", "client_order_id": "a2", "quantity": "7"},
]
STAGES = (SETUP, [_mark("100")], ORDERS, [_mark("88.8")], AFTER)
_ORDERS = sum(each["type"] == "place_order" for stage in STAGES for each in stage)


@dataclass(frozen=True, slots=True)
class Told:
    """What one life left behind, proved to be whole."""

    outcome: Outcome
    frames: int
    fills: int
    kills: int


class ShortRun:
    """One life, on a shard of its own; `harms` are done to its first engines, one to each."""

    def __init__(self, daemon: DaemonProcess, connections: Connections, harms: list[str]) -> None:
        self._daemon = daemon
        self._connections = connections
        self._harms = harms
        self._shard = daemon.shard
        self._waiting: dict[tuple[str, str], Command] = {}
        self._seen = "0-0"
        self._kills = 0
        self._asked = False
        self._said_before = 0
        self._link: RedisLink
        self._database: PostgresConnection

    async def live(self) -> Told:
        """Play it to its end, however often the engine dies, and look at what is left."""
        self._link = await self._connections.redis(blocking=True)
        self._database = await self._connections.postgres()
        try:
            async with asyncio.timeout(_SECONDS):
                self._start()
                for commands in STAGES:
                    await self._send(commands)
                    if commands is AFTER:  # a snapshot in the midst of it
                        await self._until(self._has_snapshot)
                        self._asked = False
                    await self._until(self._answered)
                await self._until(self._written)
                await self._until(self._stopped)
            return await self._look()
        finally:
            await self._link.close()
            await self._database.close()

    async def clear(self) -> None:
        """Take everything of the shard away again."""
        link = await self._connections.redis()
        keys = await link.call("KEYS", f"{{{self._shard}}}:*")
        await link.call("DEL", *keys)
        await link.close()

    async def _send(self, commands: list[Command]) -> None:
        words = [
            ("XADD", f"{{{self._shard}}}:{stream_of(each)}", "*", "c", json.dumps(each))
            for each in commands
        ]
        for each, entry in zip(commands, await self._link.call_many(words), strict=True):
            self._waiting[stream_of(each), entry.decode()] = each

    async def _until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Wait; where the engine has died, start another and send again what has no answer."""
        while not await is_so():
            if not self._daemon.running and (code := await self._daemon.ended()) != 0:
                assert code == -signal.SIGKILL, self._daemon.log
                self._kills += 1
                self._start()
                await self._answered()
                unanswered, self._waiting = self._waiting, {}
                await self._send(list(unanswered.values()))

    def _start(self) -> None:
        harm = self._harms.pop(0) if self._harms else ""
        self._asked = False
        self._said_before = len(self._daemon.said("ready"))
        self._daemon.spawn(FAULT_HARM=harm)

    async def _answered(self) -> bool:
        """Read on in the journal; whatever stands in a frame is answered."""
        reply = await self._link.call(
            "XREAD", "BLOCK", 3, "STREAMS", journal_key(self._shard), self._seen
        )
        for raw_id, fields in reply[0][1] if reply else ():
            self._seen = raw_id.decode()
            for each in json.loads(fields[fields.index(b"in") + 1]):
                self._waiting.pop((each["s"], each["id"]), None)
        return not self._waiting

    async def _has_snapshot(self) -> bool:
        await self._ask_once(signal.SIGUSR1)
        return bool(await SnapshotStore(self._link, self._shard).manifests())

    async def _written(self) -> bool:
        """Tell whether Postgres has every frame."""
        await asyncio.sleep(_POLL_SECONDS)
        top = await JournalFrames(self._link, self._shard).top()
        cursor = await read_cursor(self._database, self._shard)
        return top is not None and cursor is not None and cursor.frame >= top.n

    async def _stopped(self) -> bool:
        """Stop with a snapshot, which holds the hash of the living state."""
        if not self._asked and not await self._written():
            return False
        await self._ask_once(signal.SIGUSR2)
        return not self._daemon.running and await self._daemon.ended() == 0

    async def _ask_once(self, number: signal.Signals) -> None:
        """Send this engine a signal, as soon as it listens."""
        await asyncio.sleep(_POLL_SECONDS)
        listens = len(self._daemon.said("ready")) > self._said_before
        if listens and not self._asked and self._daemon.running:
            self._asked = True
            self._daemon.signal(number)

    async def _look(self) -> Told:
        """Compare all that should be the same: frames, hashes, events, money, rows."""
        frames = await frames_of(self._connections, self._shard)
        hashes = await live_hashes(self._connections, self._shard)
        assert frames[-1].n in hashes
        machine = replayed(frames, hashes)
        assert await compare(self._database, self._shard, frames) == []
        accepted = [
            (each["account"], each["client_order_id"])
            for each in events_of(frames, "order_accepted")
            if not each.get("duplicate")
        ]
        assert len(accepted) == len(set(accepted)) == _ORDERS, events_of(frames, "rejected")
        left = await outcome(self._connections, self._shard)
        assert left == left_by(machine, left.fills)
        return Told(left, len(frames), len(left.fills), self._kills)
