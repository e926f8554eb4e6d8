"""The answers that order entry gives: acceptances, amendments, cancellations and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.messages import OrderAccepted, OrderAmended, OrderCancelled
from matching.terms import CancelReason, OrderStatus, Refusal
from risk.messages import Failure, Rejected, TriggerRejected

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import Market
    from matching.id_window import Entry
    from matching.messages import AmendOrder, CancelOrder, PlaceOrder
    from matching.order import Order
    from matching.sweep import Sweep


def refused(
    command: PlaceOrder,
    code: Refusal,
    failures: tuple[Failure, ...] = (),
    path: str | None = None,
) -> Rejected:
    """Refuse a new order, with every failing check of its admission."""
    return Rejected(
        code,
        symbol=command.symbol,
        account=command.account,
        client_order_id=command.client_order_id,
        path=path,
        failures=failures,
    )


def amend_refused(
    order: Order, code: Refusal, failures: tuple[Failure, ...] = (), path: str | None = None
) -> Rejected:
    """Refuse to change a resting order."""
    return Rejected(
        code,
        symbol=order.symbol,
        account=order.account_id,
        client_order_id=order.client_order_id,
        path=path,
        failures=failures,
    )


def trigger_rejected(order: Order, failures: tuple[Failure, ...]) -> TriggerRejected:
    """Say why a fired order was not let in (A11)."""
    return TriggerRejected(
        order.symbol, order.account_id, order.client_order_id, order.order_id, failures
    )


def unknown(command: CancelOrder | AmendOrder, code: Refusal) -> Rejected:
    """Refuse a command that names an account or an order that is not there."""
    return Rejected(code, account=command.account, client_order_id=command.client_order_id)


def accepted(
    command: PlaceOrder,
    order_id: int,
    status: OrderStatus,
    trigger_ticks: int = 0,
    *,
    duplicate: bool = False,
) -> OrderAccepted:
    """Say that an order entered, and what became of it."""
    return OrderAccepted(
        command.symbol,
        command.account,
        command.client_order_id,
        order_id,
        status,
        command.side,
        command.order_type,
        command.time_in_force,
        command.quantity_lots,
        command.price_ticks,
        trigger_ticks,
        duplicate,
        command.peak_lots() if command.display_lots else 0,
    )


def repeated(command: PlaceOrder, known: Entry) -> Event:
    """Answer an id that was accepted before: the original acceptance, or a refusal (A10).

    The terms are left out where they no longer fit the instrument, which is then another one.
    """
    digest, order_id, status, _ = known
    if digest != command.digest:
        return refused(command, Refusal.ID_REUSED)
    if command.defect is not None:
        return OrderAccepted(
            command.symbol,
            command.account,
            command.client_order_id,
            order_id,
            status,
            duplicate=True,
        )
    trigger_ticks = 0 if command.stop is None else command.stop.trigger_ticks or 0
    return accepted(command, order_id, status, trigger_ticks, duplicate=True)


def cancelled(order: Order, reason: CancelReason) -> OrderCancelled:
    """Say that live quantity left untraded."""
    return OrderCancelled(
        order.symbol,
        order.account_id,
        order.client_order_id,
        order.order_id,
        reason,
        order.leaves_lots,
    )


def amended(
    order: Order, *, kept_priority: bool, cause: CancelReason | None = None
) -> OrderAmended:
    """Say what an order asks for now."""
    return OrderAmended(
        order.symbol,
        order.account_id,
        order.client_order_id,
        order.order_id,
        order.quantity_lots,
        order.price_ticks,
        order.leaves_lots,
        kept_priority,
        order.trigger_ticks,
        cause,
        0 if order.conditions is None else order.conditions.display_lots,
    )


def remainder_reason(market: Market, order: Order, sweep: Sweep, cut: CancelReason) -> CancelReason:
    """Say why what is left of an order does not rest."""
    if sweep.end is not None:
        return sweep.end
    if order.price_ticks == 0 and market.book.touch_ticks(-order.side) is not None:
        return cut
    return CancelReason.IOC_REMAINDER
