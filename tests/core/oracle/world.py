"""What there is in the oracle's world: plain records in plain lists, searched from end to end."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.core.oracle.numbers import ATOMS, money, number, written
from tests.core.oracle.reasons import REASONS

Event = dict[str, Any]
Command = dict[str, Any]

SIDES = {"buy": 1, "sell": -1}
NAMES = {1: "buy", -1: "sell"}
BACKSTOP = "backstop"
HOUSE = "house"
RESERVED = (BACKSTOP, HOUSE)
"""The venue's own accounts: nobody creates them, and they pass C and D by (D6)."""


class Refused(Exception):
    """A command changes nothing: the number, and whatever else the event says."""

    def __init__(self, code: int, path: str | None = None, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields if path is None else {"path": path, **fields}


@dataclass(eq=False)
class Instrument:
    """An instrument; `mark2` is twice its mark in ticks, 0 while nobody knows a price.

    `brackets` are (from which notional in atoms, initial rate, maintenance rate), rising (B4).
    `prints` are its trades since it has a band, as (second, ticks, lots); `opening` is the first
    price of the session `opened_in` (E1). `bid` and `ask` came at `quoted_at`. Breakers measure the
    mark from `start`; `tripped` of them have acted (E2).
    """

    terms: dict[str, Any]
    state: str
    tick: Fraction
    lot: Fraction
    unit: int
    brackets: list[tuple[Fraction, Fraction, Fraction]]
    mark2: int = 0
    marked_at: int = 0
    last: int = 0
    bid: int = 0
    ask: int = 0
    quoted_at: int = 0
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)
    prints: list[tuple[int, int, int]] = field(default_factory=list)
    opening: Fraction | None = None
    opened_in: int = 0
    start: Fraction | None = None
    tripped: int = 0

    @property
    def symbol(self) -> str:
        """Return the instrument's name."""
        return str(self.terms["symbol"])

    def rate(self, name: str) -> Fraction:
        """Return one of the rates."""
        return number(self.terms[name])

    @property
    def band(self) -> Fraction:
        """Return how far from the reference a price may lie, 0 without a band."""
        return number(self.terms.get("price_band") or 0)

    @property
    def levels(self) -> list[Command]:
        """Return the levels of its breakers."""
        return list(self.terms.get("breakers") or ())

    @property
    def takes_orders(self) -> bool:
        """Tell whether orders may come, to trade or to wait for the end of an auction (A14)."""
        return self.state in {"open", "auction"}

    @property
    def is_outside(self) -> bool:
        """Tell whether it trades with an outside market only (D5, mode `l1`)."""
        return self.terms.get("mode") == "l1"

    @property
    def default_trigger(self) -> str:
        """Return what a trigger looks at that does not say (A11)."""
        return "bid_ask" if self.is_outside else "last"

    def price(self, ticks: int | Fraction) -> str:
        """Write a price."""
        return written(ticks * self.tick)

    def quantity(self, lots: int) -> str:
        """Write a quantity."""
        return written(lots * self.lot)

    def is_stale(self, now: int) -> bool:
        """Tell whether the mark is older than it may be."""
        oldest = (self.terms.get("feed_stale_ms") or 0) * 1_000
        return oldest > 0 and now - self.marked_at > oldest

    def outside(self, side: int, now: int) -> int | None:
        """Return the outside bid (+1) or ask (-1), unless there is none or it is too old (D5)."""
        oldest = (self.terms.get("feed_stale_ms") or 0) * 1_000
        ticks = self.bid if side > 0 else self.ask
        return ticks if ticks and (oldest == 0 or now - self.quoted_at <= oldest) else None


@dataclass(eq=False)
class Position:
    """Signed lots and what they cost, signed alike; `opened_by` is a trade.

    `tries` counts the slices in a row that left lots unsold, the first of them at `since` (D6).
    """

    instrument: Instrument
    lots: int = 0
    cost: int = 0
    opened_by: int = 0
    tries: int = 0
    since: int = 0

    @property
    def value(self) -> int:
        """Return the signed notional at the mark."""
        return self.lots * self.instrument.mark2 * self.instrument.unit // 2


