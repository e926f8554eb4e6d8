"""Commands and events of corporate actions: dividends and splits (B6)."""

import msgspec

from matching.terms import Refusal


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
