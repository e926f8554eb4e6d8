"""Hand-made frames, chained as the engine chains them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from engine.codec import chain_hash, frame_fields, genesis_hash, seal
from engine.connections import RedisLink
from engine.messages import Frame

TIME_US = int(time.time()) * 1_000_000  # of this month, for which a partition exists


class Tape:
    """A journal under construction; `append` writes one frame holding the given events."""

    def __init__(self, link: RedisLink, shard: str) -> None:
        self.frames: list[Frame] = []
        self.key = f"{{{shard}}}:journal"
        self._link = link
        self._parent = genesis_hash(shard)

    def make(self, *events: dict[str, Any]) -> Frame:
        """Seal the next frame without writing it."""
        n = len(self.frames) + 1
        encoded = [json.dumps(event).encode() for event in events]
        frame = seal(n, self._parent, TIME_US + n, [], encoded, b"{}")
        self._parent = frame.hash
        self.frames.append(frame)
        return frame

    async def append(self, *events: dict[str, Any]) -> Frame:
        """Seal the next frame and write it."""
        frame = self.make(*events)
        await self.write(frame)
        return frame

    async def write(self, frame: Frame) -> None:
        """Write a frame as it is."""
        await self._link.call("XADD", self.key, f"{frame.n}-0", *frame_fields(frame))


def break_chain(frame: Frame) -> Frame:
    """Give the frame a hash that follows from another parent."""
    t = str(frame.time_us).encode()
    wrong = chain_hash(b"x" * 32, t, frame.inputs, frame.events, frame.cursors, frame.version)
    return Frame(
        frame.n, frame.time_us, frame.inputs, frame.events, frame.cursors, frame.version, wrong
    )


def trade(trade_id: int, price: str = "236.47", quantity: str = "0.5") -> dict[str, Any]:
    """Return a trade in which bob buys from alice."""
    return {
        "type": "trade",
        "in": 0,
        "symbol": "BTCUSD",
        "trade_id": trade_id,
        "price": price,
        "quantity": quantity,
        "aggressor_side": "buy",
        "maker": _party("alice", 3, "0", "-0.5"),
        "taker": _party("bob", 4, "0.12", "0.5"),
    }


def execution() -> list[dict[str, Any]]:
    """Return the two trades of an order that took, the second of them with the house."""
    first, second = trade(1, "101", "1"), trade(2, "102", "2")
    first["taker"]["leaves"] = "3"
    first["arrival"] = {"order_type": "limit", "touch": "101", "mark": "100.5"}
    second["maker"]["account"] = "house"
    return [first, second]


def deposit(account: str = "alice") -> dict[str, Any]:
    """Return a movement of a balance."""
    return {
        "type": "balance_changed",
        "in": 0,
        "account": account,
        "delta": "100",
        "balance": "100",
        "cause": "deposit",
    }


def liquidation(tier: int = 1) -> dict[str, Any]:
    """Return a liquidation action with a receipt."""
    return {
        "type": "liquidation",
        "account": "bob",
        "symbol": "BTCUSD",
        "tier": tier,
        "side": "sell",
        "quantity": "0.2",
        "limit_price": "200.01",
        "receipt": {"equity": "12.5", "mark": "210"},
    }


def margin_call(equity: str = "12.5") -> dict[str, Any]:
    """Return a margin call with the numerators of its ratio."""
    receipt = {"equity": equity, "maintenance_margin": "9.8"}
    return {"type": "margin_call", "in": 0, "account": "bob", "receipt": receipt}


def breakers() -> list[dict[str, Any]]:
    """Return a breaker of an instrument that gathers, and one of the market until an operator."""
    soon = TIME_US // 1_000 + 300_000
    own = {
        "symbol": "BTCUSD",
        "level": 2,
        "move": "0.1",
        "reference": "100.33333333",
        "price": "90",
    }
    return [
        {"type": "breaker", "in": 0, "scope": "instrument", **own, "until": soon, "auction": True},
        {"type": "breaker", "in": 0, "scope": "market", "level": 3, "move": "0.2"}
        | {"index_value": "0.8"},
    ]


def waterfall() -> list[dict[str, Any]]:
    """Return a takeover, a deleveraging and a deficit."""
    named = {"symbol": "BTCUSD", "account": "bob", "quantity": "0.2", "price": "200.01"}
    after = {"position": "0", "balance": "1"}
    return [
        {"type": "takeover", **named, "side": "sell", "trade_id": 8, "realized_pnl": "-3", **after}
        | {"receipt": {"worst_case": "1", "insurance": "2"}},
        {"type": "deleveraged", **named, "counter_account": "ann", "side": "buy", "trade_id": 9}
        | {"account_after": {"realized_pnl": "-4", **after}}
        | {"counter_after": {"realized_pnl": "5", **after}}
        | {"rank": 1, "round": 1, "receipt": {"equity": "6"}},
        {"type": "deficit", "account": "bob", "amount": "7", "from_insurance": "2"}
        | {"from_deficit": "5", "receipt": {"balance": "-7", "insurance": "2"}},
    ]


def _party(account: str, order_id: int, fee: str, position: str) -> dict[str, Any]:
    return {
        "account": account,
        "client_order_id": f"c{order_id}",
        "order_id": order_id,
        "fee": fee,
        "realized_pnl": "0",
        "position": position,
        "balance": "1000",
        "leaves": "0",
    }


@asynccontextmanager
async def running(job: Any) -> AsyncIterator["asyncio.Task[None]"]:
    """Run `job.run()` beside the test and cancel it at the end."""
    task = asyncio.create_task(job.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool], task: "asyncio.Task[Any] | None" = None) -> None:
    """Wait until `true`, at most 10 s; a task that ends meanwhile gives its error."""
    async with asyncio.timeout(10):
        while not true():
            if task is not None and task.done():
                task.result()
            await asyncio.sleep(0.005)
