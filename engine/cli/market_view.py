"""Books, trades and accounts as a reader of the journal sees them, for display only.

Nothing here decides anything: it is built from events, forgets what it never saw, and uses
decimals because it only ever shows them.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from engine.decimals import to_text
from risk.account import BACKSTOP

LAST_TRADES: Final = 12
LAST_LIQUIDATIONS: Final = 5

Level = tuple[Decimal, Decimal, int]
"""Price, quantity, number of orders."""


@dataclass(slots=True)
class Resting:
    """A resting order, as far as a ladder shows it."""

    side: str
    price: Decimal
    leaves: Decimal
    peak: Decimal | None = None
    """What an iceberg shows at most; None shows everything."""
    peak_left: Decimal = Decimal(0)
    """What is left of an iceberg's present peak."""

    @property
    def shown(self) -> Decimal:
        """Return what everybody sees of it."""
        return self.leaves if self.peak is None else min(self.peak_left, self.leaves)

    def renew(self) -> None:
        """Show a whole peak, as an order does that enters the book."""
        self.peak_left = self.peak or Decimal(0)


@dataclass(slots=True)
class BookView:
    """One instrument's resting orders, and its armed limit orders, as far as they were seen."""

    orders: dict[int, Resting] = field(default_factory=dict)
    armed: dict[int, Resting] = field(default_factory=dict)
    bid: str = ""
    ask: str = ""
    last: str = ""

    @property
    def mark(self) -> Decimal | None:
        """Return the middle of the best outside prices, None before the first tick."""
        return (Decimal(self.bid) + Decimal(self.ask)) / 2 if self.bid else None

    def levels(self, side: str, depth: int) -> list[Level]:
        """Return the best levels of one side as shown, best first; linear in the orders."""
        totals: dict[Decimal, tuple[Decimal, int]] = {}
        for order in self.orders.values():
            if order.side == side:
                quantity, count = totals.get(order.price, (Decimal(0), 0))
                totals[order.price] = (quantity + order.shown, count + 1)
        best = sorted(totals, reverse=side == "buy")[:depth]
        return [(price, *totals[price]) for price in best]


@dataclass(slots=True)
class PositionView:
    """A signed quantity and its signed cost, None where its beginning was not seen."""

    quantity: Decimal = Decimal(0)
    cost: Decimal | None = Decimal(0)

    def move(self, quantity: Decimal, price: Decimal) -> None:
        """Take the quantity after a trade at a price: closing releases cost in proportion (B1)."""
        before, self.quantity = self.quantity, quantity
        if before * quantity <= 0:
            self.cost = quantity * price
        elif self.cost is not None and abs(quantity) < abs(before):
            self.cost = self.cost * quantity / before
        elif self.cost is not None:
            self.cost += (quantity - before) * price


@dataclass(slots=True)
class AccountView:
    """One account as its last events told."""

    balance: Decimal = Decimal(0)
    positions: dict[str, PositionView] = field(default_factory=dict)
    liquidations: int = 0


