"""Placing and cancelling (A2 to A8, A10, A14)."""

from collections.abc import Callable
from fractions import Fraction

from tests.core.oracle import arming, bands, fees, fills, groups, limits, sweeps
from tests.core.oracle.admission import Wish, admit, too_late
from tests.core.oracle.grid import lots_of, ticks_of
from tests.core.oracle.leaving import withdraw
from tests.core.oracle.numbers import number
from tests.core.oracle.triggers import arm
from tests.core.oracle.world import (
    HOUSE,
    SIDES,
    Account,
    Command,
    Event,
    Instrument,
    Order,
    Refused,
    World,
)

DAY = 24 * 3600 * 1_000_000
MARKETS = ("market", "stop", "take_profit", "trailing_stop")
_KEPT = ("type", "symbol", "account", "client_order_id", "order_id", "status")
"""What a repeat is told of an order whose instrument is gone, or has another grid now."""


def place(world: World, command: Command) -> None:
    """`place_order`."""
    account = world.trader(command["account"])
    content = content_of(world, command)
    if is_repeat(world, command, content):
        return
    order = ask_attributes(world, account, world.instrument(command["symbol"]), command)
    groups.ask(world, order, command)
    let_in(world, order, content)


def glance(world: World, command: Command) -> None:
    """Raise Refused for an order with nothing to reduce, before its form is looked at (E6)."""
    account, instrument = (
        world.accounts.get(command["account"]),
        world.instruments.get(command["symbol"]),
    )
    is_new = (command["account"], command["client_order_id"]) not in world.ids
    if account is None or instrument is None or command.get("reduce_only") or not is_new:
        return
    if account.position(instrument).lots * SIDES[command["side"]] >= 0:
        raise too_late(world)


def is_repeat(world: World, command: Command, content: object) -> bool:
    """Tell a repeat what became of the order, if it is one (A10). Raises Refused."""
    known = world.ids.get((command["account"], command["client_order_id"]))
    if known is None:
        return False
    before, accepted = known
    if before != content:
        raise Refused(703)
    said = accepted if _fits(world, command) else {key: accepted[key] for key in _KEPT}
    if command["order_type"] in arming.TRAILING:
        said = {key: value for key, value in said.items() if key != "trigger_price"}
    world.events.append(said | {"duplicate": True})
    return True


def let_in(world: World, order: Order, content: object) -> None:
    """Ask the market and the account about a well-formed order, and carry it out."""
    account, instrument = order.account, order.instrument
    limit = _ask_prices(world, order)
    if order.reduce_only and account.position(instrument).lots * order.side >= 0:
        raise Refused(413)
    if order.trigger is not None:
        arming.ask_money(world, order, order.price, order.trigger, order.total)
        accept(world, order, content, "armed")
        arm(world, order)
        return
    wish = Wish(account, instrument, order.side, order.total, limit, order.taker_rate)
    wish.is_limit, wish.reduce_only = order.kind == "limit", order.reduce_only
    wish.group, wish.tag, wish.bracket = order.group, order.tag, order.bracket
    admit(world, wish)
    if order.post_only and sweeps.would_meet(world, instrument, order.side, limit):
        raise Refused(412)
    if instrument.state == "auction":
        accept(world, order, content, "resting")
        fills.rest(world, order)
        return
    sweep = sweeps.plan(world, order, limit)
    if order.lifetime == "fok" and sweep.filled < order.total:
        raise Refused(406)
    accept(world, order, content, "resting" if sweeps.rests(order, sweep) else "done")
    fills.enter(world, order, sweep)


def _ask_prices(world: World, order: Order) -> int:
    """Ask what the prices of now have against an order; return the worst it may trade at."""
    instrument = order.instrument
    if order.kind == "market":
        best = sweeps.touch(world, instrument, -order.side)
        if best is None:
            raise Refused(304)
        return bands.market_limit(world, order, best)
    if order.trigger is not None:
        arming.ask_reference(order)
    else:
        bands.ask(world, instrument, order.price)
    return order.price


def accept(world: World, order: Order, content: object, status: str) -> None:
    """Give an order its number and remember its name (A10)."""
    world.accounts.setdefault(order.account.name, order.account)
    order.number = world.next_order
    world.next_order += 1
    order.entered = order.total
    if order.child is None:
        limits.note_entry(world, order.account)
    groups.join(world, order)
    accepted = _accepted(order, status)
    world.ids[order.account.name, order.name] = (content, accepted)
    world.events.append(accepted)


def _fits(world: World, command: Command) -> bool:
    """Tell whether an order could be written down on the grid of today."""
    instrument = world.instruments.get(command["symbol"])
    if instrument is None:
        return False
    try:
        lots_of(instrument, command, "quantity")
        lots_of(instrument, command, "display_quantity")
        if command.get("price") is not None:
            ticks_of(instrument, command["price"])
        arming.ticks_given(instrument, command)
    except Refused:
        return False
    return True


def content_of(world: World, command: Command) -> object:
    """Return what an order says, however it is written."""
    flags = ("post_only", "reduce_only")
    said = {
        key: value
        for key, value in command.items()
        if value is not None and not (key in flags and value is False)
    }
    said.setdefault("stp", "cancel_newest")
    said.setdefault("time_in_force", "ioc" if said["order_type"] == "market" else "gtc")
    if said["order_type"] not in {"limit", "market"}:
        said.setdefault("trigger_by", default_trigger(world, command["symbol"]))
    for key in ("quantity", "price", "display_quantity", *arming.PRICES):
        if key in said:
            said[key] = number(said[key])
    return said


