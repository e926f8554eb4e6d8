"""A daemon driven past what it can do, and what came of it: latencies, refusals, memory."""

import asyncio
import bisect
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from engine.connections import Connections
from engine.messages import Frame
from persistence.journal import JournalFrames
from tests.line.line import Command
from tests.line.load import ACCOUNTS, Phase, Report, Seen
from tests.line.process import ROOT, DaemonProcess

ANSWERS = ("order_accepted", "rejected", "order_cancelled")


def market() -> list[Command]:
    """Return the instrument and the rich accounts that the load is sent to."""
    said: list[Command] = [
        {"type": "create_instrument", "symbol": "X", "tick_size": "0.01", "lot_size": "1"}
    ]
    for number in range(ACCOUNTS):
        name = f"a{number}"
        said.append({"type": "create_account", "account": name})
        paid = {"type": "deposit", "account": name, "amount": "1000000000", "transfer_id": name}
        said.append(paid)
    return said


async def drive(daemon: DaemonProcess, *phases: tuple[float, float], name: str = "p") -> Report:
    """Run the load in a process of its own; return what it wrote down."""
    url, report = daemon.connections.endpoints.redis_url, daemon.state_dir.parent / "report"
    told = (url, daemon.shard, json.dumps(phases), str(report), name)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.line.load", *told), cwd=ROOT
    )
    assert await process.wait() == 0
    return msgspec.json.decode(report.read_bytes(), type=Report)


def latencies_ms(phase: Phase, seen: Seen) -> list[float]:
    """Return how long the phase's cancels took from sent to seen in a frame, in order of rank."""
    order = [tuple(map(int, entry.split("-"))) for entry in phase.ids]
    found: list[float] = []
    place = 0
    for at, cursors in zip(seen.at, seen.cursors, strict=True):
        cursor = cursors.get(phase.stream)
        if cursor is None:
            continue
        reached = bisect.bisect_right(order, tuple(map(int, cursor.split("-"))))
        for sent, is_cancel in zip(
            phase.sent[place:reached], phase.cancels[place:reached], strict=True
        ):
            if is_cancel:
                found.append((at - sent) * 1_000)
        place = max(place, reached)
    assert place == len(phase.ids), "everything is answered"
    return sorted(found)


def percentile(ordered: list[float], per_cent: float) -> float:
    """Return a percentile of values in order."""
    return ordered[int((len(ordered) - 1) * per_cent / 100)]


def resident_kib(pid: int) -> int:
    """Return how much memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


class Tally:
    """What the journal says of the entries of one stream."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.answers: Counter[str] = Counter()
        self.openings: Counter[str] = Counter()

    def take(self, frame: Frame, stream: str) -> None:
        """Count a frame. Raises AssertionError where an input has not exactly one answer."""
        inputs = json.loads(frame.inputs)
        answered: Counter[int] = Counter()
        for event in json.loads(frame.events):
            if event["type"] not in ANSWERS or "in" not in event:
                continue
            item = inputs[event["in"]]
            if item["s"] != stream or not _is_answer(event, item["c"]):
                continue
            answered[event["in"]] += 1
            word = event.get("reason", event["type"])
            self.answers[word] += 1
            if item["c"]["type"] == "place_order":
                self.openings[word] += 1
        mine = [place for place, item in enumerate(inputs) if item["s"] == stream]
        assert [answered[place] for place in mine] == [1] * len(mine)
        self.ids += [inputs[place]["id"] for place in mine]


def _is_answer(event: dict[str, Any], command: Command) -> bool:
    """Tell whether an event is about the order that the command names, and answers it."""
    if event["client_order_id"] != command["client_order_id"]:
        return False
    if event["type"] == "order_cancelled":
        return bool(command["type"] == "cancel_order")
    return True


async def tallies(connections: Connections, shard: str, *streams: str) -> dict[str, Tally]:
    """Read the journal and count the answers to the entries of some streams."""
    found = {stream: Tally() for stream in streams}
    link = await connections.redis()
    source = JournalFrames(link, shard)
    top = await source.top()
    assert top is not None
    async for frame in source.frames(0, top.n):
        for stream, tally in found.items():
            if b'"s":"%b"' % stream.encode() in frame.inputs:
                tally.take(frame, stream)
    await link.close()
    return found
