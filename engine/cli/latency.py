"""How long an order takes from being sent until its answer is read, over the last many of them."""

import time
from collections import deque
from typing import Any, Final

WINDOW: Final = 50_000
"""Answers looked at; older ones are forgotten."""


class Latency:
    """Matches orders sent with their first event in the journal."""

    def __init__(self) -> None:
        self._sent: dict[str, float] = {}
        self._seconds: deque[float] = deque(maxlen=WINDOW)

    @property
    def unanswered(self) -> int:
        """Return how many orders wait for their answer."""
        return len(self._sent)

    def sent(self, client_order_ids: list[str]) -> None:
        """Note orders that are about to be written."""
        now = time.monotonic()
        for each in client_order_ids:
            self._sent.setdefault(each, now)

    def observe(self, events: list[dict[str, Any]]) -> None:
        """Take the time of those that these events answer."""
        now = time.monotonic()
        for event in events:
            if event["type"] in ("order_accepted", "rejected"):
                started = self._sent.pop(event.get("client_order_id", ""), None)
                if started is not None:
                    self._seconds.append(now - started)

    def milliseconds(self, *per_cent: int) -> list[float]:
        """Return percentiles of the latency in ms, 0 where nothing has been answered."""
        ordered = sorted(self._seconds)
        if not ordered:
            return [0.0 for _ in per_cent]
        return [1_000 * ordered[(len(ordered) - 1) * each // 100] for each in per_cent]