def default_trigger(world: World, symbol: str) -> str:
    """Return what a trigger looks at that does not say, `last` where nobody knows (A11)."""
    known = world.instruments.get(symbol)
    return "last" if known is None else known.default_trigger


def ask_attributes(
    world: World,
    account: Account,
    instrument: Instrument,
    command: Command,
    read_more: Callable[[], None] = lambda: None,
) -> Order:
    """Ask everything about what an order says; return it, which nobody knows yet.

    `read_more` reads what else there is on the grid, after the order's own prices and quantities.
    """
    _ask_support(account, instrument, command)
    lots = lots_of(instrument, command, "quantity") or 0
    price = ticks_of(instrument, command["price"]) if command.get("price") is not None else 0
    peak = lots_of(instrument, command, "display_quantity")
    ticks = arming.ticks_given(instrument, command)
    read_more()
    kind, side = command["order_type"], SIDES[command["side"]]
    lifetime = command.get("time_in_force") or ("ioc" if kind == "market" else "gtc")
    if kind in MARKETS:
        if price:
            raise Refused(404)
        if (kind == "market") != (lifetime in {"ioc", "fok"}):
            raise Refused(405)
    elif not price:
        raise Refused(403)
    arming.ask_form(command)
    never_rests = kind in MARKETS or lifetime in {"ioc", "fok"}
    if command.get("post_only") and never_rests:
        raise Refused(405, "$.post_only")
    hides = peak is not None and peak != lots and instrument.is_outside
    if peak is not None and (never_rests or hides or not is_peak(peak, lots)):
        raise Refused(411, "$.display_quantity")
    bps = command.get("max_slippage_bps")
    order = Order(
        account,
        instrument,
        command["client_order_id"],
        side,
        price,
        lots,
        lots,
        kind,
        lifetime,
        command.get("stp") or "cancel_newest",
        *fees.rates(world, account, instrument),
        peak=0 if peak in {None, lots} else peak or 0,
        expires=_deadline(world, instrument, lifetime, command.get("expires_at")),
        post_only=bool(command.get("post_only")),
        reduce_only=bool(command.get("reduce_only")),
        slippage=None if bps is None else Fraction(bps, 10_000),
        trigger=arming.trigger_for(instrument, command, side, ticks),
        tag=command.get("tag") or "",
    )
    if instrument.state == "auction" and order.trigger is None:
        _ask_auction(order)
    return order


def _ask_auction(order: Order) -> None:
    """Refuse in an auction what could not wait for its end (A14)."""
    if order.kind == "market":
        raise Refused(309, "$.order_type")
    if order.lifetime in {"ioc", "fok"}:
        raise Refused(309, "$.time_in_force")
    if order.post_only:
        raise Refused(309, "$.post_only")


def is_peak(peak: int, total: int) -> bool:
    """Tell whether an iceberg may show that much of its total (A4)."""
    return peak <= total <= 100 * peak


def _deadline(world: World, instrument: Instrument, lifetime: str, expires_at: int | None) -> int:
    """Return when an order ends by itself, in µs; 0 is never (A3)."""
    if (lifetime == "gtd") != (expires_at is not None):
        raise Refused(414, "$.expires_at")
    if expires_at is not None:
        if expires_at * 1_000 <= world.now:
            raise Refused(414, "$.expires_at")
        return expires_at * 1_000
    if lifetime != "day":
        return 0
    session_end = instrument.terms.get("session_end")
    if session_end is None:
        raise Refused(414, "$.time_in_force")
    hours, minutes = session_end.split(":")
    ends = (int(hours) * 60 + int(minutes)) * 60_000_000
    while ends <= world.now:
        ends += DAY
    return ends


def _ask_support(account: Account, instrument: Instrument, command: Command) -> None:
    """Refuse what the market does not take now, and what this release does not do."""
    if account.name == HOUSE and instrument.is_outside:
        raise Refused(209)
    if not instrument.takes_orders:
        raise Refused(301)
    if command["order_type"] not in MARKETS and command.get("max_slippage_bps") is not None:
        raise Refused(407, "$.max_slippage_bps")


def _accepted(order: Order, status: str) -> Event:
    instrument = order.instrument
    said = {
        "type": "order_accepted",
        "symbol": instrument.symbol,
        **order.names(),
        "status": status,
        "side": "buy" if order.side > 0 else "sell",
        "order_type": order.kind,
        "quantity": instrument.quantity(order.total),
        "time_in_force": order.lifetime,
        **({"display_quantity": instrument.quantity(order.peak)} if order.peak else {}),
    }
    return said | order.prices()


def own_order(world: World, command: Command) -> Order:
    """Find an order among the account's own ones."""
    for order in world.orders_of(world.account(command["account"])):
        if order.name == command["client_order_id"]:
            return order
    raise Refused(203)


def cancel(world: World, command: Command) -> None:
    """`cancel_order`."""
    withdraw(world, own_order(world, command), "requested")


def cancel_all(world: World, command: Command) -> None:
    """`cancel_all`."""
    account = world.account(command["account"])
    symbol, side = command.get("symbol"), command.get("side")
    if symbol is not None and symbol not in world.instruments:
        raise Refused(202, symbol=symbol)
    for order in world.orders_of(account):
        if symbol in {None, order.instrument.symbol} and side in {None, _side_name(order)}:
            withdraw(world, order, "cancel_all")


def _side_name(order: Order) -> str:
    return "buy" if order.side > 0 else "sell"
