"""May this order enter? The checks of rule C1 over money, each a pure question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import PPM
from matching.terms import AccountStatus, MarkSource, Refusal
from risk.brackets import bracketed_maintenance_atoms
from risk.guard import Entry
from risk.margin import margin_ratio_reaches
from risk.messages import Failure

if TYPE_CHECKING:
    from matching.messages import BracketTerms
    from matching.terms import Switch
    from risk.account import Account
    from risk.position import Position

ACTIVE = AccountStatus.ACTIVE


class Replaced:
    """What an amended order holds until it is replaced: its own side's lots, notional and fee."""

    __slots__ = ("atoms", "fee_atoms", "lots")

    def __init__(self, lots: int, atoms: int, fee_atoms: int) -> None:
        self.lots: int = lots
        self.atoms: int = atoms
        self.fee_atoms: int = fee_atoms


NOTHING = Replaced(0, 0, 0)


def reduces(position: Position, side: int, lots: int, replaced: Replaced = NOTHING) -> bool:
    """Tell whether an order can only shrink the position, whatever else of its side fills (C1)."""
    if position.lots * side >= 0:
        return False
    resting = position.reduce_lots + (position.buy_lots if side > 0 else position.sell_lots)
    return lots <= abs(position.lots) - (resting - replaced.lots)


def price_refusal(position: Position, now_us: int, *, limited: bool) -> Refusal | None:
    """Answer check 2, whether a price has been seen and is fresh, by what it fails with.

    An instrument marked by its last trade takes limit orders (`limited`) at their own price until
    something has traded.
    """
    instrument = position.instrument
    if instrument.mark_half_ticks == 0:
        if limited and instrument.terms.mark_source is MarkSource.LAST:
            return None
        return Refusal.PRICE_UNAVAILABLE
    return Refusal.PRICE_STALE if instrument.is_stale(now_us) else None


def admission_failures(  # noqa: PLR0913 - hot: an object for each order would cost more
    position: Position,
    side: int,
    lots: int,
    price_ticks: int,
    taker_fee_ppm: int,
    ratio_ppm: int,
    now_us: int,
    *,
    limited: bool,
    reduce_only: bool = False,
    replaced: Replaced = NOTHING,
    switch: Switch | None = None,
    bracket: BracketTerms | None = None,
    is_new: bool = True,
) -> tuple[Failure, ...]:
    """Return every failing check of C1 in its order; an empty tuple admits the order.

    `price_ticks` is the order's own, a market order's its protection price; `ratio_ppm` the
    threshold of check 7; `switch` the kill switch over the order, asked after check 1 (E4). Linear
    in the account's positions. An order that reduces passes the switch, checks 2 to 7, and check 1
    unless the account is closed; a reserved account passes all checks, but not the switch. The
    limits of an account's own are asked of `bracket` too, the rate of orders only of what `is_new`.
    """
    account = position.account
    if account.is_reserved and switch is None:
        return ()
    reducing = reduce_only or (position.lots * side < 0 and reduces(position, side, lots, replaced))
    barred: tuple[Failure, ...] = ()
    if account.status is not ACTIVE and not (
        reducing and account.status is AccountStatus.SUSPENDED
    ):
        barred = (Failure(Refusal.ACCOUNT_NOT_ACTIVE),)
    if reducing:
        return barred
    if switch is not None:
        barred = (*barred, Failure(Refusal.KILL_SWITCH, switch=switch))
        if account.is_reserved:
            return barred
    unpriced = price_refusal(position, now_us, limited=limited)
    if unpriced is not None:
        return (*barred, Failure(unpriced))
    entry, guard = None, account.guard
    if guard is not None:
        if is_new:
            barred += guard.rate_failure(now_us)
        entry = Entry(position, side, lots, bracket)
        entry.entry_half = 2 * price_ticks if limited else position.instrument.mark_half_ticks
    return barred + _money_failures(
        position, side, lots, price_ticks, taker_fee_ppm, ratio_ppm, replaced, entry
    )


def plain_failures(
    position: Position,
    side: int,
    lots: int,
    price_ticks: int,
    taker_fee_ppm: int,
    ratio_ppm: int,
    now_us: int,
) -> tuple[Failure, ...]:
    """Answer as `admission_failures` does for a plain limit order that no kill switch is over.

    Most have nothing to be asked but money.
    """
    account, instrument = position.account, position.instrument
    if (
        account.guard is None
        and account.status is ACTIVE
        and not account.is_reserved
        and position.lots * side >= 0
        and instrument.mark_half_ticks
        and (instrument.terms.feed_stale_us == 0 or not instrument.is_stale(now_us))
    ):
        return _money_failures(
            position, side, lots, price_ticks, taker_fee_ppm, ratio_ppm, NOTHING, None
        )
    return admission_failures(
        position, side, lots, price_ticks, taker_fee_ppm, ratio_ppm, now_us, limited=True
    )


