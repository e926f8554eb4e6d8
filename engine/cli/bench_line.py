"""The whole line, beside a consumer that does nothing but what any would have to do.

Both read the same entries of the same stream of the same server, one after the other, and append
what they made durably. The engine is a real daemon in a process of its own, with its fill writer.
The pass-through reads, decodes, hashes, and appends one entry a batch of as many bytes as the
engine's frames had. Both times run from the first batch read to the last append acknowledged.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from engine.cli.bench_kernel import SYMBOL, account_name, set_up
from engine.cli.failure import CommandError
from engine.codec import decode_cursors, decode_inputs
from engine.connections import Connections, LinkLost, RedisLink, RedisReplyError
from engine.decimals import to_text
from engine.exits import NO_DAEMON
from engine.wire import AnyWire
from persistence.embedded import running_endpoints
from persistence.journal import JournalFrames

if TYPE_CHECKING:
    from engine.cli.bench_flow import Step

STREAM = "{main}:orders:bench"
FOR_ENGINE = "{main}:bench-engine"
FOR_PASS_THROUGH = "{main}:bench-pass-through"  # noqa: S105 - a key, not a password
COPY = "{main}:bench-copy"
BATCH = 512
_WINDOW = 500
_START_SECONDS = 30.0


class LineRun(NamedTuple):
    """Commands and seconds of either consumer, and what the engine's frames were."""

    engine_commands: int
    engine_seconds: float
    pass_through_commands: int
    pass_through_seconds: float
    frames: int
    frame_bytes: int

    @property
    def engine_rate(self) -> float:
        """Orders per second through the engine."""
        return self.engine_commands / self.engine_seconds

    @property
    def pass_through_rate(self) -> float:
        """Orders per second through the pass-through."""
        return self.pass_through_commands / self.pass_through_seconds


async def run_line(flow: list[Step]) -> LineRun:
    """Start a daemon of its own, play the flow through it, then through the pass-through."""
    with tempfile.TemporaryDirectory(prefix="pitboss-bench-") as directory:
        state_dir = Path(directory) / "state"
        daemon = _start(state_dir)
        try:
            connections = await _reach(state_dir)
            link = await connections.redis()
            try:
                return await _measure(connections, link, flow)
            finally:
                await link.close()
        finally:
            daemon.terminate()
            daemon.wait(timeout=30)


