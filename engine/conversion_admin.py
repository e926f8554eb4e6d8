"""Operators' commands of the wire in integers: rates in ppm, money in atoms, terms on a grid."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.decimals import NotADecimal, TooFine, split_decimal, to_units
from engine.limits import MAX_BRACKET_ATOMS, MAX_LEVERAGE, MAX_TRANSFER_ATOMS, PPM
from matching.terms import (
    AccountStatus,
    BreakerLevel,
    MarginBracket,
    MarketMode,
    MarketState,
    MarkSource,
    Refusal,
    Terms,
)
from risk.guards.messages import SetMarketBreakers
from risk.messages import (
    BY_VOLUME,
    CreateAccount,
    CreateInstrument,
    FundInsurance,
    Rejected,
    SetLeverage,
    SetLiquidation,
    Transfer,
    UpdateAccount,
    UpdateInstrument,
)
from risk.terms import NONE, PRESETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.wire_admin import (
        CreateAccountWire,
        CreateInstrumentWire,
        DepositWire,
        FundInsuranceWire,
        LevelWire,
        MarginBracketWire,
        SetLeverageWire,
        SetLiquidationWire,
        SetMarketBreakersWire,
        UpdateAccountWire,
        UpdateInstrumentWire,
        WithdrawWire,
    )

ASSET_DECIMALS: Final = 8
"""Places of the settlement asset: one atom is 1e-8 of it."""

_PPM_DECIMALS: Final = 6
_NOT_YET: Final = (
    "feed_max_jump",
    "feed_max_spread",
)


class Defect(Exception):
    """A field's value is well-formed and yet cannot be: which refusal, and where."""

    def __init__(self, code: Refusal, path: str) -> None:
        super().__init__(code.reason)
        self.code = code
        self.path = path


def rate_ppm(rate: str | int, path: str) -> int:
    """Return a rate in ppm, within what any rate could be. Raises Defect."""
    try:
        ppm = to_units(rate, _PPM_DECIMALS)
    except TooFine:
        raise Defect(Refusal.OUT_OF_RANGE, path) from None
    if abs(ppm) > MAX_LEVERAGE * PPM:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return ppm


def atoms_from_text(amount: str | int, path: str) -> int:
    """Return an amount of the settlement asset in atoms. Raises Defect."""
    try:
        atoms = to_units(amount, ASSET_DECIMALS)
    except (TooFine, NotADecimal):
        raise Defect(Refusal.OUT_OF_RANGE, path) from None
    if not 0 <= atoms <= MAX_TRANSFER_ATOMS:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return atoms


def create_instrument(c: CreateInstrumentWire) -> CreateInstrument:
    """Return the command with its terms on a grid, or with what is wrong with them."""
    state = c.state or MarketState.OPEN
    try:
        return CreateInstrument(c.symbol, _new_terms(c), state)
    except Defect as defect:
        return CreateInstrument(c.symbol, None, state, defect.code, defect.path)


def _given(value: str | int | None, default: str | int) -> str | int:
    """Return the value, or the protocol's default where it is absent."""
    return default if value is None else value


def _new_terms(c: CreateInstrumentWire) -> Terms:
    """Return the terms that a wire command describes. Raises Defect."""
    for field in _NOT_YET:
        if getattr(c, field) is not None:
            raise Defect(Refusal.NOT_SUPPORTED, f"$.{field}")
    tick_units, price_decimals = split_decimal(c.tick_size)
    lot_units, quantity_decimals = split_decimal(c.lot_size)
    contract_units, contract_decimals = split_decimal(_given(c.contract_size, 1))
    places = price_decimals + quantity_decimals + contract_decimals
    worth = tick_units * lot_units * contract_units * 10**ASSET_DECIMALS
    atoms, rest = divmod(worth, 10**places)
    if rest or atoms % 2 or atoms <= 0:
        raise Defect(Refusal.INVALID_TERMS, "$.tick_size")
    return Terms(
        **_margin_rates(c),
        symbol=c.symbol,
        tick_units=tick_units,
        price_decimals=price_decimals,
        lot_units=lot_units,
        quantity_decimals=quantity_decimals,
        contract_units=contract_units,
        contract_decimals=contract_decimals,
        atoms_per_tick_lot=atoms,
        max_leverage_ppm=rate_ppm(_given(c.max_leverage, 5), "$.max_leverage"),
        maker_fee_ppm=rate_ppm(_given(c.maker_fee, 0), "$.maker_fee"),
        taker_fee_ppm=rate_ppm(_given(c.taker_fee, 0), "$.taker_fee"),
        collar_ppm=rate_ppm(_given(c.collar, "0.05"), "$.collar"),
        funding_cap_ppm=rate_ppm(_given(c.funding_cap, "0.0075"), "$.funding_cap"),
        mark_source=c.mark_source or MarkSource.L1_MID,
        asset_class=c.asset_class or "",
        group=c.group or "",
        feed_stale_us=(c.feed_stale_ms or 0) * 1_000,
        session_end_minute=-1 if c.session_end is None else _minute(c.session_end),
        price_band_ppm=rate_ppm(_given(c.price_band, 0), "$.price_band"),
        fires_at_once=c.stop_already_reached == "fire",
        mode=c.mode or MarketMode.BOOK,
        breakers=breaker_levels(c.breakers or (), "$.breakers"),
    )


