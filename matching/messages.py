"""Commands and events of the book, in integers: ticks, lots and atoms.

The wire's decimal strings live in `engine.wire`; `engine.codec` turns one into the other.
"""

import msgspec

from matching.terms import (
    CancelReason,
    FillRule,
    MarketState,
    OrderStatus,
    OrderType,
    Refusal,
    StpMode,
    Terms,
    TimeInForce,
    TriggerBy,
)


class StopTerms(msgspec.Struct, gc=False):
    """What an order that waits for a price says about it; None where it says nothing."""

    trigger_ticks: int | None = None
    by: TriggerBy | None = None
    trail_offset_ticks: int | None = None
    trail_bps: int | None = None
    trail_step_ticks: int | None = None
    activation_ticks: int | None = None

    def trigger_by(self) -> TriggerBy:
        """Return the reference, the last trade where none is named."""
        return TriggerBy.LAST if self.by is None else self.by


class ExitTerms(msgspec.Struct, gc=False):
    """A child of a bracket as asked for: a take-profit, or the stop-loss, which has a trigger."""

    price_ticks: int
    quantity_lots: int
    trigger_ticks: int = 0
    by: TriggerBy = TriggerBy.LAST


class BracketTerms(msgspec.Struct, gc=False):
    """What is to follow an entry as it fills (A13). `misplaced` is where the form is at fault."""

    take_profits: list[ExitTerms]
    stop_loss: ExitTerms | None
    rule: FillRule
    misplaced: str = ""


class PlaceOrder(msgspec.Struct, gc=False):
    """A new order. `price_ticks` is 0 for a market order, `display_lots` 0 for no iceberg.

    `defect` is what the conversion from decimals found (off tick, off lot, unsupported): the
    kernel reports it in its place among the other refusals. `is_plain` tells that it is a limit
    order, good till cancelled, that carries nothing more, so that much need not be asked
    (`as_plain`). `digest` is the 16-byte digest of the command's content, by which a repeat is told
    from a reuse (A10).
    """

    account: str
    symbol: str
    client_order_id: str
    side: int
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int
    stp: StpMode
    max_slippage_ppm: int | None = None
    tag: str = ""
    display_lots: int = 0
    expires_us: int = 0
    post_only: bool = False
    reduce_only: bool = False
    stop: StopTerms | None = None
    oco_group: str = ""
    fill_rule: FillRule | None = None
    bracket: BracketTerms | None = None
    digest: bytes = b""
    defect: Refusal | None = None
    defect_path: str = ""
    is_plain: bool = False

    def as_plain(self) -> bool:
        """Tell whether the order is a limit, good till cancelled, that carries nothing more."""
        return (
            self.order_type is OrderType.LIMIT
            and self.time_in_force is TimeInForce.GTC
            and self.price_ticks > 0
            and self.display_lots == 0
            and self.expires_us == 0
            and not self.post_only
            and not self.reduce_only
            and self.stop is None
            and self.oco_group == ""
            and self.fill_rule is None
            and self.bracket is None
            and self.defect is None
        )

    def peak_lots(self) -> int:
        """Return an iceberg's peak; 0 for any other order, and a peak of everything (A4)."""
        return self.display_lots if self.display_lots < self.quantity_lots else 0


class AmendOrder(msgspec.Struct, gc=False):
    """Change a resting order's total quantity or price (A9); None leaves the value as it is."""

    account: str
    client_order_id: str
    quantity_lots: int | None
    price_ticks: int | None
    display_lots: int | None = None
    expires_us: int | None = None
    stop: StopTerms | None = None
    defect: Refusal | None = None
    defect_path: str = ""


class CancelOrder(msgspec.Struct, gc=False):
    """Cancel one resting order."""

    account: str
    client_order_id: str


class CancelAll(msgspec.Struct, gc=False):
    """Cancel an account's orders, all or those of one symbol or side (0 is both)."""

    account: str
    symbol: str | None = None
    side: int = 0


class BookTrade(msgspec.Struct, gc=False):
    """A trade agreed elsewhere: `account` on `side`, `counter_account` against it (B7).

    `digest` and `signature_digest` are those by which its id and its signature are remembered; both
    of the signature's are empty where it has none.
    """

    account: str
    counter_account: str
    symbol: str
    side: int
    trade_id: str
    digest: bytes
    signature: bytes = b""
    signature_digest: bytes = b""
    quantity_lots: int = 0
    price_ticks: int = 0
    defect: Refusal | None = None
    defect_path: str = ""


