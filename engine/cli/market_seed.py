"""Begin a view in the middle: from the state that a snapshot holds."""

from decimal import Decimal
from typing import Final

from engine.cli.market_view import AccountView, BookView, MarketView, PositionView, Resting
from engine.grid import Grid
from engine.kernel import Kernel
from engine.state import Market
from matching.order import Order
from matching.terms import SIDE_NAMES
from risk.account import Account

_ATOMS: Final = Decimal(10) ** 8


def view_of(kernel: Kernel, frame: int) -> MarketView:
    """Return the view that the events up to `frame`, the kernel's, would have built."""
    state = kernel.state
    view = MarketView()
    view.frame = frame
    view.time_us = state.now_us
    grids = {symbol: Grid(market.instrument.terms) for symbol, market in state.markets.items()}
    for symbol, market in state.markets.items():
        view.books[symbol] = _book(market, grids[symbol])
    for name, account in state.accounts.items():
        view.accounts[name] = _account(account, grids)
    for orders in state.live.values():
        for order in orders.values():
            if order.price_ticks == 0:
                continue  # it waits for a price, and will not rest
            grid, book = grids[order.symbol], view.books[order.symbol]
            (book.armed if order.is_armed else book.orders)[order.order_id] = _resting(order, grid)
    return view


def _resting(order: Order, grid: Grid) -> Resting:
    seen = Resting(
        SIDE_NAMES[order.side],
        Decimal(grid.price_text(order.price_ticks)),
        Decimal(grid.quantity_text(order.leaves_lots)),
    )
    if order.is_iceberg:
        assert order.conditions is not None
        seen.peak = Decimal(grid.quantity_text(order.conditions.display_lots))
        seen.renew()
        if not order.is_armed:
            seen.peak_left = Decimal(grid.quantity_text(order.shown_lots))
    return seen


def _book(market: Market, grid: Grid) -> BookView:
    instrument = market.instrument
    book = BookView()
    if instrument.bid_ticks:
        book.bid = grid.price_text(instrument.bid_ticks)
        book.ask = grid.price_text(instrument.ask_ticks)
    if instrument.last_ticks:
        book.last = grid.price_text(instrument.last_ticks)
    return book


def _account(account: Account, grids: dict[str, Grid]) -> AccountView:
    seen = AccountView(balance=account.balance_atoms / _ATOMS)
    for symbol, position in account.positions.items():
        quantity = Decimal(grids[symbol].quantity_text(position.lots))
        seen.positions[symbol] = PositionView(quantity, position.cost_atoms / _ATOMS)
    return seen
