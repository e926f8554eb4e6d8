"""What a reader of the journal shows is what the engine holds."""

import random
from decimal import Decimal
from typing import Any

import pytest

from engine.cli.market_seed import view_of
from engine.cli.market_view import MarketView, PositionView
from feeds.sources.record import Command
from feeds.synthetic import INSTRUMENTS, SyntheticMarket
from tests.feeds.playing import (
    ATOMS,
    STEPS,
    Play,
    assert_books_agree,
    assert_same,
    limit,
    open_market,
    order_of,
    play_of_two,
)


def test_books_positions_and_equity_are_those_of_the_engine() -> None:
    """A view that drifts from the engine would be worse than none."""
    play = Play(MarketView())
    market = SyntheticMarket(3, "d1")
    play.frame(market.setup())
    play.frame(market.opening())
    for _ in range(STEPS):
        play.frame(market.step())

    assert play.view.counts["trades"] > 5_000
    assert play.view.counts["liquidations"] > 0
    assert_same(play.view, play.machine)


def test_a_view_can_begin_with_a_snapshot() -> None:
    """After a long day nobody reads the whole journal again to see a book."""
    play = Play(MarketView())
    market = SyntheticMarket(4, "d1")
    for commands in (market.setup(), market.opening(), *(market.step() for _ in range(300))):
        play.frame(commands)
    whole = play.view

    play.view = view_of(play.machine.kernel, play.frames)
    assert_same(play.view, play.machine)
    assert [book.last for book in play.view.books.values()] == [
        book.last for book in whole.books.values()
    ]
    for _ in range(300):
        play.frame(market.step())
    assert_same(play.view, play.machine)


def test_levels_gather_the_orders_at_a_price_best_first() -> None:
    """A ladder shows prices, quantities and how many orders make them."""
    play = open_market()
    quotes = [("59000", "1"), ("59001", "0.5"), ("59000", "2")]
    play.frame([limit(n, "ann", "buy", *quote) for n, quote in enumerate(quotes)])

    book = play.view.books[INSTRUMENTS[0].symbol]
    assert book.levels("buy", 5) == [
        (Decimal(59001), Decimal("0.5"), 1),
        (Decimal(59000), Decimal(3), 2),
    ]
    assert book.levels("buy", 1) == [(Decimal(59001), Decimal("0.5"), 1)]
    assert book.levels("sell", 5) == []


def test_an_order_amended_down_to_what_has_traded_is_gone() -> None:
    """Such an amend completes the order (A9): a ladder that kept it would look crossed."""
    play = open_market()
    play.frame([limit(1, "ann", "buy", "59000", "2"), limit(2, "bob", "sell", "59000", "1")])
    amend = {"type": "amend_order", "account": "ann", "client_order_id": "o1"}
    assert play.view.books[INSTRUMENTS[0].symbol].levels("buy", 1) == [
        (Decimal(59000), Decimal(1), 1)
    ]

    play.frame([{**amend, "quantity": "1"}])

    assert play.view.books[INSTRUMENTS[0].symbol].levels("buy", 1) == []
    assert_same(play.view, play.machine)


@pytest.mark.parametrize("status", ["armed", "done"])
def test_only_a_resting_order_stands_in_the_ladder(status: str) -> None:
    """A stop that sleeps is nobody's liquidity, and an order that is done never rests."""
    view = MarketView()
    event = {
        "type": "order_accepted",
        "symbol": "S",
        "order_id": 1,
        "status": status,
        "side": "buy",
        "price": "9",
        "quantity": "1",
    }

    view.observe(1, 1, [], [event, {**event, "order_id": 2, "status": "resting"}])

    assert view.books["S"].orders.keys() == {2}
    assert view.counts["orders"] == 2


