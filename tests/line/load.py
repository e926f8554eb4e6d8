"""A process that loads a running daemon at given rates, and writes down when each was answered.

    python -m tests.line.load <url> <shard> <json: [[share, seconds], …]> <file> <name>

The sustainable rate is found first: so many are answered a second while WINDOW of them wait. Each
phase then sends its share of that to a stream of its own, at its pace whatever the engine does. The
file gets one JSON object: of each phase the ids, when they were sent, and which are cancels; and
when each frame of the journal was seen, with its cursors.
"""

import asyncio
import gc
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from engine.connections import Connections, Endpoints, RedisLink
from persistence.journal import journal_key

TICK_SECONDS = 0.002
CANCELS = 5
"""One command in so many is a cancel, of one of the last so many orders:"""
RECENT = 2_000
WINDOW = 1_500
SUSTAINED_SECONDS = 2.0
MOST_SUSTAINED = 100_000
ACCOUNTS = 64


class Phase(msgspec.Struct):
    """What was sent: ids, times in seconds, and which of it are cancels."""

    stream: str
    ids: list[str]
    sent: list[float]
    cancels: list[bool]


class Seen(msgspec.Struct):
    """When frames were seen, and their cursors of the streams sent to."""

    at: list[float]
    cursors: list[dict[str, str]]


class Report(msgspec.Struct):
    """Commands a second that can be sustained, all phases, the journal as seen meanwhile."""

    rate: int
    phases: list[Phase]
    seen: Seen


def flow(count: int, name: str, seed: int) -> tuple[list[bytes], list[bool]]:
    """Return commands as they are sent, and which are cancels: limits about a fixed price."""
    rng = random.Random(seed)
    payloads: list[bytes] = []
    cancels: list[bool] = []
    orders: list[tuple[str, str]] = []
    for number in range(count):
        is_cancel = bool(orders) and number % CANCELS == CANCELS - 1
        if is_cancel:
            account, target = rng.choice(orders[-RECENT:])
            command: dict[str, Any] = {"type": "cancel_order", "account": account}
            command["client_order_id"] = target
        else:
            account = f"a{rng.randrange(ACCOUNTS)}"
            command = {
                "type": "place_order",
                "account": account,
                "symbol": "X",
                "side": rng.choice(("buy", "sell")),
                "order_type": "limit",
                "quantity": str(rng.randint(1, 10)),
                "price": f"{100 + rng.randint(-50, 50) / 100:.2f}",
                "client_order_id": f"{name}-{number}",
            }
            orders.append((account, f"{name}-{number}"))
        payloads.append(json.dumps(command).encode())
        cancels.append(is_cancel)
    return payloads, cancels


async def sustain(link: RedisLink, shard: str, name: str, seen: Seen) -> int:
    """Keep WINDOW commands waiting, always; return how many were answered a second.

    Their ids are counted, `1-0, 2-0 …`, so that they are never late (E6).
    """
    stream = f"orders:{name}-sustained"
    payloads, _ = flow(MOST_SUSTAINED, f"{name}-sustained", 1)
    key = f"{{{shard}}}:{stream}"
    began, sent = time.time(), 0
    while time.time() - began < SUSTAINED_SECONDS and sent < len(payloads):
        until = min(len(payloads), answered(seen, stream) + WINDOW)
        window = enumerate(payloads[sent:until], sent + 1)
        await link.call_many([("XADD", key, f"{n}-0", "c", each) for n, each in window])
        sent = max(sent, until)
        await asyncio.sleep(TICK_SECONDS)
    rate = int(answered(seen, stream) / (time.time() - began))
    while answered(seen, stream) < sent:  # noqa: ASYNC110 - another task sees
        await asyncio.sleep(0.01)
    return rate


def answered(seen: Seen, stream: str) -> int:
    """Return how many of the counted commands of a stream are answered."""
    return int(seen.cursors[-1].get(stream, "0-0").partition("-")[0]) if seen.cursors else 0


async def run_phase(
    link: RedisLink, shard: str, name: str, rate: int, seconds: float, seen: Seen
) -> Phase:
    """Send at a rate for so long; a window that comes late is made up for by the next.

    The first command goes ahead alone, since a stream that is new has to be found.
    """
    payloads, cancels = flow(int(rate * seconds), name, rate)
    phase = Phase(f"orders:{name}", [], [], cancels)
    key = f"{{{shard}}}:{phase.stream}"
    began = time.time()
    while len(phase.ids) < len(payloads):
        due = min(len(payloads), int((time.time() - began) * rate) + 1) if phase.ids else 1
        window = payloads[len(phase.ids) : due]
        now = time.time()
        replies = await link.call_many([("XADD", key, "*", "c", each) for each in window])
        phase.ids += [reply.decode() for reply in replies]
        phase.sent += [now] * len(window)
        if len(phase.ids) == 1:
            await until_answered(phase, seen)
            began = time.time()
        await asyncio.sleep(max(0.0, now + TICK_SECONDS - time.time()))
    return phase


async def until_answered(phase: Phase, seen: Seen) -> None:
    """Wait until the last command of a phase is in a frame."""
    async with asyncio.timeout(60):
        while not seen.cursors or seen.cursors[-1].get(phase.stream) != phase.ids[-1]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def watch(link: RedisLink, shard: str, seen: Seen, after: str) -> None:
    """Note when each frame is there, for ever."""
    at = after
    while True:
        reply = await link.call("XREAD", "BLOCK", 1_000, "STREAMS", journal_key(shard), at)
        now = time.time()
        for raw_id, fields in reply[0][1] if reply else ():
            at = raw_id.decode()
            seen.at.append(now)
            seen.cursors.append(json.loads(fields[fields.index(b"cur") + 1]))


async def main(url: str, shard: str, phases: list[tuple[float, float]], name: str) -> Report:
    """Run phase after phase, each until all of it is answered; their streams begin with a name."""
    connections = Connections(Endpoints(url))
    link, blocking = await connections.redis(), await connections.redis(blocking=True)
    ((top, _),) = await link.call("XREVRANGE", journal_key(shard), "+", "-", "COUNT", 1)
    report = Report(0, [], Seen([], []))
    watching = asyncio.create_task(watch(blocking, shard, report.seen, top.decode()))
    report.rate = await sustain(link, shard, name, report.seen)
    for number, (share, seconds) in enumerate(phases):
        rate = int(share * report.rate)
        phase = await run_phase(link, shard, f"{name}{number}", rate, seconds, report.seen)
        report.phases.append(phase)
        await until_answered(phase, report.seen)
    watching.cancel()
    await link.close()
    await blocking.close()
    return report


if __name__ == "__main__":
    gc.disable()  # a pass over a million commands would count as the engine's latency
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[5]))
    Path(sys.argv[4]).write_bytes(msgspec.json.encode(told))
