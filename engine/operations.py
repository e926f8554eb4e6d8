"""What operators do: instruments, accounts, money in and out, limits, prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.account_limits import give_profile
from engine.account_terms import fix_tier, settings_of, tier_is_unknown
from engine.breaking import forget_watch, renew_watch
from engine.limits import (
    MAX_ACCOUNTS,
    MAX_ATOMS_PER_TICK_LOT,
    MAX_FEE_PPM,
    MAX_INSTRUMENTS,
    MAX_LEVERAGE,
    MAX_TICK_SOURCES,
    PPM,
)
from matching.messages import (
    InstrumentCreated,
    InstrumentDeleted,
    InstrumentUpdated,
)
from matching.terms import AccountStatus, MarkSource, Refusal, Terms
from risk.account import RESERVED, Account
from risk.instrument import Instrument
from risk.margin import Standing
from risk.messages import (
    AccountCreated,
    AccountUpdated,
    BalanceChanged,
    InsuranceFunded,
    LiquidationSet,
    Rejected,
)
from risk.terms import PRESETS

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import Market, State
    from risk.messages import (
        CreateAccount,
        CreateInstrument,
        DeleteInstrument,
        FundInsurance,
        MarkPrice,
        SetLiquidation,
        Tick,
        Transfer,
        UpdateAccount,
        UpdateInstrument,
    )


def terms_are_sound(terms: Terms, admission_ratio_ppm: int) -> bool:
    """Tell whether an instrument's numbers fit together.

    The worth of a tick on a lot must be an even number of atoms; maintenance may not exceed the
    initial rate; and an account at maximum leverage must still be admissible (B4).
    """
    return (
        terms.tick_units > 0
        and terms.lot_units > 0
        and terms.contract_units > 0
        and 0 < terms.atoms_per_tick_lot <= MAX_ATOMS_PER_TICK_LOT
        and terms.atoms_per_tick_lot % 2 == 0
        and 0
        < terms.maintenance_margin_ppm
        <= terms.initial_margin_ppm
        <= PPM
        <= terms.max_leverage_ppm
        <= MAX_LEVERAGE * PPM
        and unsound_bracket(terms, admission_ratio_ppm) is None
        and -MAX_FEE_PPM <= terms.maker_fee_ppm <= MAX_FEE_PPM
        and -MAX_FEE_PPM <= terms.taker_fee_ppm <= MAX_FEE_PPM
        and 0 < terms.collar_ppm < PPM
        and 0 <= terms.funding_cap_ppm <= PPM
        and terms.feed_stale_us >= 0
        and 0 <= terms.price_band_ppm < PPM
    )


def unsound_bracket(terms: Terms, admission_ratio_ppm: int) -> int | None:
    """Return the first margin bracket in which an admissible order could be liquidated (B4).

    The leverage possible is the instrument's maximum in the first, 1 ⁄ initial rate in the others.
    """
    if terms.maintenance_margin_ppm * terms.max_leverage_ppm >= admission_ratio_ppm * PPM:
        return 0
    for place, bracket in enumerate(terms.margin_brackets):
        if place and bracket.maintenance_ppm * PPM >= admission_ratio_ppm * bracket.initial_ppm:
            return place
    return None


def terms_refusal(
    state: State, command: CreateInstrument | UpdateInstrument
) -> tuple[Refusal | None, str | None]:
    """Answer what is wrong with an instrument's terms, if anything is, and where."""
    if command.defect is not None:
        return command.defect, command.defect_path
    ratio_ppm, terms = state.ladder.admission_ratio_ppm, command.terms
    if terms is not None and terms_are_sound(terms, ratio_ppm):
        return None, None
    if terms is not None and terms.margin_brackets:
        place = unsound_bracket(terms, ratio_ppm)
        if place is not None:
            return Refusal.INVALID_TERMS, f"$.margin_brackets[{place}].maintenance_margin"
    return Refusal.INVALID_TERMS, None


