"""The kernel and a view of its events side by side, and what is played to both."""

import json
from decimal import Decimal
from typing import Any

from engine.cli.market_view import MarketView
from engine.cli.streams import encode, stream_of
from engine.entries import decode_entry
from engine.machine import Machine
from feeds.sources.record import Command
from feeds.synthetic import INSTRUMENTS, SyntheticMarket
from risk.margin import equity_and_maintenance

L1 = {"mode": "l1"}
STEPS = 1_500
ATOMS = Decimal(10) ** 8


class Play:
    """The real kernel and a view of its events, without a stream between them."""

    def __init__(self, view: MarketView) -> None:
        self.machine = Machine()
        self.view = view
        self.frames = 0

    def frame(self, commands: list[Command]) -> None:
        """Apply commands as one frame and show it to the view."""
        self.frames += 1
        time_us = 1_700_000_000_000_000 + 12_000 * self.frames
        out: list[bytes] = []
        self.machine.begin(time_us, out)
        for index, command in enumerate(commands):
            [item] = decode_entry(stream_of(command), f"{self.frames}-{index}", encode(command))
            self.machine.apply(item, index, out)
        events = [json.loads(event) for event in out]
        self.view.observe(self.frames, time_us, [{"c": each} for each in commands], events)


def assert_same(view: MarketView, machine: Machine) -> None:
    """Fail where the view shows anything else than what the kernel holds."""
    state = machine.kernel.state
    places = {each.symbol: (each.price_places, each.lot_places) for each in INSTRUMENTS}
    held = {
        order.order_id: (
            order.side,
            Decimal(order.price_ticks).scaleb(-places[order.symbol][0]),
            Decimal(order.leaves_lots).scaleb(-places[order.symbol][1]),
        )
        for orders in state.live.values()
        for order in orders.values()
    }
    shown = {
        order_id: (1 if order.side == "buy" else -1, order.price, order.leaves)
        for book in view.books.values()
        for order_id, order in book.orders.items()
    }
    assert shown == held
    for name, account in state.accounts.items():
        seen = view.accounts[name]
        assert seen.balance == account.balance_atoms / ATOMS
        equity, _ = equity_and_maintenance(account)
        assert abs((view.equity(seen) or 0) - equity / ATOMS) < Decimal("0.00001")


def limit(number: int, account: str, side: str, price: str, quantity: str) -> Command:
    """Build a limit order on the first instrument; its id is `o<number>`."""
    return {
        "type": "place_order",
        "account": account,
        "symbol": INSTRUMENTS[0].symbol,
        "side": side,
        "order_type": "limit",
        "price": price,
        "quantity": quantity,
        "client_order_id": f"o{number}",
    }


def open_market() -> Play:
    """Return a market with prices and two accounts, ann and bob."""
    play = Play(MarketView())
    play.frame([SyntheticMarket(1, "x").setup()[0]])
    play.frame(SyntheticMarket(1, "x").opening())
    for account in ("ann", "bob"):
        money = {"type": "deposit", "account": account, "amount": "1000000"}
        play.frame([{"type": "create_account", "account": account}])
        play.frame([{**money, "transfer_id": account}])
    return play


def order_of(account: str, name: str, side: str, price: str, quantity: str, **more: Any) -> Command:
    """Return an order of the instrument of these tests."""
    order = {"type": "place_order", "account": account, "client_order_id": name, "symbol": "X"}
    kind = {"side": side, "order_type": "limit", "price": price, "quantity": quantity}
    return {**order, **kind, **more}


def play_of_two() -> Play:
    """Return a market X with a price, and two accounts that have money."""
    play = Play(MarketView())
    play.frame([{"type": "create_instrument", "symbol": "X", "tick_size": "1", "lot_size": "1"}])
    for name in ("ann", "bea"):
        deposit = {"type": "deposit", "account": name, "amount": "100000", "transfer_id": name}
        play.frame([{"type": "create_account", "account": name}, deposit])
    play.frame([{"type": "l1", "symbol": "X", "bid": "99", "ask": "101"}])
    return play


def assert_books_agree(play: Play) -> None:
    """Fail where the view's resting orders are not the kernel's."""
    book = play.machine.kernel.state.markets["X"].book
    held = {
        order.order_id: (order.price_ticks, order.leaves_lots, order.shown_lots)
        for ladder in (book.bids, book.asks)
        for level in ladder
        for order in level
    }
    shown = {
        number: (int(order.price), int(order.leaves), int(order.shown))
        for number, order in play.view.books["X"].orders.items()
    }
    assert shown == held