def breaker_levels(given: Sequence[LevelWire], path: str) -> tuple[BreakerLevel, ...]:
    """Return the levels of a breaker: moves rise within 0 and 1. Raises Defect.

    An auction needs a time to end at.
    """
    levels: list[BreakerLevel] = []
    last_ppm = 0
    for place, each in enumerate(given):
        move_ppm = rate_ppm(each.move, f"{path}[{place}].move")
        if not last_ppm < move_ppm <= PPM:
            raise Defect(Refusal.INVALID_TERMS, f"{path}[{place}].move")
        gathers = bool(getattr(each, "auction", None))
        if gathers and each.halt_s is None:
            raise Defect(Refusal.INVALID_TERMS, f"{path}[{place}].auction")
        levels.append(BreakerLevel(move_ppm, (each.halt_s or 0) * 1_000_000, gathers))
        last_ppm = move_ppm
    return tuple(levels)


def set_market_breakers(c: SetMarketBreakersWire) -> SetMarketBreakers | Rejected:
    """Return the levels in ppm and µs, the weights in order of symbol."""
    try:
        levels = breaker_levels(c.levels, "$.levels")
    except Defect as defect:
        return Rejected(defect.code, path=defect.path)
    return SetMarketBreakers(dict(sorted(c.weights.items())), levels)


def _margin_rates(c: CreateInstrumentWire) -> dict[str, Any]:
    """Return the fields of the terms that say what margin is asked. Raises Defect."""
    if c.margin_brackets is not None:
        return _bracketed_rates(c, c.margin_brackets)
    return {
        "initial_margin_ppm": rate_ppm(_given(c.initial_margin, "0.20"), "$.initial_margin"),
        "maintenance_margin_ppm": rate_ppm(
            _given(c.maintenance_margin, "0.10"), "$.maintenance_margin"
        ),
    }


def _bracketed_rates(
    c: CreateInstrumentWire | UpdateInstrumentWire, given: list[MarginBracketWire]
) -> dict[str, Any]:
    """Return the same of brackets; a single one is the instrument's rates. Raises Defect."""
    if c.initial_margin is not None or c.maintenance_margin is not None:
        raise Defect(Refusal.INVALID_TERMS, "$.margin_brackets")
    brackets: list[MarginBracket] = []
    last = MarginBracket(-1, 0, 1)
    for place, each in enumerate(given):
        last = _bracket(each, last, f"$.margin_brackets[{place}]")
        brackets.append(last)
    return {
        "initial_margin_ppm": brackets[0].initial_ppm,
        "maintenance_margin_ppm": brackets[0].maintenance_ppm,
        "margin_brackets": tuple(brackets) if len(brackets) > 1 else (),
    }


def _bracket(c: MarginBracketWire, last: MarginBracket, path: str) -> MarginBracket:
    """Return a bracket that goes on from the last one: from 0 on, bounds rise, rates never fall."""
    notional_atoms = atoms_from_text(c.notional, f"{path}.notional")
    if notional_atoms > MAX_BRACKET_ATOMS:
        raise Defect(Refusal.OUT_OF_RANGE, f"{path}.notional")
    initial_ppm = rate_ppm(c.initial_margin, f"{path}.initial_margin")
    maintenance_ppm = rate_ppm(c.maintenance_margin, f"{path}.maintenance_margin")
    is_first = last.notional_atoms < 0
    if notional_atoms <= last.notional_atoms or (is_first and notional_atoms):
        raise Defect(Refusal.INVALID_TERMS, f"{path}.notional")
    if not last.initial_ppm <= initial_ppm <= PPM:
        raise Defect(Refusal.INVALID_TERMS, f"{path}.initial_margin")
    if not last.maintenance_ppm <= maintenance_ppm <= initial_ppm:
        raise Defect(Refusal.INVALID_TERMS, f"{path}.maintenance_margin")
    return MarginBracket(notional_atoms, initial_ppm, maintenance_ppm)


def _minute(time_of_day: str) -> int:
    """Return `HH:MM` as the minute of the day."""
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:])


def _leverage_ppm(leverage: str | int, path: str) -> int:
    """Return a leverage in ppm: from 1 to the greatest any instrument may have."""
    ppm = rate_ppm(leverage, path)
    if not PPM <= ppm <= MAX_LEVERAGE * PPM:
        raise Defect(Refusal.OUT_OF_RANGE, path)
    return ppm


def _check_account(c: CreateAccountWire | UpdateAccountWire) -> None:
    """Refuse a profile that is no preset."""
    if c.profile is not None and c.profile not in PRESETS:
        raise Defect(Refusal.INVALID_TERMS, "$.profile")


