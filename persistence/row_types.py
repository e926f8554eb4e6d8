"""What a row of each table holds; decimals stay the strings that the journal holds."""

from typing import NamedTuple


class FillRow(NamedTuple):
    """One side of one trade, in the order of the columns of `insert_fills.sql`."""

    time_us: int
    frame: int
    event_index: int
    liquidity: str
    trade_id: int
    account_id: str
    counter_account_id: str
    order_id: int
    client_order_id: str
    symbol: str
    side: str
    quantity: str
    price: str
    fee: str
    realized_pnl: str
    position_after: str


class BalanceRow(NamedTuple):
    """One movement of a balance, in the order of the columns of `insert_balances.sql`."""

    time_us: int
    frame: int
    event_index: int
    account_id: str
    delta: str
    balance: str
    cause: str


class LiquidationRow(NamedTuple):
    """One liquidation action, in the order of the columns of `insert_liquidations.sql`."""

    time_us: int
    frame: int
    event_index: int
    account_id: str
    symbol: str
    tier: int
    side: str
    quantity: str
    limit_price: str | None
    receipt: str


class WaterfallRow(NamedTuple):
    """A takeover, a deleveraging or a deficit, in the order of `insert_waterfall.sql`."""

    time_us: int
    frame: int
    event_index: int
    kind: str
    account_id: str
    counter_account_id: str | None
    symbol: str | None
    side: str | None
    quantity: str | None
    price: str | None
    realized_pnl: str | None
    counter_realized_pnl: str | None
    amount: str | None
    receipt: str


class FundingRow(NamedTuple):
    """One funding or swap, in the order of the columns of `insert_funding.sql`.

    Both rates are what that side pays, so a funding's short rate is the long one below zero.
    """

    time_us: int
    frame: int
    event_index: int
    kind: str
    boundary_id: str
    symbol: str
    long_rate: str
    short_rate: str
    days: int | None
    day_count: int | None
    mark_price: str
    paid: str
    received: str
    residue: str


class MarginCallRow(NamedTuple):
    """One margin call, in the order of the columns of `insert_margin_calls.sql`."""

    time_us: int
    frame: int
    event_index: int
    account_id: str
    equity: str
    maintenance_margin: str
    receipt: str


class InstrumentRow(NamedTuple):
    """An instrument as it now stands, in the order of the columns of `upsert_instruments.sql`."""

    time_us: int
    frame: int
    event_index: int
    symbol: str
    contract_size: str
    tick_size: str
    lot_size: str
    mode: str
    mark_source: str
    terms: str
    is_deleted: bool


class PositionRow(NamedTuple):
    """One position's life as it now stands, in the order of `upsert_positions.sql`."""

    id: str
    sub_account_id: str
    symbol: str
    side: str
    status: str
    quantity: str
    cost: str
    max_quantity: str
    entry_price: str
    notional: str
    realized_pnl: str
    fees: str
    taken_over_by: str | None
    opened_us: int
    opened_frame: int
    opened_index: int
    last_frame: int
    last_index: int
    closed_frame: int | None
    closed_us: int | None


class BreakerRow(NamedTuple):
    """One breaker that tripped, in the order of the columns of `insert_breakers.sql`.

    The market's has no symbol, reference and price, an instrument's no index; without `until_ms` an
    operator ends it.
    """

    time_us: int
    frame: int
    event_index: int
    scope: str
    symbol: str | None
    level: int
    move: str
    reference: str | None
    price: str | None
    index_value: str | None
    auction: bool
    until_ms: int | None


class ExecutionRow(NamedTuple):
    """What one order took at one go, in the order of the columns of `insert_executions.sql`.

    `quantity` is what it still wanted when it first traded; `makers` are the orders it met,
    `filled_by_house` the part of `filled` that the outside market gave.
    """

    time_us: int
    frame: int
    event_index: int
    account_id: str
    order_id: int
    client_order_id: str
    symbol: str
    order_type: str
    side: str
    quantity: str
    filled: str
    average_price: str
    arrival_touch: str
    arrival_mark: str | None
    slippage_touch_bps: str
    slippage_mark_bps: str | None
    fee: str
    makers: int
    filled_by_house: str


class AdminRow(NamedTuple):
    """One command of an operator's, in the order of the columns of `insert_admin.sql`.

    `input_index` is its place among the frame's inputs; a malformed one has no command.
    """

    time_us: int
    frame: int
    input_index: int
    stream: str
    entry_id: str
    command_type: str | None
    target: str | None
    operator: str | None
    outcome: str
    code: int | None
    reason: str | None
    command: str | None


class Rows(NamedTuple):
    """The rows of some frames, each list in the order of the journal."""

    fills: list[FillRow]
    balances: list[BalanceRow]
    liquidations: list[LiquidationRow]
    waterfall: list[WaterfallRow]
    funding: list[FundingRow]
    margin_calls: list[MarginCallRow]
    breakers: list[BreakerRow]
    executions: list[ExecutionRow]
    admin: list[AdminRow]

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(len(rows) for rows in self)


def no_rows() -> Rows:
    """Return empty lists to append to."""
    return Rows([], [], [], [], [], [], [], [], [])
