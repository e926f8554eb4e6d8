"""Trades that were agreed elsewhere: asked like orders, and booked without a print (B7)."""

from fractions import Fraction
from hashlib import sha256

from tests.core.oracle import bands, fees, fills
from tests.core.oracle.admission import Wish, admit
from tests.core.oracle.grid import lots_of, ticks_of
from tests.core.oracle.numbers import number, written
from tests.core.oracle.world import HOUSE, SIDES, Command, Order, Refused, World

SIGNED = {"buy": "LONG", "sell": "SHORT"}
COUNTER = "$.counter_account"


def book_trade(world: World, command: Command) -> None:
    """`book_trade`: `account` is the taker, `counter_account` (the house) the maker."""
    taker, maker = _parties(world, command)
    signature = _signature(command)
    _ask(world, taker, maker, signature)
    world.booked.add(command["trade_id"])
    world.signatures |= {signature} if signature else set()
    for order in (taker, maker):
        world.accounts.setdefault(order.account.name, order.account)
        order.number = world.next_order
        world.next_order += 1
    said = {"trade_signature": signature} if signature else {}
    fills.book_apart(world, maker, taker, {"trade_ref": command["trade_id"]} | said)


def _parties(world: World, command: Command) -> tuple[Order, Order]:
    """Return both sides as if they were orders, the taker's first. Raises Refused."""
    other = command.get("counter_account") or HOUSE
    account = world.trader(command["account"])
    try:
        counter = world.trader(other)
    except Refused as refusal:
        raise Refused(refusal.code, COUNTER) from None
    instrument = world.instrument(command["symbol"])
    lots = lots_of(instrument, command, "quantity") or 0
    price = ticks_of(instrument, command["price"])
    if other == command["account"]:
        raise Refused(210, COUNTER)
    side = SIDES[command["side"]]
    orders = [
        Order(
            each,
            instrument,
            command["trade_id"],
            way,
            price,
            lots,
            lots,
            "limit",
            "gtc",
            "none",
            *fees.rates(world, each, instrument),
        )
        for each, way in ((account, side), (counter, -side))
    ]
    return orders[0], orders[1]


def _signature(command: Command) -> str:
    """Return the digest of what was agreed, and when; "" where nobody says when."""
    if command.get("timestamp") is None:
        return ""
    numbers = [written(number(command[key])) for key in ("quantity", "price")]
    said = [command["account"], command["symbol"], SIGNED[command["side"]], *numbers]
    return sha256(":".join([*said, str(command["timestamp"])]).encode()).hexdigest()


def _ask(world: World, taker: Order, maker: Order, signature: str) -> None:
    """Ask for repeats, the market and the money of both."""
    instrument = taker.instrument
    if taker.name in world.booked:
        raise Refused(702, "$.trade_id")
    if signature in world.signatures:
        raise Refused(702, "$.timestamp")
    if instrument.state != "open":
        raise Refused(301)
    bands.ask(world, instrument, taker.price)
    if instrument.mark2 == 0:
        raise Refused(302)  # a booked trade makes no mark, so that there must be one
    _admit(world, taker, taker.taker_rate)
    try:
        _admit(world, maker, maker.maker_rate)
    except Refused as refusal:
        refusal.fields["path"] = COUNTER
        raise


def _admit(world: World, order: Order, rate: Fraction) -> None:
    """Ask C1 about one side, as about a limit at the price with its own fee."""
    if order.account.name == HOUSE:
        return
    admit(world, Wish(order.account, order.instrument, order.side, order.total, order.price, rate))
