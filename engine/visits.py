"""Calls that other tasks ask for at a frame boundary (`engine.ports.FrameBoundary`)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Visits:
    """Who waits to be called, in order; whoever owns the machine calls them between frames."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], None], asyncio.Future[None]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def ask(self, visit: Callable[[], None]) -> asyncio.Future[None]:
        """Ask for a call; return what to wait for: it raises what the call raises."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((visit, done))
        return done

    def receive(self) -> None:
        """Call everybody who still waits."""
        while self._waiting:
            visit, done = self._waiting.popleft()
            if done.cancelled():
                continue
            try:
                visit()
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(None)

    def cancel(self) -> None:
        """Send away everybody who waits."""
        for _, done in self._waiting:
            done.cancel()
