"""A witness beside the journal: the last acknowledged frame, memory-mapped (architecture §3).

Written after every acknowledgement at the cost of a memory copy; it survives the daemon's death,
and tells at the next start whether Redis has lost frames that were acknowledged.
"""

from __future__ import annotations

import mmap
import os
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from engine.ports import JournalDamaged

if TYPE_CHECKING:
    from pathlib import Path

    from engine.messages import Frame
    from persistence.journal import JournalFrames

_SLOT: Final = 64


class Witness:
    """Two slots written in turn, each with a checksum, so that a torn write leaves the other."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < 2 * _SLOT:
                os.ftruncate(descriptor, 2 * _SLOT)
            self._map = mmap.mmap(descriptor, 2 * _SLOT)
        finally:
            os.close(descriptor)

    def read(self) -> tuple[int, bytes] | None:
        """Return (frame, hash) of the last acknowledged frame, None where none was seen."""
        found = [
            (int.from_bytes(slot[:8], "big"), bytes(slot[8:40]))
            for slot in (self._map[:_SLOT], self._map[_SLOT:])
            if slot[40:56] == _checksum(slot[:40])
        ]
        return max(found, default=None)

    def write(self, n: int, frame_hash: bytes) -> None:
        """Note that frame `n` is acknowledged."""
        content = n.to_bytes(8, "big") + frame_hash
        at = (n % 2) * _SLOT
        self._map[at : at + 56] = content + _checksum(content)

    def forget(self) -> None:
        """Start anew, after an operator has accepted a loss."""
        self._map[:] = bytes(2 * _SLOT)

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()


async def compare(source: JournalFrames, top: Frame | None, n: int, frame_hash: bytes) -> None:
    """Compare the journal with what a witness says of frame `n`. Raises JournalDamaged.

    A frame that has been trimmed away cannot be looked at; the chain of those after it proves it.
    """
    if top is None or n > top.n:
        found = "is missing" if top is None else f"ends at frame {top.n}"
        raise JournalDamaged(
            f"frame {n} was acknowledged but the journal {found}: put the journal back, or start "
            "with `pitboss run --accept-loss`"
        )
    frame = await source.get(n)
    if frame is not None and frame.hash != frame_hash:
        raise JournalDamaged(
            f"frame {n} of the journal is not the one that was acknowledged: put the journal "
            "back, or start with `pitboss run --accept-loss`"
        )


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
