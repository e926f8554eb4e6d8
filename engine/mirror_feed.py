"""What the state mirror shows: gathered between frames, so only what is acknowledged is seen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from engine.grid import Grid
from engine.rendering_admin import money, rate
from engine.views import average_price
from persistence.mirror import AccountView, MirrorUpdate, PositionView
from risk.margin import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.changed_accounts import ChangedAccounts
    from engine.loop import EngineLoop
    from risk.account import Account
    from risk.position import Position

ACCOUNTS_PER_ROUND: Final = 1_000


class MirrorFeed:
    """Gathers the accounts that changed, and in turn some whose equity only the marks moved."""

    def __init__(self, loop: EngineLoop, changed: ChangedAccounts, interval_seconds: float) -> None:
        self.interval_seconds = interval_seconds
        self._loop = loop
        self._changed = changed
        self._seen_frame = -1
        self._turn: list[str] = []
        self._accounts: dict[str, AccountView] = {}
        self._marks: dict[str, str] = {}

    async def run(self) -> None:
        """Gather at an interval, for ever."""
        while True:
            await self._loop.between_frames(self._gather)
            await asyncio.sleep(self.interval_seconds)

    def take(self) -> MirrorUpdate:
        """Return what was gathered since it was last taken."""
        update = MirrorUpdate(self._seen_frame, list(self._accounts.values()), self._marks)
        self._accounts, self._marks = {}, {}
        return update

    def _gather(self) -> None:
        frame = self._loop.position.n
        if frame == self._seen_frame:
            return
        state = self._loop.machine.kernel.state
        if not self._turn:
            self._turn = list(state.accounts)
        in_turn, self._turn = self._turn[:ACCOUNTS_PER_ROUND], self._turn[ACCOUNTS_PER_ROUND:]
        changed = self._changed.take("mirror")
        if self._seen_frame < 0:
            changed = dict.fromkeys(state.accounts)
        self._seen_frame = frame
        for name in (*changed, *in_turn):
            account = state.accounts.get(name)
            if account is not None:
                self._accounts[name] = _account_view(account)
        for symbol, market in state.markets.items():
            instrument = market.instrument
            if instrument.mark_half_ticks:
                grid = Grid(instrument.terms)
                self._marks[symbol] = grid.half_price_text(instrument.mark_half_ticks)


def _account_view(account: Account) -> AccountView:
    standing = Standing(account)
    return AccountView(
        account.account_id,
        money(account.balance_atoms),
        money(standing.equity),
        money(standing.position_initial),
        money(max(0, standing.free)),
        _position_views(account.positions.values()),
    )


def _position_views(positions: Iterable[Position]) -> list[PositionView]:
    return [
        PositionView(
            f"{position.account.account_id}:{position.instrument.symbol}:{position.opened_by}",
            position.instrument.symbol,
            Grid(position.instrument.terms).quantity_text(position.lots),
            average_price(position),
            money(position.position_margin_atoms()),
            rate(position.leverage_used_ppm),
        )
        for position in positions
        if position.lots != 0
    ]
