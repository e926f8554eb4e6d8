"""Operators' commands as they come in: instruments, accounts, money, limits (protocol §1)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engine.limits import (
    MAX_BREAKERS,
    MAX_FEE_TIERS,
    MAX_HALT_S,
    MAX_INDEX_SYMBOLS,
    MAX_MARGIN_BRACKETS,
)
from engine.wire_fields import (
    AtOnce,
    Basis,
    Decimal,
    Identifier,
    SmallCount,
    SymbolOrAll,
    TimeOfDay,
    Weight,
    Whole,
    Wire,
)
from matching.terms import AccountStatus, MarketMode, MarketState, MarkSource


class MarginBracketWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The margin rates of notionals from `notional` on."""

    notional: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal


MarginBrackets = Annotated[
    list[MarginBracketWire], msgspec.Meta(min_length=1, max_length=MAX_MARGIN_BRACKETS)
]


class LevelWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A level of a breaker: a move of its reference halts so long, or until an operator."""

    move: Decimal
    halt_s: Annotated[int, msgspec.Meta(ge=1, le=MAX_HALT_S)] | None = None


class BreakerWire(LevelWire, forbid_unknown_fields=True, gc=False):
    """A level of an instrument's breaker, which may gather an auction meanwhile."""

    auction: bool | None = None


Breakers = Annotated[list[BreakerWire], msgspec.Meta(max_length=MAX_BREAKERS)]


class CreateInstrumentWire(Wire, tag="create_instrument"):
    """`create_instrument` of the protocol; rates are decimals, 0.10 is 10 %."""

    symbol: Identifier
    tick_size: Decimal
    lot_size: Decimal
    asset_class: Identifier | None = None
    contract_size: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    margin_brackets: MarginBrackets | None = None
    max_leverage: Decimal | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    mode: MarketMode | None = None
    mark_source: MarkSource | None = None
    collar: Decimal | None = None
    funding_cap: Decimal | None = None
    price_band: Decimal | None = None
    breakers: Breakers | None = None
    feed_stale_ms: Whole | None = None
    feed_max_jump: Decimal | None = None
    feed_max_spread: Decimal | None = None
    session_end: TimeOfDay | None = None
    stop_already_reached: AtOnce | None = None
    group: Identifier | None = None
    state: MarketState | None = None


class UpdateInstrumentWire(Wire, tag="update_instrument"):
    """`update_instrument`: any of the rates, fees and protections; the grid never changes."""

    symbol: Identifier
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    margin_brackets: MarginBrackets | None = None
    max_leverage: Decimal | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    collar: Decimal | None = None
    price_band: Decimal | None = None
    breakers: Breakers | None = None
    funding_cap: Decimal | None = None
    feed_stale_ms: Whole | None = None
    session_end: TimeOfDay | None = None
    stop_already_reached: AtOnce | None = None
    dry_run: bool | None = None


class DeleteInstrumentWire(Wire, tag="delete_instrument"):
    """`delete_instrument` of the protocol."""

    symbol: Identifier


class SetMarketStateWire(Wire, tag="set_market_state"):
    """`set_market_state` of the protocol; symbol `*` is all."""

    symbol: SymbolOrAll
    state: MarketState


class SetMarketBreakersWire(Wire, tag="set_market_breakers"):
    """`set_market_breakers`: the weights of an index, and the levels at which all markets halt."""

    weights: Annotated[dict[Identifier, Weight], msgspec.Meta(max_length=MAX_INDEX_SYMBOLS)]
    levels: Annotated[list[LevelWire], msgspec.Meta(max_length=MAX_BREAKERS)]


class CreateAccountWire(Wire, tag="create_account"):
    """`create_account` of the protocol."""

    account: Identifier
    leverage: Decimal | None = None
    profile: Identifier | None = None
    fee_tier: Identifier | None = None
    stp_group: Identifier | None = None
    status: AccountStatus | None = None


class UpdateAccountWire(Wire, tag="update_account"):
    """`update_account` of the protocol."""

    account: Identifier
    leverage: Decimal | None = None
    profile: Identifier | None = None
    fee_tier: Identifier | None = None
    stp_group: Identifier | None = None
    status: AccountStatus | None = None