class MarketView:
    """Follows the journal; feed it every frame in order by `observe`.

    A view that begins in the middle knows only the orders and costs whose beginning it sees.
    """

    def __init__(self) -> None:
        self.frame = 0
        self.time_us = 0
        self.books: dict[str, BookView] = {}
        self.accounts: dict[str, AccountView] = {}
        self.last_trades: deque[dict[str, Any]] = deque(maxlen=LAST_TRADES)
        self.last_liquidations: deque[dict[str, Any]] = deque(maxlen=LAST_LIQUIDATIONS)
        self.counts: Counter[str] = Counter()
        """`orders` accepted, `trades`, `liquidations`, `rejected`."""
        self.rejects: Counter[str] = Counter()

    def observe(
        self, frame: int, time_us: int, inputs: list[dict[str, Any]], events: list[dict[str, Any]]
    ) -> None:
        """Take in one frame."""
        self.frame = frame
        self.time_us = time_us
        for element in inputs:
            command = element.get("c")
            if isinstance(command, dict) and command.get("type") == "l1":
                book = self._book(command["symbol"])
                book.bid, book.ask = str(command["bid"]), str(command["ask"])
        for event in events:
            follow = _FOLLOW.get(event["type"])
            if follow is not None:
                follow(self, event)

    def equity(self, account: AccountView) -> Decimal | None:
        """Return balance and open profit at the marks; None where a cost or a mark is unknown.

        A contract counts as one unit of its instrument.
        """
        equity = account.balance
        for symbol, position in account.positions.items():
            if position.quantity:
                mark = self._book(symbol).mark
                if mark is None or position.cost is None:
                    return None
                equity += position.quantity * mark - position.cost
        return equity

    def _accepted(self, event: dict[str, Any]) -> None:
        """Take in an order; the trades that it causes come after, and take from it."""
        if event.get("duplicate"):
            return
        self.counts["orders"] += 1
        book = self._book(event["symbol"])
        if event["status"] != "done" and "price" in event:
            price, quantity = Decimal(event["price"]), Decimal(event["quantity"])
            peak = Decimal(event["display_quantity"]) if "display_quantity" in event else None
            resting = Resting(event["side"], price, quantity, peak)
            resting.renew()
            orders = book.orders if event["status"] == "resting" else book.armed
            orders[event["order_id"]] = resting

    def _traded(self, event: dict[str, Any]) -> None:
        self.counts["trades"] += 1
        book = self._book(event["symbol"])
        if "trade_ref" not in event:  # agreed elsewhere, it prints nothing
            book.last = event["price"]
        self.last_trades.append(event)
        price, quantity = Decimal(event["price"]), Decimal(event["quantity"])
        bought = quantity if event["aggressor_side"] == "buy" else -quantity
        maker = book.orders.get(event["maker"]["order_id"])
        if maker is not None:
            maker.peak_left -= quantity
        for party, moved in ((event["maker"], -bought), (event["taker"], bought)):
            self._leave(book, party["order_id"], Decimal(party["leaves"]))
            self._moved(event["symbol"], party["account"], party, moved, price)

    def _moved(
        self, symbol: str, name: str, after: dict[str, Any], moved: Decimal, price: Decimal
    ) -> None:
        """Take in one side of a fill: balance and position after it."""
        account = self._account(name)
        account.balance = Decimal(after["balance"])
        quantity = Decimal(after["position"])
        position = account.positions.get(symbol)
        if position is None:
            before = quantity - moved
            position = PositionView(before, None if before else before)
            account.positions[symbol] = position
        position.move(quantity, price)

    def _taken_over(self, event: dict[str, Any]) -> None:
        """Move lots to the backstop, whose balance the end of the command sweeps to zero (D6)."""
        symbol, price = event["symbol"], Decimal(event["price"])
        quantity = Decimal(event["quantity"])
        moved = quantity if event["side"] == "buy" else -quantity
        self._moved(symbol, event["account"], event, moved, price)
        backstop = self._account(BACKSTOP)
        held = backstop.positions.setdefault(symbol, PositionView(Decimal(0), Decimal(0)))
        held.move(held.quantity - moved, price)

    def _deleveraged(self, event: dict[str, Any]) -> None:
        symbol, price = event["symbol"], Decimal(event["price"])
        quantity = Decimal(event["quantity"])
        moved = quantity if event["side"] == "buy" else -quantity
        self._moved(symbol, event["counter_account"], event["counter_after"], moved, price)
        self._moved(symbol, event["account"], event["account_after"], -moved, price)

    def _paid_out(self, event: dict[str, Any]) -> None:
        """Move odd lots to the house before a split (B6)."""
        symbol, price = event["symbol"], Decimal(event["price"])
        quantity = Decimal(event["quantity"])
        moved = quantity if event["side"] == "buy" else -quantity
        self._moved(symbol, event["account"], event, moved, price)
        self._moved(symbol, event["counter_account"], event["counter_after"], -moved, price)

    def _acted(self, event: dict[str, Any]) -> None:
        """Restate positions and prices at a split; its orders follow, as do a dividend's."""
        if event["action"] != "split":
            return
        ratio = Fraction(event["numerator"], event["denominator"])
        for account in self.accounts.values():
            position = account.positions.get(event["symbol"])
            if position is not None:
                position.quantity = position.quantity * ratio.numerator / ratio.denominator
        book = self._book(event["symbol"])
        book.bid, book.ask, book.last = (
            _restated(price, ratio) for price in (book.bid, book.ask, book.last)
        )

    def _indebted(self, event: dict[str, Any]) -> None:
        self._account(event["account"]).balance = Decimal(0)

    def _leave(self, book: BookView, order_id: int, leaves: Decimal) -> None:
        order = book.orders.get(order_id)
        if order is not None and leaves:
            order.leaves = leaves
        elif order is not None:
            del book.orders[order_id]

    def _replenished(self, event: dict[str, Any]) -> None:
        order = self._book(event["symbol"]).orders.get(event["order_id"])
        if order is not None:
            order.peak_left = Decimal(event["shown"])

    def _cancelled(self, event: dict[str, Any]) -> None:
        self.counts["cancelled"] += 1
        self._gone(event)

    def _gone(self, event: dict[str, Any]) -> None:
        """Take an order away that has expired, was cancelled, or was not let in when it fired."""
        book = self._book(event["symbol"])
        book.orders.pop(event["order_id"], None)
        book.armed.pop(event["order_id"], None)

    def _triggered(self, event: dict[str, Any]) -> None:
        """Let an armed limit order into the book; the trades that it causes take from it."""
        book = self._book(event["symbol"])
        order = book.armed.pop(event["order_id"], None)
        if order is not None:
            order.renew()
            book.orders[event["order_id"]] = order

    def _prevented(self, event: dict[str, Any]) -> None:
        """Shrink both sides of a prevented match where the mode says so."""
        if event["mode"] == "decrement":
            book = self._book(event["symbol"])
            for party in (event["maker"], event["taker"]):
                order = book.orders.get(party["order_id"])
                if order is not None:
                    self._leave(book, party["order_id"], order.leaves - Decimal(event["quantity"]))

    def _amended(self, event: dict[str, Any]) -> None:
        """Give an order its new terms; a new peak is seen when it is next shown (A4)."""
        book = self._book(event["symbol"])
        for orders in (book.orders, book.armed):
            order = orders.get(event["order_id"])
            if order is not None and "price" in event:
                order.peak_left = order.shown
                if event.get("cause") == "corporate_action" and order.peak is not None:
                    peak = Decimal(event["display_quantity"])
                    order.peak_left = min(peak, order.peak_left * peak / order.peak)
                order.price, order.leaves = Decimal(event["price"]), Decimal(event["leaves"])
                if "display_quantity" in event:
                    order.peak = Decimal(event["display_quantity"])
                if not event["kept_priority"]:
                    order.renew()
                if not order.leaves:
                    del orders[event["order_id"]]

    def _balance(self, event: dict[str, Any]) -> None:
        self._account(event["account"]).balance = Decimal(event["balance"])

    def _liquidated(self, event: dict[str, Any]) -> None:
        self.counts["liquidations"] += 1
        self._account(event["account"]).liquidations += 1
        self.last_liquidations.append(event)

    def _rejected(self, event: dict[str, Any]) -> None:
        self.counts["rejected"] += 1
        self.rejects[f"{event['code']} {event['reason']}"] += 1

    def _deleted(self, event: dict[str, Any]) -> None:
        self.books.pop(event["symbol"], None)

    def _book(self, symbol: str) -> BookView:
        book = self.books.get(symbol)
        if book is None:
            book = self.books[symbol] = BookView()
        return book

    def _account(self, name: str) -> AccountView:
        account = self.accounts.get(name)
        if account is None:
            account = self.accounts[name] = AccountView()
        return account