def test_an_unknown_beginning_makes_an_unknown_equity() -> None:
    """A view that begins in the middle does not know what a position cost, and does not guess."""
    party: dict[str, Any] = {"order_id": 1, "leaves": "0", "balance": "100"}
    trade = {
        "type": "trade",
        "symbol": "S",
        "price": "9",
        "quantity": "2",
        "aggressor_side": "buy",
        "maker": {**party, "account": "ann", "position": "5"},
        "taker": {**party, "account": "bob", "position": "2"},
    }
    view = MarketView()

    view.observe(7, 1, [{"c": {"type": "l1", "symbol": "S", "bid": "9", "ask": "11"}}], [trade])

    assert view.equity(view.accounts["ann"]) is None
    assert view.equity(view.accounts["bob"]) == 102


def test_a_position_that_turns_costs_what_the_turn_cost() -> None:
    """Long 10 at 100, sold 15 at 120: short 5 with a cost of 600 (B1)."""
    position = PositionView()
    position.move(Decimal(10), Decimal(100))
    assert position.cost == 1_000
    position.move(Decimal(4), Decimal(120))
    assert position.cost == 400
    position.move(Decimal(-5), Decimal(120))
    assert position.cost == -600


def test_orders_that_wake_shrink_or_expire_are_followed() -> None:
    """An order may come to rest, or leave, without a command of its own."""
    play = play_of_two()
    play.frame([order_of("ann", "a", "buy", "100", "1"), order_of("bea", "b", "sell", "100", "1")])
    asleep = order_of("ann", "s", "sell", "98", "3", order_type="stop_limit", trigger_price="99")
    play.frame([asleep, order_of("bea", "own", "buy", "97", "5")])
    assert_books_agree(play)

    play.frame([order_of("bea", "c", "sell", "97", "2", stp="decrement")])
    assert_books_agree(play)
    play.frame([order_of("ann", "d", "buy", "98", "1"), order_of("bea", "e", "sell", "98", "1")])
    assert [order.price for order in play.view.books["X"].orders.values()].count(Decimal(98)) == 1
    assert_books_agree(play)

    expiry = 1_700_000_000_000 + 12 * (play.frames + 2)
    short = order_of("ann", "g", "buy", "90", "1", time_in_force="gtd", expires_at=expiry)
    play.frame([short])
    assert_books_agree(play)
    play.frame([])
    play.frame([])
    assert all(order.price != 90 for order in play.view.books["X"].orders.values())
    assert_books_agree(play)


def test_crossed_book_of_an_auction_is_shown_until_it_uncrosses() -> None:
    """Both sides of an uncross rest: each trade takes from two orders of the ladder (A14)."""
    play = Play(MarketView())
    play.frame([{"type": "create_instrument", "symbol": "X", "tick_size": "1", "lot_size": "1"}])
    for name in ("ann", "bea"):
        deposit = {"type": "deposit", "account": name, "amount": "100000", "transfer_id": name}
        play.frame([{"type": "create_account", "account": name}, deposit])
    play.frame([{"type": "l1", "symbol": "X", "bid": "99", "ask": "101"}])
    play.frame([{"type": "set_market_state", "symbol": "X", "state": "auction"}])
    play.frame([order_of("ann", "a", "buy", "102", "4"), order_of("ann", "b", "buy", "101", "9")])
    play.frame([order_of("bea", "c", "sell", "99", "6"), order_of("bea", "d", "sell", "100", "2")])
    play.frame([order_of("ann", "e", "sell", "98", "3", stp="decrement")])
    assert_books_agree(play)
    book = play.view.books["X"]
    assert book.levels("buy", 1)[0][0] > book.levels("sell", 1)[0][0]

    play.frame([{"type": "set_market_state", "symbol": "X", "state": "open"}])

    assert_books_agree(play)
    assert play.view.counts["trades"] > 1
    assert book.last == "100"


