"""Every position of the shard, found by account and by symbol; the open ones stand apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from risk.bands import Bands
from risk.position import Position

if TYPE_CHECKING:
    from risk.account import Account
    from risk.instrument import Instrument


class PositionBook:
    """Indexes over the positions: by symbol and account, and those with lots by symbol.

    The index by account is `Account.positions`; a fill keeps the index of the open ones
    (`Position.trade`). All look-ups are O(1). The order of iteration
    carries no meaning: whoever needs one sorts.
    """

    __slots__ = ("_bands", "_by_symbol", "_open")

    def __init__(self) -> None:
        self._by_symbol: dict[str, dict[str, Position]] = {}
        self._open: dict[str, dict[str, Position]] = {}
        self._bands: dict[str, Bands] = {}

    def add_symbol(self, symbol: str) -> None:
        """Make room for an instrument."""
        assert symbol not in self._by_symbol
        self._by_symbol[symbol] = {}
        self._open[symbol] = {}
        self._bands[symbol] = Bands()

    def remove_symbol(self, symbol: str) -> None:
        """Forget an instrument in which everybody is flat."""
        assert not self._open.pop(symbol)
        del self._bands[symbol]
        for position in self._by_symbol.pop(symbol).values():
            assert position.is_idle()
            del position.account.positions[symbol]

    def of(self, account_id: str, symbol: str) -> Position | None:
        """Return an account's position in a symbol, flat or not, or None."""
        return self._by_symbol[symbol].get(account_id)

    def in_symbol(self, symbol: str) -> dict[str, Position]:
        """Return account id -> position of everybody who ever traded the symbol. Do not change."""
        return self._by_symbol[symbol]

    def open_in(self, symbol: str) -> dict[str, Position]:
        """Return account id -> position of everybody who holds lots of it. Do not change."""
        return self._open[symbol]

    def bands(self, symbol: str) -> Bands:
        """Return the price bands of an instrument (D9)."""
        return self._bands[symbol]

    def unband(self, symbol: str) -> None:
        """Have everybody who holds an instrument looked at when its mark moves. Linear."""
        self._bands[symbol].unbanded.update(self._open[symbol])

    def open_or_create(self, account: Account, instrument: Instrument) -> Position:
        """Return the account's position in an instrument, a flat new one if there was none."""
        positions = self._by_symbol[instrument.symbol]
        position = positions.get(account.account_id)
        if position is None:
            position = positions[account.account_id] = Position(
                account,
                instrument,
                self._open[instrument.symbol],
                self._bands[instrument.symbol].unbanded,
            )
            account.positions[instrument.symbol] = position
        return position

    def restore(
        self, account: Account, instrument: Instrument, lots: int, cost_atoms: int, opened_by: int
    ) -> Position:
        """Bring back a position from a snapshot, and return it."""
        position = self.open_or_create(account, instrument)
        assert position.lots == 0
        position.lots, position.cost_atoms, position.opened_by = lots, cost_atoms, opened_by
        if lots:
            self._open[instrument.symbol][account.account_id] = position
        return position

    def check(self) -> None:
        """Assert that all indexes agree and that every instrument's positions sum to zero (B7)."""
        assert self._by_symbol.keys() == self._open.keys()
        for symbol, positions in self._by_symbol.items():
            for account_id, position in positions.items():
                position.check()
                assert position.account.account_id == account_id
                assert position.account.positions[symbol] is position
                assert position.instrument.symbol == symbol
            held = {a for a, position in positions.items() if position.lots != 0}
            assert self._open[symbol].keys() == held
            assert all(self._open[symbol][a] is positions[a] for a in held)
            assert sum(position.lots for position in positions.values()) == 0
            self._bands[symbol].check(positions)
