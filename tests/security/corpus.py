"""Entries that an attacker might send: commands of every type, bent and broken by a seed.

Every name in them holds MARK, so that whatever repeats a payload is found.
"""

import json
import random
from collections.abc import Callable, Iterator
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from engine.entries import KINDS
from engine.limits import MAX_COMMANDS_PER_ENTRY, MAX_ENTRY_BYTES

MARK = "zq7"
STREAMS = ("orders", "orders:g", "ticks", "ticks:f", "admin", "admin:o")
ACCOUNTS = [f"{MARK}-{name}" for name in ("ann", "bea", "cy")]
SYMBOLS = [f"{MARK}-X", f"{MARK}-Y"]

_NAMES = ["", "a" * 65, "a b", "a\x00", "é", "../etc", "{main}", "*", "\n", "house", "backstop"]
_GOOD_NUMBERS = ["1", "2", "0.01", "99", "99.5", "100", "100.5", "101", "0.5", "10", "1000"]
_BAD_NUMBERS: list[Any] = [
    *("", "0", "-1", "-0", "00", "1e5", "1E400", "NaN", "Infinity", "-inf", "+1", ".5", "5.", " 1"),
    *("9" * 40, "9" * 41, "9" * 60_000, f"0.{'0' * 37}1", "0x10", "\uff11", "1_000", "1,5"),
    *(0, -1, 2**53, 2**53 + 1, 2**63, 2**64 - 1, 2**70, 10**400, 1.5, 1e308, True, [], {}),
]
_BAD: list[Any] = [
    *(None, True, 0, -1, 1.5, "", [], {}, [[]], {"a": {}}, "x" * 300, "\ud800", 2**64)
]


class Entry(NamedTuple):
    """A stream, and the fields as they go into it."""

    stream: str
    fields: list[bytes]

    @property
    def payload(self) -> bytes | None:
        """What the engine takes for the command, None where there is none."""
        return self.fields[1] if len(self.fields) == 2 and self.fields[0] == b"c" else None


def opening() -> list[Entry]:
    """Return a market, so that some of what follows is good enough to trade."""
    commands: list[dict[str, Any]] = [
        {"type": "create_instrument", "symbol": each, "tick_size": "0.01", "lot_size": "0.01"}
        for each in SYMBOLS
    ]
    commands += [{"type": "create_account", "account": each} for each in ACCOUNTS]
    commands += [
        {"type": "deposit", "account": each, "amount": "100000", "transfer_id": f"{MARK}-{each}"}
        for each in ACCOUNTS
    ]
    return [Entry("admin", [b"c", json.dumps(each).encode()]) for each in commands]


def corpus(seed: int, count: int) -> Iterator[Entry]:
    """Yield entries; the same seed gives the same."""
    chance = random.Random(seed)
    for _ in range(count):
        stream = chance.choice(STREAMS)
        payload = _payload(chance, stream)
        fields = [b"c", payload]
        if chance.random() < 0.05:
            fields = chance.choice(_FIELDS)(payload)
        yield Entry(stream, fields)


_FIELDS: list[Callable[[bytes], list[bytes]]] = [
    lambda payload: [b"C", payload],
    lambda payload: [b"", payload],
    lambda payload: [b"c", payload, b"c", payload],
    lambda payload: [b"c\x00", payload],
    lambda payload: [b"\xff\xfe", payload],
    lambda payload: [payload, b"c"],
    lambda payload: [b"c", payload, *([b"x", b"y"] * 500)],
    lambda payload: [b"c", b""],
]


def _payload(chance: random.Random, stream: str) -> bytes:
    """Return one command, an array of some, or what is left of them after a blow."""
    kind = stream.partition(":")[0]
    if chance.random() < 0.1:
        kind = chance.choice(("orders", "ticks", "admin"))  # in the wrong stream
    wires = list(KINDS[kind])
    nastiness = chance.choice((0.0, 0.0, 0.05, 0.3))
    command = _struct(chance, chance.choice(wires), nastiness)
    raw = _encoded(command)
    if chance.random() < 0.1:
        some = [_encoded(_struct(chance, chance.choice(wires), nastiness / 4)) for _ in range(3)]
        raw = b"[" + b",".join([raw, *some]) + b"]"
    return bent(chance, raw) if chance.random() < 0.25 else raw


