"""A reader of the journal follows what is no order: actions, outside and booked trades."""

from decimal import Decimal

from feeds.synthetic import INSTRUMENTS
from tests.feeds.playing import (
    L1,
    assert_books_agree,
    assert_same,
    limit,
    open_market,
    order_of,
    play_of_two,
)


def test_splits_and_dividends_are_followed() -> None:
    """Positions, orders and prices in old units would be wrong for ever after (B6)."""
    play = open_market()
    symbol = INSTRUMENTS[0].symbol
    shut = {"type": "set_market_state", "symbol": symbol, "state": "halted"}
    action = {"type": "corporate_action", "symbol": symbol}
    lot = Decimal(1).scaleb(-INSTRUMENTS[0].lot_places)
    orders = [("ann", "sell", 7 * lot), ("bob", "buy", 7 * lot), ("bob", "buy", 40 * lot)]
    for number, (account, side, quantity) in enumerate(orders):
        play.frame([limit(number, account, side, "60000", str(quantity))])
    play.frame(
        [limit(9, "bob", "buy", "50000", str(40 * lot)) | {"display_quantity": str(4 * lot)}]
    )
    play.frame([shut])

    for number, (new, old) in enumerate(((4, 1), (1, 3), (3, 4))):
        ratio = {"numerator": new, "denominator": old}
        play.frame([action | {"action": "split", "action_id": f"s{number}"} | ratio])
    play.frame([action | {"action": "dividend", "action_id": "d", "amount": "1.25"}])

    assert play.view.accounts["ann"].positions[symbol].quantity == -6 * lot
    assert play.view.accounts["house"].positions[symbol].quantity == 0
    assert [order.shown for order in play.view.books[symbol].orders.values()][-1] == 3 * lot
    assert_same(play.view, play.machine)


def test_outside_and_booked_trades_are_followed() -> None:
    """The house's orders never entered; a trade agreed elsewhere prints nothing (D5, B7)."""
    play = play_of_two()
    play.frame(
        [{"type": "create_instrument", "symbol": "L", "tick_size": "1", "lot_size": "1"} | L1]
    )
    play.frame([{"type": "l1", "symbol": "L", "bid": "99", "ask": "101"}])
    play.frame([order_of("ann", "a", "buy", "101", "4", symbol="L")])
    play.frame([order_of("bea", "b", "buy", "90", "3", symbol="L")])
    play.frame([{"type": "l1", "symbol": "L", "bid": "89", "ask": "90"}])
    booked = {"type": "book_trade", "account": "ann", "counter_account": "bea", "symbol": "L"}
    booked |= {"side": "sell", "quantity": "1", "price": "95", "trade_id": "t"}
    play.frame([booked])

    assert_books_agree(play)
    assert play.view.books["L"].last == "90"
    held = {name: view.positions["L"].quantity for name, view in play.view.accounts.items()}
    assert held == {"ann": 3, "bea": 4, "house": -7}
