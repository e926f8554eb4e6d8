"""What one account holds, and has on order, in one instrument (B1, B3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import PPM
from risk.brackets import bracketed_maintenance_atoms, initial_margin_atoms

if TYPE_CHECKING:
    from risk.account import Account
    from risk.instrument import Instrument


class Position:
    """Signed lots and their exact signed cost, beside the sums of the account's open orders.

    `cost_atoms` carries the sign of `lots`; the average price is derived for display and never
    stored. `buy_*` and `sell_*` sum the open orders of either side at their own prices; orders that
    only reduce stand apart, as `reduce_lots`, and hold no margin; `armed_reducing` counts those
    of them that are still asleep. `has_turned` is set when a fill leaves the position flat or on
    the other side, until somebody has looked for what such orders that spends (A8).
    `tries` counts the slices in a row that found too few buyers, the first at `tried_since_us`
    (D6). `opened_by` is the trade that opened the position, for ties (D2). The initial margin of a
    notional is ⌈notional × margin_numerator ⁄ margin_denominator⌉, in a later bracket more.
    `open_index` is the position book's index of everybody who holds lots of the instrument; a fill
    keeps it. `unbanded` is the instrument's index of those whom any mark must look at, `band_low`
    and `band_high` the marks (in half ticks) beyond which this one must be looked at; 0 is no end
    (D9). `own_leverage_ppm` is the account's leverage for this instrument, 0 none; the least of it,
    the account's and the instrument's is the `leverage_used_ppm` (B3).
    """

    __slots__ = (
        "account",
        "armed_reducing",
        "band_high",
        "band_low",
        "buy_atoms",
        "buy_lots",
        "cost_atoms",
        "fee_hold_atoms",
        "has_turned",
        "instrument",
        "leverage_used_ppm",
        "lots",
        "margin_denominator",
        "margin_numerator",
        "open_index",
        "opened_by",
        "own_leverage_ppm",
        "reduce_lots",
        "sell_atoms",
        "sell_lots",
        "tried_since_us",
        "tries",
        "unbanded",
    )

    def __init__(
        self,
        account: Account,
        instrument: Instrument,
        open_index: dict[str, Position],
        unbanded: dict[str, Position],
    ) -> None:
        self.account: Account = account
        self.instrument: Instrument = instrument
        self.open_index: dict[str, Position] = open_index
        self.unbanded: dict[str, Position] = unbanded
        self.band_low: int = 0
        self.band_high: int = 0
        self.lots: int = 0
        self.cost_atoms: int = 0
        self.opened_by: int = 0
        self.tries: int = 0
        self.tried_since_us: int = 0
        self.buy_lots: int = 0
        self.buy_atoms: int = 0
        self.sell_lots: int = 0
        self.sell_atoms: int = 0
        self.reduce_lots: int = 0
        self.armed_reducing: int = 0
        self.has_turned: bool = False
        self.fee_hold_atoms: int = 0
        self.own_leverage_ppm: int = 0
        self.leverage_used_ppm: int = 0
        self.margin_numerator: int = 0
        self.margin_denominator: int = 1
        self.set_margin_rate()

    def set_margin_rate(self) -> None:
        """Choose the dearer of 1 ⁄ leverage used and the instrument's initial rate (B3)."""
        leverage_ppm = self._least_leverage_ppm(self.own_leverage_ppm)
        self.leverage_used_ppm = leverage_ppm
        self.margin_numerator, self.margin_denominator = self._margin_rate(leverage_ppm)

    def _least_leverage_ppm(self, own_leverage_ppm: int) -> int:
        """Return the least of the leverages that are set: the one used (B3)."""
        least = self.instrument.terms.max_leverage_ppm
        for leverage_ppm in (self.account.leverage_ppm, own_leverage_ppm):
            if 0 < leverage_ppm < least:
                least = leverage_ppm
        return least

    def _margin_rate(self, leverage_ppm: int) -> tuple[int, int]:
        """Return the dearer of 1 ⁄ leverage and the lowest initial rate, as a fraction."""
        initial_ppm = self.instrument.terms.initial_margin_ppm
        if initial_ppm * leverage_ppm <= PPM * PPM:
            return PPM, leverage_ppm
        return initial_ppm, PPM

    def value_atoms(self) -> int:
        """Return the signed notional at the mark."""
        return self.lots * self.instrument.mark_half_ticks * self.instrument.half_atoms

    def unrealized_atoms(self) -> int:
        """Return what closing at the mark would realise."""
        return self.value_atoms() - self.cost_atoms

    def initial_atoms(self) -> int:
        """Return the initial margin of the position and its open orders (B3)."""
        return self.margin_atoms(self.worse_atoms())

    def initial_atoms_at(self, own_leverage_ppm: int) -> int:
        """Return what that would be with another leverage for this instrument."""
        leverage_ppm = self._least_leverage_ppm(own_leverage_ppm)
        numerator, denominator = self._margin_rate(leverage_ppm)
        return initial_margin_atoms(
            self.instrument.brackets, self.worse_atoms(), numerator, denominator
        )

    def worse_atoms(self) -> int:
        """Return the greater exposure of the two sides, with their open orders (B3).

        A side whose orders can only reduce the position counts for nothing.
        """
        value = self.value_atoms()
        worse = value if value > 0 else -value
        if self.buy_lots + self.lots > 0:
            worse = max(worse, value + self.buy_atoms)
        if self.sell_lots - self.lots > 0:
            worse = max(worse, self.sell_atoms - value)
        return worse

    def position_margin_atoms(self) -> int:
        """Return the initial margin of the position alone."""
        return self.margin_atoms(abs(self.value_atoms()))

    def margin_atoms(self, notional_atoms: int) -> int:
        """Return the initial margin of a notional, ⌈⌉: by 1 ⁄ leverage or its bracket (B3)."""
        numerator, denominator = self.margin_numerator, self.margin_denominator
        if self.instrument.brackets:
            brackets = self.instrument.brackets
            return initial_margin_atoms(brackets, notional_atoms, numerator, denominator)
        return -(-notional_atoms * numerator // denominator)

    def maintenance_atoms(self) -> int:
        """Return the maintenance margin, ⌈notional × rate⌉ (B4)."""
        instrument, notional = self.instrument, abs(self.value_atoms())
        if instrument.brackets:
            return bracketed_maintenance_atoms(instrument.brackets, notional)
        return -(-notional * instrument.terms.maintenance_margin_ppm // PPM)

    def is_idle(self) -> bool:
        """Tell whether there is neither a position nor an open order."""
        sleeping = self.armed_reducing
        return self.lots == self.buy_lots == self.sell_lots == self.reduce_lots == sleeping == 0

    def hold(self, side: int, lots: int, atoms: int, fee_atoms: int) -> None:
        """Add an open order's lots, notional and worst-case fee; negative values release."""
        if side > 0:
            self.buy_lots += lots
            self.buy_atoms += atoms
            assert self.buy_lots >= 0
            assert self.buy_atoms >= 0
        else:
            self.sell_lots += lots
            self.sell_atoms += atoms
            assert self.sell_lots >= 0
            assert self.sell_atoms >= 0
        self.fee_hold_atoms += fee_atoms
        assert self.fee_hold_atoms >= 0

    def hold_reducing(self, lots: int, fee_atoms: int) -> None:
        """Add an order that only reduces: it holds its worst-case fee alone."""
        self.reduce_lots += lots
        self.fee_hold_atoms += fee_atoms
        assert self.reduce_lots >= 0
        assert self.fee_hold_atoms >= 0

    def trade(self, signed_lots: int, price_ticks: int, trade_id: int) -> int:
        """Book a fill and return what it realises, in atoms (B1).

        Reducing takes ⌊cost × closed ⁄ lots⌋ out of the cost, on magnitudes; a fill that passes
        through zero is a close and an open in one.
        """
        assert signed_lots != 0
        unit_price = price_ticks * self.instrument.unit_atoms
        held = self.lots
        if held * signed_lots >= 0:
            if held == 0:
                self.opened_by = trade_id
                self.open_index[self.account.account_id] = self
                self.unbanded[self.account.account_id] = self
            self.lots = held + signed_lots
            self.cost_atoms += signed_lots * unit_price
            return 0

        left = held + signed_lots
        self.lots = left
        if left * held > 0:
            sign = 1 if held > 0 else -1
            cost_out = sign * (sign * self.cost_atoms * -signed_lots // held)
            self.cost_atoms -= cost_out
            return -signed_lots * unit_price - cost_out

        # All of it is closed, and takes all of its cost along; what is left opens the other side.
        realized = held * unit_price - self.cost_atoms
        self.has_turned = True
        self.cost_atoms = left * unit_price
        self.tries = self.tried_since_us = 0
        if left == 0:
            del self.open_index[self.account.account_id]
        else:
            self.opened_by = trade_id
        return realized

    def restate(self, lots: int) -> None:
        """Hold other lots at the same cost, on the same side: what a split makes of it (B6)."""
        assert lots * self.lots > 0
        self.lots = lots

    def forget_tries(self) -> None:
        """Begin anew to count slices that find no buyer."""
        self.tries = 0
        self.tried_since_us = 0

    def check(self) -> None:
        """Assert every invariant of one position."""
        leverage_ppm = self._least_leverage_ppm(self.own_leverage_ppm)
        assert leverage_ppm == self.leverage_used_ppm
        rate = self.margin_numerator, self.margin_denominator
        assert rate == self._margin_rate(leverage_ppm), "set_margin_rate was forgotten"
        assert (self.lots == 0) == (self.cost_atoms == 0)
        assert self.lots * self.cost_atoms >= 0, "cost carries the sign of the lots"
        assert min(self.buy_lots, self.sell_lots, self.buy_atoms, self.sell_atoms) >= 0
        assert (self.buy_lots == 0) == (self.buy_atoms == 0)
        assert (self.sell_lots == 0) == (self.sell_atoms == 0)
        assert self.fee_hold_atoms >= 0
        assert self.tries == 0 or self.lots != 0, "what is flat is not being sold"
        assert self.tries > 0 or self.tried_since_us == 0
