"""Stream entries to inputs: decode what a client sent, or say by number what is wrong with it."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

import msgspec

from engine.decimals import split_decimal
from engine.limits import MAX_COMMANDS_PER_ENTRY, MAX_ENTRY_BYTES, PPM
from engine.messages import Input, InputRecord, Verdict
from engine.wire import (
    AdminWire,
    AmendOrderWire,
    AnyWire,
    L1Wire,
    MarkPriceWire,
    OrdersWire,
    PlaceBracketWire,
    PlaceOrderWire,
    TicksWire,
)
from engine.wire_fields import DECIMAL, IDENTIFIER, TIME_OF_DAY
from matching.terms import Refusal

_any = msgspec.json.Decoder(AnyWire)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_MAY_OPEN = (PlaceOrderWire, PlaceBracketWire, AmendOrderWire)
_A_TYPE = re.compile(r"Expected `[^`]*`")
_TOO_LONG = "Expected `str` of length <="
_PATH = re.compile(r" - at `(\$[^`]*)`$")

KINDS: Final[dict[str, tuple[type, ...]]] = {
    "orders": OrdersWire.__args__,
    "ticks": TicksWire.__args__,
    "admin": AdminWire.__args__,
    "config": AdminWire.__args__,
}
"""Which commands a stream takes, by the first part of its name."""


class Malformed(Exception):
    """What is wrong with an entry: refusal, JSON path, and a sentence that names the remedy."""

    def __init__(self, code: Refusal, path: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.path = path
        self.text = text


def decode_entry(stream: str, entry_id: str, payload: bytes | None) -> list[Input]:
    """Return the inputs of one stream entry: its commands, or a single verdict. Never raises.

    An array is decoded whole first, so that one malformed element refuses the entry.
    """
    prefix = f'{{"s":"{stream}","id":"{entry_id}"'.encode()
    try:
        if payload is None:
            raise Malformed(Refusal.NO_PAYLOAD, "$", "an entry has one field `c`")
        if len(payload) > MAX_ENTRY_BYTES:
            text = f"at most {MAX_ENTRY_BYTES} bytes an entry; send several"
            raise Malformed(Refusal.TOO_LARGE, "$", text)
        if payload.lstrip()[:1] != b"[":
            command = _decode(stream, payload, "$")
            return [Input(stream, entry_id, command, prefix + b',"c":' + payload + b"}")]
        inputs = []
        for index, raw in enumerate(_split(payload)):
            body = b'%b,"k":%d,"c":%b}' % (prefix, index, raw)
            command = _decode(stream, raw, f"$[{index}]")
            inputs.append(Input(stream, entry_id, command, body))
    except Malformed as wrong:
        digest = blake2b(payload or b"", digest_size=16).hexdigest()
        return [refused_input(stream, entry_id, wrong.code, wrong.path, digest, wrong.text)]
    return inputs


def refused_input(
    stream: str, entry_id: str, code: int, path: str, digest: str, text: str
) -> Input:
    """Return an input that carries a verdict instead of a command."""
    record = {
        "s": stream,
        "id": entry_id,
        "refuse": int(code),
        "path": path,
        "digest": digest,
        "detail": text,
    }
    verdict = Verdict(int(code), path, digest, text)
    return Input(stream, entry_id, verdict, msgspec.json.encode(record))


def input_from_record(record: InputRecord) -> Input:
    """Read an input back from a frame; an engine's was decoded before, so it decodes again."""
    if record.refuse is not None:
        verdict = Verdict(record.refuse, record.path, record.digest, record.detail)
        return Input(record.s, record.id, verdict, b"")
    retry_ms, is_short = record.overload or record.memory, record.memory > 0
    return Input(record.s, record.id, _any.decode(record.c), b"", retry_ms, is_short)


def mark_overloaded(
    inputs: list[Input], retry_ms: int, spared_ppm: int = 0, *, is_short: bool = False
) -> None:
    """Note on orders and amends that they came while the engine was behind (E6).

    Or, if `is_short`, while Redis was short of memory. `spared_ppm` of them, evenly spread, are let
    in as ever. Whether the others reduce, and so enter all the same, only the kernel can tell.
    """
    credit_ppm = 0
    word = b"memory" if is_short else b"overload"
    for item in inputs:
        if isinstance(item.command, _MAY_OPEN) and not item.retry_ms:
            credit_ppm += spared_ppm
            if credit_ppm >= PPM:
                credit_ppm -= PPM
                continue
            item.retry_ms, item.is_short = retry_ms, is_short
            item.body = b'%b,"%b":%d}' % (item.body[:-1], word, retry_ms)


