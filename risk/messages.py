"""Commands and events of accounts, money and margin, in integers: atoms, ppm, half ticks."""

from typing import Final

import msgspec

from matching.terms import AccountStatus, MarketState, Refusal, Switch, Terms

BY_VOLUME: Final = "none"
"""The fee tier of an account that is fixed to none: its volume decides."""


class CreateInstrument(msgspec.Struct, gc=False):
    """A new instrument with validated terms, or with the `defect` that the conversion found."""

    symbol: str
    terms: Terms | None
    state: MarketState = MarketState.OPEN
    defect: Refusal | None = None
    defect_path: str = ""


class UpdateInstrument(msgspec.Struct, gc=False):
    """New rates, fees and protections for an instrument; its grid stays as it is."""

    symbol: str
    terms: Terms | None
    defect: Refusal | None = None
    defect_path: str = ""


class DeleteInstrument(msgspec.Struct, gc=False):
    """Remove an instrument that is flat and has no orders."""

    symbol: str


class CreateAccount(msgspec.Struct, gc=False):
    """Open an account; leverage 0 means each instrument's maximum."""

    account: str
    leverage_ppm: int = 0
    stp_group: str = ""
    status: AccountStatus = AccountStatus.ACTIVE
    fee_tier: str = BY_VOLUME
    profile: str = "none"
    defect: Refusal | None = None
    defect_path: str = ""


class UpdateAccount(msgspec.Struct, gc=False):
    """Change an account's leverage, self-trade group, status or fee tier; None leaves it."""

    account: str
    leverage_ppm: int | None = None
    stp_group: str | None = None
    status: AccountStatus | None = None
    fee_tier: str | None = None
    profile: str | None = None
    defect: Refusal | None = None
    defect_path: str = ""


class SetLeverage(msgspec.Struct, gc=False):
    """An account's leverage for one instrument; 0 takes it away."""

    account: str
    symbol: str
    leverage_ppm: int
    defect: Refusal | None = None
    defect_path: str = ""


class Transfer(msgspec.Struct, gc=False):
    """Money in (positive `amount_atoms`) or out (negative), once per `transfer_id` digest."""

    account: str
    amount_atoms: int
    transfer_id: str
    digest: bytes
    is_deposit: bool = True


class FundInsurance(msgspec.Struct, gc=False):
    """Money into the insurance fund, once per `transfer_id` digest."""

    amount_atoms: int
    transfer_id: str
    digest: bytes


class SetLiquidation(msgspec.Struct, gc=False):
    """The ladder of D1 and the admission threshold of C1, in ppm; the review timer in µs.

    `liquidation_fee_ppm` is the most that is taken of a slice's notional; after `max_tries` slices
    in a row, or `max_wait_us`, what finds no buyer is taken over (D6).
    """

    margin_call_ppm: int = 500_000
    tier1_ppm: int = 900_000
    tier1_share_ppm: int = 300_000
    tier2_ppm: int = 925_000
    tier2_share_ppm: int = 500_000
    tier3_ppm: int = 950_000
    admission_ratio_ppm: int = 800_000
    review_us: int = 250_000
    liquidation_fee_ppm: int = 0
    max_tries: int = 3
    max_wait_us: int = 2_000_000


class FeeTier(msgspec.Struct, frozen=True):
    """The fees of accounts whose fills of 30 days were worth `volume_atoms` or more."""

    name: str
    volume_atoms: int
    maker_fee_ppm: int
    taker_fee_ppm: int


class SetFeeTiers(msgspec.Struct, gc=False):
    """The shard's fee tiers, volumes rising from 0; none leaves the instruments' own fees."""

    tiers: tuple[FeeTier, ...]


class ApplyFunding(msgspec.Struct, gc=False):
    """Longs pay shorts `rate_ppb` of their notional at the mark, once per `funding_id` digest."""

    symbol: str
    rate_ppb: int
    funding_id: str
    digest: bytes
    defect: Refusal | None = None
    defect_path: str = ""


class ApplySwap(msgspec.Struct, gc=False):
    """Each side pays its yearly rate for `days` days of `day_count`, once per `swap_id` digest."""

    symbol: str
    long_rate_ppb: int
    short_rate_ppb: int
    day_count: int
    days: int
    swap_id: str
    digest: bytes
    defect: Refusal | None = None
    defect_path: str = ""


class Tick(msgspec.Struct, gc=False):
    """The best bid and ask of an outside market, in ticks; `sequence` and `time_us` order it."""

    symbol: str
    bid_ticks: int
    ask_ticks: int
    source: str = ""
    sequence: int | None = None
    time_us: int | None = None
    defect: Refusal | None = None
    defect_path: str = ""


class MarkPrice(msgspec.Struct, gc=False):
    """A pushed mark, for instruments whose mark source is `pushed`."""

    symbol: str
    price_ticks: int
    defect: Refusal | None = None
    defect_path: str = ""


class Failure(msgspec.Struct, gc=False):
    """One failing check of an admission (C1), with the numbers that bound it, or the switch.

    They are atoms, or where `unit` says so a `count`, or a `rate` in ppm. An engine that is behind
    says after how many milliseconds to try again.
    """

    code: Refusal
    limit_atoms: int | None = None
    used_atoms: int | None = None
    requested_atoms: int | None = None
    unit: str = ""
    switch: Switch | None = None
    retry_ms: int = 0


