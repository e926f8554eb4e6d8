"""Frames and their chain of hashes: what the journal holds, byte for byte (architecture §3)."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from engine.limits import LOGIC_VERSION
from engine.messages import Frame, InputRecord

VERSION = str(LOGIC_VERSION).encode()

_records = msgspec.json.Decoder(list[InputRecord])
_cursors = msgspec.json.Decoder(dict[str, str])


def genesis_hash(shard: str) -> bytes:
    """Return the hash before frame 1: blake2b-256 of the shard's name."""
    return blake2b(shard.encode(), digest_size=32).digest()


def chain_hash(
    parent: bytes, t: bytes, inputs: bytes, events: bytes, cursors: bytes, version: bytes
) -> bytes:
    """Return a frame's hash: blake2b-256 over the parent's and each field behind its length."""
    digest = blake2b(parent, digest_size=32)
    for field in (t, inputs, events, cursors, version):
        digest.update(len(field).to_bytes(4, "big"))
        digest.update(field)
    return digest.digest()


def seal(
    n: int, parent: bytes, time_us: int, inputs: list[bytes], events: list[bytes], cursors: bytes
) -> Frame:
    """Make frame `n` out of its encoded elements."""
    joined_inputs = b"[" + b",".join(inputs) + b"]"
    joined_events = b"[" + b",".join(events) + b"]"
    digest = chain_hash(
        parent, str(time_us).encode(), joined_inputs, joined_events, cursors, VERSION
    )
    return Frame(n, time_us, joined_inputs, joined_events, cursors, VERSION, digest)


def frame_fields(frame: Frame) -> tuple[bytes, ...]:
    """Return the frame's fields and values as `XADD` takes them."""
    return (
        b"t",
        str(frame.time_us).encode(),
        b"in",
        frame.inputs,
        b"ev",
        frame.events,
        b"cur",
        frame.cursors,
        b"v",
        frame.version,
        b"h",
        frame.hash.hex().encode(),
    )


class CorruptFrame(Exception):
    """A journal entry is not a frame, or its hash is not what its content and parent say."""


def frame_from_fields(n: int, fields: list[bytes]) -> Frame:
    """Read a frame back from the flat field list of a stream entry. Raises CorruptFrame."""
    found = dict(zip(fields[::2], fields[1::2], strict=False))
    try:
        int(found[b"v"])
        return Frame(
            n,
            int(found[b"t"]),
            found[b"in"],
            found[b"ev"],
            found[b"cur"],
            found[b"v"],
            bytes.fromhex(found[b"h"].decode()),
        )
    except (KeyError, ValueError) as error:
        raise CorruptFrame(f"frame {n} lacks or garbles a field: {error!r}") from None


def check_hash(frame: Frame, parent: bytes) -> None:
    """Raise CorruptFrame unless the frame's hash follows from its content and its parent."""
    t = str(frame.time_us).encode()
    expected = chain_hash(parent, t, frame.inputs, frame.events, frame.cursors, frame.version)
    if expected != frame.hash:
        raise CorruptFrame(f"the chain breaks at frame {frame.n}: its hash does not follow")


def encode_cursors(cursors: dict[str, str]) -> bytes:
    """Return the ingress cursors as JSON, in order of stream."""
    return msgspec.json.encode(dict(sorted(cursors.items())))


def decode_cursors(encoded: bytes) -> dict[str, str]:
    """Read ingress cursors back."""
    return _cursors.decode(encoded)


def decode_inputs(encoded: bytes) -> list[InputRecord]:
    """Read a frame's inputs back."""
    return _records.decode(encoded)