def _money_failures(  # noqa: PLR0913, PLR0917 - hot, as above
    position: Position,
    side: int,
    lots: int,
    price_ticks: int,
    taker_fee_ppm: int,
    ratio_ppm: int,
    replaced: Replaced,
    entry: Entry | None,
) -> tuple[Failure, ...]:
    """Ask checks 3 to 7, the account's own limits and the liquidation lock, in one pass.

    The loss at once is what the order would lose if it filled at its own price and were marked
    straight away; it is never a gain. A sell below the mark is margined at the mark, since that is
    what its position will count at.
    """
    instrument, account = position.instrument, position.account
    mark_half, half_atoms = instrument.mark_half_ticks or 2 * price_ticks, instrument.half_atoms
    notional = lots * price_ticks * instrument.unit_atoms
    at_mark = lots * mark_half * half_atoms
    value = position.lots * mark_half * half_atoms
    equity = account.balance_atoms + value - position.cost_atoms

    loss = side * (notional - at_mark)
    counted = at_mark if side < 0 and loss > 0 else notional
    added = lots - replaced.lots
    worse = _worse_side(position, value, side, added, counted - replaced.atoms)
    required = position.fee_hold_atoms - replaced.fee_atoms
    after_trade = abs(value + side * at_mark)
    if instrument.brackets:
        required += position.margin_atoms(worse)
        maintenance = bracketed_maintenance_atoms(instrument.brackets, after_trade)
    else:
        required -= -worse * position.margin_numerator // position.margin_denominator
        maintenance = -(-after_trade * instrument.terms.maintenance_margin_ppm // PPM)
    if taker_fee_ppm > 0:
        required -= -notional * taker_fee_ppm // PPM
    exposure = abs(value + side * notional)
    if len(account.positions) > 1:
        for other in account.positions.values():
            if other is not position:
                equity += other.unrealized_atoms()
                required += other.initial_atoms() + other.fee_hold_atoms
                maintenance += other.maintenance_atoms()
                exposure += abs(other.value_atoms())

    after_loss = equity - loss if loss > 0 else equity
    leverage_ppm = position.leverage_used_ppm
    if (
        entry is None
        and exposure * PPM <= leverage_ppm * equity
        and required <= after_loss
        and maintenance * PPM < ratio_ppm * after_loss
        and not account.in_liquidation
    ):
        return ()
    if entry is not None:
        leverage_ppm = entry.measure(leverage_ppm, notional, after_trade, worse, equity)
    after = After(notional, exposure, required, maintenance, equity, after_loss)
    return _explain(account, after, leverage_ppm, ratio_ppm, entry)


def _worse_side(
    position: Position, value: int, side: int, added_lots: int, added_atoms: int
) -> int:
    """Return the greater exposure with so much more on order on `side`, in atoms (B3).

    A side counts only where its orders could do more than reduce the position, worth `value`.
    """
    worse = value if value >= 0 else -value
    held = position.lots
    buy_lots, sell_lots = position.buy_lots, position.sell_lots
    long_side, short_side = value + position.buy_atoms, position.sell_atoms - value
    if side > 0:
        buy_lots += added_lots
        long_side += added_atoms
    else:
        sell_lots += added_lots
        short_side += added_atoms
    if long_side > worse and buy_lots + held > 0:
        worse = long_side
    if short_side > worse and sell_lots > held:
        worse = short_side
    return worse


class After:
    """What an account would stand at with an order, in atoms.

    `required` is initial margin, holds and worst-case fees; `after_loss` the equity once the loss
    at once is taken.
    """

    __slots__ = ("after_loss", "equity", "exposure", "maintenance", "notional", "required")

    def __init__(
        self,
        notional: int,
        exposure: int,
        required: int,
        maintenance: int,
        equity: int,
        after_loss: int,
    ) -> None:
        self.notional: int = notional
        self.exposure: int = exposure
        self.required: int = required
        self.maintenance: int = maintenance
        self.equity: int = equity
        self.after_loss: int = after_loss


def _explain(
    account: Account, after: After, leverage_ppm: int, ratio_ppm: int, entry: Entry | None
) -> tuple[Failure, ...]:
    """Return what fails, with its numbers: checks 3 to 7, the account's own limits, the lock."""
    positions = account.positions.values()
    notional, equity, after_loss = after.notional, after.equity, after.after_loss
    exposed = sum(abs(p.value_atoms()) for p in positions)
    found: list[Failure] = []
    if after.exposure * PPM > leverage_ppm * equity:
        allowed = max(0, leverage_ppm * equity // PPM)
        found.append(Failure(Refusal.LEVERAGE_EXCEEDED, allowed, exposed, notional))
    if account.guard is not None:
        limit = account.guard.profile.max_order_notional_atoms
        if 0 < limit < notional:
            found.append(Failure(Refusal.ORDER_NOTIONAL_LIMIT, limit, 0, notional))
        limit = account.guard.profile.max_exposure_atoms
        if 0 < limit < after.exposure:
            found.append(Failure(Refusal.EXPOSURE_LIMIT, limit, exposed, notional))
    if after.required > after_loss:
        used = sum(p.initial_atoms() + p.fee_hold_atoms for p in positions)
        requested = after.required - used
        found.append(Failure(Refusal.INSUFFICIENT_MARGIN, after_loss, used, requested))
    if margin_ratio_reaches(after.maintenance, after_loss, ratio_ppm):
        used = sum(p.maintenance_atoms() for p in positions)
        allowed = max(0, ratio_ppm * after_loss // PPM)
        requested = after.maintenance - used
        found.append(Failure(Refusal.MARGIN_RATIO, allowed, used, requested))
    if account.guard is not None and entry is not None:
        found += account.guard.failures(entry)
    if account.in_liquidation:
        found.append(Failure(Refusal.IN_LIQUIDATION))
    return tuple(found)