def create_account(c: CreateAccountWire) -> CreateAccount:
    """Return the command with its leverage in ppm."""
    status = c.status or AccountStatus.ACTIVE
    group, tier, profile = c.stp_group or "", c.fee_tier or BY_VOLUME, c.profile or NONE.name
    account = CreateAccount(c.account, 0, group, status, tier, profile)
    try:
        _check_account(c)
        if c.leverage is not None:
            account.leverage_ppm = _leverage_ppm(c.leverage, "$.leverage")
    except Defect as defect:
        account.defect, account.defect_path = defect.code, defect.path
    return account


def update_account(c: UpdateAccountWire) -> UpdateAccount:
    """Return the command with its leverage in ppm; what is absent stays None."""
    account = UpdateAccount(c.account, None, c.stp_group, c.status, c.fee_tier, c.profile)
    try:
        _check_account(c)
        if c.leverage is not None:
            account.leverage_ppm = _leverage_ppm(c.leverage, "$.leverage")
    except Defect as defect:
        account.defect, account.defect_path = defect.code, defect.path
    return account


def set_leverage(c: SetLeverageWire) -> SetLeverage:
    """Return the command with its leverage in ppm; 0 stays 0."""
    leverage = SetLeverage(c.account, c.symbol, 0)
    try:
        if rate_ppm(c.leverage, "$.leverage") != 0:
            leverage.leverage_ppm = _leverage_ppm(c.leverage, "$.leverage")
    except Defect as defect:
        leverage.defect, leverage.defect_path = defect.code, defect.path
    return leverage


def transfer(c: DepositWire | WithdrawWire, sign: int) -> Transfer | Rejected:
    """Return the transfer in atoms, negative for a withdrawal, with the digest of its id."""
    try:
        atoms = atoms_from_text(c.amount, "$.amount")
    except Defect as defect:
        return Rejected(defect.code, account=c.account, path=defect.path)
    digest = _transfer_digest(c.transfer_id)
    return Transfer(c.account, sign * atoms, c.transfer_id, digest, sign > 0)


def fund_insurance(c: FundInsuranceWire) -> FundInsurance | Rejected:
    """Return what comes into the insurance fund in atoms, with the digest of its id."""
    try:
        atoms = atoms_from_text(c.amount, "$.amount")
    except Defect as defect:
        return Rejected(defect.code, path=defect.path)
    return FundInsurance(atoms, c.transfer_id, _transfer_digest(c.transfer_id))


def _transfer_digest(transfer_id: str) -> bytes:
    return blake2b(b"transfer:" + transfer_id.encode(), digest_size=16).digest()


def set_liquidation(c: SetLiquidationWire) -> SetLiquidation | Rejected:
    """Return the ladder in ppm and its times in µs."""
    try:
        return SetLiquidation(
            rate_ppm(c.margin_call, "$.margin_call"),
            rate_ppm(c.tier1, "$.tier1"),
            rate_ppm(c.tier1_share, "$.tier1_share"),
            rate_ppm(c.tier2, "$.tier2"),
            rate_ppm(c.tier2_share, "$.tier2_share"),
            rate_ppm(c.tier3, "$.tier3"),
            rate_ppm(c.admission_ratio, "$.admission_ratio"),
            c.review_ms * 1_000,
            rate_ppm(c.liquidation_fee, "$.liquidation_fee"),
            c.max_tries,
            c.max_wait_ms * 1_000,
        )
    except Defect as defect:
        return Rejected(defect.code, path=defect.path)


def update_instrument(c: UpdateInstrumentWire, terms: Terms | None) -> UpdateInstrument:
    """Return the instrument's present terms with the changes made."""
    if terms is None:
        return UpdateInstrument(c.symbol, None)
    try:
        changes: dict[str, Any] = {}
        for field, unit in (
            ("initial_margin", "initial_margin_ppm"),
            ("maintenance_margin", "maintenance_margin_ppm"),
            ("max_leverage", "max_leverage_ppm"),
            ("maker_fee", "maker_fee_ppm"),
            ("taker_fee", "taker_fee_ppm"),
            ("collar", "collar_ppm"),
            ("price_band", "price_band_ppm"),
            ("funding_cap", "funding_cap_ppm"),
        ):
            value = getattr(c, field)
            if value is not None:
                changes[unit] = rate_ppm(value, f"$.{field}")
        if c.margin_brackets is not None:
            changes |= _bracketed_rates(c, c.margin_brackets)
        elif c.initial_margin is not None or c.maintenance_margin is not None:
            changes["margin_brackets"] = ()
        if c.feed_stale_ms is not None:
            changes["feed_stale_us"] = c.feed_stale_ms * 1_000
        if c.breakers is not None:
            changes["breakers"] = breaker_levels(c.breakers, "$.breakers")
        if c.session_end is not None:
            changes["session_end_minute"] = _minute(c.session_end)
        if c.stop_already_reached is not None:
            changes["fires_at_once"] = c.stop_already_reached == "fire"
    except Defect as defect:
        return UpdateInstrument(c.symbol, None, defect.code, defect.path)
    return UpdateInstrument(c.symbol, msgspec.structs.replace(terms, **changes))
