"""What the engine asks of the world: an inbox, a journal, a store of snapshots, a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from engine.machine import Machine
    from engine.messages import Batch, Frame


class SteppedDown(Exception):
    """Another leader has written to the journal; this one must end at once (exit 75)."""


class JournalDamaged(Exception):
    """The journal is not what this engine or its witnesses know it to be (exit 65)."""


class StartRefused(Exception):
    """Something must be put right before the engine may start (exit 66)."""


class Position:
    """A place in the journal: the frame, its hash, and the ingress cursors after it."""

    def __init__(self, n: int, frame_hash: bytes, cursors: dict[str, str]) -> None:
        self.n = n
        self.hash = frame_hash
        self.cursors = cursors


class Manifest(msgspec.Struct):
    """What a snapshot is of, and what its chunks must hash to."""

    format: int
    version: int
    frame: int
    frame_hash: str
    time_us: int
    writer: str
    cursors: dict[str, str]
    chunk_digests: list[str]
    state_hash: str


class Inbox(Protocol):
    """Where inputs come from."""

    async def next(self, timeout_seconds: float | None) -> Batch | None:
        """Return the next batch, merged and decoded; None once the time is over."""

    def hurry(self, *, is_behind: bool) -> None:
        """Bring more at a time while the loop is behind."""


class Journal(Protocol):
    """Where frames go; the only writer is the leader."""

    async def append(self, frame: Frame) -> None:
        """Append the next frame; return once the server has acknowledged it.

        Raises SteppedDown or JournalDamaged; anything less is healed inside.
        """


class FrameSource(Protocol):
    """Where frames are read back from."""

    def frames(self, after: int, until: int) -> AsyncIterator[Frame]:
        """Yield the frames after `after` up to and with `until`, in order, without a gap."""


class SnapshotSource(Protocol):
    """Where snapshots are read back from; `damaged` are those whose manifest was, when listed."""

    damaged: list[str]

    async def manifests(self) -> list[Manifest]:
        """Return what snapshots there are, newest first."""

    async def chunks(self, manifest: Manifest) -> list[bytes]:
        """Return a snapshot's chunks. Raises CorruptSnapshot where one is missing or flipped."""


class Link(Protocol):
    """One connection to Redis with one request in flight; see `engine.connections.RedisLink`."""

    async def call(self, *arguments: bytes | str | float) -> Any:
        """Send one command and return its raw reply."""

    async def close(self) -> None:
        """Close the connection for good."""


class FrameBoundary(Protocol):
    """The engine loop, as seen by who needs its state at a frame that is acknowledged."""

    machine: Machine
    position: Position

    async def between_frames(self, visit: Callable[[], None]) -> None:
        """Run `visit` where everything applied is acknowledged."""
