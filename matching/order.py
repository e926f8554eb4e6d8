"""A live order, and its links into the queue of its price level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matching.ladder import Level
    from matching.terms import OrderType, StpMode, TimeInForce


class Order:
    """An order that has been accepted: what it asks for, what is left of it, what it has paid.

    `fee_basis` is the sum of notional (atoms) times rate (ppm) over its fills; together with
    `fee_charged_atoms` it makes fees cumulative per order (B5). `stp_key` is the account's
    self-trade group, or the account itself. `position` is the kernel's handle on what the order
    moves when it fills; the book never looks at it.
    """

    __slots__ = (
        "account_id",
        "after",
        "before",
        "client_order_id",
        "fee_basis",
        "fee_charged_atoms",
        "fee_hold_atoms",
        "leaves_lots",
        "level",
        "maker_fee_ppm",
        "order_id",
        "order_type",
        "position",
        "price_ticks",
        "quantity_lots",
        "side",
        "stp",
        "stp_key",
        "symbol",
        "tag",
        "taker_fee_ppm",
        "time_in_force",
    )

    def __init__(
        self,
        order_id: int,
        account_id: str,
        client_order_id: str,
        symbol: str,
        side: int,
        price_ticks: int,
        quantity_lots: int,
        order_type: OrderType,
        time_in_force: TimeInForce,
        stp: StpMode,
        stp_key: str,
        position: Any,
        maker_fee_ppm: int,
        taker_fee_ppm: int,
        tag: str = "",
    ) -> None:
        self.order_id: int = order_id
        self.account_id: str = account_id
        self.client_order_id: str = client_order_id
        self.symbol: str = symbol
        self.side: int = side
        self.price_ticks: int = price_ticks
        self.quantity_lots: int = quantity_lots
        self.leaves_lots: int = quantity_lots
        self.order_type: OrderType = order_type
        self.time_in_force: TimeInForce = time_in_force
        self.stp: StpMode = stp
        self.stp_key: str = stp_key
        self.position: Any = position
        self.maker_fee_ppm: int = maker_fee_ppm
        self.taker_fee_ppm: int = taker_fee_ppm
        self.tag: str = tag
        self.fee_basis: int = 0
        self.fee_charged_atoms: int = 0
        self.fee_hold_atoms: int = 0
        self.level: Level | None = None
        self.before: Order | None = None
        self.after: Order | None = None

    @property
    def filled_lots(self) -> int:
        """Return how much of the order's total has traded."""
        return self.quantity_lots - self.leaves_lots
