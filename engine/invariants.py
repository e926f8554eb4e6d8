"""Books, live orders, links and holds tell the same story: asserted, down to the last order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.terms import MarketState
from risk.account import HOUSE

if TYPE_CHECKING:
    from engine.state import Market, State
    from matching.order import Order
    from risk.position import Position


def check_orders(state: State) -> None:
    """Assert everything that orders, positions and queues say of each other. Linear."""
    expiring = living = 0
    for symbol, market in state.markets.items():
        orders = _resting(market)
        armed = list(market.stops)
        for order in (*orders, *armed):
            living += 1
            assert order.symbol == symbol
            assert market.outside is None or order.account_id != HOUSE, "the house rests nowhere"
            assert order.position is market.positions[order.account_id]
            assert state.live[order.account_id][order.client_order_id] is order
            assert state.ids.find(order.account_id, order.client_order_id) is not None
            if order.conditions is not None and order.conditions.expires_us:
                expiring += 1
                assert state.expiries[order.conditions.expires_us, order.order_id] is order
        for order in orders:
            assert not order.reduces_only or order.side * order.position.lots < 0
        _check_holds(orders, armed, market)
    assert expiring == len(state.expiries)
    state.ids.check()
    assert living == sum(len(orders) for orders in state.live.values())
    _check_links(state)
    assert state.closing.keys() <= state.unsold.keys(), "what is gone through is not sold yet"
    assert bool(state.unsold) == bool(state.close_at_us), "what is not sold has a timer"


def check_breakers(state: State) -> None:
    """Assert that breakers look at just what they should, and hold what does not trade (E2)."""
    state.index.check()
    state.holds.check()
    assert state.index.weights.keys() <= state.markets.keys()
    for symbol, market in state.markets.items():
        is_watched = bool(market.instrument.terms.breakers) or symbol in state.index.weights
        assert (market.instrument.watch is not None) == is_watched
    assert all(state.markets[symbol].instrument.watch is not None for symbol in state.watched)
    for symbol in state.holds.ends_us:
        held = state.markets[symbol].instrument.state
        assert held is MarketState.HALTED or held is MarketState.AUCTION


def _resting(market: Market) -> list[Order]:
    ladders = (market.book.bids, market.book.asks)
    return [order for ladder in ladders for level in ladder for order in level]


def _check_holds(orders: list[Order], armed: list[Order], market: Market) -> None:
    """Assert what open orders hold; the legs of a group count once, by the greatest (B3)."""
    expected: dict[Position, list[int]] = {}
    together: dict[tuple[object, int, bool], list[tuple[int, int, int]]] = {}
    for order in orders:
        notional = order.leaves_lots * order.price_ticks * market.instrument.unit_atoms
        held = (order.leaves_lots, notional, order.fee_hold_atoms)
        group = None if order.conditions is None else order.conditions.group
        key = (group or order, order.side, order.reduces_only)
        together.setdefault(key, []).append(held)
        expected[order.position] = [0] * 7
    for order in orders:
        group = None if order.conditions is None else order.conditions.group
        legs = together.pop((group or order, order.side, order.reduces_only), None)
        if legs is None:
            continue
        lots, atoms, fee_atoms = (max(values) for values in zip(*legs, strict=True))
        sums = expected[order.position]
        sums[5] += fee_atoms
        if order.reduces_only:
            sums[4] += lots
        else:
            first = 0 if order.side > 0 else 2
            sums[first] += lots
            sums[first + 1] += atoms
    for order in armed:
        expected.setdefault(order.position, [0] * 7)[6] += order.reduces_only
    for position in market.positions.values():
        assert expected.get(position, [0] * 7) == [
            position.buy_lots,
            position.buy_atoms,
            position.sell_lots,
            position.sell_atoms,
            position.reduce_lots,
            position.fee_hold_atoms,
            position.armed_reducing,
        ]


def _check_links(state: State) -> None:
    """Assert that groups and brackets know just the live orders that know them (A13)."""
    grouped = bracketed = 0
    for orders in state.live.values():
        for order in orders.values():
            conditions = order.conditions
            if conditions is not None and conditions.group is not None:
                grouped += 1
                assert order in conditions.group.members
            if conditions is not None and conditions.bracket is not None:
                bracketed += 1
                assert order in conditions.bracket.members()
                assert state.brackets[conditions.bracket.order_id] is conditions.bracket
    assert grouped == sum(len(group.members) for group in state.groups.values())
    assert bracketed == sum(len(bracket.members()) for bracket in state.brackets.values())
    for key, group in state.groups.items():
        assert key == (group.account_id, group.symbol, group.name)
    for bracket in state.brackets.values():
        shelved = state.shelved.get(bracket.symbol, {})
        is_waiting = bracket.order_id in state.due or bracket.order_id in shelved
        assert is_waiting or not bracket.is_over, "a bracket of which nothing lives is forgotten"