@dataclass(eq=False)
class Account:
    """An account with its money, settings and positions.

    `volumes` are what it has traded, by day; `leverages` its own for single instruments; `limits`
    those of `set_risk` (C2), `entries` the seconds in which orders of its were accepted.
    """

    name: str
    status: str
    leverage: Fraction | None
    group: str
    balance: int = 0
    profile: str = "none"
    limits: dict[str, Any] = field(default_factory=dict)
    entries: list[int] = field(default_factory=list)
    losses: Any = None
    called: bool = False
    locked: bool = False
    fee_tier: str = ""
    volumes: dict[int, int] = field(default_factory=dict)
    leverages: dict[str, Fraction] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)

    @property
    def owner(self) -> tuple[str, str]:
        """Return who this is to self-trade prevention."""
        return ("group", self.group) if self.group else ("account", self.name)

    def position(self, instrument: Instrument) -> Position:
        """Return the position in an instrument, an empty one if there is none."""
        return self.positions.setdefault(instrument.symbol, Position(instrument))


@dataclass(eq=False)
class Group:
    """A one-cancels-other group; `hit` once a member of it has traded (A13)."""

    name: str
    rule: str
    hit: bool = False


@dataclass(eq=False)
class Order:
    """An order, resting or about to be; `arrival` is its place in time.

    `peak` is 0 unless it is an iceberg, `expires` 0 unless it ends by itself (in µs); `shown` is
    what everybody sees of it while it rests. An armed one has a `trigger` (see `triggers`);
    `slippage` None is the instrument's collar, `cut_by` what ends a market order early. `entered`
    is its total as it was accepted, `group` and `bracket` what it is linked by, `child` which part
    of the bracket it is.
    """

    account: Account
    instrument: Instrument
    name: str
    side: int
    price: int
    total: int
    leaves: int
    kind: str
    lifetime: str
    stp: str
    maker_rate: Fraction
    taker_rate: Fraction
    peak: int = 0
    expires: int = 0
    post_only: bool = False
    reduce_only: bool = False
    number: int = 0
    arrival: int = 0
    shown: int = 0
    slippage: Fraction | None = None
    trigger: Any = None
    cut_by: str = "collar"
    fees_due: Fraction = Fraction(0)
    fees_paid: int = 0
    entered: int = 0
    group: Group | None = None
    bracket: Any = None
    child: Any = None
    tag: str = ""

    @property
    def notional(self) -> int:
        """Return what is left of it at its price."""
        return self.leaves * self.price * self.instrument.unit

    @property
    def filled(self) -> int:
        """Return what has traded."""
        return self.total - self.leaves

    def prices(self) -> Event:
        """Return the prices that events name: its own, and its trigger's, if it has one."""
        price = self.instrument.price
        trigger = 0 if self.trigger is None else self.trigger.price
        said = {"price": price(self.price)} if self.price else {}
        return said | ({"trigger_price": price(trigger)} if trigger else {})

    def names(self) -> Event:
        """Return the fields by which events name an order."""
        return {
            "account": self.account.name,
            "client_order_id": self.name,
            "order_id": self.number,
        }


@dataclass
class Ladder:
    """The steps of D1, and how long D6 tries."""

    margin_call: str = "0.50"
    tier1: str = "0.900"
    tier1_share: str = "0.30"
    tier2: str = "0.925"
    tier2_share: str = "0.50"
    tier3: str = "0.950"
    admission_ratio: str = "0.80"
    review_ms: int = 250
    liquidation_fee: str = "0"
    max_tries: int = 3
    max_wait_ms: int = 2_000


