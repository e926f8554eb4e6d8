"""The state mirror: what other programs may look at in Redis, and the engine never reads.

It lags by an interval and lives on a link of its own; whatever goes wrong here waits and is
written later, without touching the engine.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from engine.connections import (
    Argument,
    Connections,
    LinkLost,
    RedisLink,
    RedisReplyError,
    SecretUnreadable,
)

INTERVAL_SECONDS: Final = 1.0
_COMMANDS_PER_WRITE: Final = 300  # the journal's appends wait behind a longer pipeline
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class PositionView:
    """One open position; `quantity` is signed, decimals are strings."""

    id: str
    symbol: str
    quantity: str
    avg_price: str
    margin: str
    leverage: str


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account as others see it; decimals are strings.

    `used_margin` is the initial margin of the positions, without the holds of open orders.
    """

    id: str
    balance: str
    equity: str
    used_margin: str
    available_margin: str
    positions: Sequence[PositionView] = ()


@dataclass(frozen=True, slots=True)
class MirrorUpdate:
    """What changed since the last update, as of an acknowledged frame."""

    frame: int
    accounts: Sequence[AccountView] = ()
    marks: dict[str, str] = field(default_factory=dict)


class StateMirror:
    """Takes updates from the engine at an interval and writes them to Redis.

    `take` returns what changed since it was last called, and is called only while Redis can be
    reached. `prefix` stands before every key. `mirrored_frame` is the frame of the last update
    written, `state` one of `starting`, `writing`, `waiting: <reason>`.
    """

    def __init__(
        self,
        connections: Connections,
        take: Callable[[], MirrorUpdate],
        prefix: str,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self.mirrored_frame = 0
        self.state = "starting"
        self._connections = connections
        self._take = take
        self._prefix = prefix
        self._interval_seconds = interval_seconds
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        # Taken and not known to be written: at most one view an account and one mark a symbol.
        self._accounts: dict[str, tuple[int, AccountView]] = {}
        self._marks: dict[str, str] = {}
        # Symbols that Redis shows for an account, to remove those that were closed since.
        self._shown: dict[str, set[str]] = {}

    async def run(self) -> None:
        """Mirror for ever; ends only by cancellation."""
        while True:
            try:
                link = await self._connections.redis()
                try:
                    await self._mirror(link)
                finally:
                    await link.close()
            except (LinkLost, RedisReplyError, SecretUnreadable) as error:
                self.state = f"waiting: {error}"
            await asyncio.sleep(self._pause_seconds)
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)

    async def _mirror(self, link: RedisLink) -> None:
        while True:
            update = self._take()
            self._accounts.update((view.id, (update.frame, view)) for view in update.accounts)
            self._marks.update(update.marks)
            await self._learn_shown(link)
            await self._write(link)
            self.mirrored_frame = update.frame
            self.state = "writing"
            self._pause_seconds = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(self._interval_seconds)

    async def _learn_shown(self, link: RedisLink) -> None:
        """Ask which positions an earlier run left, for accounts not yet written by this one."""
        unknown = [account for account in self._accounts if account not in self._shown]
        for some in _parts(unknown):
            replies = _checked(
                await link.call_many([("HKEYS", self._key(f"positions:{each}")) for each in some])
            )
            for account, symbols in zip(some, replies, strict=True):
                self._shown[account] = {symbol.decode() for symbol in symbols}

    async def _write(self, link: RedisLink) -> None:
        for some in _parts(list(self._marks)):
            pairs = [(self._key(f"mark_price:{symbol}"), self._marks[symbol]) for symbol in some]
            _checked(await link.call_many([("SET", *pair) for pair in pairs]))
            for symbol in some:
                del self._marks[symbol]
        for accounts in _parts(list(self._accounts)):
            commands = [
                command for each in accounts for command in self._commands(*self._accounts[each])
            ]
            _checked(await link.call_many(commands))
            for account in accounts:
                _, view = self._accounts.pop(account)
                self._shown[account] = {position.symbol for position in view.positions}

    def _commands(self, frame: int, view: AccountView) -> list[list[Argument]]:
        """Return what shows one account. No MULTI: a torn one would cost the journal's tail."""
        account, positions = f"account:{view.id}", self._key(f"positions:{view.id}")
        # One MSET, so that nobody sees a balance beside the equity of another moment.
        values: dict[str, Argument] = {
            "balance": view.balance,
            "equity": view.equity,
            "used_margin": view.used_margin,
            "snapshot": _snapshot(view),
            "mark_frame": frame,
        }
        commands: list[list[Argument]] = [["MSET"]]
        for name, value in values.items():
            commands[0] += [self._key(f"{account}:{name}"), value]
        closed = self._shown[view.id] - {position.symbol for position in view.positions}
        if closed:
            commands.append(["HDEL", positions, *sorted(closed)])
        if view.positions:
            fields: list[Argument] = []
            for each in view.positions:
                shown = {"quantity": each.quantity, "avg_price": each.avg_price}
                fields += [each.symbol, msgspec.json.encode(shown)]
            commands.append(["HSET", positions, *fields])
        return commands

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}"


def _snapshot(view: AccountView) -> bytes:
    """Return the account as one JSON object, in the names that its readers expect."""
    positions = [
        {
            "id": each.id,
            "symbol": each.symbol,
            "side": "SHORT" if each.quantity.startswith("-") else "LONG",
            "entryPrice": each.avg_price,
            "quantity": each.quantity.removeprefix("-"),
            "margin": each.margin,
            "leverage": each.leverage,
        }
        for each in view.positions
    ]
    return msgspec.json.encode(
        {
            "balance": view.balance,
            "equity": view.equity,
            "marginUsed": view.used_margin,
            "availableMargin": view.available_margin,
            "positions": positions,
        }
    )


def _parts(items: list[str]) -> list[list[str]]:
    size = _COMMANDS_PER_WRITE // 3  # at most three commands an account
    return [items[start : start + size] for start in range(0, len(items), size)]


def _checked(replies: list[Any]) -> list[Any]:
    """Raise the first error reply of a pipeline."""
    for reply in replies:
        if isinstance(reply, RedisReplyError):
            raise reply
    return replies