def test_what_a_liquidation_leaves_over_is_followed() -> None:
    """A takeover, deleveraging and a debt move money without a trade (D6, D7)."""
    play = Play(MarketView())
    play.frame([{"type": "create_instrument", "symbol": "X", "tick_size": "1", "lot_size": "1"}])
    play.frame([{"type": "set_liquidation", "max_tries": 1, "liquidation_fee": "0.005"}])
    for name, amount in (("ann", "3000"), ("bea", "900"), ("cy", "200")):
        deposit = {"type": "deposit", "account": name, "amount": amount, "transfer_id": name}
        play.frame([{"type": "create_account", "account": name}, deposit])
    play.frame([{"type": "fund_insurance", "amount": "16", "transfer_id": "fund"}])
    play.frame([{"type": "l1", "symbol": "X", "bid": "99", "ask": "101"}])
    play.frame([order_of("ann", "a", "sell", "100", "50")])
    play.frame([order_of("bea", "b", "buy", "100", "40"), order_of("cy", "c", "buy", "100", "10")])
    play.frame([order_of("ann", "d", "buy", "90", "1")])
    for bid in ("89", "78", "77"):
        play.frame([{"type": "l1", "symbol": "X", "bid": bid, "ask": str(int(bid) + 2)}])

    state = play.machine.kernel.state
    assert state.positions.of("backstop", "X") is not None, "something was taken over"
    assert state.positions.of("ann", "X") is not None
    assert {"ann", "bea", "cy", "backstop"} == play.view.accounts.keys()
    for name, account in state.accounts.items():
        seen = play.view.accounts[name]
        assert seen.balance == account.balance_atoms / ATOMS
        held = {symbol: p.lots for symbol, p in account.positions.items() if p.lots}
        assert held == {s: p.quantity for s, p in seen.positions.items() if p.quantity}


def test_ladder_shows_of_an_iceberg_what_the_book_shows() -> None:
    """Its hidden size is nobody's to see, whatever becomes of it, also after a restart (A4)."""
    dice = random.Random(5)
    play = play_of_two()
    sent: list[Command] = []
    for number in range(300):
        side, away = dice.choice((("buy", -1), ("sell", 1)))
        at, quantity = str(100 + away * dice.randint(-1, 3)), dice.randint(1, 30)
        more: dict[str, Any] = {"stp": dice.choice(("none", "decrement", "decrement"))}
        if dice.random() < 0.6:
            more["display_quantity"] = str(dice.randint(1, quantity))
        if dice.random() < 0.3:
            trigger = {"trigger_price": str(100 - away * 2), "trigger_by": "mark"}
            more |= {"order_type": "stop_limit", **trigger}
        account = dice.choice(("ann", "bea"))
        sent.append(order_of(account, f"o{number}", side, at, str(quantity), **more))
        play.frame([sent[-1]])
        assert_books_agree(play)
        recent = dice.choice(sent[-12:])
        amend = {
            "type": "amend_order",
            **{key: recent[key] for key in ("account", "client_order_id")},
        }
        change = dice.choice(({"quantity": str(dice.randint(1, 40))}, {"price": at}, {}))
        if not change or dice.random() < 0.3:
            change["display_quantity"] = str(dice.randint(1, 12))
        play.frame([amend | change])
        assert_books_agree(play)
        bid = 100 + dice.randint(-3, 2)
        play.frame([{"type": "l1", "symbol": "X", "bid": str(bid), "ask": str(bid + 1)}])
        assert_books_agree(play)
        if dice.random() < 0.05:
            play.view = view_of(play.machine.kernel, play.frames)
            assert_books_agree(play)


def test_iceberg_that_wakes_shows_its_peak_whatever_it_was_while_it_slept() -> None:
    """Smaller than its peak for a while, it is large again when it fires (A4, A11)."""
    play = play_of_two()
    wakes = {"order_type": "stop_limit", "trigger_price": "95", "trigger_by": "mark"}
    play.frame([order_of("ann", "i", "sell", "102", "30", display_quantity="10", **wakes)])
    for quantity in ("5", "30"):
        amend = {"type": "amend_order", "account": "ann", "client_order_id": "i"}
        play.frame([{**amend, "quantity": quantity}])

    play.frame([{"type": "l1", "symbol": "X", "bid": "93", "ask": "95"}])

    assert play.view.books["X"].levels("sell", 1) == [(Decimal(102), Decimal(10), 1)]
    assert_books_agree(play)