class SetMarketState(msgspec.Struct, gc=False):
    """Open, halt or close one instrument, or all of them with `*` (A14)."""

    symbol: str
    state: MarketState


class OrderAccepted(msgspec.Struct, gc=False):
    """An order entered. A repeat of an accepted id gives the original with `duplicate` set.

    `display_lots` is an iceberg's peak, 0 for any other order.
    """

    symbol: str
    account: str
    client_order_id: str
    order_id: int
    status: OrderStatus
    side: int = 0
    order_type: OrderType | None = None
    time_in_force: TimeInForce | None = None
    quantity_lots: int = 0
    price_ticks: int = 0
    trigger_ticks: int = 0
    duplicate: bool = False
    display_lots: int = 0


class TradeParty(msgspec.Struct, gc=False):
    """One side of a trade, as it stands right after it."""

    account: str
    client_order_id: str
    order_id: int
    fee_atoms: int
    realized_atoms: int
    position_lots: int
    balance_atoms: int
    leaves_lots: int


class Trade(msgspec.Struct, gc=False):
    """One aggressor against one maker at the maker's price (A1).

    One that was agreed elsewhere carries its id as `trade_ref`, and its signature if it has one.
    The first trade of an order that took carries what it is measured against: its type, the best
    price that it met (`touch_ticks`, 0 in every other trade) and the mark before (0 without one).
    """

    symbol: str
    trade_id: int
    price_ticks: int
    quantity_lots: int
    aggressor_side: int
    maker: TradeParty
    taker: TradeParty
    trade_ref: str = ""
    trade_signature: bytes = b""
    order_type: OrderType | None = None
    touch_ticks: int = 0
    mark_half_ticks: int = 0


class OrderCancelled(msgspec.Struct, gc=False):
    """Live quantity left untraded."""

    symbol: str
    account: str
    client_order_id: str
    order_id: int
    reason: CancelReason
    leaves_lots: int


class OrderAmended(msgspec.Struct, gc=False):
    """An order has new terms; `kept_priority` tells whether it kept its place in the queue.

    `cause` is None where its account asked for it, else what it is linked by (A13).
    """

    symbol: str
    account: str
    client_order_id: str
    order_id: int
    quantity_lots: int
    price_ticks: int
    leaves_lots: int
    kept_priority: bool
    trigger_ticks: int = 0
    cause: CancelReason | None = None
    display_lots: int = 0


class OrderReplenished(msgspec.Struct, gc=False):
    """An iceberg shows a new peak, from the tail of its level (A4)."""

    symbol: str
    account: str
    client_order_id: str
    order_id: int
    shown_lots: int
    leaves_lots: int


class OrderExpired(msgspec.Struct, gc=False):
    """An order's time is over (A3); a timer's event, before any input of its batch."""

    symbol: str
    account: str
    client_order_id: str
    order_id: int
    leaves_lots: int


class OrderTriggered(msgspec.Struct, gc=False):
    """An armed order has been reached; what it does follows (A11)."""

    symbol: str
    account: str
    client_order_id: str
    order_id: int
    trigger_ticks: int
    reference_half_ticks: int


class OrderRef(msgspec.Struct, gc=False):
    """Names an order."""

    account: str
    client_order_id: str
    order_id: int


class PreventedMatch(msgspec.Struct, gc=False):
    """Self-trade prevention acted (A6)."""

    symbol: str
    mode: StpMode
    maker: OrderRef
    taker: OrderRef
    quantity_lots: int
    price_ticks: int


class MarketStateChanged(msgspec.Struct, gc=False):
    """An instrument's market state is now `state`."""

    symbol: str
    state: MarketState


class AuctionUncrossed(msgspec.Struct, gc=False):
    """An auction ends: all that follows trades at one price. `imbalance_lots` is bids − asks."""

    symbol: str
    price_ticks: int
    quantity_lots: int
    imbalance_lots: int


class InstrumentCreated(msgspec.Struct, gc=False):
    """An instrument trades from now on."""

    symbol: str
    terms: Terms
    state: MarketState


class InstrumentUpdated(msgspec.Struct, gc=False):
    """An instrument has new rates, fees or protections; its grid never changes."""

    symbol: str
    terms: Terms


class InstrumentDeleted(msgspec.Struct, gc=False):
    """An instrument is gone; it was flat and had no orders."""

    symbol: str
