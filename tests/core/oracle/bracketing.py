"""Placing brackets, and covering what their entries have opened (A13)."""

from typing import Any

from tests.core.oracle import fees, fills, groups, orders, sweeps
from tests.core.oracle.brackets import Bracket, Child, wanted
from tests.core.oracle.grid import lots_of, ticks_of
from tests.core.oracle.leaving import amended, is_live
from tests.core.oracle.numbers import number
from tests.core.oracle.triggers import Trigger, arm
from tests.core.oracle.world import Command, Instrument, Order, Refused, World

LONGEST_NAME = 58


def place(world: World, command: Command) -> None:
    """`place_bracket`."""
    account = world.trader(command["account"])
    outer = {"type": "place_order", "account": account.name, "symbol": command["symbol"]}
    entry = command["entry"] | outer
    content = _content(world, command, entry)
    if orders.is_repeat(world, entry, content):
        return
    instrument = world.instrument(command["symbol"])
    children: list[Child] = []

    def read_children() -> None:
        children.extend(_children(instrument, command))

    try:
        order = orders.ask_attributes(world, account, instrument, entry, read_children)
        groups.ask(world, order, entry)
    except Refused as refusal:
        path = refusal.fields.get("path", "")
        if path and not path.startswith(("$.take_profit[", "$.stop_loss")):
            refusal.fields["path"] = f"$.entry{path[1:]}"
        raise
    stop = children.pop() if command.get("stop_loss") is not None else None
    rule = command.get("fill_rule") or "incremental"
    order.bracket = bracket = Bracket(order, rule, content, children, stop)
    _ask(world, bracket, command)
    orders.let_in(world, order, content)
    for child in bracket.children:
        world.ids[account.name, child.name] = (content, {})


def _content(world: World, command: Command, entry: Command) -> object:
    """Return what a bracket says, however it is written."""
    profits = [
        (number(each["price"]), number(each["quantity"]))
        for each in command.get("take_profit") or []
    ]
    stop = dict(command.get("stop_loss") or {})
    for key in ("price", "trigger_price"):
        if stop.get(key) is not None:
            stop[key] = number(stop[key])
    stop = {key: value for key, value in stop.items() if value is not None}
    rule = command.get("fill_rule") or "incremental"
    by = orders.default_trigger(world, command["symbol"])
    return (orders.content_of(world, entry), profits, {"trigger_by": by} | stop, bool(stop), rule)


def _children(instrument: Instrument, command: Command) -> list[Child]:
    """Return the children that a command describes, the stop-loss last."""
    name, children = command["entry"]["client_order_id"], []
    for place_, each in enumerate(command.get("take_profit") or []):
        path = f"$.take_profit[{place_}]"
        price = ticks_of(instrument, each["price"], f"{path}.price")
        lots = lots_of(instrument, each, "quantity", f"{path}.quantity") or 0
        children.append(Child(f"{name}.tp{place_ + 1}", price, lots))
    stop: dict[str, Any] | None = command.get("stop_loss")
    if stop is not None:
        trigger = ticks_of(instrument, stop["trigger_price"], "$.stop_loss.trigger_price")
        limit = 0
        if stop.get("price") is not None:
            limit = ticks_of(instrument, stop["price"], "$.stop_loss.price")
        by = stop.get("trigger_by") or instrument.default_trigger
        children.append(Child(f"{name}.sl", limit, 0, trigger, by))
    return children


def _ask(world: World, bracket: Bracket, command: Command) -> None:
    """Ask whether entry and children go together."""
    entry, profits, stop = bracket.entry, bracket.take_profits, bracket.stop_loss
    side = entry.side
    for key in ("account", "symbol"):
        if command["entry"].get(key) not in {None, command[key]}:
            raise Refused(420, f"$.entry.{key}")
    if len(entry.name) > LONGEST_NAME:
        raise Refused(420, "$.entry.client_order_id")
    if entry.reduce_only:
        raise Refused(420, "$.entry.reduce_only")
    if not bracket.children:
        raise Refused(420, "$")
    if sum(child.quantity for child in profits) > entry.total:
        raise Refused(420, "$.take_profit")
    for place_, child in enumerate(profits):
        if entry.price and side * child.price <= side * entry.price:
            raise Refused(420, f"$.take_profit[{place_}].price")
    if stop is not None:
        above = [child.price for child in profits] + ([entry.price] if entry.price else [])
        if any(side * stop.trigger >= side * price for price in above):
            raise Refused(420, "$.stop_loss.trigger_price")
    if any((entry.account.name, child.name) in world.ids for child in bracket.children):
        raise Refused(703, "$.entry.client_order_id")


def is_due(world: World) -> bool:
    """Tell whether an entry that has filled waits for its children, and need not."""
    return any(bracket.entry.instrument.state == "open" for bracket in world.uncovered)


def catch_up(world: World) -> None:
    """Cover what a liquidation has filled; the margins are looked at again with its prints."""
    if not is_due(world):
        return
    cover(world)
    world.waiting_accounts |= world.traded
    world.waiting_symbols |= world.moved
    world.traded, world.moved = set(), set()
    if not world.look_at and (world.waiting_accounts or world.waiting_symbols):
        world.look_at = world.now + world.ladder.review_ms * 1_000


def cover(world: World) -> None:
    """Place and grow the children of every entry that has filled, where the market is open."""
    while is_due(world):
        ready = [b for b in world.uncovered if b.entry.instrument.state == "open"]
        world.uncovered.remove(ready[0])
        for child in ready[0].children:
            _cover(world, ready[0], child)


def _cover(world: World, bracket: Bracket, child: Child) -> None:
    """Place a child that there is something for, or let it grow."""
    lots = wanted(world, bracket, {})[child]
    if bracket.closed or not child.may_be(world):
        return
    if child.order is None:
        if lots > 0:
            _place(world, bracket, child, lots)
        return
    order = child.order
    assert is_live(world, order)
    if lots <= order.leaves:
        return
    order.total += lots - order.leaves
    order.leaves = lots
    if order.trigger is None:
        world.orders.remove(order)
        fills.rest(world, order)
    amended(world, order, kept=order.trigger is not None, cause="bracket")


def _place(world: World, bracket: Bracket, child: Child, lots: int) -> None:
    """Let a child enter: a take-profit like any order, the stop-loss to sleep."""
    entry = bracket.entry
    account, instrument, side = entry.account, entry.instrument, -entry.side
    if account.position(instrument).lots * side >= 0:
        child.never = True
        named = {"account": account.name, "client_order_id": child.name}
        world.refuse(Refused(413), symbol=instrument.symbol, **named)
        return
    kind = "limit"
    if child.trigger:
        kind = "stop_limit" if child.price else "stop"
    order = Order(
        account,
        instrument,
        child.name,
        side,
        child.price,
        lots,
        lots,
        kind,
        "gtc",
        entry.stp,
        *fees.rates(world, account, instrument),
        reduce_only=True,
        trigger=Trigger(child.by, side, side, child.trigger) if child.trigger else None,
        bracket=bracket,
        child=child,
        tag=entry.tag,
    )
    child.order = order
    if order.trigger is not None:
        orders.accept(world, order, bracket.content, "armed")
        arm(world, order)
        return
    sweep = sweeps.plan(world, order, order.price)
    status = "resting" if sweeps.rests(order, sweep) else "done"
    orders.accept(world, order, bracket.content, status)
    fills.enter(world, order, sweep)
