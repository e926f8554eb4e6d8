"""An event as a line of JSON, with its identity: frame and place in it, and the engine's time."""

from typing import Any

import msgspec

from engine.cli.journal_reader import JournalEntry


def event_line(entry: JournalEntry, index: int, event: dict[str, Any]) -> str:
    """Return one line without its end; `time_us` is engine time."""
    placed = {**event, "frame": entry.n, "index": index, "time_us": entry.t}
    return msgspec.json.encode(placed).decode()


def concerns(event: dict[str, Any], account: str) -> bool:
    """Tell whether an event is about an account, as its owner, maker or taker."""
    if event.get("account") == account:
        return True
    sides = (event.get("maker"), event.get("taker"))
    return any(isinstance(side, dict) and side.get("account") == account for side in sides)
