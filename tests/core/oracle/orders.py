"""Placing, amending and cancelling (A2, A3, A5, A9, A10, A14)."""

from fractions import Fraction

from tests.core.oracle import fills
from tests.core.oracle.admission import Wish, admit, reduces
from tests.core.oracle.numbers import number
from tests.core.oracle.world import (
    SIDES,
    Account,
    Command,
    Event,
    Instrument,
    Order,
    Refused,
    World,
)

GREATEST = 10**12
UNSUPPORTED = (
    "expires_at",
    "display_quantity",
    "trigger_price",
    "trigger_by",
    "trail_offset",
    "trail_bps",
    "trail_step",
    "activation_price",
    "oco_group",
)
_KEPT = ("type", "symbol", "account", "client_order_id", "order_id", "status")
"""What a repeat is told of an order whose instrument is gone, or has another grid now."""


def place(world: World, command: Command) -> None:
    """`place_order`."""
    account = world.account(command["account"])
    name = command["client_order_id"]
    content = _content(command)
    if (account.name, name) in world.ids:
        before, accepted = world.ids[account.name, name]
        if before != content:
            raise Refused(703)
        known = accepted if _fits(world, command) else {k: accepted[k] for k in _KEPT}
        world.events.append(known | {"duplicate": True})
        return
    instrument = world.instrument(command["symbol"])
    order = _ask_attributes(world, account, instrument, command)
    limit = order.price
    if order.kind == "market":
        best = fills.touch(world, instrument, -order.side)
        assert best is not None
        bps = command.get("max_slippage_bps")
        slippage = instrument.rate("collar") if bps is None else Fraction(bps, 10_000)
        limit = fills.protection(order.side, best, slippage)
    is_limit = order.kind == "limit"
    admit(
        world,
        Wish(account, instrument, order.side, order.total, limit, order.taker_rate, is_limit),
    )
    sweep = fills.plan(world, order, limit)
    if order.lifetime == "fok" and sweep.filled < order.total:
        raise Refused(406)
    order.number = world.next_order
    world.next_order += 1
    accepted = _accepted(order, sweep)
    world.ids[account.name, name] = (content, accepted)
    world.events.append(accepted)
    fills.enter(world, order, sweep)


def _fits(world: World, command: Command) -> bool:
    """Tell whether an order could be written down on the grid of today."""
    instrument = world.instruments.get(command["symbol"])
    if instrument is None:
        return False
    try:
        _lots(instrument, command["quantity"])
        if command.get("price") is not None:
            _ticks(instrument, command["price"])
    except Refused:
        return False
    return True


def _content(command: Command) -> object:
    """Return what an order says, however it is written."""
    said = {key: value for key, value in command.items() if value is not None}
    said.setdefault("stp", "cancel_newest")
    said.setdefault("time_in_force", "ioc" if said["order_type"] == "market" else "gtc")
    for key in ("quantity", "price"):
        if key in said:
            said[key] = number(said[key])
    return said


def _ask_attributes(
    world: World, account: Account, instrument: Instrument, command: Command
) -> Order:
    """Ask everything that needs no money; return the order, which nobody knows yet."""
    if instrument.state != "open":
        raise Refused(301)
    _ask_support(command)
    lots = _lots(instrument, command["quantity"])
    price = _ticks(instrument, command["price"]) if command.get("price") is not None else 0
    kind, side = command["order_type"], SIDES[command["side"]]
    lifetime = command.get("time_in_force") or ("ioc" if kind == "market" else "gtc")
    if kind == "market":
        if price:
            raise Refused(404)
        if lifetime == "gtc":
            raise Refused(405)
        if fills.touch(world, instrument, -side) is None:
            raise Refused(304)
    elif not price:
        raise Refused(403)
    return Order(
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
        instrument.rate("maker_fee"),
        instrument.rate("taker_fee"),
    )


def _ask_support(command: Command) -> None:
    """Refuse what this release does not do."""
    if command["order_type"] not in {"limit", "market"}:
        raise Refused(407, "$.order_type")
    if command.get("time_in_force") in {"gtd", "day"}:
        raise Refused(407, "$.time_in_force")
    for flag in ("post_only", "reduce_only"):
        if command.get(flag):
            raise Refused(407, f"$.{flag}")
    if command.get("stp") in {"cancel_both", "decrement"}:
        raise Refused(407, "$.stp")
    _ask_absent(command)