def ladder_is_sound(state: State, ladder: SetLiquidation) -> bool:
    """Tell whether the steps of D1 rise, and admission lies below the first in every market."""
    rising = (
        0 < ladder.margin_call_ppm < ladder.tier1_ppm
        and 0 < ladder.admission_ratio_ppm < ladder.tier1_ppm
        and ladder.tier1_ppm < ladder.tier2_ppm < ladder.tier3_ppm <= PPM
        and 0 < ladder.tier1_share_ppm <= ladder.tier2_share_ppm <= PPM
        and ladder.review_us > 0
        and 0 <= ladder.liquidation_fee_ppm <= PPM
        and ladder.max_tries > 0
        and ladder.max_wait_us > 0
    )
    return rising and all(
        terms_are_sound(market.instrument.terms, ladder.admission_ratio_ppm)
        for market in state.markets.values()
    )


def _path(
    command: CreateAccount | UpdateAccount | Tick | MarkPrice,
    code: Refusal,
) -> str | None:
    """Return where a command is at fault, if that is what it is refused for."""
    return command.defect_path if code is command.defect else None


class Operations:
    """The part of the kernel that operators and price feeds drive."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    # Instruments

    def create_instrument(self, command: CreateInstrument, events: list[Event]) -> None:
        """Let a new instrument trade."""
        state, symbol = self._state, command.symbol
        refusal, path = terms_refusal(state, command)
        if symbol in state.markets:
            refusal, path = Refusal.INSTRUMENT_EXISTS, None
        elif len(state.markets) >= MAX_INSTRUMENTS:
            refusal, path = Refusal.TOO_MANY, None
        if refusal is not None:
            events.append(Rejected(refusal, symbol=symbol, path=path))
            return
        terms = command.terms
        assert terms is not None
        state.add_market(Instrument(terms, command.state))
        events.append(InstrumentCreated(symbol, terms, command.state))

    def update_instrument(self, command: UpdateInstrument, events: list[Event]) -> None:
        """Give an instrument new rates, fees or protections; open orders keep their fees."""
        state, symbol, terms = self._state, command.symbol, command.terms
        market = state.markets.get(symbol)
        refusal, path = terms_refusal(state, command)
        if market is None:
            events.append(Rejected(Refusal.UNKNOWN_INSTRUMENT, symbol=symbol))
            return
        if refusal is not None:
            events.append(Rejected(refusal, symbol=symbol, path=path))
            return
        assert terms is not None
        before = market.instrument.terms
        market.instrument.set_terms(terms, state.now_us)
        renew_watch(state, market.instrument, before.breakers)
        for position in state.positions.in_symbol(symbol).values():
            position.set_margin_rate()
        state.positions.unband(symbol)
        state.moved[symbol] = None
        if market.outside is not None:
            state.reached[symbol] = None  # another feed_stale_ms: what was too old may count again
        events.append(InstrumentUpdated(symbol, terms))

    def delete_instrument(self, command: DeleteInstrument, events: list[Event]) -> None:
        """Remove an instrument in which everybody is flat and nothing rests."""
        state, symbol = self._state, command.symbol
        market = state.markets.get(symbol)
        if market is None:
            events.append(Rejected(Refusal.UNKNOWN_INSTRUMENT, symbol=symbol))
            return
        is_empty = market.book.is_empty() and market.stops.count == 0
        if state.positions.open_in(symbol) or not is_empty:
            events.append(Rejected(Refusal.INSTRUMENT_NOT_FLAT, symbol=symbol))
            return
        state.positions.remove_symbol(symbol)
        del state.markets[symbol]
        state.pending_symbols.pop(symbol, None)
        state.referenced.pop(symbol, None)
        forget_watch(state, symbol)
        for order_id in state.shelved.pop(symbol, {}):
            del state.brackets[order_id]
        events.append(InstrumentDeleted(symbol))

    # Accounts and money

    def create_account(self, command: CreateAccount, events: list[Event]) -> None:
        """Open an account."""
        state = self._state
        refusal = command.defect
        if command.account in state.accounts or command.account in RESERVED:
            refusal = Refusal.ACCOUNT_EXISTS
        elif len(state.accounts) >= MAX_ACCOUNTS:
            refusal = Refusal.TOO_MANY
        if refusal is not None:
            path = _path(command, refusal)
            events.append(Rejected(refusal, account=command.account, path=path))
            return
        if tier_is_unknown(state, command, events):
            return
        account = Account(command.account)
        account.leverage_ppm = command.leverage_ppm
        account.set_stp_group(command.stp_group)
        account.status = command.status
        fix_tier(account, command.fee_tier)
        state.add_account(account)
        give_profile(state, account, PRESETS[command.profile])
        events.append(AccountCreated(*settings_of(account)))

    def update_account(self, command: UpdateAccount, events: list[Event]) -> None:
        """Change an account's leverage, self-trade group or status; open orders stay."""
        account = self._state.accounts.get(command.account)
        refusal = Refusal.UNKNOWN_ACCOUNT if account is None else command.defect
        if command.account in RESERVED:
            refusal = Refusal.ACCOUNT_EXISTS
        if account is None or refusal is not None:
            code = refusal or Refusal.UNKNOWN_ACCOUNT
            path = _path(command, code)
            events.append(Rejected(code, account=command.account, path=path))
            return
        if tier_is_unknown(self._state, command, events):
            return
        if command.leverage_ppm is not None:
            account.leverage_ppm = command.leverage_ppm
            for position in account.positions.values():
                position.set_margin_rate()
        if command.stp_group is not None:
            account.set_stp_group(command.stp_group)
            for order in self._state.live[command.account].values():
                order.stp_key = account.stp_key
        if command.status is not None:
            account.status = command.status
        if command.fee_tier is not None:
            fix_tier(account, command.fee_tier)
        if command.profile is not None:
            give_profile(self._state, account, PRESETS[command.profile])
        events.append(AccountUpdated(*settings_of(account)))

    def transfer(self, command: Transfer, events: list[Event]) -> None:
        """Pay in or out, once per transfer id; out at most min(balance, free margin)."""
        state = self._state
        accounts = state.find_account if command.is_deposit else state.accounts.get
        account = accounts(command.account)
        amount = command.amount_atoms
        if account is None:
            events.append(Rejected(Refusal.UNKNOWN_ACCOUNT, account=command.account))
            return
        if command.digest in state.transfers:
            events.append(
                Rejected(Refusal.DUPLICATE, account=command.account, path="$.transfer_id")
            )
            return
        if account.status is AccountStatus.CLOSED:
            events.append(Rejected(Refusal.ACCOUNT_NOT_ACTIVE, account=command.account))
            return
        if amount == 0:
            events.append(
                Rejected(Refusal.QUANTITY_NOT_POSITIVE, account=command.account, path="$.amount")
            )
            return
        if amount < 0 and -amount > min(account.balance_atoms, Standing(account).free):
            events.append(Rejected(Refusal.INSUFFICIENT_BALANCE, account=command.account))
            return
        state.transfers.add(command.digest)
        if command.account not in state.accounts:
            state.add_account(account)
        account.balance_atoms += amount
        state.ledger.balances += amount
        if account.guard is not None and account.guard.losses is not None:
            account.guard.losses.note_payment(amount)
        if amount > 0:
            state.ledger.deposits += amount
        else:
            state.ledger.withdrawals -= amount
        state.touched[command.account] = account
        cause = "deposit" if amount > 0 else "withdrawal"
        events.append(
            BalanceChanged(
                command.account, amount, account.balance_atoms, cause, command.transfer_id
            )
        )

    def fund_insurance(self, command: FundInsurance, events: list[Event]) -> None:
        """Pay into the insurance fund, once per transfer id; it counts as a deposit."""
        state, amount = self._state, command.amount_atoms
        refusal, path = None, "$.amount"
        if command.digest in state.transfers:
            refusal, path = Refusal.DUPLICATE, "$.transfer_id"
        elif amount == 0:
            refusal = Refusal.QUANTITY_NOT_POSITIVE
        if refusal is not None:
            events.append(Rejected(refusal, path=path))
            return
        state.transfers.add(command.digest)
        state.ledger.deposits += amount
        state.ledger.insurance += amount
        state.ledger.check()  # here, since no account is touched
        events.append(InsuranceFunded(amount, state.ledger.insurance, command.transfer_id))

    def set_liquidation(self, command: SetLiquidation, events: list[Event]) -> None:
        """Set the ladder of D1; its steps must rise, and admission must lie below the first."""
        state = self._state
        if not ladder_is_sound(state, command):
            events.append(Rejected(Refusal.INVALID_TERMS))
            return
        state.ladder = command
        for symbol in state.markets:
            state.positions.unband(symbol)
        state.moved.update(dict.fromkeys(state.markets))
        events.append(LiquidationSet(command))

    # Prices

    def tick(self, command: Tick, events: list[Event]) -> None:
        """Take the outside bid and ask of a symbol, if its source has moved on (E3)."""
        market = self._state.markets.get(command.symbol)
        refusal = Refusal.UNKNOWN_INSTRUMENT if market is None else command.defect
        if market is None or refusal is not None:
            code = refusal or Refusal.UNKNOWN_INSTRUMENT
            path = _path(command, code)
            events.append(Rejected(code, symbol=command.symbol, path=path))
            return
        instrument = market.instrument
        if command.source not in instrument.sources and len(instrument.sources) >= MAX_TICK_SOURCES:
            events.append(Rejected(Refusal.TOO_MANY, symbol=command.symbol, path="$.source"))
            return
        sequence, time_us = instrument.sources.get(command.source, (-1, -1))
        if command.sequence is not None:
            newer, sequence = command.sequence > sequence, command.sequence
        else:
            newer = command.time_us is None or command.time_us >= time_us
        if not newer:
            events.append(Rejected(Refusal.TICK_NOT_NEWER, symbol=command.symbol))
            return
        if command.sequence is not None or command.time_us is not None:
            time_us = time_us if command.time_us is None else command.time_us
            instrument.sources[command.source] = (sequence, time_us)
        if market.stops.count:
            self._state.referenced[command.symbol] = None
        if market.outside is not None:
            self._reach(market)
        if instrument.accept_tick(command.bid_ticks, command.ask_ticks, self._state.now_us):
            self._state.moved[command.symbol] = None
            if instrument.watch is not None:
                self._state.watched[command.symbol] = None

    def _reach(self, market: Market) -> None:
        """Have the outside market fill what a tick reaches, and close what waited for one (D5)."""
        symbol = market.instrument.symbol
        self._state.reached[symbol] = None
        if market.book.touch_ticks(1) is None:
            self._state.moved[symbol] = None

    def mark_price(self, command: MarkPrice, events: list[Event]) -> None:
        """Take a pushed mark."""
        market = self._state.markets.get(command.symbol)
        refusal = Refusal.UNKNOWN_INSTRUMENT if market is None else command.defect
        if (
            market is not None
            and refusal is None
            and market.instrument.terms.mark_source is not MarkSource.PUSHED
        ):
            refusal = Refusal.WRONG_MARK_SOURCE
        if market is None or refusal is not None:
            code = refusal or Refusal.UNKNOWN_INSTRUMENT
            path = _path(command, code)
            events.append(Rejected(code, symbol=command.symbol, path=path))
            return
        if market.stops.count:
            self._state.referenced[command.symbol] = None
        if market.instrument.set_mark(2 * command.price_ticks, self._state.now_us):
            self._state.moved[command.symbol] = None
            if market.instrument.watch is not None:
                self._state.watched[command.symbol] = None
