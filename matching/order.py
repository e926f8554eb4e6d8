"""A live order, and its links into the queue of its price level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matching.brackets import Bracket
    from matching.groups import Group
    from matching.ladder import Level
    from matching.stops import Trigger
    from matching.terms import OrderType, StpMode, TimeInForce


class Conditions:
    """What an order carries beyond the plain ones; most carry nothing, and then there is none.

    `display_lots` is an iceberg's peak (0: shows everything), `shown_lots` what it shows while it
    rests (A4). `expires_us` is when it leaves by itself (0: never). `trigger` is what an armed
    order waits for, None once it has fired (A11); `slippage_ppm` bounds a market order then.
    `group` and `bracket` link it to others (A13); an order that has left keeps neither.
    """

    __slots__ = (
        "bracket",
        "display_lots",
        "expires_us",
        "group",
        "post_only",
        "reduce_only",
        "shown_lots",
        "slippage_ppm",
        "trigger",
    )

    def __init__(
        self, display_lots: int, expires_us: int, *, post_only: bool, reduce_only: bool
    ) -> None:
        self.display_lots: int = display_lots
        self.shown_lots: int = 0
        self.expires_us: int = expires_us
        self.post_only: bool = post_only
        self.reduce_only: bool = reduce_only
        self.trigger: Trigger | None = None
        self.slippage_ppm: int | None = None
        self.group: Group | None = None
        self.bracket: Bracket | None = None

    @property
    def is_linked(self) -> bool:
        """Tell whether a fill of the order changes others (A13)."""
        return self.group is not None or self.bracket is not None

    def is_linked_to(self, other: Conditions) -> bool:
        """Tell whether the two orders belong together, and so never trade with each other."""
        return (self.group is not None and self.group is other.group) or (
            self.bracket is not None and self.bracket is other.bracket
        )

    def show(self, lots: int) -> None:
        """Set what an iceberg shows; a used-up peak shows nothing until it is renewed."""
        self.shown_lots = max(0, lots) if self.display_lots else 0


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
        "conditions",
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
        conditions: Conditions | None = None,
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
        self.conditions: Conditions | None = conditions
        self.fee_basis: int = 0
        self.fee_charged_atoms: int = 0
        self.fee_hold_atoms: int = 0
        self.level: Level | None = None
        self.before: Order | None = None
        self.after: Order | None = None

    @property
    def shown_lots(self) -> int:
        """Return what a resting order lets others see: all, or an iceberg's present peak."""
        conditions = self.conditions
        if conditions is None or conditions.display_lots == 0:
            return self.leaves_lots
        return conditions.shown_lots

    @property
    def is_armed(self) -> bool:
        """Tell whether the order waits for its trigger (A11)."""
        return self.conditions is not None and self.conditions.trigger is not None

    @property
    def trigger_ticks(self) -> int:
        """Return the present trigger of an armed order, 0 where there is none."""
        if self.conditions is None or self.conditions.trigger is None:
            return 0
        return self.conditions.trigger.price_ticks

    @property
    def slippage_ppm(self) -> int | None:
        """Return how far from the touch a fired market order may trade; None is the collar."""
        return None if self.conditions is None else self.conditions.slippage_ppm

    @property
    def is_iceberg(self) -> bool:
        """Tell whether the order shows less than it has (A4)."""
        return self.conditions is not None and self.conditions.display_lots > 0

    @property
    def posts_only(self) -> bool:
        """Tell whether the order may never take (A7)."""
        return self.conditions is not None and self.conditions.post_only

    @property
    def reduces_only(self) -> bool:
        """Tell whether the order may only shrink the position (A8)."""
        return self.conditions is not None and self.conditions.reduce_only

    @property
    def is_linked(self) -> bool:
        """Tell whether a fill of the order changes others (A13)."""
        return self.conditions is not None and self.conditions.is_linked

    @property
    def filled_lots(self) -> int:
        """Return how much of the order's total has traded."""
        return self.quantity_lots - self.leaves_lots
