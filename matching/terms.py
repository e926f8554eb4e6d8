"""The words that orders, books and refusals are made of. Plain values, no behaviour.

Sides are the integers +1 and -1, so that one line of arithmetic serves buyers and sellers.
"""

from enum import Enum, IntEnum
from typing import Final

import msgspec

BUY: Final = 1
SELL: Final = -1

SIDE_NAMES: Final = {BUY: "buy", SELL: "sell"}


class OrderType(Enum):
    """How an order meets the book."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    TRAILING_STOP = "trailing_stop"
    TRAILING_STOP_LIMIT = "trailing_stop_limit"


class TimeInForce(Enum):
    """How long an order lives (A3)."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"
    DAY = "day"


class StpMode(Enum):
    """What happens when an account would trade with itself (A6)."""

    NONE = "none"
    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"
    DECREMENT = "decrement"


class OrderStatus(Enum):
    """What became of an order when it entered."""

    RESTING = "resting"
    ARMED = "armed"
    DONE = "done"


class CancelReason(Enum):
    """Why live quantity left the book untraded."""

    REQUESTED = "requested"
    CANCEL_ALL = "cancel_all"
    IOC_REMAINDER = "ioc_remainder"
    COLLAR = "collar"
    MAX_FILLS = "max_fills"
    SELF_TRADE = "self_trade"
    REDUCE_ONLY = "reduce_only"
    LIQUIDATION = "liquidation"
    DELEVERAGED = "deleveraged"
    OCO = "oco"
    BRACKET = "bracket"
    PRICE_BAND = "price_band"
    CORPORATE_ACTION = "corporate_action"
    KILL_SWITCH = "kill_switch"
    HEARTBEAT = "heartbeat"


class FillRule(Enum):
    """What a fill of one of several linked orders does to the others (A13)."""

    FIRST_HIT = "first_hit"
    COMPLETE_FILL = "complete_fill"
    INCREMENTAL = "incremental"


class TriggerBy(Enum):
    """Which price an armed order looks at (A11)."""

    LAST = "last"
    MARK = "mark"
    BID_ASK = "bid_ask"


class MarketState(Enum):
    """Whether an instrument trades (A14)."""

    OPEN = "open"
    HALTED = "halted"
    CLOSED = "closed"
    AUCTION = "auction"


class MarketMode(Enum):
    """Whom orders meet: each other in our own book, or an outside market's best prices (D5)."""

    BOOK = "book"
    L1 = "l1"


class MarkSource(Enum):
    """Where an instrument's mark price comes from (B2)."""

    L1_MID = "l1_mid"
    PUSHED = "pushed"
    LAST = "last"


class KillScope(Enum):
    """What a kill switch is about; the widest first (E4)."""

    GLOBAL = "global"
    SYMBOL = "symbol"
    ACCOUNT = "account"
    TAG = "tag"


class KillMode(Enum):
    """What a kill switch stops; each stops all that the one before it does (E4)."""

    NO_NEW = "no_new"
    REDUCE_ONLY = "reduce_only"
    CANCEL_ALL = "cancel_all"
    FLATTEN = "flatten"


