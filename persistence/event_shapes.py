"""Of the events that have rows in Postgres, the fields that go there; decimals are strings."""

import msgspec


class Kind(msgspec.Struct, gc=False):
    """What every event has."""

    type: str


class Party(msgspec.Struct, gc=False):
    """One side of a trade."""

    account: str
    client_order_id: str
    order_id: int
    fee: str
    realized_pnl: str
    position: str
    leaves: str = "0"


class Arrival(msgspec.Struct, gc=False):
    """What an order that took is measured against; no mark where none was known."""

    order_type: str
    touch: str
    mark: str | None = None


class Trade(msgspec.Struct, gc=False):
    """One aggressor against one maker; `cause` is the place of its input, None for a timer."""

    symbol: str
    trade_id: int
    price: str
    quantity: str
    aggressor_side: str
    maker: Party
    taker: Party
    arrival: Arrival | None = None
    cause: int | None = msgspec.field(default=None, name="in")


class BalanceChanged(msgspec.Struct, gc=False):
    """A balance moved by what is no trade."""

    account: str
    delta: str
    balance: str
    cause: str


class Liquidation(msgspec.Struct, gc=False):
    """One action of a liquidation."""

    account: str
    symbol: str
    tier: int
    side: str
    quantity: str
    receipt: msgspec.Raw
    limit_price: str | None = None


class Takeover(msgspec.Struct, gc=False):
    """What the backstop took of an account."""

    account: str
    symbol: str
    side: str
    quantity: str
    price: str
    realized_pnl: str
    position: str
    receipt: msgspec.Raw


class After(msgspec.Struct, gc=False):
    """What a fill without an order left of one side."""

    realized_pnl: str
    position: str


class Deleveraged(msgspec.Struct, gc=False):
    """What was taken of a position on the other side."""

    account: str
    counter_account: str
    symbol: str
    side: str
    quantity: str
    price: str
    account_after: After
    counter_after: After
    receipt: msgspec.Raw


class OddLots(msgspec.Struct, gc=False):
    """What the house took before a split; the house's own side stands in `counter_after`."""

    account: str
    counter_account: str
    symbol: str
    side: str
    quantity: str
    price: str
    realized_pnl: str
    position: str
    balance: str
    counter_after: After


class CorporateAction(msgspec.Struct, gc=False):
    """A dividend, or a split of `numerator` new units for `denominator` old ones."""

    action: str
    symbol: str
    numerator: int = 1
    denominator: int = 1


class Deficit(msgspec.Struct, gc=False):
    """A debt made good."""

    account: str
    amount: str
    receipt: msgspec.Raw


class Ratio(msgspec.Struct, gc=False):
    """The numerators in a receipt."""

    equity: str
    maintenance_margin: str


class MarginCall(msgspec.Struct, gc=False):
    """A ratio above the first threshold."""

    account: str
    receipt: msgspec.Raw


class Breaker(msgspec.Struct, gc=False):
    """A circuit breaker that tripped, of an instrument or of the market."""

    scope: str
    level: int
    move: str
    symbol: str | None = None
    reference: str | None = None
    price: str | None = None
    index_value: str | None = None
    auction: bool = False
    until: int | None = None


class Carry(msgspec.Struct, gc=False):
    """What a funding and a swap share."""

    symbol: str
    mark_price: str
    paid: str
    received: str
    residue: str


class Funding(Carry, gc=False):
    """Longs against shorts at one boundary."""

    funding_id: str
    rate: str


class Swap(Carry, gc=False):
    """Either side's carry at one boundary."""

    swap_id: str
    long_rate: str
    short_rate: str
    day_count: int
    days: int


class Instrument(msgspec.Struct, gc=False):
    """An instrument's terms as they now stand."""

    symbol: str
    contract_size: str
    tick_size: str
    lot_size: str
    mark_source: str
    mode: str = "book"


class Deleted(msgspec.Struct, gc=False):
    """An instrument that is gone."""

    symbol: str