class Rejected(msgspec.Struct, gc=False):
    """Nothing changed, and why; `failures` holds every failing check where there are several."""

    code: Refusal
    symbol: str | None = None
    account: str | None = None
    client_order_id: str | None = None
    path: str | None = None
    text: str | None = None
    digest: str | None = None
    failures: tuple[Failure, ...] = ()


class TriggerRejected(msgspec.Struct, gc=False):
    """A fired order was not let in, and why; it is gone (A11)."""

    symbol: str
    account: str
    client_order_id: str
    order_id: int
    failures: tuple[Failure, ...]


class AccountCreated(msgspec.Struct, gc=False):
    """An account may trade from now on."""

    account: str
    leverage_ppm: int
    stp_group: str
    status: AccountStatus
    fee_tier: str = ""
    profile: str = ""


class AccountUpdated(msgspec.Struct, gc=False):
    """An account has new settings."""

    account: str
    leverage_ppm: int
    stp_group: str
    status: AccountStatus
    fee_tier: str = ""
    profile: str = ""


class BalanceChanged(msgspec.Struct, gc=False):
    """Money moved on an account for something that is not a trade.

    `transfer_id` is the id of what moved it; funding and swap also name their `symbol`.
    """

    account: str
    delta_atoms: int
    balance_atoms: int
    cause: str
    transfer_id: str = ""
    symbol: str = ""


class InsuranceFunded(msgspec.Struct, gc=False):
    """Money came into the insurance fund, which now holds `insurance_atoms`."""

    amount_atoms: int
    insurance_atoms: int
    transfer_id: str
    symbol: str = ""


class FundingApplied(msgspec.Struct, gc=False):
    """Positions pay funding at this rate; written before the payments, with their totals."""

    symbol: str
    funding_id: str
    rate_ppb: int
    mark_half_ticks: int
    paid_atoms: int
    received_atoms: int


class SwapApplied(msgspec.Struct, gc=False):
    """Positions pay swap at these rates; written before the payments, with their totals."""

    symbol: str
    swap_id: str
    long_rate_ppb: int
    short_rate_ppb: int
    day_count: int
    days: int
    mark_half_ticks: int
    paid_atoms: int
    received_atoms: int


class LeverageSet(msgspec.Struct, gc=False):
    """An account's leverage for an instrument is now this; 0 is none."""

    account: str
    symbol: str
    leverage_ppm: int


class FeeTiersSet(msgspec.Struct, gc=False):
    """The fee tiers are now these."""

    tiers: tuple[FeeTier, ...]


class LiquidationSet(msgspec.Struct, gc=False):
    """The ladder and the admission threshold are now these."""

    ladder: SetLiquidation


class MarginReceipt(msgspec.Struct, gc=False):
    """What an action saw: the ratio's numerators, the mark it used and the slice's arithmetic."""

    equity_atoms: int
    maintenance_atoms: int
    mark_half_ticks: int = 0
    position_lots: int = 0
    position_maintenance_atoms: int = 0
    share_ppm: int = 0
    bankruptcy_ticks: int = 0
    collar_ticks: int = 0
    outside_ticks: int = 0


class MarginCall(msgspec.Struct, gc=False):
    """An account's margin ratio has crossed the call threshold (D1)."""

    account: str
    receipt: MarginReceipt


class Liquidation(msgspec.Struct, gc=False):
    """A slice of a position is sold off; written before its trades, also when none follows."""

    account: str
    symbol: str
    tier: int
    side: int
    quantity_lots: int
    limit_ticks: int
    receipt: MarginReceipt


class Settled(msgspec.Struct, gc=False):
    """One side of a fill that no order made, as it stands right after it."""

    realized_atoms: int
    position_lots: int
    balance_atoms: int


class Takeover(msgspec.Struct, gc=False):
    """The backstop took what nobody bought, at the bankruptcy price (D6).

    The receipt: at `mark_half_ticks` it may cost `worst_case_atoms`, the fund holds
    `insurance_atoms`, and what the backstop held before it stands at `backstop_unrealized_atoms`.
    """

    symbol: str
    account: str
    side: int
    quantity_lots: int
    price_ticks: int
    trade_id: int
    after: Settled
    worst_case_atoms: int
    insurance_atoms: int
    backstop_unrealized_atoms: int
    mark_half_ticks: int


class Deleveraged(msgspec.Struct, gc=False):
    """A position on the other side was closed against a bankrupt one (D7); `side` is its own.

    The receipt is what it was ranked by (unrealised result, cost, notional, equity), and how the
    backstop stood, which did not take the lots over.
    """

    symbol: str
    account: str
    counter_account: str
    side: int
    quantity_lots: int
    price_ticks: int
    trade_id: int
    rank: int
    round: int
    account_after: Settled
    counter_after: Settled
    unrealized_atoms: int
    cost_atoms: int
    notional_atoms: int
    equity_atoms: int
    backstop_unrealized_atoms: int


class Deficit(msgspec.Struct, gc=False):
    """A flat account's debt was paid by the fund, and what it lacked is a deficit in the open."""

    account: str
    amount_atoms: int
    from_insurance_atoms: int
    insurance_atoms: int
