"""What a command would do: the question `what_if`, and its answer (C4)."""

import msgspec

from matching.messages import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from matching.terms import OrderStatus
from risk.messages import Failure, Rejected, SetLiquidation, UpdateInstrument
from risk.terms import LimitHit, SetRisk

Trading = PlaceOrder | AmendOrder | CancelOrder | CancelAll


class SizingTerms(msgspec.Struct, gc=False):
    """How to size a position. Atoms, ticks, ppm; 0 is not given, an equity of None the account's.

    The conversion has seen to it that what the method needs is given.
    """

    method: str
    equity_atoms: int | None = None
    entry_ticks: int = 0
    stop_ticks: int = 0
    pct_ppm: int = 0
    p_ppm: int = 0
    b_ppm: int = 0
    sigma_ppm: int = 0
    amount_atoms: int = 0


class WhatIf(msgspec.Struct, gc=False):
    """What would this command do? `symbol` is its instrument, empty where it names none."""

    command: Trading
    symbol: str = ""
    sizing: SizingTerms | None = None


class Sized(msgspec.Struct, gc=False):
    """A position's size: lots, what they are worth at entry and lose down to the stop, in atoms.

    `fraction_ppm` is the part of equity that the method puts in or at stake, ⌊⌋ and before the
    size is rounded; `risk_atoms` is None without a stop.
    """

    method: str
    quantity_lots: int
    notional_atoms: int
    risk_atoms: int | None
    fraction_ppm: int


class AccountAfter(msgspec.Struct, gc=False):
    """How the account would stand, in atoms, and its position in the instrument.

    `tiers` are (threshold in ppm, price in ticks or None); empty, as `bankruptcy_ticks` is 0,
    without a position.
    """

    balance_atoms: int
    equity_atoms: int
    initial_atoms: int
    maintenance_atoms: int
    fee_hold_atoms: int
    free_atoms: int
    position_lots: int = 0
    tiers: tuple[tuple[int, int | None], ...] = ()
    bankruptcy_ticks: int = 0


class SetOff(msgspec.Struct, frozen=True, gc=False):
    """What a command would set off, and does not run: stops that fire first, calls, tiers reached.

    `triggers` are (account, client order id) in the order in which they would fire.
    """

    triggers: tuple[tuple[str, str], ...] = ()
    margin_calls: tuple[str, ...] = ()
    liquidations: tuple[tuple[str, int], ...] = ()


class WhatIfResult(msgspec.Struct, gc=False):
    """What a command would do; nothing has changed.

    `refusal` is what it would be refused with. `fills` are (price in ticks, lots) by price in order
    of the prints; fees and what is realised are the account's, in all its orders that they fill.
    """

    account: str
    symbol: str
    client_order_id: str
    refusal: Rejected | None = None
    status: OrderStatus | None = None
    duplicate: bool = False
    fills: tuple[tuple[int, int], ...] = ()
    leaves_lots: int = 0
    fees_atoms: int = 0
    realized_atoms: int = 0
    after: AccountAfter | None = None
    set_off: SetOff = SetOff()
    sized: Sized | None = None


class DryRun(msgspec.Struct, gc=False):
    """What would these limits, this ladder, these terms set off? Nothing changes."""

    command: SetRisk | SetLiquidation | UpdateInstrument


class Barred(msgspec.Struct, gc=False):
    """What new limits would refuse: an order if it were sent now, or a lot more of a position.

    The failures are those that the limits add to what is refused already; of a position the
    client order id is empty.
    """

    symbol: str
    client_order_id: str
    failures: tuple[Failure, ...]


class RiskTried(msgspec.Struct, gc=False):
    """What an account's new limits would refuse, and the limits on losses reached already."""

    account: str
    refused: tuple[Barred, ...]
    refused_count: int
    paused: tuple[LimitHit, ...]


class MarginsTried(msgspec.Struct, gc=False):
    """Who would be called, and who would stand at a tier: (account, tier); with their numbers.

    `command` is the type of what was tried, `symbol` empty where it is about all instruments.
    """

    command: str
    symbol: str
    called: tuple[str, ...]
    called_count: int
    liquidated: tuple[tuple[str, int], ...]
    liquidated_count: int
