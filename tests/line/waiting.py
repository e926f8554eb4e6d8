"""Frames that wait in a journal: an engine's own, made as quickly as it can from seeded orders."""

import json
import random
import time

from engine.codec import frame_fields, genesis_hash, seal
from engine.connections import Connections
from engine.entries import decode_entry
from engine.machine import Machine
from engine.messages import Frame, Input
from persistence.journal import journal_key
from tests.line.words import Command, order, tick

ACCOUNTS = 64
FRAMES_PER_WRITE = 256
COMMANDS_PER_FRAME = 4
"""As many as come in while one append is on its way, at about 500 fills a second."""
STEP_US = 8_000


class WaitingJournal:
    """Makes and writes the next frames of a shard that no engine runs on; `fills` counts sides."""

    def __init__(self, connections: Connections, shard: str, seed: int) -> None:
        self.fills = 0
        self.frames = 0
        self._connections = connections
        self._shard = shard
        self._dice = random.Random(seed)
        self._machine = Machine()
        self._parent = genesis_hash(shard)
        self._time_us = time.time_ns() // 1_000
        self._entries = 0

    async def grow(self, fills: int) -> None:
        """Write frames until so many more fills wait."""
        link = await self._connections.redis()
        until = self.fills + fills
        waiting = [self._frame(*market())] if not self.frames else []
        while self.fills < until:
            waiting += [self._next_frame() for _ in range(FRAMES_PER_WRITE)]
            key = journal_key(self._shard)
            replies = await link.call_many(
                [(b"XADD", key.encode(), b"%d-0" % each.n, *frame_fields(each)) for each in waiting]
            )
            assert all(isinstance(reply, bytes) for reply in replies), replies[:1]
            waiting.clear()
        await link.close()

    def _next_frame(self) -> Frame:
        """Return a frame of limits within 0.5 of a fixed price: about 0.7 trades an order."""
        dice = self._dice
        return self._frame(
            *(
                order(
                    f"o{self._entries + number}",
                    dice.choice(("buy", "sell")),
                    f"{100 + dice.randint(-50, 50) / 100:.2f}",
                    str(dice.randint(1, 10)),
                    f"a{dice.randrange(ACCOUNTS)}",
                )
                for number in range(COMMANDS_PER_FRAME)
            )
        )

    def _frame(self, *commands: Command) -> Frame:
        """Apply and seal, as the engine's loop does."""
        self._time_us += STEP_US
        events: list[bytes] = []
        inputs: list[Input] = []
        self._machine.begin(self._time_us, events)
        for command in commands:
            self._entries += 1
            kind = {"place_order": "orders", "l1": "ticks"}.get(command["type"], "admin")
            payload = json.dumps(command).encode()
            (item,) = decode_entry(kind, f"{self._entries}-0", payload)
            self._machine.apply(item, len(inputs), events)
            inputs.append(item)
        self.frames += 1
        bodies = [each.body for each in inputs]
        frame = seal(self.frames, self._parent, self._time_us, bodies, events, b"{}")
        self._parent = frame.hash
        self.fills += 2 * frame.events.count(b'{"type":"trade"')
        return frame


def market() -> list[Command]:
    """Return an instrument and rich accounts."""
    commands: list[Command] = [
        {"type": "create_instrument", "symbol": "X", "tick_size": "0.01", "lot_size": "1"}
    ]
    for name in (f"a{number}" for number in range(ACCOUNTS)):
        commands.append({"type": "create_account", "account": name})
        money = {"type": "deposit", "account": name, "amount": "100000000"}
        commands.append({**money, "transfer_id": f"t-{name}"})
    return [*commands, tick()]
