"""Every point at which the engine can die: each step of each task, each I/O; it dies at the n-th.

A task's step begins where an `await` has been answered and ends at the next one, so a death at a
beginning comes after what was sent has left and before its answer is seen, and a death at an end
comes before what the step sent has left: the loop writes when all steps of a turn are over.
"""

import asyncio
import mmap
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from pathlib import Path
from types import CoroutineType, FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar

import uvloop

from engine.connections import SyncRedisLink
from persistence.witness import Witness
from tests.line.process import ROOT

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_COUNT_BYTES = 8
_PLACE_BYTES = 248
_AUDITED = ("open", "os.", "mmap.", "fcntl.", "socket.", "subprocess.", "ctypes.")
_PRODUCT = ("engine", "feeds", "persistence")


class Tally:
    """How many points were passed, by the daemon and by what it forks: a file in memory.

    At the `deadly` one the daemon is killed, or when it first comes to a `place`; without either it
    is noted where they are.
    """

    def __init__(self, path: Path, deadly: int = 0, place: str = "") -> None:
        if not path.exists():
            path.write_bytes(bytes(_COUNT_BYTES + _PLACE_BYTES))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._deadly = deadly
        self._place = place
        self._daemon = os.getpid()
        self._notes = path.with_suffix(".places")
        self._known: set[str] = set()
        self._note_file = -1
        if not deadly and not place:
            self._note_file = os.open(self._notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @property
    def passed(self) -> int:
        """How many points were passed."""
        return int.from_bytes(self._map[:_COUNT_BYTES], "big")

    @property
    def died_at(self) -> str:
        """Where the daemon was when it was killed, empty where it was not."""
        return self._map[_COUNT_BYTES:].rstrip(b"\0").decode()

    def places(self) -> set[str]:
        """Return where a life without a deadly point has been."""
        return set(self._notes.read_text().splitlines())

    def pass_point(self, kind: str, where: Callable[[], str]) -> None:
        """Count one more, and die if it is the one."""
        number = self.passed + 1
        self._map[:_COUNT_BYTES] = number.to_bytes(_COUNT_BYTES, "big")
        if self._deadly and number != self._deadly:
            return
        place = f"{kind} {where()}"
        if not self._deadly and not self._place:
            self._note(place)
        elif self._deadly or place == self._place:
            self._map[_COUNT_BYTES:] = place.encode()[:_PLACE_BYTES].ljust(_PLACE_BYTES, b"\0")
            os.kill(self._daemon, signal.SIGKILL)
            os._exit(1)  # where this is a child of the daemon

    def _note(self, place: str) -> None:
        if place not in self._known:
            self._known.add(place)
            os.write(self._note_file, f"{place}\n".encode())  # not a point itself


class CountedSteps(Coroutine[Any, Any, Any]):
    """A coroutine whose steps are counted, at both ends."""

    def __init__(self, steps: Coroutine[Any, Any, Any], tally: Tally) -> None:
        self._steps = steps
        self._tally = tally

    def send(self, value: Any) -> Any:
        """Go on to the next await."""
        self._tally.pass_point("after", self._where)
        found = self._steps.send(value)
        self._tally.pass_point("at", self._where)
        return found

    def throw(
        self,
        kind: Any,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
    ) -> Any:
        """Go on to the next await from an exception: a cancellation, mostly."""
        self._tally.pass_point("cancelled", self._where)
        return self._steps.throw(kind, value, trace)

    def close(self) -> None:
        """Leave it for good."""
        self._steps.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._steps.__await__()

    def _where(self) -> str:
        """Return the innermost line of ours that waits."""
        found = "?"
        steps: object = self._steps
        while isinstance(steps, CoroutineType):
            frame = steps.cr_frame
            if frame is not None and (line := _line(frame.f_code.co_filename, frame.f_lineno)):
                found = line
            steps = steps.cr_await
        return found


def die_at_a_point(path: str, deadly: str, *place: str) -> None:
    """Count the points of this process in a file, and kill it at one of them, or at a place."""
    tally = Tally(Path(path), int(deadly), " ".join(place))

    def factory(
        loop: asyncio.AbstractEventLoop,
        steps: Coroutine[Any, Any, Any],
        context: Context | None = None,
        **told: Any,
    ) -> asyncio.Task[Any]:
        return asyncio.Task(CountedSteps(steps, tally), loop=loop, context=context, **told)

    new_event_loop = uvloop.new_event_loop

    def counted_loop() -> uvloop.Loop:
        loop: Any = new_event_loop()  # its hints know no coroutines
        loop.set_task_factory(factory)
        return loop  # type: ignore[no-any-return]

    def audited(event: str, _told: tuple[object, ...]) -> None:
        if event.startswith(_AUDITED):
            tally.pass_point(event, _caller)

    uvloop.new_event_loop = counted_loop
    for owner, name in ((Witness, "write"), (SyncRedisLink, "_exchange"), (os, "fork")):
        setattr(owner, name, _counted(getattr(owner, name), name, tally))
    sys.addaudithook(audited)


def _counted(
    function: Callable[Arguments, Result], name: str, tally: Tally
) -> Callable[Arguments, Result]:
    """Return a function with a point before it and one after it."""

    def counted(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        tally.pass_point(f"before {name}", _caller)
        result = function(*arguments, **named)
        tally.pass_point(f"after {name}", _caller)
        return result

    return counted


def _caller() -> str:
    """Return the innermost line of ours that is being executed."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if line := _line(frame.f_code.co_filename, frame.f_lineno):
            return line
        frame = frame.f_back
    return "?"


def _line(filename: str, number: int) -> str:
    """Return `file:line` of a line of the product, else nothing."""
    path = Path(filename)
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in _PRODUCT:
        return ""
    return f"{path.relative_to(ROOT)}:{number}"
