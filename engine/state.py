"""Everything the kernel knows: markets, accounts, ids, totals and what is still to be done."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sortedcontainers import SortedDict

from matching.book import Book
from matching.id_window import IdWindow
from matching.stops import StopBook
from matching.terms import MarketState
from risk.ledger import Ledger
from risk.messages import SetLiquidation
from risk.position_book import PositionBook

if TYPE_CHECKING:
    from matching.order import Order
    from matching.terms import CancelReason
    from risk.account import Account
    from risk.instrument import Instrument
    from risk.position import Position


class Market:
    """An instrument, its book, its armed orders, everybody's positions in it by account."""

    __slots__ = ("book", "instrument", "positions", "stops")

    def __init__(self, instrument: Instrument, positions: dict[str, Position]) -> None:
        self.instrument: Instrument = instrument
        self.book: Book = Book()
        self.stops: StopBook = StopBook()
        self.positions: dict[str, Position] = positions


class MassCancel:
    """A mass cancel that did not fit its frame; it goes on before any other input."""

    __slots__ = ("account_id", "reason", "side", "symbol")

    def __init__(self, account_id: str, symbol: str, side: int, reason: CancelReason) -> None:
        self.account_id: str = account_id
        self.symbol: str = symbol
        self.side: int = side
        self.reason: CancelReason = reason


class Turn:
    """A market on its way to another state: where to, and how far its uncross has got (A14).

    `price_ticks` is 0 before a round; then orders of `taker_side` take at that price.
    """

    __slots__ = ("price_ticks", "taker_side", "target")

    def __init__(self, target: MarketState) -> None:
        self.target: MarketState = target
        self.price_ticks: int = 0
        self.taker_side: int = 0


class State:
    """The state of a shard. The kernel's parts work on it; `engine.snapshot` writes it down.

    `live` holds each account's resting orders by client order id, in order of arrival: an amended
    order keeps its place there, so the order is that of the order ids. `expiries` holds those that
    leave by themselves, by (time in µs, order id). `touched` and `moved` gather, during one
    command, the accounts whose equity changed and the symbols whose mark did; `pending_*` are those
    that a liquidation's prints changed, looked at after the next input or at `review_at_us` (0:
    nothing due), whichever is first. `referenced` gathers the symbols whose armed orders must look
    at new prices; `cascades` are those being looked at, and how many have fired. `turns` are the
    markets whose new state waits for an uncross, in order of symbol.
    """

    __slots__ = (
        "accounts",
        "cascades",
        "expiries",
        "ids",
        "ladder",
        "ledger",
        "live",
        "markets",
        "mass",
        "moved",
        "next_arming",
        "next_order_id",
        "next_trade_id",
        "now_us",
        "pending_accounts",
        "pending_symbols",
        "positions",
        "referenced",
        "review_at_us",
        "touched",
        "transfers",
        "turns",
    )

    def __init__(self) -> None:
        self.now_us: int = 0
        self.markets: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {}
        self.live: dict[str, dict[str, Order]] = {}
        self.positions: PositionBook = PositionBook()
        self.ledger: Ledger = Ledger()
        self.ladder: SetLiquidation = SetLiquidation()
        self.ids: IdWindow = IdWindow()
        self.transfers: set[bytes] = set()
        self.expiries: SortedDict[tuple[int, int], Order] = SortedDict()
        self.next_order_id: int = 1
        self.next_trade_id: int = 1
        self.next_arming: int = 1
        self.referenced: dict[str, None] = {}
        self.cascades: dict[str, int] = {}
        self.touched: dict[str, Account] = {}
        self.moved: dict[str, None] = {}
        self.pending_accounts: dict[str, None] = {}
        self.pending_symbols: dict[str, None] = {}
        self.review_at_us: int = 0
        self.mass: deque[MassCancel] = deque()
        self.turns: dict[str, Turn] = {}

    def add_market(self, instrument: Instrument) -> None:
        """Make an instrument known, with an empty book."""
        self.positions.add_symbol(instrument.symbol)
        positions = self.positions.in_symbol(instrument.symbol)
        self.markets[instrument.symbol] = Market(instrument, positions)

    def check(self) -> None:
        """Assert every invariant of the state, down to the last order. Linear in everything."""
        self.ledger.check()
        self.positions.check()
        balances = sum(account.balance_atoms for account in self.accounts.values())
        assert balances == self.ledger.balances
        cost = sum(
            position.cost_atoms
            for account in self.accounts.values()
            for position in account.positions.values()
        )
        assert cost == self.ledger.open_cost
        assert self.live.keys() == self.accounts.keys()
        for market in self.markets.values():
            market.book.check(may_cross=market.instrument.state is MarketState.AUCTION)
            market.stops.check()
            market.instrument.check()
        self._check_orders()

    def _check_orders(self) -> None:
        """Assert that books, live orders and holds tell the same story."""
        resting = expiring = 0
        for symbol, market in self.markets.items():
            unit = market.instrument.unit_atoms
            holds: dict[tuple[str, int], list[int]] = {}
            fees: dict[str, int] = {}
            reducing: dict[str, int] = {}
            for ladder in (market.book.bids, market.book.asks):
                for level in ladder:
                    for order in level:
                        resting += 1
                        assert order.symbol == symbol
                        assert order.position is market.positions[order.account_id]
                        assert self.live[order.account_id][order.client_order_id] is order
                        assert self.ids.find(order.account_id, order.client_order_id) is not None
                        if order.reduces_only:
                            reducing[order.account_id] = (
                                reducing.get(order.account_id, 0) + order.leaves_lots
                            )
                            assert order.side * order.position.lots < 0
                        else:
                            hold = holds.setdefault((order.account_id, order.side), [0, 0])
                            hold[0] += order.leaves_lots
                            hold[1] += order.leaves_lots * order.price_ticks * unit
                        if order.conditions is not None and order.conditions.expires_us:
                            expiring += 1
                            key = (order.conditions.expires_us, order.order_id)
                            assert self.expiries[key] is order
                        fees[order.account_id] = (
                            fees.get(order.account_id, 0) + order.fee_hold_atoms
                        )
            sleeping: dict[str, int] = {}
            for order in market.stops:
                resting += 1
                assert self.live[order.account_id][order.client_order_id] is order
                sleeping[order.account_id] = sleeping.get(order.account_id, 0) + order.reduces_only
                assert order.conditions is not None
                if order.conditions.expires_us:
                    expiring += 1
                    assert self.expiries[order.conditions.expires_us, order.order_id] is order
            for account_id, position in self.positions.in_symbol(symbol).items():
                assert position.armed_reducing == sleeping.get(account_id, 0)
                bought = holds.get((account_id, 1), [0, 0])
                sold = holds.get((account_id, -1), [0, 0])
                assert [position.buy_lots, position.buy_atoms] == bought
                assert [position.sell_lots, position.sell_atoms] == sold
                assert position.reduce_lots == reducing.get(account_id, 0)
                assert position.fee_hold_atoms == fees.get(account_id, 0)
        assert expiring == len(self.expiries)
        assert resting == sum(len(orders) for orders in self.live.values())
