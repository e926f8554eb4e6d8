"""Commands and events of corporate actions: dividends and splits (B6)."""

import msgspec

from matching.terms import Refusal
from risk.messages import Settled


class PayDividend(msgspec.Struct, gc=False):
    """Shorts pay longs `amount_ppb` of a unit of quantity, once per `action_id` digest."""

    symbol: str
    action_id: str
    digest: bytes
    amount_ppb: int = 0
    defect: Refusal | None = None
    defect_path: str = ""


class DividendPaid(msgspec.Struct, gc=False):
    """A dividend is paid; written before the payments, with their totals."""

    symbol: str
    action_id: str
    amount_ppb: int
    paid_atoms: int
    received_atoms: int


class SplitUnits(msgspec.Struct, gc=False):
    """`numerator` new units for `denominator` old ones, once per `action_id` digest."""

    symbol: str
    action_id: str
    digest: bytes
    numerator: int = 0
    denominator: int = 0
    defect: Refusal | None = None
    defect_path: str = ""


class OddLots(msgspec.Struct, gc=False):
    """The house took lots that a split makes nothing whole of, at the mark; `side` is closing."""

    symbol: str
    account: str
    side: int
    quantity_lots: int
    price_ticks: int
    trade_id: int
    after: Settled
    house_after: Settled


class UnitsSplit(msgspec.Struct, gc=False):
    """A split is carried out: so many positions and orders are restated; the orders follow.

    `cash_in_lieu_atoms` is what the odd lots were worth that were paid out before.
    """

    symbol: str
    action_id: str
    numerator: int
    denominator: int
    positions: int
    orders: int
    cash_in_lieu_atoms: int
