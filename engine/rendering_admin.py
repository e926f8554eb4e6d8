"""Events about instruments, accounts and limits to JSON, and how money and rates are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import json

from engine.conversion_admin import ASSET_DECIMALS
from engine.conversion_risk import BASES, COUNTS, MONEY, RATES
from engine.decimals import to_text
from engine.limits import PPM
from matching.messages import (
    InstrumentCreated,
    InstrumentDeleted,
    InstrumentUpdated,
    MarketStateChanged,
)
from matching.terms import MarketMode
from risk.messages import (
    AccountCreated,
    AccountUpdated,
    BalanceChanged,
    FeeTiersSet,
    InsuranceFunded,
    LeverageSet,
    LiquidationSet,
)
from risk.terms import STREAK, LimitHit, LimitsResumed, RiskSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matching.terms import BreakerLevel, MarginBracket, Terms
    from risk.terms import Profile


def money(atoms: int) -> str:
    """Return an amount of the settlement asset as a decimal string."""
    return to_text(atoms, ASSET_DECIMALS)


def rate(ppm: int) -> str:
    """Return a rate or a leverage of `ppm` as a decimal string."""
    return to_text(ppm, 6)


def terms_fields(terms: Terms) -> str:
    """Return an instrument's terms as the fields of a JSON object."""
    fields = {
        "tick_size": to_text(terms.tick_units, terms.price_decimals),
        "lot_size": to_text(terms.lot_units, terms.quantity_decimals),
        "contract_size": to_text(terms.contract_units, terms.contract_decimals),
        "initial_margin": rate(terms.initial_margin_ppm),
        "maintenance_margin": rate(terms.maintenance_margin_ppm),
        "max_leverage": rate(terms.max_leverage_ppm),
        "maker_fee": rate(terms.maker_fee_ppm),
        "taker_fee": rate(terms.taker_fee_ppm),
        "collar": rate(terms.collar_ppm),
        "funding_cap": rate(terms.funding_cap_ppm),
        "mark_source": terms.mark_source.value,
    }
    if terms.session_end_minute >= 0:
        hours, minutes = divmod(terms.session_end_minute, 60)
        fields["session_end"] = f"{hours:02}:{minutes:02}"
    if terms.group:
        fields["group"] = terms.group
    if terms.price_band_ppm:
        fields["price_band"] = rate(terms.price_band_ppm)
    if terms.mode is MarketMode.L1:
        fields["mode"] = terms.mode.value
    if terms.fires_at_once:
        fields["stop_already_reached"] = "fire"
    text = ",".join(f'"{name}":"{value}"' for name, value in fields.items())
    if terms.margin_brackets:
        text += f',"margin_brackets":[{",".join(map(_bracket, terms.margin_brackets))}]'
    if terms.breakers:
        text += f',"breakers":{levels_text(terms.breakers)}'
    return text


def _bracket(bracket: MarginBracket) -> str:
    return (
        f'{{"notional":"{money(bracket.notional_atoms)}",'
        f'"initial_margin":"{rate(bracket.initial_ppm)}",'
        f'"maintenance_margin":"{rate(bracket.maintenance_ppm)}"}}'
    )


def levels_text(levels: Sequence[BreakerLevel]) -> str:
    """Return the levels of a breaker as a JSON array."""
    return f"[{','.join(map(_level, levels))}]"


def _level(level: BreakerLevel) -> str:
    halt = f',"halt_s":{level.halt_us // 1_000_000}' if level.halt_us else ""
    gathers = ',"auction":true' if level.auction else ""
    return f'{{"move":"{rate(level.move_ppm)}"{halt}{gathers}}}'


def _instrument_created(e: InstrumentCreated, where: str) -> str:
    return (
        f'{{"type":"instrument_created",{where}"symbol":"{e.symbol}",{terms_fields(e.terms)},'
        f'"state":"{e.state.value}"}}'
    )


def _instrument_updated(e: InstrumentUpdated, where: str) -> str:
    fields = terms_fields(e.terms)
    return f'{{"type":"instrument_updated",{where}"symbol":"{e.symbol}",{fields}}}'


def _instrument_deleted(e: InstrumentDeleted, where: str) -> str:
    return f'{{"type":"instrument_deleted",{where}"symbol":"{e.symbol}"}}'


def _market_state(e: MarketStateChanged, where: str) -> str:
    return f'{{"type":"market_state",{where}"symbol":"{e.symbol}","state":"{e.state.value}"}}'


def _account(e: AccountCreated | AccountUpdated) -> str:
    leverage = f',"leverage":"{rate(e.leverage_ppm)}"' if e.leverage_ppm else ""
    group = f',"stp_group":"{e.stp_group}"' if e.stp_group else ""
    tier = f',"fee_tier":"{e.fee_tier}"' if e.fee_tier else ""
    tier += f',"profile":"{e.profile}"' if e.profile else ""
    return f'"account":"{e.account}","status":"{e.status._value_}"{leverage}{group}{tier}'


def _account_created(e: AccountCreated, where: str) -> str:
    return f'{{"type":"account_created",{where}{_account(e)}}}'


def _account_updated(e: AccountUpdated, where: str) -> str:
    return f'{{"type":"account_updated",{where}{_account(e)}}}'