def bent(chance: random.Random, raw: bytes) -> bytes:
    """Return what is left of some bytes after a blow."""
    return chance.choice(_BLOWS)(chance, raw or b"0")


def _encoded(command: Any) -> bytes:
    """Return JSON as Python's own encoder has it: it lets through what ours would not."""
    return json.dumps(command).encode("utf-8", "surrogatepass")


def _struct(chance: random.Random, wire: Any, nastiness: float) -> dict[str, Any]:
    tag = wire.__struct_config__.tag
    command: dict[str, Any] = {"type": tag} if tag else {}
    hints = get_type_hints(wire)
    for field in msgspec.structs.fields(wire):
        if field.required or chance.random() < 0.15:
            name = field.encode_name
            bad = chance.random() < nastiness
            command[name] = _bad(chance) if bad else _good(chance, name, hints[field.name])
    if chance.random() < nastiness:
        command.pop(chance.choice(list(command)))
    if chance.random() < nastiness:
        command[chance.choice(("prise", "__class__", "c", "", "a" * 200))] = chance.choice(_BAD)
    return command


def _bad(chance: random.Random) -> Any:
    return chance.choice(chance.choice((_BAD, _BAD_NUMBERS, _NAMES)))


def _good(chance: random.Random, name: str, kind: Any) -> Any:
    """Return a value that may well be right."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [each for each in get_args(kind) if each is not NoneType]
        kind = kinds[0]
    if get_origin(kind) is Literal:
        return chance.choice(get_args(kind))
    if get_origin(kind) in (list, tuple):
        return [_good(chance, name, get_args(kind)[0]) for _ in range(chance.randrange(3))]
    if get_origin(kind) is dict:
        return {_good(chance, "symbol", str): _good(chance, name, get_args(kind)[1])}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(chance, kind, 0.02)
    if kind is bool:
        return chance.random() < 0.5
    if kind is int:
        return chance.choice((0, 1, 5, 100, 1_000, 60_000, 1_700_000_000_000))
    if "account" in name:
        return chance.choice(ACCOUNTS)
    if name in {"symbol", "scope_id", "target"}:
        return chance.choice(SYMBOLS)
    if name.endswith("_id") or name in {"operator", "reason", "name", "tag", "group", "oco_group"}:
        return f"{MARK}-{chance.randrange(60)}"
    return chance.choice(_GOOD_NUMBERS)


def _cut(chance: random.Random, raw: bytes) -> bytes:
    return raw[: chance.randrange(len(raw))]


def _put(what: bytes) -> Callable[[random.Random, bytes], bytes]:
    def blow(chance: random.Random, raw: bytes) -> bytes:
        at = chance.randrange(len(raw) + 1)
        return raw[:at] + what + raw[at:]

    return blow


def _flip(chance: random.Random, raw: bytes) -> bytes:
    at = chance.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << chance.randrange(8)]) + raw[at + 1 :]


def _repeat_key(chance: random.Random, raw: bytes) -> bytes:
    return raw[:-1] + b', "type": "cancel_all", "account": "' + ACCOUNTS[0].encode() + b'"}'


def _nest(chance: random.Random, raw: bytes) -> bytes:
    deep = chance.choice((2, 50, 900, 1_100, 20_000))
    if chance.random() < 0.5:
        return b"[" * deep + raw + b"]" * deep
    return b'{"type":' * deep + raw + b"}" * deep


def _multiply(chance: random.Random, raw: bytes) -> bytes:
    times = chance.choice((2, 100, MAX_COMMANDS_PER_ENTRY, MAX_COMMANDS_PER_ENTRY + 1))
    return b"[" + b",".join([chance.choice((raw, b"0", b"null", b"{}"))] * times) + b"]"


def _swell(chance: random.Random, raw: bytes) -> bytes:
    return raw + b" " * (chance.choice((0, 1, 300_000)) + MAX_ENTRY_BYTES - len(raw))


_BLOWS: list[Callable[[random.Random, bytes], bytes]] = [
    *(_cut, _flip, _flip, _repeat_key, _nest, _multiply, _swell),
    *(_put(each) for each in (b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")),
    *(_put(each) for each in (b"\\ud800", b"\\u0000", b"\xef\xbb\xbf", b"//x", b"'", b",", b"\\")),
    *(_put(each) for each in (b"1e999", b"-", b"9" * 5_000, b"NaN", b"[", b"}", b"\xe2\x80\xa8")),
]
