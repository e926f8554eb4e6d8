"""What crosses the engine's edge: the core's commands and events, inputs and frames."""

from __future__ import annotations

import msgspec

from engine.wire import AnyWire
from matching.messages import (
    AmendOrder,
    AuctionUncrossed,
    BookTrade,
    CancelAll,
    CancelOrder,
    InstrumentCreated,
    InstrumentDeleted,
    InstrumentUpdated,
    MarketStateChanged,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderReplenished,
    OrderTriggered,
    PlaceOrder,
    PreventedMatch,
    SetMarketState,
    Trade,
)
from risk.actions.messages import DividendPaid, OddLots, PayDividend, SplitUnits, UnitsSplit
from risk.foretold.messages import DryRun, MarginsTried, RiskTried, WhatIf, WhatIfResult
from risk.guards.messages import (
    ActivitySet,
    BreakerTripped,
    FlattenOrder,
    HeartbeatMissed,
    HeartbeatSet,
    Kill,
    KillSwitched,
    MarketBreakersSet,
    MarketBreakerTripped,
    Overloaded,
    Resume,
    SetActivity,
    SetHeartbeat,
    SetMarketBreakers,
    UnusualActivity,
)
from risk.messages import (
    AccountCreated,
    AccountUpdated,
    ApplyFunding,
    ApplySwap,
    BalanceChanged,
    CreateAccount,
    CreateInstrument,
    Deficit,
    DeleteInstrument,
    Deleveraged,
    FeeTiersSet,
    FundingApplied,
    FundInsurance,
    InsuranceFunded,
    LeverageSet,
    Liquidation,
    LiquidationSet,
    MarginCall,
    MarkPrice,
    Rejected,
    SetFeeTiers,
    SetLeverage,
    SetLiquidation,
    SwapApplied,
    Takeover,
    Tick,
    Transfer,
    TriggerRejected,
    UpdateAccount,
    UpdateInstrument,
)
from risk.terms import LimitHit, LimitsResumed, RiskSet, SetRisk

Command = (
    PlaceOrder
    | AmendOrder
    | CancelOrder
    | CancelAll
    | Tick
    | MarkPrice
    | CreateInstrument
    | UpdateInstrument
    | DeleteInstrument
    | SetMarketState
    | SetMarketBreakers
    | CreateAccount
    | UpdateAccount
    | Transfer
    | FundInsurance
    | SetRisk
    | SetLiquidation
    | SetLeverage
    | SetFeeTiers
    | ApplyFunding
    | ApplySwap
    | BookTrade
    | PayDividend
    | SplitUnits
    | Kill
    | Resume
    | SetHeartbeat
    | SetActivity
    | Overloaded
    | WhatIf
    | DryRun
    | Rejected
)
"""What the kernel applies. A `Rejected` is a verdict reached before it."""

Event = (
    OrderAccepted
    | Trade
    | OrderCancelled
    | OrderAmended
    | OrderReplenished
    | OrderExpired
    | OrderTriggered
    | TriggerRejected
    | Rejected
    | PreventedMatch
    | AuctionUncrossed
    | BreakerTripped
    | MarketBreakerTripped
    | MarketBreakersSet
    | MarketStateChanged
    | KillSwitched
    | FlattenOrder
    | HeartbeatSet
    | HeartbeatMissed
    | ActivitySet
    | UnusualActivity
    | InstrumentCreated
    | InstrumentUpdated
    | InstrumentDeleted
    | AccountCreated
    | AccountUpdated
    | BalanceChanged
    | InsuranceFunded
    | FundingApplied
    | SwapApplied
    | DividendPaid
    | OddLots
    | UnitsSplit
    | LeverageSet
    | FeeTiersSet
    | RiskSet
    | LimitHit
    | LimitsResumed
    | LiquidationSet
    | MarginCall
    | Liquidation
    | Takeover
    | Deleveraged
    | Deficit
    | WhatIfResult
    | RiskTried
    | MarginsTried
)
"""What the kernel answers."""


class Verdict(msgspec.Struct, gc=False):
    """What was decided on an input before the kernel; it is journaled and never decided again."""

    code: int
    path: str
    digest: str
    text: str


class Input(msgspec.Struct, gc=False):
    """One command on its way to the kernel, and `body`, the way it stands in a frame's `in`.

    With `retry_ms` the engine was behind when it came, or with `is_short` Redis short of memory: it
    enters only if it reduces (E6).
    """

    stream: str
    entry_id: str
    command: AnyWire | Verdict
    body: bytes
    retry_ms: int = 0
    is_short: bool = False


class InputRecord(msgspec.Struct, gc=False):
    """An element of a frame's `in`, as it is read back."""

    s: str
    id: str
    k: int | None = None
    c: msgspec.Raw = msgspec.Raw()
    skipped: int | None = None
    overload: int = 0
    memory: int = 0
    refuse: int | None = None
    path: str = ""
    digest: str = ""
    detail: str = ""


class Frame(msgspec.Struct, gc=False):
    """One journal entry: the fields as bytes, as they are hashed and stored."""

    n: int
    time_us: int
    inputs: bytes
    events: bytes
    cursors: bytes
    version: bytes
    hash: bytes


class Batch(msgspec.Struct, gc=False):
    """Inputs in their merged order, and the ingress cursors once all of them are applied.

    `oldest_us` is when the oldest entry was added, as far as ids tell; `size` the number of
    commands that were read, those included that have been conflated.
    """

    inputs: list[Input]
    cursors: dict[str, str]
    oldest_us: int | None = None
    size: int = 0