@dataclass
class World:
    """Everything, and the events of the command that is being run.

    `left_alone` are those of whom nobody takes anything: when the timer looks, and after how long.
    """

    now: int = 0
    instruments: dict[str, Instrument] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    armed: list[Order] = field(default_factory=list)
    ids: dict[tuple[str, str], tuple[Any, Event]] = field(default_factory=dict)
    transfers: set[str] = field(default_factory=set)
    fundings: set[str] = field(default_factory=set)
    swaps: set[str] = field(default_factory=set)
    booked: set[str] = field(default_factory=set)
    signatures: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    tiers: list[Command] = field(default_factory=list)
    groups: dict[tuple[str, str, str], Group] = field(default_factory=dict)
    uncovered: list[Any] = field(default_factory=list)
    ladder: Ladder = field(default_factory=Ladder)
    next_order: int = 1
    next_trade: int = 1
    arrivals: int = 0
    armings: int = 0
    events: list[Event] = field(default_factory=list)
    traded: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    waiting_accounts: set[str] = field(default_factory=set)
    waiting_symbols: set[str] = field(default_factory=set)
    look_at: int = 0
    left_alone: dict[str, tuple[int, int]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    held: dict[str, int | None] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    market_levels: list[Command] = field(default_factory=list)
    market_tripped: int = 0
    turn_at: int = 0
    paid_in: int = 0
    fees: int = 0
    residue: int = 0
    insurance: int = 0
    deficits: int = 0
    switches: dict[tuple[str, str], str] = field(default_factory=dict)
    heartbeats: dict[str, int] = field(default_factory=dict)
    unsold: dict[str, bool] = field(default_factory=dict)
    close_at: int = 0
    watched: dict[str, Any] = field(default_factory=dict)
    commands: list[tuple[int, str, str]] = field(default_factory=list)
    told: dict[tuple[str, str], int] = field(default_factory=dict)
    retry_ms: int = 0

    def say(self, kind: str, /, **fields: Any) -> None:
        """Write an event."""
        self.events.append({"type": kind, **fields})

    def refuse(self, refusal: Refused, **fields: Any) -> None:
        """Write a refusal."""
        code = refusal.code
        said = {key: value for key, value in (fields | refusal.fields).items() if value is not None}
        self.say("rejected", code=code, reason=REASONS[code], **said)

    def account(self, name: str) -> Account:
        """Return an account that must exist."""
        if name not in self.accounts:
            raise Refused(201)
        return self.accounts[name]

    def trader(self, name: str) -> Account:
        """Return an account that must exist; the venue's own need not yet.

        They come into being when something of theirs is accepted, or when they trade.
        """
        if name in RESERVED and name not in self.accounts:
            return Account(name, "active", None, "")
        return self.account(name)

    def instrument(self, symbol: str) -> Instrument:
        """Return an instrument that must exist."""
        if symbol not in self.instruments:
            raise Refused(202)
        return self.instruments[symbol]

    def orders_of(self, account: Account) -> list[Order]:
        """Return an account's orders, resting or armed, first come first."""
        mine = [order for order in self.orders + self.armed if order.account is account]
        return sorted(mine, key=lambda order: order.number)

    def members(self, group: Group) -> list[Order]:
        """Return the live orders of a group, first come first."""
        linked = [order for order in self.orders + self.armed if order.group is group]
        return sorted(linked, key=lambda order: order.number)

    def resting(self, position: Position, account: Account, side: int) -> list[Order]:
        """Return an account's resting orders on one side of one instrument."""
        return [
            order
            for order in self.orders
            if order.account is account
            and order.instrument is position.instrument
            and order.side == side
        ]

    def watches(self, instrument: Instrument) -> bool:
        """Tell whether any breaker looks at the instrument's mark (E2)."""
        return bool(instrument.levels) or instrument.symbol in self.weights

    def note_price(self, instrument: Instrument, price: Fraction) -> None:
        """Let a session open at its first price, while the instrument has a band (E1)."""
        hours, minutes = (instrument.terms.get("session_end") or "00:00").split(":")
        ended = (int(hours) * 60 + int(minutes)) * 60_000_000
        session = (self.now - ended) // (24 * 3600 * 10**6)
        if instrument.band and (instrument.opening is None or session != instrument.opened_in):
            instrument.opening, instrument.opened_in = price, session

    def note_trade(self, instrument: Instrument, ticks: int, lots: int) -> None:
        """Remember a trade, while the instrument has a band (E1)."""
        self.note_price(instrument, Fraction(ticks))
        if instrument.band:
            instrument.prints.append((self.now // 10**6, ticks, lots))

    def set_mark(self, instrument: Instrument, mark2: int) -> None:
        """Take a mark; who holds the instrument is looked at if it is another or was stale."""
        self.note_price(instrument, Fraction(mark2, 2))
        if mark2 != instrument.mark2 or instrument.is_stale(self.now):
            self.moved.add(instrument.symbol)
            if self.watches(instrument):
                self.seen.add(instrument.symbol)
        instrument.mark2 = mark2
        instrument.marked_at = self.now


__all__ = ["ATOMS", "NAMES", "SIDES", "Account", "Command", "Event", "Group", "Instrument"]
__all__ += ["BACKSTOP", "HOUSE", "RESERVED", "Ladder", "Order", "Position", "Refused", "World"]
__all__ += ["money"]
