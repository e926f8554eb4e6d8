"""Replay: recorded frames through the same machine. Recovery, standby, verify are all this path."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import msgspec

from engine.codec import (
    VERSION,
    CorruptFrame,
    check_hash,
    decode_cursors,
    decode_inputs,
    genesis_hash,
)
from engine.entries import input_from_record
from engine.limits import LOGIC_VERSION
from engine.machine import Machine
from engine.migrations import migrated
from engine.ports import JournalDamaged, Position, StartRefused
from engine.restore import restore
from engine.snapshot import CorruptSnapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from engine.messages import Frame
    from engine.ports import FrameSource, Manifest, SnapshotSource


_LONGEST_EXCERPT: Final = 300
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_raw_events = msgspec.json.Decoder(list[msgspec.Raw])


class Diverged(Exception):
    """A replayed frame gives other events than those recorded: a bug, or damage (exit 65)."""


class OtherRelease(StartRefused):
    """The journal is to be replayed by a release of another logic version (exit 66)."""


def replay_frame(machine: Machine, frame: Frame) -> None:
    """Apply a recorded frame's inputs at its time.

    Raises Diverged unless the events are equal, OtherRelease where this release cannot know them,
    and CorruptFrame where no engine wrote it, well sealed though it is.
    """
    if frame.version != VERSION:
        raise _of_another_release(frame)
    if frame.time_us < machine.kernel.state.now_us:
        raise _of_another_hand(frame, "its time goes back")
    try:
        inputs = [input_from_record(record) for record in decode_inputs(frame.inputs)]
    except _UNREADABLE:
        raise _of_another_hand(frame, "its inputs are none") from None
    events: list[bytes] = []
    machine.begin(frame.time_us, events)
    for index, item in enumerate(inputs):
        machine.apply(item, index, events)
    if b"[" + b",".join(events) + b"]" != frame.events:
        raise Diverged(
            f"frame {frame.n} gives other events than those recorded, {_difference(frame, events)}"
            ": keep the journal and report this as a bug"
        )


def _difference(frame: Frame, events: list[bytes]) -> str:
    """Say where a frame's events differ from those computed: the first index, and both sides."""
    try:
        recorded = [bytes(each) for each in _raw_events.decode(frame.events)]
    except _UNREADABLE:
        return "which are no events"
    pairs = enumerate(zip_longest(recorded, events, fillvalue=b"no event"))
    differing = next((each for each in pairs if each[1][0] != each[1][1]), None)
    if differing is None:
        return "in their writing alone"
    index, (theirs, ours) = differing
    return f"first at index {index}: recorded is {_excerpt(theirs)}, computed {_excerpt(ours)}"


def _excerpt(event: bytes) -> str:
    text = event.decode("utf-8", "replace")
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"


def _of_another_hand(frame: Frame, why: str) -> CorruptFrame:
    return CorruptFrame(f"frame {frame.n} was not written by an engine: {why}")


def _of_another_release(frame: Frame) -> OtherRelease:
    """Return the way on from a frame of another logic version."""
    is_of = (
        f"frame {frame.n} is of logic version {frame.version.decode()}, this release is "
        f"{LOGIC_VERSION} (`pitboss version`)"
    )
    if int(frame.version) > LOGIC_VERSION:
        return OtherRelease(f"{is_of}: start the newer release, there is no way back from it")
    return OtherRelease(
        f"{is_of}: start the release that wrote it and run `pitboss snapshot take --stop`, then "
        "start this one; or begin anew in another --state-dir"
    )


async def latest_snapshot(
    snapshots: SnapshotSource, top: int, report: Callable[[str], None]
) -> tuple[Machine, Position] | None:
    """Restore the newest snapshot at or below frame `top` that is whole; None if there is none.

    One that is damaged is reported and the generation before it is used.
    """
    manifests = await snapshots.manifests()
    for name in snapshots.damaged:
        report(f"the snapshot {name} is not used: its manifest is damaged")
    for manifest in manifests:
        if manifest.frame > top:
            report(f"the snapshot at frame {manifest.frame} lies above the journal: not used")
            continue
        try:
            return await restore_snapshot(snapshots, manifest)
        except CorruptSnapshot as error:
            report(f"the snapshot at frame {manifest.frame} is not used: {error}")
    return None


async def restore_snapshot(
    snapshots: SnapshotSource, manifest: Manifest
) -> tuple[Machine, Position]:
    """Restore one snapshot, proved by the digests of its bytes and by its own invariants.

    One of an older format or logic version too: its state is where that release stopped. What
    follows from it is for `recover` to say. Raises CorruptSnapshot.
    """
    if manifest.version > LOGIC_VERSION:
        raise CorruptSnapshot(f"logic version {manifest.version} is newer than this release")
    kernel = restore(migrated(await snapshots.chunks(manifest), manifest.format))
    position = Position(manifest.frame, bytes.fromhex(manifest.frame_hash), dict(manifest.cursors))
    return Machine(kernel), position


async def recover(
    shard: str,
    snapshots: SnapshotSource,
    source: FrameSource,
    top: int,
    report: Callable[[str], None],
    seen: Callable[[Frame], None] = lambda _: None,
) -> tuple[Machine, Position]:
    """Return the machine as it was at frame `top`: newest whole snapshot, then every frame after.

    Events and chain are compared all the way, and `seen` is shown each frame that was replayed.
    Where an older release wrote the top, only its snapshot there will do (architecture §9). Raises
    OtherRelease, Diverged, CorruptFrame or JournalDamaged.
    """
    newest = [frame async for frame in source.frames(top - 1, top)] if top else []
    is_handed_over = False
    for frame in newest:
        if int(frame.version) > LOGIC_VERSION:
            raise _of_another_release(frame)
        is_handed_over = frame.version != VERSION
    found = await latest_snapshot(snapshots, top, report)
    machine, position = found or (Machine(), Position(0, genesis_hash(shard), {}))
    if is_handed_over and position.n < top:
        raise _of_another_release(newest[0])
    try:
        async for frame in follow(machine, position, source, top):
            seen(frame)
    except OtherRelease as other:
        raise JournalDamaged(
            f"{other}. That release has stopped long ago, at a frame whose snapshot is gone or "
            "damaged: put the snapshots back from a copy"
        ) from None
    return machine, position


def advance(machine: Machine, position: Position, frame: Frame) -> None:
    """Replay the next frame and move `position` behind it. Raises CorruptFrame or Diverged."""
    check_hash(frame, position.hash)
    replay_frame(machine, frame)
    position.n, position.hash = frame.n, frame.hash
    try:
        position.cursors = decode_cursors(frame.cursors)
    except _UNREADABLE:
        raise _of_another_hand(frame, "its cursors are none") from None


async def follow(
    machine: Machine, position: Position, source: FrameSource, until: int
) -> AsyncIterator[Frame]:
    """Replay frame after frame up to `until`, moving `position`; yield each once it is applied."""
    async for frame in source.frames(position.n, until):
        advance(machine, position, frame)
        yield frame
    if position.n != until:
        raise JournalDamaged(f"the journal ends at frame {position.n}, not at {until}")
