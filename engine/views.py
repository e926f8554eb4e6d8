"""The state as others may see it: pure functions from a State to JSON-ready values.

Decimals are strings in their shortest form; amounts are in the settlement asset, prices and
quantities on the instrument's grid. Everything is sorted, so that the same state gives the same
bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.breaker_views import breakers, held
from engine.decimals import to_text
from engine.grid import Grid
from engine.limits import PPM
from engine.market_states import crossing
from engine.rendering_admin import money, rate
from engine.rendering_guards import ALL
from engine.snapshot import state_hash
from matching.terms import SIDE_NAMES, KillScope, MarginBracket, MarketState
from risk.deleveraging import quintile, ranked
from risk.fees import tier_of, volume_atoms
from risk.margin import Standing, margin_ratio_ppm
from risk.tiers import bankruptcy_ticks, tier_price_ticks

if TYPE_CHECKING:
    from engine.kernel import Kernel
    from engine.state import Market, State
    from matching.ladder import Ladder
    from matching.order import Order
    from matching.terms import Terms
    from risk.account import Account
    from risk.messages import SetLiquidation
    from risk.position import Position

View = dict[str, Any]

AVERAGE_DECIMALS: Final = 8
"""Places of an average price, which is derived and rounded half up (of its magnitude)."""


def simulation_state(kernel: Kernel) -> View:
    """Return the last line of `simulate --state` (protocol §3)."""
    state = kernel.state
    return {
        "type": "state",
        "hash": state_hash(kernel),
        "books": books(state),
        "accounts": accounts(state),
        "positions": positions(state),
        "totals": totals(state),
    }


def books(state: State) -> View:
    """Return symbol -> bids and asks, best first: [price, shown quantity, orders] a level."""
    return {symbol: _book(market) for symbol, market in sorted(state.markets.items())}


def markets(state: State) -> View:
    """Return symbol -> market state, outside prices, last trade and mark; null where unseen.

    In mode `l1` also whether the outside prices are too old to trade at (D5).
    In an auction also where it would trade if it ended now, and how much of what is shown (A14).
    """
    return {symbol: _market(market, state) for symbol, market in sorted(state.markets.items())}


def accounts(state: State) -> View:
    """Return account -> money and margin.

    equity − initial_margin − fee_hold = free_margin; initial_margin covers positions and open
    orders, of which order_margin is for the orders; margin_ratio is rounded up to 6 places.
    """
    return {name: _account(account, state) for name, account in sorted(state.accounts.items())}


def positions(state: State) -> View:
    """Return account -> symbol -> open position. Accounts without one are left out."""
    found: View = {}
    quintiles = _quintiles(state)
    for name, account in sorted(state.accounts.items()):
        held = {
            symbol: _position(position, state.ladder)
            | {"adl_quintile": quintiles.get((name, symbol))}
            for symbol, position in sorted(account.positions.items())
            if position.lots != 0
        }
        if held:
            found[name] = held
    return found


def totals(state: State) -> View:
    """Return everything that must add up (B7); open_cost carries its sign."""
    ledger = state.ledger
    return {
        "deposits": money(ledger.deposits),
        "withdrawals": money(ledger.withdrawals),
        "balances": money(ledger.balances),
        "open_cost": money(ledger.open_cost),
        "fees": money(ledger.fees),
        "insurance": money(ledger.insurance),
        "residue": money(ledger.residue),
        "deficits": money(ledger.deficits),
    }


def open_orders(state: State) -> View:
    """Return account -> its resting orders in order of arrival. Accounts without are left out."""
    grids = {symbol: Grid(market.instrument.terms) for symbol, market in state.markets.items()}
    return {
        name: [_order(order, grids[order.symbol]) for order in orders.values()]
        for name, orders in sorted(state.live.items())
        if orders
    }


def switches(state: State, account: str | None = None, symbol: str | None = None) -> list[View]:
    """Return the kill switches, the widest first; without those of other accounts or symbols."""
    widest = list(KillScope)
    named = {KillScope.ACCOUNT: account, KillScope.SYMBOL: symbol}
    return [
        {
            "scope": switch.scope.value,
            "target": switch.target or ALL,
            "mode": switch.mode.value,
            "operator": switch.operator,
            "reason": switch.reason,
        }
        for switch in sorted(
            state.switches.values(), key=lambda each: (widest.index(each.scope), each.target)
        )
        if named.get(switch.scope) in (None, switch.target)
    ]


def heartbeats(state: State) -> View:
    """Return account -> when it must have been heard of, in ms; those without are left out."""
    return {name: {"expires_at": at_us // 1_000} for name, at_us in state.heartbeats}


def average_price(position: Position) -> str:
    """Return cost ⁄ quantity of an open position, rounded half up to AVERAGE_DECIMALS places."""
    terms = position.instrument.terms
    numerator = abs(position.cost_atoms) * terms.tick_units * 10**AVERAGE_DECIMALS
    denominator = abs(position.lots) * position.instrument.unit_atoms * 10**terms.price_decimals
    return to_text((2 * numerator + denominator) // (2 * denominator), AVERAGE_DECIMALS)


def _book(market: Market) -> View:
    grid = Grid(market.instrument.terms)
    return {"bids": _side(market.book.bids, grid), "asks": _side(market.book.asks, grid)}


def _side(ladder: Ladder, grid: Grid) -> list[list[Any]]:
    levels: list[list[Any]] = []
    for level in ladder:
        shown = [order.shown_lots for order in level]
        price, quantity = grid.price_text(level.price_ticks), grid.quantity_text(sum(shown))
        levels.append([price, quantity, len(shown)])
    return levels


def _market(market: Market, state: State) -> View:
    instrument = market.instrument
    grid = Grid(instrument.terms)

    def price(ticks: int) -> str | None:
        return grid.price_text(ticks) if ticks else None

    mark = instrument.mark_half_ticks
    view: View = {
        "state": instrument.state.value,
        "bid": price(instrument.bid_ticks),
        "ask": price(instrument.ask_ticks),
        "last": price(instrument.last_ticks),
        "mark": grid.half_price_text(mark) if mark else None,
        "mark_source": instrument.terms.mark_source.value,
        "mode": instrument.terms.mode.value,
        "priced_at_us": instrument.priced_at_us or None,
        "stale": instrument.is_stale(state.now_us),
        "margin_brackets": _brackets(instrument.terms),
        "breakers": breakers(instrument),
        "held": held(state, instrument.symbol),
    }
    if market.outside is not None:
        view["outside_stale"] = market.outside.touch_ticks(1) is None
    if instrument.state is MarketState.AUCTION:
        view["auction"] = _indication(market, grid)
    return view


def _indication(market: Market, grid: Grid) -> View | None:
    """Return an auction's price and what would trade of the shown sizes; None where nothing does.

    Hidden size counts for the price, as it will when the auction ends, and never shows (A4).
    """
    found = crossing(market)
    if found is None:
        return None
    shown = [
        sum(
            order.shown_lots
            for level in ladder
            for order in level
            if ladder.side * (level.price_ticks - found.price_ticks) >= 0
        )
        for ladder in (market.book.bids, market.book.asks)
    ]
    price, quantity = grid.price_text(found.price_ticks), grid.quantity_text(min(shown))
    return {"price": price, "quantity": quantity}


def _brackets(terms: Terms) -> list[View]:
    """Return where each pair of margin rates begins; one from 0 where there is only one."""
    one = MarginBracket(0, terms.initial_margin_ppm, terms.maintenance_margin_ppm)
    return [
        {
            "notional": money(bracket.notional_atoms),
            "initial_margin": rate(bracket.initial_ppm),
            "maintenance_margin": rate(bracket.maintenance_ppm),
        }
        for bracket in terms.margin_brackets or (one,)
    ]


def _account(account: Account, state: State) -> View:
    standing, tiers = Standing(account), state.fee_tiers
    exposure = {}
    for symbol, position in sorted(account.positions.items()):
        if position.lots != 0:
            exposure[symbol] = money(abs(position.value_atoms()))
    return {
        "balance": money(account.balance_atoms),
        "equity": money(standing.equity),
        "initial_margin": money(standing.initial),
        "order_margin": money(standing.initial - standing.position_initial),
        "maintenance_margin": money(standing.maintenance),
        "fee_hold": money(standing.fee_hold),
        "free_margin": money(standing.free),
        "margin_ratio": rate(margin_ratio_ppm(standing.maintenance, standing.equity)),
        "exposure": exposure,
        "status": account.status.value,
        "in_liquidation": account.in_liquidation,
        "fee_tier": tier_of(account, tiers, state.now_us).name if tiers else None,
        "volume_30d": money(volume_atoms(account, state.now_us)),
    }


def _position(position: Position, ladder: SetLiquidation) -> View:
    grid = Grid(position.instrument.terms)
    tier_prices = {
        rate(threshold): _tier_price(position, threshold, grid)
        for threshold in (ladder.tier1_ppm, ladder.tier2_ppm, ladder.tier3_ppm, PPM)
    }
    return {
        "quantity": grid.quantity_text(position.lots),
        "cost": money(position.cost_atoms),
        "avg_price": average_price(position),
        "unrealized_pnl": money(position.unrealized_atoms()),
        "liquidation_price": tier_prices[rate(ladder.tier1_ppm)],
        "tier_prices": tier_prices,
        "bankruptcy_price": grid.price_text(bankruptcy_ticks(position)),
    }


def _quintiles(state: State) -> dict[tuple[str, str], int]:
    """Return (account, symbol) -> 5 for those who are deleveraged first, down to 1 (D7).

    Without those who cannot be: the venue's own accounts, and any without positive equity.
    """
    found: dict[tuple[str, str], int] = {}
    for symbol, market in state.markets.items():
        if market.outside is not None:
            continue  # the house takes every slice: nobody is deleveraged (D5)
        held = state.positions.open_in(symbol).values()
        for side in (1, -1):
            ranking = ranked([position for position in held if position.lots * side > 0])
            for rank, candidate in enumerate(ranking, start=1):
                place = candidate.position.account.account_id, symbol
                found[place] = quintile(rank, len(ranking))
    return found


def _tier_price(position: Position, threshold_ppm: int, grid: Grid) -> str | None:
    ticks = tier_price_ticks(position, threshold_ppm)
    return None if ticks is None else grid.price_text(ticks)


def _order(order: Order, grid: Grid) -> View:
    view = {
        "client_order_id": order.client_order_id,
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": SIDE_NAMES[order.side],
        "order_type": order.order_type.value,
        "time_in_force": order.time_in_force.value,
        "status": "armed" if order.is_armed else "resting",
        "quantity": grid.quantity_text(order.quantity_lots),
        "leaves": grid.quantity_text(order.leaves_lots),
    }
    if order.price_ticks:
        view["price"] = grid.price_text(order.price_ticks)
    if order.trigger_ticks:
        view["trigger_price"] = grid.price_text(order.trigger_ticks)
    if order.conditions is not None and order.conditions.group is not None:
        view["oco_group"] = order.conditions.group.name
    return view
