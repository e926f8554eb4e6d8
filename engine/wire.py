"""The commands as they come in: JSON tagged by `type` (protocol §1).

Decimals are strings, integers where they are exact; unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from engine.limits import (
    MAX_DECIMAL_LENGTH,
    MAX_FEE_TIERS,
    MAX_IDENTIFIER_LENGTH,
    MAX_INTEGER,
    MAX_MARGIN_BRACKETS,
    MAX_TAKE_PROFITS,
)
from matching.terms import (
    AccountStatus,
    FillRule,
    MarketState,
    MarkSource,
    OrderType,
    StpMode,
    TimeInForce,
    TriggerBy,
)

IDENTIFIER: Final = rf"^[A-Za-z0-9._-]{{1,{MAX_IDENTIFIER_LENGTH}}}\Z"

Identifier = Annotated[str, msgspec.Meta(pattern=IDENTIFIER)]
SymbolOrAll = Annotated[str, msgspec.Meta(pattern=r"^(\*|[A-Za-z0-9._-]{1,64})\Z")]
TIME_OF_DAY: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z"
AtOnce = Literal["reject", "fire"]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=TIME_OF_DAY)]
SmallCount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Basis = Literal["margin", "notional"]
Whole = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
DECIMAL: Final = rf"^(?=.{{1,{MAX_DECIMAL_LENGTH}}}\Z)-?(0|[1-9][0-9]*)(\.[0-9]+)?\Z"
Decimal = (
    Annotated[str, msgspec.Meta(pattern=DECIMAL)]
    | Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
)


class Wire(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True, gc=False):
    """A command as it comes in: JSON, tagged by `type`."""


class OrderBody(Wire, tag="place_order"):
    """What `place_order` says of an order, apart from whose and where."""

    side: Literal["buy", "sell"]
    order_type: OrderType
    quantity: Decimal
    client_order_id: Identifier
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expires_at: Whole | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    display_quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    trigger_by: TriggerBy | None = None
    trail_offset: Decimal | None = None
    trail_bps: Whole | None = None
    trail_step: Decimal | None = None
    activation_price: Decimal | None = None
    oco_group: Identifier | None = None
    fill_rule: FillRule | None = None
    stp: StpMode | None = None
    max_slippage_bps: Annotated[int, msgspec.Meta(ge=0, lt=10_000)] | None = None
    tag: Identifier | None = None


class PlaceOrderWire(OrderBody, tag="place_order", kw_only=True):
    """`place_order` of the protocol."""

    account: Identifier
    symbol: Identifier


class EntryWire(OrderBody, tag="place_order"):
    """The entry of a bracket: it may leave out what the bracket says already."""

    account: Identifier | None = None
    symbol: Identifier | None = None


class TakeProfitWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A take-profit of a bracket."""

    price: Decimal
    quantity: Decimal


class StopLossWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The stop-loss of a bracket; with a price it is a stop-limit."""

    trigger_price: Decimal
    price: Decimal | None = None
    trigger_by: TriggerBy | None = None


class PlaceBracketWire(Wire, tag="place_bracket"):
    """`place_bracket` of the protocol."""

    account: Identifier
    symbol: Identifier
    entry: EntryWire
    take_profit: (
        Annotated[list[TakeProfitWire], msgspec.Meta(max_length=MAX_TAKE_PROFITS)] | None
    ) = None
    stop_loss: StopLossWire | None = None
    fill_rule: FillRule | None = None


class AmendOrderWire(Wire, tag="amend_order"):
    """`amend_order` of the protocol."""

    account: Identifier
    client_order_id: Identifier
    quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    trail_offset: Decimal | None = None
    trail_bps: Whole | None = None
    display_quantity: Decimal | None = None
    expires_at: Whole | None = None


class CancelOrderWire(Wire, tag="cancel_order"):
    """`cancel_order` of the protocol."""

    account: Identifier
    client_order_id: Identifier


class CancelAllWire(Wire, tag="cancel_all"):
    """`cancel_all` of the protocol."""

    account: Identifier
    symbol: Identifier | None = None
    side: Literal["buy", "sell"] | None = None


class L1Wire(Wire, tag="l1"):
    """`l1` of the protocol: the best bid and ask of an outside market."""

    symbol: Identifier
    bid: Decimal
    ask: Decimal
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    seq: Whole | None = None
    ts: Whole | None = None
    source: Identifier | None = None


class MarkPriceWire(Wire, tag="mark_price"):
    """`mark_price` of the protocol."""

    symbol: Identifier
    price: Decimal


class MarginBracketWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The margin rates of notionals from `notional` on."""

    notional: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal


MarginBrackets = Annotated[
    list[MarginBracketWire], msgspec.Meta(min_length=1, max_length=MAX_MARGIN_BRACKETS)
]


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
    mode: Literal["book", "l1"] | None = None
    mark_source: MarkSource | None = None
    collar: Decimal | None = None
    funding_cap: Decimal | None = None
    price_band: Decimal | None = None
    breakers: list[dict[str, Decimal]] | None = None
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
    funding_cap: Decimal | None = None
    feed_stale_ms: Whole | None = None
    session_end: TimeOfDay | None = None
    stop_already_reached: AtOnce | None = None


class DeleteInstrumentWire(Wire, tag="delete_instrument"):
    """`delete_instrument` of the protocol."""

    symbol: Identifier


class SetMarketStateWire(Wire, tag="set_market_state"):
    """`set_market_state` of the protocol; symbol `*` is all."""

    symbol: SymbolOrAll
    state: MarketState


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


OrdersWire = PlaceOrderWire | PlaceBracketWire | AmendOrderWire | CancelOrderWire | CancelAllWire
TicksWire = L1Wire | MarkPriceWire
AdminWire = (
    CreateInstrumentWire
    | UpdateInstrumentWire
    | DeleteInstrumentWire
    | SetMarketStateWire
    | CreateAccountWire
    | UpdateAccountWire
    | DepositWire
    | WithdrawWire
    | FundInsuranceWire
    | SetRiskWire
    | SetLiquidationWire
    | SetLeverageWire
    | SetFeeTiersWire
    | ApplyFundingWire
    | ApplySwapWire
)
AnyWire = OrdersWire | TicksWire | AdminWire
