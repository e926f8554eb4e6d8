"""Close part of a position at once, whoever wants that: a liquidation or an operator (D5, E4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.order import Order
from matching.terms import OrderType, StpMode, TimeInForce

if TYPE_CHECKING:
    from engine.execution import Execution
    from engine.messages import Event
    from engine.state import State
    from risk.position import Position


def sell_off(
    state: State,
    execution: Execution,
    position: Position,
    name: str,
    terms: tuple[int, int],
    events: list[Event],
) -> list[tuple[int, int]]:
    """Close (lots, limit in ticks) of a position by an IOC order `<name>-<order id>`.

    Returns what was closed, as (price in ticks, lots).
    """
    lots, limit_ticks = terms
    symbol = position.instrument.symbol
    market = state.markets[symbol]
    order_id = state.next_order_id
    state.next_order_id += 1
    order = Order(
        order_id,
        position.account.account_id,
        f"{name}-{order_id}",
        symbol,
        -1 if position.lots > 0 else 1,
        limit_ticks,
        lots,
        OrderType.LIMIT,
        TimeInForce.IOC,
        StpMode.CANCEL_OLDEST,
        position.account.stp_key,
        position,
        0,
        state.fees_of(position)[1],
    )
    sweep = market.book.plan(order, limit_ticks)
    execution.enter(market, order, sweep, events, rests=False)
    return [(maker.price_ticks, bite) for maker, bite in sweep.bites if bite > 0]
