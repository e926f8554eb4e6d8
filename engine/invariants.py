"""Books, live orders, links and holds tell the same story: asserted, down to the last order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.terms import MarketState
from risk.account import HOUSE

if TYPE_CHECKING:
    from engine.state import Market, State
    from matching.groups import Group
    from matching.order import Order
    from risk.position import Position


def check_orders(state: State) -> None:
    """Assert everything that orders, positions and queues say of each other. Linear."""
    expiring = living = standing = 0
    find = state.ids.find
    for account_id, live in state.live.items():
        account = state.accounts[account_id]
        living += len(live)
        for name, order in live.items():
            assert order.client_order_id == name
            assert order.account_id == account_id
            assert order.position.account is account
            assert find(account_id, name) is not None
            conditions = order.conditions
            if conditions is None:
                assert order.level is not None, "who lives rests, or is armed"
                continue
            assert (order.level is None) == (conditions.trigger is not None)
            if conditions.expires_us:
                expiring += 1
                assert state.expiries[conditions.expires_us, order.order_id] is order
    for market in state.markets.values():
        orders, armed = _resting(market), list(market.stops)
        standing += len(orders) + len(armed)
        if market.outside is not None:
            standing_there = (order.account_id for order in (*orders, *armed))
            assert HOUSE not in standing_there, "the house rests nowhere"
        _check_holds(orders, armed, market)
    assert expiring == len(state.expiries)
    state.ids.check()
    assert living == standing, "whoever stands in a book or queue is live, and nobody else"
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
    instrument = market.instrument
    symbol, unit_atoms = instrument.symbol, instrument.unit_atoms
    expected: dict[Position, list[int]] = {}
    together: dict[tuple[Group, int, bool], list[tuple[int, int, int]]] = {}
    for order in orders:
        position, conditions = order.position, order.conditions
        assert order.symbol == symbol
        reduces = conditions is not None and conditions.reduce_only
        assert not reduces or order.side * position.lots < 0
        atoms = order.leaves_lots * order.price_ticks * unit_atoms
        sums = expected.get(position)
        if sums is None:
            sums = expected[position] = [0] * 7
        if conditions is None or conditions.group is None:
            _add_held(sums, order.side, order.leaves_lots, atoms, order.fee_hold_atoms, reduces)
        else:
            held = (order.leaves_lots, atoms, order.fee_hold_atoms)
            together.setdefault((conditions.group, order.side, reduces), []).append(held)
    for (group, side, reduces), legs in together.items():
        lots, atoms, fee_atoms = (max(values) for values in zip(*legs, strict=True))
        position = market.positions[group.account_id]
        _add_held(expected[position], side, lots, atoms, fee_atoms, reduces)
    for order in armed:
        assert order.symbol == symbol
        expected.setdefault(order.position, [0] * 7)[6] += order.reduces_only
    nothing = [0] * 7
    for position in market.positions.values():
        assert expected.pop(position, nothing) == [
            position.buy_lots,
            position.buy_atoms,
            position.sell_lots,
            position.sell_atoms,
            position.reduce_lots,
            position.fee_hold_atoms,
            position.armed_reducing,
        ]
    assert not expected, "an order moves a position that nobody knows"


def _add_held(
    sums: list[int],
    side: int,
    lots: int,
    atoms: int,
    fee_atoms: int,
    reduces: bool,  # noqa: FBT001 - of the order, as it says itself
) -> None:
    """Add what an order holds to the sums of its position."""
    sums[5] += fee_atoms
    if reduces:
        sums[4] += lots
    elif side > 0:
        sums[0] += lots
        sums[1] += atoms
    else:
        sums[2] += lots
        sums[3] += atoms


def _check_links(state: State) -> None:
    """Assert that groups and brackets know just the live orders that know them (A13)."""
    grouped = bracketed = 0
    for orders in state.live.values():
        for order in orders.values():
            conditions = order.conditions
            if conditions is None:
                continue
            if conditions.group is not None:
                grouped += 1
                assert order in conditions.group.members
            if conditions.bracket is not None:
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
