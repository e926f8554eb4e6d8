"""`pitboss simulate`: the kernel alone. Commands in as JSON lines, events out as JSON lines.

Each line is a batch of its own, in file order, and so its own frame without a journal.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from engine.cli.failure import CommandError
from engine.cli.streams import ADMIN_TYPES, stream_of
from engine.config import genesis_commands
from engine.entries import Malformed, decode_entry, refused_input
from engine.exits import BAD_CONFIGURATION
from engine.limits import MAX_ENTRY_BYTES, MAX_INTEGER
from engine.machine import Machine
from engine.messages import Verdict
from engine.views import simulation_state
from feeds.sources.record import TICK_TYPES
from matching.terms import Refusal

if TYPE_CHECKING:
    from engine.config import Config
    from engine.messages import Input

_TYPE: Final = re.compile(rb'"type"\s*:\s*"([a-z0-9_]+)"')
_STREAMS: Final = {
    **{name.encode(): "admin" for name in ADMIN_TYPES},
    **{name.encode(): "ticks" for name in TICK_TYPES},
}
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Simulation:
    """One machine, fed line by line. Time stands still except where a line carries `ts`."""

    def __init__(self) -> None:
        self.machine = Machine()

    def begin_with(self, config: Config) -> None:
        """Apply the genesis commands of a configuration, whose events are not shown.

        Raises CommandError where one is refused.
        """
        events: list[bytes] = []
        for payload in map(msgspec.json.encode, genesis_commands(config)):
            self._apply(decode_entry("config", "0-0", payload), 0, events)
        refused = next((each for each in events if each.startswith(b'{"type":"rejected"')), None)
        if refused is not None:
            raise CommandError(
                f"the configuration's own commands are refused: {refused.decode()}; "
                "`pitboss check-config` names the key",
                BAD_CONFIGURATION,
            )

    def play(self, line: bytes, number: int) -> list[bytes]:
        """Return the events of a line, encoded; `number` is its `in`."""
        events: list[bytes] = []
        inputs, time_us = _read(line, number)
        now_us = self.machine.kernel.state.now_us
        if time_us is not None and time_us < now_us:
            text = f"time does not go back: it is {now_us // 1_000} ms already"
            inputs = [_refused(number, line, Malformed(Refusal.OUT_OF_RANGE, "$.ts", text))]
        elif time_us is not None:
            self._pass_time(time_us, events)
        self._apply(inputs, number, events)
        return events

    def _apply(self, inputs: list[Input], number: int, events: list[bytes]) -> None:
        machine = self.machine
        kernel = machine.kernel
        machine.begin(kernel.state.now_us, events)
        for item in inputs:
            machine.apply(item, number, events)
        while kernel.is_busy():
            machine.begin(kernel.state.now_us, events)

    def _pass_time(self, until_us: int, events: list[bytes]) -> None:
        """Fire the timers due up to a time, each at its own deadline, and stand at that time."""
        kernel = self.machine.kernel
        while True:
            deadline_us = kernel.next_deadline_us()
            if deadline_us is None or deadline_us > until_us:
                break
            self.machine.begin(max(deadline_us, kernel.state.now_us), events)
        self.machine.begin(until_us, events)


def simulate(source: BinaryIO, out: BinaryIO, config: Config | None, *, with_state: bool) -> None:
    """Play every line of `source` and write the events to `out`, the state last if wanted.

    Empty lines are passed over and counted. Raises CommandError for a configuration that is
    refused; whatever a line holds is an event.
    """
    simulation = Simulation()
    if config is not None:
        simulation.begin_with(config)
    # A program that talks to us through a pipe waits for its answer; a file does not.
    prompt = not source.seekable()
    for number, line in enumerate(source):
        if line.isspace():
            continue
        events = simulation.play(line.rstrip(b"\r\n"), number)
        if events:
            out.write(b"\n".join(events) + b"\n")
        if prompt:
            out.flush()
    if with_state:
        out.write(msgspec.json.encode(simulation_state(simulation.machine.kernel)) + b"\n")
    out.flush()


def _read(line: bytes, number: int) -> tuple[list[Input], int | None]:
    """Return a line's inputs and its time in µs, if it carries one; a verdict if it is no good."""
    time_us = None
    payload = line
    if b'"ts"' in line and len(line) <= MAX_ENTRY_BYTES:
        try:
            payload, time_us = _take_time(line)
        except Malformed as wrong:
            return [_refused(number, line, wrong)], None
        except _UNDECODABLE:
            pass  # what it is instead of a command, the decoder below says by number
    found = _TYPE.search(line)
    stream = _STREAMS.get(found.group(1), "orders") if found else "orders"
    inputs = decode_entry(stream, _entry(number), payload)
    if _went_wrong(inputs):
        # The first `type` in the text is not always that of the command.
        true_stream = _stream_of(payload)
        if true_stream != stream:
            inputs = decode_entry(true_stream, _entry(number), payload)
    return inputs, time_us


def _take_time(line: bytes) -> tuple[bytes, int | None]:
    """Return the command without `ts`, and `ts` in µs; an `l1` keeps its own beside.

    An array takes place at the latest time of its elements. Raises Malformed.
    """
    is_array = line.lstrip()[:1] == b"["
    commands = _elements.decode(line) if is_array else [_fields.decode(line)]
    times = []
    for place, command in enumerate(commands):
        raw = command.get("ts")
        if raw is None:
            continue
        times.append(_milliseconds(bytes(raw), f"$[{place}].ts" if is_array else "$.ts"))
        if bytes(command.get("type", b"")) != b'"l1"':
            del command["ts"]
    latest = max((each for each in times if each is not None), default=None)
    payload = msgspec.json.encode(commands if is_array else commands[0])
    return payload, None if latest is None else latest * 1_000


def _milliseconds(raw: bytes, path: str) -> int | None:
    """Return a `ts`, None for null. Raises Malformed."""
    value = msgspec.json.decode(raw)
    if value is None:
        return None
    if type(value) is not int:
        text = "an integer of milliseconds since 1970 belongs here"
        raise Malformed(Refusal.WRONG_TYPE, path, text)
    if not 0 <= value <= MAX_INTEGER:
        raise Malformed(Refusal.OUT_OF_RANGE, path, "out of range")
    return value


def _went_wrong(inputs: list[Input]) -> bool:
    verdict = inputs[0].command
    return isinstance(verdict, Verdict) and verdict.code == Refusal.WRONG_STREAM


def _stream_of(payload: bytes) -> str:
    return stream_of(msgspec.json.decode(payload))


def _refused(number: int, line: bytes, wrong: Malformed) -> Input:
    digest = blake2b(line, digest_size=16).hexdigest()
    return refused_input("orders", _entry(number), wrong.code, wrong.path, digest, wrong.text)


def _entry(number: int) -> str:
    """Return the id that a line's entry would have in a stream."""
    return f"{number + 1}-0"