def _restated(price: str, ratio: Fraction) -> str:
    """Return what a price becomes in a split, as far as eight places tell."""
    if not price:
        return price
    places = round(Fraction(price) / ratio * 10**8)
    return to_text(places, 8)


_FOLLOW: Final = {
    "order_accepted": MarketView._accepted,  # noqa: SLF001 - the class' own table of events
    "trade": MarketView._traded,  # noqa: SLF001
    "order_cancelled": MarketView._cancelled,  # noqa: SLF001
    "order_amended": MarketView._amended,  # noqa: SLF001
    "order_replenished": MarketView._replenished,  # noqa: SLF001
    "order_expired": MarketView._gone,  # noqa: SLF001
    "order_triggered": MarketView._triggered,  # noqa: SLF001
    "trigger_rejected": MarketView._gone,  # noqa: SLF001
    "prevented_match": MarketView._prevented,  # noqa: SLF001
    "balance_changed": MarketView._balance,  # noqa: SLF001
    "liquidation": MarketView._liquidated,  # noqa: SLF001
    "takeover": MarketView._taken_over,  # noqa: SLF001
    "deleveraged": MarketView._deleveraged,  # noqa: SLF001
    "deficit": MarketView._indebted,  # noqa: SLF001
    "odd_lots": MarketView._paid_out,  # noqa: SLF001
    "corporate_action": MarketView._acted,  # noqa: SLF001
    "rejected": MarketView._rejected,  # noqa: SLF001
    "instrument_deleted": MarketView._deleted,  # noqa: SLF001
}