def _split(payload: bytes) -> list[bytes]:
    """Return the elements of an array as they stand."""
    try:
        elements = _elements.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _diagnose(error, "$") from None
    if not 0 < len(elements) <= MAX_COMMANDS_PER_ENTRY:
        text = f"an array holds 1 to {MAX_COMMANDS_PER_ENTRY} commands"
        raise Malformed(Refusal.OUT_OF_RANGE, "$", text)
    return [bytes(element) for element in elements]


def _decode(stream: str, raw: bytes, path: str) -> AnyWire:
    """Decode one command and check that it belongs on this stream."""
    try:
        command: AnyWire = _any.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _diagnose(error, path) from None
    if type(command) not in KINDS[stream.partition(":")[0]]:
        belongs = next(kind for kind, types in KINDS.items() if type(command) in types)
        text = f"send {command.__struct_config__.tag} to the stream `{belongs}`"
        raise Malformed(Refusal.WRONG_STREAM, path, text)
    if isinstance(command, L1Wire):
        _check_l1(command, path)
    elif isinstance(command, MarkPriceWire) and split_decimal(command.price)[0] <= 0:
        raise Malformed(Refusal.NON_POSITIVE_PRICE, f"{path}.price", "a price is positive")
    return command


def _check_l1(tick: L1Wire, path: str) -> None:
    """Refuse a tick whose prices are not positive or not apart."""
    bid, bid_places = split_decimal(tick.bid)
    ask, ask_places = split_decimal(tick.ask)
    if bid <= 0:
        raise Malformed(Refusal.NON_POSITIVE_PRICE, f"{path}.bid", "a price is positive")
    if ask <= 0:
        raise Malformed(Refusal.NON_POSITIVE_PRICE, f"{path}.ask", "a price is positive")
    if bid * 10**ask_places >= ask * 10**bid_places:
        raise Malformed(Refusal.CROSSED_TICK, f"{path}.ask", "the ask lies above the bid")


def _diagnose(error: Exception, prefix: str) -> Malformed:
    """Turn a decoder's complaint into a numbered refusal; no value of the client's is echoed."""
    if isinstance(error, RecursionError):
        return Malformed(Refusal.TOO_DEEP, prefix, "nested too deeply")
    if not isinstance(error, msgspec.ValidationError):
        return Malformed(Refusal.MALFORMED_JSON, prefix, "not valid JSON in UTF-8")
    message = str(error)
    found = _PATH.search(message)
    path = prefix + found.group(1)[1:] if found else prefix
    said = message[: found.start()] if found else message
    if said.startswith("Object contains unknown field"):
        field = said.split("`")[1]
        if re.fullmatch(IDENTIFIER, field):
            path = f"{path}.{field}"
        return Malformed(Refusal.UNKNOWN_FIELD, path, "this command has no such field")
    if said.startswith("Object missing required field"):
        field = said.split("`")[1]
        if field == "type":
            return Malformed(Refusal.UNKNOWN_COMMAND, path, "a command names its `type`")
        return Malformed(Refusal.MISSING_FIELD, f"{path}.{field}", "this field is required")
    if said.startswith("Invalid"):
        if path.endswith(".type"):
            return Malformed(Refusal.UNKNOWN_COMMAND, path, "there is no such command")
        return Malformed(Refusal.WRONG_TYPE, path, "not one of the words allowed here")
    return _diagnose_value(said, path)


def _diagnose_value(said: str, path: str) -> Malformed:
    """Tell a wrong type from a value out of its range or form."""
    if "got `float`" in said:
        text = 'a float; send decimals as strings, such as "65000.5"'
        return Malformed(Refusal.WRONG_TYPE, path, text)
    if "matching regex" in said:
        if repr(DECIMAL) in said:
            return Malformed(Refusal.BAD_DECIMAL, path, "a plain decimal without exponent")
        if repr(TIME_OF_DAY) in said:
            return Malformed(Refusal.OUT_OF_RANGE, path, 'a time of day in UTC, such as "17:00"')
        return Malformed(Refusal.BAD_IDENTIFIER, path, "1 to 64 of A-Z a-z 0-9 . _ -")
    if said.startswith(_TOO_LONG):
        return Malformed(Refusal.TOO_LARGE, path, "this text is too long")
    if "got `" in said or _A_TYPE.fullmatch(said):
        return Malformed(Refusal.WRONG_TYPE, path, "a value of another type belongs here")
    return Malformed(Refusal.OUT_OF_RANGE, path, "out of range")
