"""Looks at the engine's state that wait for a frame boundary."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Visits:
    """Who wants to look, in order of asking."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], None], asyncio.Future[None]]] = deque()

    def __bool__(self) -> bool:
        """Tell whether anybody waits."""
        return bool(self._waiting)

    def ask(self, visit: Callable[[], None]) -> asyncio.Future[None]:
        """Put down a visit; what is returned is done, or raises what it raised, once it was."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((visit, done))
        return done

    def receive(self) -> None:
        """Let everybody look now, except who waits no more."""
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
        """Let nobody wait any longer."""
        for _, done in self._waiting:
            done.cancel()
