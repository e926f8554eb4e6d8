"""Everything the kernel knows: markets, accounts, ids, totals and what is still to be done."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from sortedcontainers import SortedDict

from engine.house import OutsideMarket
from engine.invariants import check_breakers, check_orders
from matching.book import Book
from matching.id_window import IdWindow
from matching.outside import OutsideBook
from matching.stops import StopBook
from matching.terms import MarketMode, MarketState
from risk.account import BACKSTOP, HOUSE, Account
from risk.breakers import Holds, Index
from risk.deadlines import Deadlines
from risk.fees import tier_of
from risk.ledger import Ledger
from risk.messages import SetLiquidation
from risk.position_book import PositionBook
from risk.switches import Switches, strictest

if TYPE_CHECKING:
    from matching.brackets import Bracket
    from matching.groups import Group
    from matching.order import Order
    from matching.terms import CancelReason, Switch
    from risk.actions.split import Split
    from risk.activity import Activity
    from risk.carry import Carry
    from risk.instrument import Instrument
    from risk.messages import Failure, FeeTier
    from risk.position import Position


class Market:
    """An instrument, its book, its armed orders, everybody's positions in it by account.

    `outside` is the book again where it trades against an outside market (mode `l1`), else None.
    """

    __slots__ = ("book", "instrument", "outside", "positions", "stops")

    def __init__(
        self,
        instrument: Instrument,
        positions: dict[str, Position],
        outside: OutsideBook | None = None,
    ) -> None:
        self.instrument: Instrument = instrument
        self.outside: OutsideBook | None = outside
        self.book: Book = Book() if outside is None else outside
        self.stops: StopBook = StopBook()
        self.positions: dict[str, Position] = positions


class MassCancel:
    """A mass cancel that did not fit its frame; it goes on before any other input.

    An empty account, symbol or tag, and a side of 0, is any. `keeps_exits` spares what only
    reduces. `waiting` are the accounts that are still to be looked at, None before the first look:
    whoever is looked at again has nothing left to cancel.
    """

    __slots__ = ("account_id", "keeps_exits", "reason", "side", "symbol", "tag", "waiting")

    def __init__(
        self,
        account_id: str,
        symbol: str,
        side: int,
        reason: CancelReason,
        tag: str = "",
        *,
        keeps_exits: bool = False,
    ) -> None:
        self.account_id: str = account_id
        self.symbol: str = symbol
        self.side: int = side
        self.reason: CancelReason = reason
        self.tag: str = tag
        self.keeps_exits: bool = keeps_exits
        self.waiting: deque[str] | None = None


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
    nothing due), whichever is first; `cases` those of a review that are still to be acted on, in
    their order; `left_alone` those of whom nobody takes anything, with when the timer looks at them
    next and how long it waits until then (both in µs). `referenced` gathers the symbols whose armed
    orders must look at new prices; `cascades` are those being looked at, and how many have fired.
    `turns` are the markets whose new state waits for an uncross, in order of symbol. `brackets` are
    those of which something lives, by their entry's order id; `due` those whose entry has filled
    and whose children wait to be placed, `shelved` the same by symbol while the market is shut.
    `backstop` is among the accounts from the first command of its that is accepted, or takeover;
    `house` likewise, or its first fill or odd lots. `reached` are the symbols in which the outside
    market may have reached resting orders (D5).
    `carry` is a funding, swap or dividend of which payments are left, `split` a split of which odd
    lots are; `transfers` the digests of ids of money in and out and of all these. `watched` gathers
    the symbols whose mark moved and that breakers look at; `index` is what those of the market look
    at; `holds` are the markets that they keep. `switches` are the kill switches that are on;
    `unsold` the symbols in which they have positions left to close, and whether an input has had
    them tried since the timer at `close_at_us`; `closing` those that are gone through now, and the
    account tried last. `heartbeats` are until when accounts must be heard of. `guarded` are the
    accounts with limits on their losses, whose windows turn at `windows_turn_us` (0: never): up to
    `turned_account` they have begun those of `turning_day` (C3). `activity` counts what accounts
    do, None where nothing is looked at (E7). `late` is what a command that came while the engine
    was behind is answered with if it opens, set during such a one only (E6). `is_quiet` is set
    while it is known that `stirs` has nothing to tell, so that one look is enough after most
    commands; before all that may stir something it is taken back, by the kernel for most commands.
    """

    __slots__ = (
        "accounts",
        "activity",
        "backstop",
        "brackets",
        "carry",
        "cascades",
        "cases",
        "close_at_us",
        "closing",
        "due",
        "expiries",
        "fee_tiers",
        "groups",
        "guarded",
        "heartbeats",
        "holds",
        "house",
        "ids",
        "index",
        "is_quiet",
        "ladder",
        "late",
        "ledger",
        "left_alone",
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
        "reached",
        "referenced",
        "review_at_us",
        "shelved",
        "split",
        "switches",
        "touched",
        "transfers",
        "turned_account",
        "turning_day",
        "turns",
        "unsold",
        "watched",
        "windows_turn_us",
    )

    def __init__(self) -> None:
        self.is_quiet: bool = False
        self.now_us: int = 0
        self.markets: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {}
        self.backstop: Account = Account(BACKSTOP)
        self.house: Account = Account(HOUSE)
        self.live: dict[str, dict[str, Order]] = {}
        self.positions: PositionBook = PositionBook()
        self.ledger: Ledger = Ledger()
        self.ladder: SetLiquidation = SetLiquidation()
        self.fee_tiers: tuple[FeeTier, ...] = ()
        self.ids: IdWindow = IdWindow()
        self.transfers: set[bytes] = set()
        self.expiries: SortedDict[tuple[int, int], Order] = SortedDict()
        self.next_order_id: int = 1
        self.next_trade_id: int = 1
        self.next_arming: int = 1
        self.reached: dict[str, None] = {}
        self.referenced: dict[str, None] = {}
        self.cascades: dict[str, int] = {}
        self.cases: deque[str] = deque()
        self.left_alone: dict[str, tuple[int, int]] = {}
        self.touched: dict[str, Account] = {}
        self.moved: dict[str, None] = {}
        self.pending_accounts: dict[str, None] = {}
        self.pending_symbols: dict[str, None] = {}
        self.review_at_us: int = 0
        self.mass: deque[MassCancel] = deque()
        self.turns: dict[str, Turn] = {}
        self.guarded: dict[str, Account] = {}
        self.windows_turn_us: int = 0
        self.turning_day: int = 0
        self.turned_account: str = ""
        self.carry: Carry | None = None
        self.split: Split | None = None
        self.groups: OrderedDict[tuple[str, str, str], Group] = OrderedDict()
        self.brackets: dict[int, Bracket] = {}
        self.due: OrderedDict[int, Bracket] = OrderedDict()
        self.shelved: dict[str, dict[int, Bracket]] = {}
        self.watched: dict[str, None] = {}
        self.index: Index = Index()
        self.holds: Holds = Holds()
        self.heartbeats: Deadlines = Deadlines()
        self.switches: Switches = {}
        self.unsold: dict[str, bool] = {}
        self.closing: dict[str, str] = {}
        self.close_at_us: int = 0
        self.activity: Activity | None = None
        self.late: tuple[Failure, ...] = ()

    def fees_of(self, position: Position) -> tuple[int, int]:
        """Return the maker's and the taker's fee of an order that enters now, in ppm (B5).

        The house pays none.
        """
        if position.account is self.house:
            return 0, 0
        if self.fee_tiers:
            tier = tier_of(position.account, self.fee_tiers, self.now_us)
            return tier.maker_fee_ppm, tier.taker_fee_ppm
        terms = position.instrument.terms
        return terms.maker_fee_ppm, terms.taker_fee_ppm

    def switch_over(self, symbol: str, account_id: str, tag: str) -> Switch | None:
        """Return the strictest kill switch over an order; ask only where there are `switches`."""
        return strictest(self.switches, symbol, account_id, tag)

    def find_group(self, account_id: str, symbol: str, name: str) -> Group | None:
        """Return the group of that name, unless it is forgotten.

        A group is remembered while it has members, and then until the id of its last one has left
        the window.
        """
        group = self.groups.get((account_id, symbol, name))
        return group if group is not None and self.remembers(group) else None

    def remembers(self, group: Group) -> bool:
        """Tell whether a group still counts."""
        return bool(group.members) or self.ids.has_kept(group.account_id, group.last_id)

    def add_group(self, group: Group) -> None:
        """Make a group known. Two of the longest known are looked at, so that old ones go."""
        for _ in range(min(2, len(self.groups))):
            key, oldest = self.groups.popitem(last=False)
            if self.remembers(oldest):
                self.groups[key] = oldest
        self.groups[group.account_id, group.symbol, group.name] = group

    def stirs(self) -> bool:
        """Tell whether something is to be looked at after the command that runs, or the next."""
        return bool(
            self.touched
            or self.moved
            or self.referenced
            or self.review_at_us
            or self.left_alone
            or self.unsold
            or self.is_unfinished()
        )

    def is_unfinished(self) -> bool:
        """Tell whether a command's work goes on in the next frame, before any input."""
        return bool(
            self.mass
            or self.turns
            or self.reached
            or self.cascades
            or self.due
            or self.carry
            or self.split
            or self.cases
            or self.closing
        )

    def let_wait(self, bracket: Bracket) -> None:
        """Note that an entry has filled; its children come after those that wait already."""
        if bracket.order_id not in self.due and not self._is_shelved(bracket):
            bracket.waits_since = self.next_trade_id
            self.due[bracket.order_id] = bracket

    def unshelve(self, symbol: str) -> None:
        """Let the brackets that waited for a market to open take their turn among the others."""
        shelved = self.shelved.pop(symbol, None)
        if shelved:
            waiting = [*shelved.values(), *self.due.values()]
            waiting.sort(key=lambda bracket: bracket.waits_since)
            self.due = OrderedDict((bracket.order_id, bracket) for bracket in waiting)

    def _is_shelved(self, bracket: Bracket) -> bool:
        return bracket.order_id in self.shelved.get(bracket.symbol, ())

    def drop_if_over(self, bracket: Bracket) -> None:
        """Forget a bracket of which nothing lives and nothing is to come."""
        is_waiting = bracket.order_id in self.due or self._is_shelved(bracket)
        if bracket.is_over and not is_waiting:
            self.brackets.pop(bracket.order_id, None)

    def add_account(self, account: Account) -> None:
        """Make an account known, without orders."""
        self.accounts[account.account_id] = account
        self.live[account.account_id] = {}

    def find_account(self, account_id: str) -> Account | None:
        """Return an account; the venue's own also while nothing is known of them yet."""
        account = self.accounts.get(account_id)
        if account is None and account_id == BACKSTOP:
            return self.backstop
        return self.house if account is None and account_id == HOUSE else account

    def add_market(self, instrument: Instrument) -> None:
        """Make an instrument known, with an empty book."""
        self.positions.add_symbol(instrument.symbol)
        positions = self.positions.in_symbol(instrument.symbol)
        outside = None
        if instrument.terms.mode is MarketMode.L1:
            outside = OutsideBook(OutsideMarket(self, instrument))
        self.markets[instrument.symbol] = Market(instrument, positions, outside)

    def postpone(self) -> None:
        """Leave the accounts touched and the marks moved to a look that is not the present one."""
        self.pending_accounts.update(dict.fromkeys(self.touched))
        self.pending_symbols.update(self.moved)
        self.touched.clear()
        self.moved.clear()

    def check(self) -> None:
        """Assert every invariant of the state, down to the last order. Linear in everything."""
        assert not self.is_quiet or not self.stirs(), "whoever stirs something says so"
        assert not self.late
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
        assert self.accounts.keys() >= {*self.cases, *self.left_alone}
        self.heartbeats.check()
        if self.activity is not None:
            self.activity.check()
            assert self.accounts.keys() >= self.activity.accounts.keys()
        assert self.carry is None or self.carry.symbol in self.markets
        assert self.split is None or self.split.symbol in self.markets
        for market in self.markets.values():
            gathers = market.instrument.state is MarketState.AUCTION
            market.book.check(may_cross=gathers or market.outside is not None)
            self._check_reached(market)
            market.stops.check()
            market.instrument.check()
        check_orders(self)
        check_breakers(self)

    def _check_reached(self, market: Market) -> None:
        """Assert that what the outside market has reached is filled, or is about to be (D5)."""
        instrument = market.instrument
        assert (market.outside is not None) == (instrument.terms.mode is MarketMode.L1)
        if market.outside is not None and instrument.state is MarketState.OPEN:
            waits = instrument.symbol in self.reached
            assert waits or market.outside.reached_side() == 0, "the outside reaches nobody"