def _balance_changed(e: BalanceChanged, where: str) -> str:
    return (
        f'{{"type":"balance_changed",{where}"account":"{e.account}",'
        f'"delta":"{money(e.delta_atoms)}","balance":"{money(e.balance_atoms)}",'
        f'"cause":"{e.cause}"{_reference(e)}}}'
    )


def _insurance_funded(e: InsuranceFunded, where: str) -> str:
    return (
        f'{{"type":"insurance_funded",{where}"amount":"{money(e.amount_atoms)}",'
        f'"insurance":"{money(e.insurance_atoms)}","transfer_id":"{e.transfer_id}"}}'
    )


def _reference(e: BalanceChanged) -> str:
    """Name what moved the money, where it has an id: a transfer, or whatever a boundary is."""
    if e.symbol:
        key = "action" if e.cause == "dividend" else e.cause
        return f',"symbol":"{e.symbol}","{key}_id":"{e.transfer_id}"'
    return f',"transfer_id":"{e.transfer_id}"' if e.transfer_id else ""


def _risk_set(e: RiskSet, where: str) -> str:
    limits = json.encode(profile_view(e.profile)).decode()
    return f'{{"type":"risk_set",{where}"account":"{e.account}",{limits[1:]}'


def profile_view(profile: Profile) -> dict[str, Any]:
    """Return the limits that an account has, under the names of `set_risk`; none is left out."""
    view: dict[str, Any] = {"profile": profile.name}
    for names, write in ((MONEY, money), (RATES, rate)):
        for name, field in names.items():
            if getattr(profile, field):
                view[name] = write(getattr(profile, field))
    view |= {name: getattr(profile, name) for name in COUNTS if getattr(profile, name)}
    for name, field in BASES.items():
        if name.removesuffix("_basis") in view:
            view[name] = "notional" if getattr(profile, field) else "margin"
    if profile.no_pyramiding:
        view["pyramiding"] = False
    return view


def _limit_hit(e: LimitHit, where: str) -> str:
    return f'{{"type":"limit_hit",{where}"account":"{e.account}",{loss_fields(e)}}}'


def loss_fields(e: LimitHit) -> str:
    """Return which limit on losses is reached, by how much and until when, as JSON's fields."""
    write = str if e.limit_name == STREAK else money
    return (
        f'"limit_name":"{e.limit_name}",'
        f'"used":"{write(e.used)}","limit":"{write(e.limit)}","until":{e.until_us // 1_000}'
    )


def _limits_resumed(e: LimitsResumed, where: str) -> str:
    limits, reason = json.encode(e.limits).decode(), json.encode(e.reason).decode()
    return (
        f'{{"type":"limits_resumed",{where}"account":"{e.account}","limits":{limits},'
        f'"operator":"{e.operator}","reason":{reason}}}'
    )


def _leverage_set(e: LeverageSet, where: str) -> str:
    return (
        f'{{"type":"leverage_set",{where}"account":"{e.account}","symbol":"{e.symbol}",'
        f'"leverage":"{rate(e.leverage_ppm)}"}}'
    )


def _fee_tiers_set(e: FeeTiersSet, where: str) -> str:
    tiers = ",".join(
        f'{{"name":"{tier.name}","volume":"{money(tier.volume_atoms)}",'
        f'"maker_fee":"{rate(tier.maker_fee_ppm)}","taker_fee":"{rate(tier.taker_fee_ppm)}"}}'
        for tier in e.tiers
    )
    return f'{{"type":"fee_tiers_set",{where}"tiers":[{tiers}]}}'


def _liquidation_set(e: LiquidationSet, where: str) -> str:
    ladder = e.ladder
    return (
        f'{{"type":"liquidation_set",{where}"margin_call":"{rate(ladder.margin_call_ppm)}",'
        f'"tier1":"{rate(ladder.tier1_ppm)}","tier1_share":"{rate(ladder.tier1_share_ppm)}",'
        f'"tier2":"{rate(ladder.tier2_ppm)}","tier2_share":"{rate(ladder.tier2_share_ppm)}",'
        f'"tier3":"{rate(ladder.tier3_ppm)}",'
        f'"admission_ratio":"{rate(ladder.admission_ratio_ppm)}",'
        f'"review_ms":{ladder.review_us // 1_000},'
        f'"liquidation_fee":"{rate(ladder.liquidation_fee_ppm)}",'
        f'"max_tries":{ladder.max_tries},"max_wait_ms":{ladder.max_wait_us // 1_000}}}'
    )


ADMIN_ROUTES: Final[dict[type, Callable[[Any, str], str]]] = {
    InstrumentCreated: _instrument_created,
    InstrumentUpdated: _instrument_updated,
    InstrumentDeleted: _instrument_deleted,
    MarketStateChanged: _market_state,
    AccountCreated: _account_created,
    AccountUpdated: _account_updated,
    BalanceChanged: _balance_changed,
    InsuranceFunded: _insurance_funded,
    RiskSet: _risk_set,
    LimitHit: _limit_hit,
    LimitsResumed: _limits_resumed,
    LeverageSet: _leverage_set,
    FeeTiersSet: _fee_tiers_set,
    LiquidationSet: _liquidation_set,
}
"""How each of these events is written: (event, the `in` field or nothing) -> JSON."""

assert PPM == 10**6, "rates are written with six places"
