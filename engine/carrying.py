"""Funding, swap, dividends: what positions pay each other at a boundary an operator names (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import PAYMENTS_PER_FRAME, PPB, PPM
from matching.terms import Refusal
from risk.carry import Carry, Dividend, paid_and_received
from risk.messages import BalanceChanged, FundingApplied, Rejected, SwapApplied

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.restating import Restating
    from engine.state import State
    from risk.instrument import Instrument
    from risk.messages import ApplyFunding, ApplySwap


class Carrying:
    """The part of the kernel that has positions pay each other, and the residue the rest."""

    __slots__ = ("_restating", "_state")

    def __init__(self, state: State, restating: Restating) -> None:
        self._state: State = state
        self._restating: Restating = restating

    def apply_funding(self, command: ApplyFunding, events: list[Event]) -> None:
        """Have longs pay shorts the rate, within the instrument's cap; below 0 the reverse."""
        instrument = self._priced(command, "$.funding_id", events)
        if instrument is None:
            return
        cap_ppb = instrument.terms.funding_cap_ppm * (PPB // PPM)
        rate_ppb = max(-cap_ppb, min(cap_ppb, command.rate_ppb))
        carry = Carry(command.symbol, "funding", command.funding_id, rate_ppb, -rate_ppb, PPB)
        payments = carry.reckon(self._state.positions.open_in(command.symbol))
        paid, received = paid_and_received(payments)
        mark = instrument.mark_half_ticks
        events.append(
            FundingApplied(command.symbol, command.funding_id, rate_ppb, mark, paid, received)
        )
        self.begin(carry, command.digest, events)

    def apply_swap(self, command: ApplySwap, events: list[Event]) -> None:
        """Have each side pay its own rate for `days` of a year; below 0 it receives."""
        instrument = self._priced(command, "$.swap_id", events)
        if instrument is None:
            return
        long_ppb, short_ppb = command.long_rate_ppb, command.short_rate_ppb
        days, day_count = command.days, command.day_count
        carry = Carry(
            command.symbol,
            "swap",
            command.swap_id,
            long_ppb * days,
            short_ppb * days,
            PPB * day_count,
        )
        payments = carry.reckon(self._state.positions.open_in(command.symbol))
        paid, received = paid_and_received(payments)
        events.append(
            SwapApplied(
                command.symbol,
                command.swap_id,
                long_ppb,
                short_ppb,
                day_count,
                days,
                instrument.mark_half_ticks,
                paid,
                received,
            )
        )
        self.begin(carry, command.digest, events)

    def go_on(self, events: list[Event]) -> None:
        """Make as many of the payments as fit a frame; nothing else runs before the last one.

        After a dividend's last one the orders below the market come down by it.
        """
        state = self._state
        carry = state.carry
        assert carry is not None
        payments = carry.payments
        if payments is None:
            payments = carry.reckon(state.positions.open_in(carry.symbol))
        for account_id, delta in payments[:PAYMENTS_PER_FRAME]:
            account = state.accounts[account_id]
            account.balance_atoms += delta
            state.ledger.balances += delta
            state.ledger.residue -= delta
            state.touched[account_id] = account
            balance = account.balance_atoms
            events.append(
                BalanceChanged(
                    account_id, delta, balance, carry.cause, carry.reference, carry.symbol
                )
            )
            carry.after = account_id
        del payments[:PAYMENTS_PER_FRAME]
        if not payments:
            state.carry = None
            if isinstance(carry, Dividend):
                self._restating.lower(state.markets[carry.symbol], carry, events)

    def _priced(
        self, command: ApplyFunding | ApplySwap, id_path: str, events: list[Event]
    ) -> Instrument | None:
        """Return the instrument of a boundary that may be paid, or refuse the command."""
        state = self._state
        market = state.markets.get(command.symbol)
        path: str | None = None
        if market is None:
            refusal = Refusal.UNKNOWN_INSTRUMENT
        elif command.defect is not None:
            refusal, path = command.defect, command.defect_path
        elif command.digest in state.transfers:
            refusal, path = Refusal.DUPLICATE, id_path
        elif market.instrument.mark_half_ticks == 0:
            refusal = Refusal.PRICE_UNAVAILABLE
        else:
            return market.instrument
        events.append(Rejected(refusal, symbol=command.symbol, path=path))
        return None

    def begin(self, carry: Carry, digest: bytes, events: list[Event]) -> None:
        """Use the id up and make the first payments."""
        self._state.transfers.add(digest)
        self._state.carry = carry
        self.go_on(events)
