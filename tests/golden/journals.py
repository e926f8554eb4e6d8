"""Golden journals: what this logic version has said to many commands, kept byte for byte.

A file `<logic version>.jsonl.xz` holds one journal after the other. Its frames are lines
`[t, in, ev]`; behind them a line says the name, the hash of the last frame and that of the state.
"""

import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.codec import chain_hash, genesis_hash
from engine.entries import decode_entry, mark_overloaded
from engine.limits import LOGIC_VERSION
from engine.machine import Machine
from engine.messages import Frame, Input
from engine.replay import Diverged, replay_frame
from engine.snapshot import state_hash
from tests.cli.recorded import Recording
from tests.core.tapes import Step

FOLDER = Path(__file__).parent
REMEDY = (
    "if this is meant, raise LOGIC_VERSION in engine/limits.py, say in CHANGELOG.md what behaves "
    "differently, and run `make golden`; if not, mend it"
)
_TOGETHER = 4
"""So many entries share a frame, where no time passes between them."""


class Journal(NamedTuple):
    """A recorded journal and what it must end in."""

    name: str
    frames: list[Frame]
    frame_hash: str
    state_hash: str


class End(msgspec.Struct):
    """The last line of a journal."""

    journal: str
    frame_hash: str
    state_hash: str


def file_in(folder: Path, version: int = LOGIC_VERSION) -> Path:
    """Return where the journals of a logic version are kept."""
    return folder / f"{version}.jsonl.xz"


def record(name: str, steps: list[Step]) -> Journal:
    """Play a tape and record it."""
    recording = Recording(name)
    for wait_us, inputs in batches(steps):
        recording.enter(wait_us, inputs)
    return Journal(
        name, recording.frames, recording.top.hash.hex(), state_hash(recording.machine.kernel)
    )


def batches(steps: list[Step]) -> Iterator[tuple[int, list[Input]]]:
    """Yield how long nothing comes, and then the inputs that share a frame."""
    inputs: list[Input] = []
    wait_us = together = 0
    for number, step in enumerate(steps, start=1):
        if step.wait_ms or together == _TOGETHER:
            yield wait_us, inputs
            inputs, wait_us, together = [], step.wait_ms * 1_000, 0
        decoded = decode_entry(step.stream, f"{number}-0", step.payload.encode())
        if step.retry_ms:
            mark_overloaded(decoded, step.retry_ms)
        inputs += decoded
        together += 1
    yield wait_us, inputs


def written(journals: list[Journal]) -> bytes:
    """Return journals as they are kept."""
    lines: list[bytes] = []
    for journal in journals:
        lines += [
            b"[%d,%b,%b]" % (frame.time_us, frame.inputs, frame.events) for frame in journal.frames
        ]
        lines.append(msgspec.json.encode(End(journal.name, *journal[2:])))
    return lzma.compress(b"\n".join(lines) + b"\n", preset=9 | lzma.PRESET_EXTREME)


def read(file: Path) -> Iterator[Journal]:
    """Read journals back; frame by frame their hashes are made anew."""
    version = file.name.partition(".")[0].encode()
    frames: list[Frame] = []
    parts = msgspec.json.Decoder(tuple[int, msgspec.Raw, msgspec.Raw])
    times: list[tuple[int, bytes, bytes]] = []
    for line in lzma.decompress(file.read_bytes()).splitlines():
        if line.startswith(b"["):
            time_us, inputs, events = parts.decode(line)
            times.append((time_us, bytes(inputs), bytes(events)))
            continue
        end = msgspec.json.decode(line, type=End)
        parent, frames = genesis_hash(end.journal), []
        for n, (time_us, inputs_then, events_then) in enumerate(times, start=1):
            fields = (b"%d" % time_us, inputs_then, events_then, b"{}", version)
            parent = chain_hash(parent, *fields)
            frames.append(Frame(n, time_us, *fields[1:], parent))
        times = []
        yield Journal(end.journal, frames, end.frame_hash, end.state_hash)


def replay(journal: Journal) -> None:
    """Replay a journal and compare all of it. Raises AssertionError, with what is to be done."""
    machine = Machine()
    assert journal.frames[-1].hash.hex() == journal.frame_hash, f"{journal.name} is damaged"
    for frame in journal.frames:
        try:
            replay_frame(machine, frame)
        except Diverged as difference:
            raise AssertionError(f"{journal.name}: {difference}\n\n{REMEDY}") from None
    machine.kernel.check()
    assert state_hash(machine.kernel) == journal.state_hash, (
        f"{journal.name} ends in another state, though every event is the same: {REMEDY}"
    )
