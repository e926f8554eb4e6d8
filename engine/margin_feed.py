"""Keeps margins of open positions in Postgres: gathered between frames, a few at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from engine.connections import POSTGRES_FAILED, PostgresLost, SecretUnreadable
from engine.grid import Grid
from engine.rendering_admin import money, rate
from persistence.margins import MarginRow, refresh_margins
from persistence.queries import query
from risk.tiers import tier_price_ticks

if TYPE_CHECKING:
    from engine.changed_accounts import ChangedAccounts
    from engine.connections import Connections, PostgresConnection
    from engine.loop import EngineLoop
    from engine.state import State
    from risk.account import Account

INTERVAL_SECONDS: Final = 10.0
VISITS_PER_ROUND: Final = 10
POSITIONS_PER_VISIT: Final = 100
"""So many cost the engine a millisecond or so."""
ACCOUNTS_PER_VISIT: Final = 1_000

_AWAY: Final[tuple[type[Exception], ...]] = (PostgresLost, SecretUnreadable, *POSTGRES_FAILED)


class MarginFeed:
    """Refreshes the positions of accounts that changed, then in turn those that marks have moved.

    `state` is `starting`, `writing` or `skipped: <reason>`: while Postgres is away nothing waits,
    and the next round writes what is true by then. `refreshed` counts rows.
    """

    def __init__(
        self,
        loop: EngineLoop,
        changed: ChangedAccounts,
        connections: Connections,
        shard: str,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self.state = "starting"
        self.refreshed = 0
        self._loop = loop
        self._changed = changed
        self._connections = connections
        self._shard = shard
        self._interval_seconds = interval_seconds
        # Accounts to look at: those that changed, then the others in turn; at the end all anew.
        self._first: dict[str, None] = {}
        self._turn: list[str] = []
        self._gathered: list[MarginRow] = []
        self._frame = 0

    async def run(self) -> None:
        """Refresh at an interval, for ever."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            try:
                database = await self._connections.postgres()
                try:
                    await database.execute(query("become_writer"))
                    await self._refresh(database)
                finally:
                    database.terminate()
            except _AWAY as error:
                self.state = f"skipped: {type(error).__name__}"

    async def _refresh(self, database: PostgresConnection) -> None:
        while True:
            await self._round(database)
            self.state = "writing"
            await asyncio.sleep(self._interval_seconds)

    async def _round(self, database: PostgresConnection) -> None:
        for _ in range(VISITS_PER_ROUND):
            await self._loop.between_frames(self._gather)
            rows, self._gathered = self._gathered, []
            self.refreshed += await refresh_margins(database, self._shard, self._frame, rows)
            if not self._turn:
                break

    def _gather(self) -> None:
        """Look at the next accounts, as many as a visit may."""
        state = self._loop.machine.kernel.state
        self._frame = self._loop.position.n
        self._first.update(self._changed.take("margins"))
        if not self._turn:
            self._turn = list(state.accounts)
        for _ in range(ACCOUNTS_PER_VISIT):
            if len(self._gathered) >= POSITIONS_PER_VISIT or not self._turn:
                break
            account_id = self._first.popitem()[0] if self._first else self._turn.pop()
            account = state.accounts.get(account_id)
            if account is not None:
                self._gathered += margin_rows(account, state)


def margin_rows(account: Account, state: State) -> list[MarginRow]:
    """Return how the account's open positions stand; reserved accounts are never liquidated."""
    rows = []
    for symbol, position in account.positions.items():
        if position.lots == 0:
            continue
        grid = Grid(position.instrument.terms)
        ticks = tier_price_ticks(position, state.ladder.tier1_ppm)
        price = None if ticks is None or account.is_reserved else grid.price_text(ticks)
        rows.append(
            MarginRow(
                account.account_id,
                symbol,
                "LONG" if position.lots > 0 else "SHORT",
                grid.quantity_text(abs(position.lots)),
                rate(position.leverage_used_ppm),
                money(position.position_margin_atoms()),
                price,
            )
        )
    return rows