async def _measure(connections: Connections, link: RedisLink, flow: list[Step]) -> LineRun:
    """Play the flow through both, one after the other."""
    await _prepare(link)
    payloads = [_payload(flow, step, place) for place, step in enumerate(flow)]
    for key in (FOR_ENGINE, FOR_PASS_THROUGH):
        await _fill(link, key, payloads)
    commands, engine_seconds, frames, frame_bytes = await _measure_engine(link, len(flow))
    blob = bytes(frame_bytes // frames)
    seconds = await _measure_pass_through(connections, len(flow), blob)
    return LineRun(commands, engine_seconds, len(flow), seconds, frames, frame_bytes)


async def _measure_engine(link: RedisLink, count: int) -> tuple[int, float, int, int]:
    """Give the engine its stream; return commands, seconds, frames and their bytes.

    Time runs from the first frame's stamp to the acknowledgement of the last; the first batch was
    read before it, so its commands do not count.
    """
    source = JournalFrames(link, "main")
    before = await source.top()
    assert before is not None
    await link.call("RENAME", FOR_ENGINE, STREAM)
    while True:
        top = await source.top()
        assert top is not None
        if decode_cursors(top.cursors).get("orders:bench") == f"{count}-0":
            break
        await asyncio.sleep(0.002)
    ended = time.time()
    frames = [f async for f in source.frames(before.n, top.n) if b'"orders:bench"' in f.inputs]
    first = frames[0]
    commands = count - len(decode_inputs(first.inputs))
    refused = sum(frame.events.count(b'"type":"rejected"') for frame in frames)
    assert refused < count // 10, "the flow of the benchmark must not be refused"
    sizes = sum(len(f.inputs) + len(f.events) + len(f.cursors) for f in frames)
    return commands, ended - first.time_us / 1e6, len(frames), sizes


async def _measure_pass_through(connections: Connections, count: int, blob: bytes) -> float:
    """Read, decode, hash, and append one entry a batch; return the seconds it took."""
    reader = await connections.redis(blocking=True)
    writer = await connections.redis()
    decode = msgspec.json.Decoder(AnyWire).decode
    at, done, batches = "0-0", 0, 0
    digest = b""
    began = time.perf_counter()
    while done < count:
        reply = await reader.call(
            "XREAD", "COUNT", BATCH, "BLOCK", 1000, "STREAMS", FOR_PASS_THROUGH, at
        )
        entries = reply[0][1]
        commands = [decode(fields[1]) for _, fields in entries]
        digest = blake2b(digest + blob, digest_size=32).digest()
        batches += 1
        await writer.call("XADD", COPY, f"{batches}-0", "ev", blob, "h", digest.hex())
        at = entries[-1][0].decode()
        done += len(commands)
    seconds = time.perf_counter() - began
    await reader.close()
    await writer.close()
    return seconds


def _payload(flow: list[Step], step: Step, place: int) -> bytes:
    """Return a step as a client would send it."""
    if step.side == 0:
        owner = account_name(flow[step.target].account)
        command: dict[str, Any] = {
            "type": "cancel_order",
            "account": owner,
            "client_order_id": f"o{step.target}",
        }
    else:
        command = {
            "type": "place_order",
            "account": account_name(step.account),
            "symbol": SYMBOL,
            "side": "buy" if step.side > 0 else "sell",
            "order_type": "limit",
            "quantity": to_text(step.lots, 3),
            "price": to_text(step.price_ticks, 2),
            "client_order_id": f"o{place}",
            "stp": "none",
        }
    return msgspec.json.encode(command)


async def _fill(link: RedisLink, key: str, payloads: list[bytes]) -> None:
    """Write the entries to a stream that nobody reads yet."""
    for start in range(0, len(payloads), _WINDOW):
        window = payloads[start : start + _WINDOW]
        replies = await link.call_many(
            [("XADD", key, f"{n}-0", "c", payload) for n, payload in enumerate(window, start + 1)]
        )
        assert not any(isinstance(reply, Exception) for reply in replies)


async def _prepare(link: RedisLink) -> None:
    """Create instrument and accounts, and wait until the engine has them."""
    commands = [(stream, msgspec.json.encode(command)) for stream, command in set_up()]
    for stream in ("admin", "ticks"):
        last = b""
        for kind, payload in commands:
            if kind == stream:
                last = await link.call("XADD", f"{{main}}:{kind}", "*", "c", payload)
        source = JournalFrames(link, "main")
        while True:
            top = await source.top()
            if top is not None and decode_cursors(top.cursors).get(stream) == last.decode():
                break
            await asyncio.sleep(0.01)


def _start(state_dir: Path) -> subprocess.Popen[bytes]:
    """Start a daemon on the built-in defaults, quietly."""
    state_dir.mkdir()
    config = state_dir.parent / "config.toml"
    config.write_text('[log]\nlevel = "error"\n')
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "engine", "run"),
            *("--state-dir", str(state_dir), "--config", str(config)),
        ],
        stdout=subprocess.DEVNULL,
    )


async def _reach(state_dir: Path) -> Connections:
    """Wait until the daemon leads its journal."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        endpoints = running_endpoints(state_dir)
        if endpoints is not None:
            connections = Connections(endpoints)
            try:
                link = await connections.redis()
                top = await JournalFrames(link, "main").top()
                await link.close()
            except (LinkLost, RedisReplyError):
                top = None
            if top is not None:
                return connections
        if time.monotonic() > deadline:
            raise CommandError("the benchmark's own daemon does not start: see doctor", NO_DAEMON)
        await asyncio.sleep(0.05)