def _ask_absent(command: Command) -> None:
    for name in UNSUPPORTED:
        if command.get(name) is not None:
            raise Refused(407, f"$.{name}")


def _lots(instrument: Instrument, quantity: str | int) -> int:
    lots = number(quantity) / instrument.lot
    if lots.denominator != 1:
        raise Refused(402, "$.quantity")
    if lots <= 0:
        raise Refused(408, "$.quantity")
    if lots > GREATEST:
        raise Refused(107, "$.quantity")
    return lots.numerator


def _ticks(instrument: Instrument, price: str | int, path: str = "$.price") -> int:
    ticks = number(price) / instrument.tick
    if ticks.denominator != 1:
        raise Refused(401, path)
    if ticks <= 0:
        raise Refused(111, path)
    if ticks > GREATEST:
        raise Refused(107, path)
    return ticks.numerator


def _accepted(order: Order, sweep: fills.Sweep) -> Event:
    instrument = order.instrument
    said = {
        "type": "order_accepted",
        "symbol": instrument.symbol,
        **order.names(),
        "status": "resting" if fills.rests(order, sweep) else "done",
        "side": "buy" if order.side > 0 else "sell",
        "order_type": order.kind,
        "quantity": instrument.quantity(order.total),
        "time_in_force": order.lifetime,
    }
    return said | ({"price": instrument.price(order.price)} if order.price else {})


def _own_order(world: World, command: Command) -> Order:
    """Find a resting order among the account's own ones."""
    account = world.account(command["account"])
    for order in world.orders:
        if order.account is account and order.name == command["client_order_id"]:
            return order
    raise Refused(203)


def cancel(world: World, command: Command) -> None:
    """`cancel_order`."""
    fills.withdraw(world, _own_order(world, command), "requested")


def cancel_all(world: World, command: Command) -> None:
    """`cancel_all`."""
    account = world.account(command["account"])
    symbol, side = command.get("symbol"), command.get("side")
    if symbol is not None and symbol not in world.instruments:
        raise Refused(202, symbol=symbol)
    for order in world.orders_of(account):
        if symbol in {None, order.instrument.symbol} and side in {None, _side_name(order)}:
            fills.withdraw(world, order, "cancel_all")


def _side_name(order: Order) -> str:
    return "buy" if order.side > 0 else "sell"


def amend(world: World, command: Command) -> None:
    """`amend_order` (A9)."""
    order = _own_order(world, command)
    instrument = order.instrument
    try:
        _ask_absent(command)
        total, price = order.total, order.price
        if command.get("quantity") is not None:
            total = _lots(instrument, command["quantity"])
        if command.get("price") is not None:
            price = _ticks(instrument, command["price"])
        if command.get("quantity") is None and command.get("price") is None:
            raise Refused(410)
        leaves = total - order.filled
        if leaves <= 0:
            world.orders.remove(order)
            order.total, order.leaves = order.filled, 0
            _amended(world, order, kept=True)
        elif price == order.price and leaves <= order.leaves:
            order.total, order.leaves = total, leaves
            _amended(world, order, kept=True)
        else:
            _replace(world, order, price, total)
    except Refused as refusal:
        refusal.fields.setdefault("symbol", instrument.symbol)
        raise


def _replace(world: World, order: Order, price: int, total: int) -> None:
    """Let an order enter again with another price or more quantity."""
    instrument = order.instrument
    leaves = total - order.filled
    wish = Wish(
        order.account, instrument, order.side, leaves, price, order.taker_rate, instead_of=order
    )
    if instrument.state != "open" and not (price == order.price and reduces(world, wish)):
        raise Refused(301)
    admit(world, wish)
    world.orders.remove(order)
    order.total, order.leaves, order.price = total, leaves, price
    _amended(world, order, kept=False)
    if instrument.state == "open":
        fills.enter(world, order, fills.plan(world, order, price))
    else:
        fills.rest(world, order)


def _amended(world: World, order: Order, *, kept: bool) -> None:
    instrument = order.instrument
    world.say(
        "order_amended",
        symbol=instrument.symbol,
        **order.names(),
        quantity=instrument.quantity(order.total),
        price=instrument.price(order.price),
        leaves=instrument.quantity(order.leaves),
        kept_priority=kept,
    )
