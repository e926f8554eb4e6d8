"""Which stream a command belongs to, and how its entry is written."""

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from engine.connections import RedisLink
from feeds.inbox import entry_order
from feeds.sources.record import TICK_TYPES

StreamName: TypeAlias = Literal["orders", "ticks", "admin"]

ADMIN_TYPES: Final = frozenset(
    {
        "create_instrument",
        "update_instrument",
        "delete_instrument",
        "create_account",
        "update_account",
        "deposit",
        "withdraw",
        "set_market_state",
        "set_market_breakers",
        "set_activity",
        "set_risk",
        "set_liquidation",
        "set_leverage",
        "set_fee_tiers",
        "kill",
        "resume",
        "fund_insurance",
        "apply_funding",
        "apply_swap",
        "corporate_action",
        "book_trade",
    }
)


def stream_of(command: Any) -> StreamName:
    """Return the stream of a decoded command, or of an array's first.

    What is no command goes to `orders`, so that the engine refuses it with a number.
    """
    if isinstance(command, list) and command:
        command = command[0]
    kind = command.get("type") if isinstance(command, dict) else None
    if not isinstance(kind, str):
        return "orders"
    if kind in ADMIN_TYPES:
        return "admin"
    return "ticks" if kind in TICK_TYPES else "orders"


def entry_id(raw: str | bytes) -> tuple[int, int]:
    """Return a stream id as a pair that compares like the id: (milliseconds, sequence)."""
    return entry_order(raw.decode() if isinstance(raw, bytes) else raw)


def encode(command: Any) -> bytes:
    """Return a command as the JSON of an entry's field `c`."""
    return msgspec.json.encode(command)


async def append(link: RedisLink, key: str, payloads: Sequence[bytes]) -> list[Any]:
    """Append entries under ids of the server's choice, in one write; one reply for each."""
    return await link.call_many([("XADD", key, "*", "c", payload) for payload in payloads])
