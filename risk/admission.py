"""May this order enter? The checks of rule C1 over money, each a pure question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.limits import PPM
from matching.terms import AccountStatus, MarkSource, Refusal
from risk.margin import divide_up, fee_hold_atoms, margin_ratio_reaches
from risk.messages import Failure

if TYPE_CHECKING:
    from risk.position import Position


class Request:
    """An order as admission sees it: its lots at its price, and what it replaces when amended.

    `limited` tells a limit order, which an instrument marked by its last trade takes at its own
    price while nothing has traded. The `replaced_*` sums are those of the order being amended.
    """

    __slots__ = (
        "limited",
        "lots",
        "price_ticks",
        "replaced_atoms",
        "replaced_fee_atoms",
        "replaced_lots",
        "side",
        "taker_fee_ppm",
    )

    def __init__(
        self, side: int, lots: int, price_ticks: int, taker_fee_ppm: int, *, limited: bool
    ) -> None:
        self.side: int = side
        self.lots: int = lots
        self.price_ticks: int = price_ticks
        self.taker_fee_ppm: int = taker_fee_ppm
        self.limited: bool = limited
        self.replaced_lots: int = 0
        self.replaced_atoms: int = 0
        self.replaced_fee_atoms: int = 0


def reduces(position: Position, request: Request) -> bool:
    """Tell whether the order can only shrink the position, whatever else of its side fills (C1)."""
    if position.lots * request.side >= 0:
        return False
    resting = position.buy_lots if request.side > 0 else position.sell_lots
    return request.lots <= abs(position.lots) - (resting - request.replaced_lots)


def admission_failures(
    position: Position, request: Request, now_us: int, ratio_ppm: int
) -> tuple[Failure, ...]:
    """Return every failing check of C1 in its order; an empty tuple admits the order.

    Linear in the account's positions. An order that reduces passes checks 2 to 7, and check 1
    unless the account is closed.
    """
    status = position.account.status
    reducing = reduces(position, request)
    if status is not AccountStatus.ACTIVE and not (reducing and status is AccountStatus.SUSPENDED):
        inactive: tuple[Failure, ...] = (Failure(Refusal.ACCOUNT_NOT_ACTIVE),)
    else:
        inactive = ()
    if reducing:
        return inactive
    unpriced = _price_failure(position, request, now_us)
    if unpriced is not None:
        return (*inactive, Failure(unpriced))
    return inactive + _money_failures(position, request, ratio_ppm)


def _price_failure(position: Position, request: Request, now_us: int) -> Refusal | None:
    """Ask check 2: has a price been seen, and is it fresh?"""
    instrument = position.instrument
    if instrument.mark_half_ticks == 0:
        if request.limited and instrument.terms.mark_source is MarkSource.LAST:
            return None
        return Refusal.PRICE_UNAVAILABLE
    return Refusal.PRICE_STALE if instrument.is_stale(now_us) else None


def _money_failures(position: Position, request: Request, ratio_ppm: int) -> tuple[Failure, ...]:
    """Ask checks 3 to 7 and the liquidation lock, in one pass over the positions.

    The loss at once is what the order would lose if it filled at its own price and were marked
    straight away; it is never a gain.
    """
    account, instrument = position.account, position.instrument
    equity = account.balance_atoms
    others_exposure = others_initial = others_maintenance = fees = 0
    for other in account.positions.values():
        value = other.lots * other.instrument.mark_half_ticks * other.instrument.half_atoms
        equity += value - other.cost_atoms
        fees += other.fee_hold_atoms
        if other is not position:
            others_exposure += abs(value)
            others_initial += other.initial_atoms()
            others_maintenance += other.maintenance_atoms()

    side, lots = request.side, request.lots
    terms = instrument.terms
    mark_half = instrument.mark_half_ticks or 2 * request.price_ticks
    notional = lots * request.price_ticks * instrument.unit_atoms
    at_mark = lots * mark_half * instrument.half_atoms
    loss = max(0, side * (notional - at_mark))
    value = position.value_atoms()

    long_side, short_side = value + position.buy_atoms, position.sell_atoms - value
    if side > 0:
        long_side += notional - request.replaced_atoms
    else:
        short_side += notional - request.replaced_atoms
    initial = others_initial + divide_up(
        max(long_side, short_side) * position.margin_numerator, position.margin_denominator
    )
    fees += fee_hold_atoms(notional, request.taker_fee_ppm) - request.replaced_fee_atoms
    maintenance = others_maintenance + divide_up(
        abs(value + side * at_mark) * terms.maintenance_margin_ppm, PPM
    )
    exposure = others_exposure + abs(value + side * notional)
    after_loss = equity - loss
    leverage_ppm = terms.max_leverage_ppm
    if 0 < account.leverage_ppm < leverage_ppm:
        leverage_ppm = account.leverage_ppm

    failures: list[Failure] = []
    if exposure * PPM > leverage_ppm * equity:
        allowed = max(0, leverage_ppm * equity // PPM)
        used = others_exposure + abs(value)
        failures.append(Failure(Refusal.LEVERAGE_EXCEEDED, allowed, used, notional))
    limit = account.max_order_notional_atoms
    if 0 < limit < notional:
        failures.append(Failure(Refusal.ORDER_NOTIONAL_LIMIT, limit, 0, notional))
    limit = account.max_exposure_atoms
    if 0 < limit < exposure:
        used = others_exposure + abs(value)
        failures.append(Failure(Refusal.EXPOSURE_LIMIT, limit, used, notional))
    if initial + fees > after_loss:
        before = others_initial + position.initial_atoms()
        failures.append(
            Failure(Refusal.INSUFFICIENT_MARGIN, after_loss, before, initial + fees - before)
        )
    if margin_ratio_reaches(maintenance, after_loss, ratio_ppm):
        allowed = max(0, ratio_ppm * after_loss // PPM)
        before = others_maintenance + position.maintenance_atoms()
        failures.append(Failure(Refusal.MARGIN_RATIO, allowed, before, maintenance - before))
    if account.in_liquidation:
        failures.append(Failure(Refusal.IN_LIQUIDATION))
    return tuple(failures)
