"""Snapshots of older formats, brought to the present one step by step (architecture §9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from engine.snapshot import FORMAT, CorruptSnapshot

Sections = Iterator[tuple[str, list[Any]]]
"""Chunk by chunk: the section's name, and its records as plain lists."""

STEPS: Final[dict[int, Callable[[Sections], Sections]]] = {}
"""By the format that they begin at; format 1 is the first. What has been read stays readable."""


def migrated(chunks: Iterable[bytes], found: int) -> Iterable[bytes]:
    """Return chunks of a format as chunks of the present one. Raises CorruptSnapshot."""
    if found == FORMAT:
        return chunks
    steps = [STEPS.get(each) for each in range(found, FORMAT)]
    if not steps or None in steps:
        raise CorruptSnapshot(f"format {found} is unknown to this release, whose own is {FORMAT}")
    sections = _decoded(chunks)
    for step in steps:
        assert step is not None
        sections = step(sections)
    encode = msgspec.msgpack.encode
    return (encode((name, encode(records))) for name, records in sections)


def _decoded(chunks: Iterable[bytes]) -> Sections:
    for chunk in chunks:
        name, body = msgspec.msgpack.decode(chunk, type=tuple[str, bytes])
        yield name, msgspec.msgpack.decode(body, type=list[Any])