class AccountStatus(Enum):
    """Whether an account may trade: a suspended one may only reduce, a closed one nothing."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Refusal(IntEnum):
    """Why a command changed nothing. Numbers are never reused; the lowest failing one leads."""

    # 1xx: the command is malformed.
    MALFORMED_JSON = 101
    WRONG_TYPE = 102
    UNKNOWN_FIELD = 103
    UNKNOWN_COMMAND = 104
    MISSING_FIELD = 105
    BAD_DECIMAL = 106
    OUT_OF_RANGE = 107
    TOO_LARGE = 108
    BAD_IDENTIFIER = 109
    CROSSED_TICK = 110
    NON_POSITIVE_PRICE = 111
    WRONG_STREAM = 112
    TOO_DEEP = 113
    NO_PAYLOAD = 114
    # 2xx: who and what.
    UNKNOWN_ACCOUNT = 201
    UNKNOWN_INSTRUMENT = 202
    UNKNOWN_ORDER = 203
    ACCOUNT_EXISTS = 204
    INSTRUMENT_EXISTS = 205
    ACCOUNT_NOT_ACTIVE = 206
    INSTRUMENT_NOT_FLAT = 207
    TOO_MANY = 208
    HOUSE_IS_COUNTERPARTY = 209
    SAME_ACCOUNT = 210
    # 3xx: market state and price protection.
    MARKET_NOT_OPEN = 301
    PRICE_UNAVAILABLE = 302
    PRICE_STALE = 303
    NO_LIQUIDITY = 304
    TICK_NOT_NEWER = 305
    WRONG_MARK_SOURCE = 306
    WOULD_TRIGGER = 307
    OUTSIDE_PRICE_BAND = 308
    NOT_IN_AUCTION = 309
    MARKET_NOT_CLOSED = 310
    # 4xx: the attributes of an order or an instrument.
    OFF_TICK = 401
    OFF_LOT = 402
    PRICE_REQUIRED = 403
    PRICE_NOT_ALLOWED = 404
    INVALID_TIME_IN_FORCE = 405
    UNFILLABLE = 406
    NOT_SUPPORTED = 407
    QUANTITY_NOT_POSITIVE = 408
    INVALID_TERMS = 409
    NOTHING_TO_AMEND = 410
    INVALID_DISPLAY = 411
    POST_ONLY_WOULD_TRADE = 412
    NOTHING_TO_REDUCE = 413
    INVALID_EXPIRY = 414
    TRIGGER_REQUIRED = 415
    TRIGGER_NOT_ALLOWED = 416
    INVALID_TRAIL = 417
    INVALID_OCO = 418
    OCO_SPENT = 419
    INVALID_BRACKET = 420
    # 5xx: margin and limits.
    LEVERAGE_EXCEEDED = 501
    ORDER_NOTIONAL_LIMIT = 502
    EXPOSURE_LIMIT = 503
    INSUFFICIENT_MARGIN = 504
    MARGIN_RATIO = 505
    INSUFFICIENT_BALANCE = 506
    IN_LIQUIDATION = 507
    TOO_MANY_ORDERS = 508
    POSITION_NOTIONAL_LIMIT = 509
    POSITION_SIZE = 510
    INSTRUMENT_EXPOSURE = 511
    TOO_MANY_POSITIONS = 512
    CORRELATED_POSITIONS = 513
    PYRAMIDING = 514
    PORTFOLIO_HEAT = 515
    REWARD_TO_RISK = 516
    ORDER_RATE = 517
    # 6xx: loss limits and kill switch.
    DAY_LOSS = 601
    WEEK_LOSS = 602
    MONTH_LOSS = 603
    LOSING_STREAK = 604
    KILL_SWITCH = 605
    NO_SUCH_SWITCH = 606
    INVALID_SWITCH = 607
    # 7xx: overload, repeats, poison.
    OVERLOAD = 701
    DUPLICATE = 702
    ID_REUSED = 703
    POISON = 704
    MEMORY = 705

    @property
    def reason(self) -> str:
        """Return the name by which events carry this refusal, in snake case."""
        return self.name.lower()


class Switch(msgspec.Struct, frozen=True, array_like=True):
    """A kill switch: what it is on, what it stops, who put it there and why (E4).

    `target` is a symbol, an account or a tag by the scope, empty where that is global.
    """

    scope: KillScope
    target: str
    mode: KillMode
    operator: str
    reason: str


class MarginBracket(msgspec.Struct, frozen=True, array_like=True):
    """The margin rates of notionals from `notional_atoms` on."""

    notional_atoms: int
    initial_ppm: int
    maintenance_ppm: int


class BreakerLevel(msgspec.Struct, frozen=True, array_like=True):
    """A move of `move_ppm` halts for `halt_us`, 0 until an operator; with `auction` to gather."""

    move_ppm: int
    halt_us: int
    auction: bool


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an instrument is: its grid, its margin rates and its fees.

    A price of n ticks is `n * tick_units * 10 ** -price_decimals`; a quantity of n lots is
    `n * lot_units * 10 ** -quantity_decimals`. One tick on one lot is worth `atoms_per_tick_lot`,
    which is even, so that a mid price of half a tick is exact. `session_end_minute` is the minute
    of the UTC day at which day orders expire, -1 where there is no such end.
    `price_band_ppm` is how far a limit may lie from the reference, 0 for no band (E1);
    `fires_at_once` lets a stop fire that is reached already, instead of refusing it (A11). Funding
    rates are cut to plus or minus `funding_cap_ppm`. Where rates rise with notional there are two
    or more `margin_brackets`, and the two rates are those of the first. `mode` never changes.
    `breakers` are levels whose moves rise. Instruments of one `group` count as correlated (C2).
    """

    symbol: str
    tick_units: int
    price_decimals: int
    lot_units: int
    quantity_decimals: int
    contract_units: int
    contract_decimals: int
    atoms_per_tick_lot: int
    initial_margin_ppm: int
    maintenance_margin_ppm: int
    max_leverage_ppm: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    collar_ppm: int
    mark_source: MarkSource
    asset_class: str = ""
    feed_stale_us: int = 0
    session_end_minute: int = -1
    price_band_ppm: int = 0
    fires_at_once: bool = False
    funding_cap_ppm: int = 7_500
    margin_brackets: tuple[MarginBracket, ...] = ()
    mode: MarketMode = MarketMode.BOOK
    breakers: tuple[BreakerLevel, ...] = ()
    group: str = ""
