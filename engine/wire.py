"""The commands as they come in: JSON tagged by `type` (protocol §1).

Decimals are strings, integers where they are exact; unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engine.limits import MAX_TAKE_PROFITS
from engine.wire_admin import (
    ApplyFundingWire,
    ApplySwapWire,
    BookTradeWire,
    CorporateActionWire,
    CreateAccountWire,
    CreateInstrumentWire,
    DeleteInstrumentWire,
    DepositWire,
    FundInsuranceWire,
    SetFeeTiersWire,
    SetLeverageWire,
    SetLiquidationWire,
    SetMarketBreakersWire,
    SetMarketStateWire,
    SetRiskWire,
    UpdateAccountWire,
    UpdateInstrumentWire,
    WithdrawWire,
)
from engine.wire_fields import Decimal, Identifier, Whole, Wire
from engine.wire_guards import HeartbeatWire, KillWire, ResumeWire, SetActivityWire
from matching.terms import FillRule, OrderType, StpMode, TimeInForce, TriggerBy


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


class SizingWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """How `what_if` is to size a position (C4); `pct` caps Kelly, and is at stake otherwise."""

    method: Literal["kelly", "fixed_fractional", "risk_parity", "fixed_amount"]
    equity: Decimal | None = None
    entry: Decimal | None = None
    stop: Decimal | None = None
    pct: Decimal | None = None
    p: Decimal | None = None
    b: Decimal | None = None
    sigma: Decimal | None = None
    amount: Decimal | None = None


class WhatIfWire(Wire, tag="what_if"):
    """`what_if` of the protocol: any trading command, but no other question."""

    command: PlaceOrderWire | PlaceBracketWire | AmendOrderWire | CancelOrderWire | CancelAllWire
    sizing: SizingWire | None = None


OrdersWire = (
    PlaceOrderWire
    | PlaceBracketWire
    | AmendOrderWire
    | CancelOrderWire
    | CancelAllWire
    | HeartbeatWire
    | WhatIfWire
)
TicksWire = L1Wire | MarkPriceWire
AdminWire = (
    CreateInstrumentWire
    | UpdateInstrumentWire
    | DeleteInstrumentWire
    | SetMarketStateWire
    | SetMarketBreakersWire
    | SetActivityWire
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
    | BookTradeWire
    | CorporateActionWire
    | KillWire
    | ResumeWire
)
AnyWire = OrdersWire | TicksWire | AdminWire