class DepositWire(Wire, tag="deposit"):
    """`deposit` of the protocol."""

    account: Identifier
    amount: Decimal
    transfer_id: Identifier


class WithdrawWire(Wire, tag="withdraw"):
    """`withdraw` of the protocol."""

    account: Identifier
    amount: Decimal
    transfer_id: Identifier


class FundInsuranceWire(Wire, tag="fund_insurance"):
    """`fund_insurance` of the protocol."""

    amount: Decimal
    transfer_id: Identifier


class SetLeverageWire(Wire, tag="set_leverage"):
    """`set_leverage`: an account's leverage for one instrument; 0 takes it away."""

    account: Identifier
    symbol: Identifier
    leverage: Decimal


class SetRiskWire(Wire, tag="set_risk"):
    """`set_risk`: an account's own limits; 0 takes one away."""

    account: Identifier
    profile: Identifier | None = None
    max_order_notional: Decimal | None = None
    max_position_notional: Decimal | None = None
    max_exposure: Decimal | None = None
    max_position: Decimal | None = None
    max_position_basis: Basis | None = None
    max_instrument_exposure: Decimal | None = None
    max_instrument_exposure_basis: Basis | None = None
    max_positions: SmallCount | None = None
    max_correlated: SmallCount | None = None
    max_heat: Decimal | None = None
    pyramiding: bool | None = None
    min_reward_risk: Decimal | None = None
    max_leverage: Decimal | None = None
    max_order_rate: SmallCount | None = None
    day_loss: Decimal | None = None
    day_loss_rate: Decimal | None = None
    week_loss_rate: Decimal | None = None
    month_loss_rate: Decimal | None = None
    losing_streak: SmallCount | None = None
    dry_run: bool | None = None


class SetLiquidationWire(Wire, tag="set_liquidation"):
    """`set_liquidation`: the ladder of D1, the waterfall of D6, the admission threshold of C1."""

    margin_call: Decimal = "0.50"
    tier1: Decimal = "0.900"
    tier1_share: Decimal = "0.30"
    tier2: Decimal = "0.925"
    tier2_share: Decimal = "0.50"
    tier3: Decimal = "0.950"
    admission_ratio: Decimal = "0.80"
    review_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 250
    liquidation_fee: Decimal = "0"
    max_tries: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3
    max_wait_ms: Annotated[int, msgspec.Meta(ge=1, le=600_000)] = 2_000
    dry_run: bool | None = None


class FeeTierWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The fees of accounts that have traded `volume` or more in 30 days."""

    name: Identifier
    volume: Decimal
    maker_fee: Decimal
    taker_fee: Decimal


class SetFeeTiersWire(Wire, tag="set_fee_tiers"):
    """`set_fee_tiers`: the shard's fees by volume; an empty list takes them away."""

    tiers: Annotated[list[FeeTierWire], msgspec.Meta(max_length=MAX_FEE_TIERS)]


class ApplyFundingWire(Wire, tag="apply_funding"):
    """`apply_funding`: longs pay shorts `rate` of their notional at the mark."""

    symbol: Identifier
    rate: Decimal
    funding_id: Identifier


class ApplySwapWire(Wire, tag="apply_swap"):
    """`apply_swap`: either side pays its yearly rate; three days on the triple day."""

    symbol: Identifier
    long_rate: Decimal
    short_rate: Decimal
    day_count: Whole
    swap_id: Identifier
    days: Whole | None = None


class BookTradeWire(Wire, tag="book_trade"):
    """`book_trade` of the protocol: a trade that was agreed elsewhere."""

    account: Identifier
    symbol: Identifier
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal
    trade_id: Identifier
    counter_account: Identifier | None = None
    timestamp: Whole | None = None


class CorporateActionWire(Wire, tag="corporate_action"):
    """`corporate_action`: a split of so many new for so many old, or a dividend a unit."""

    action: Literal["split", "dividend"]
    symbol: Identifier
    action_id: Identifier
    numerator: Whole | None = None
    denominator: Whole | None = None
    amount: Decimal | None = None
