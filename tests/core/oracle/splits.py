"""Splits: odd lots paid out, then everything restated in one go (B6)."""

from collections.abc import Iterator
from fractions import Fraction

from tests.core.oracle import fills
from tests.core.oracle.brackets import Bracket, wanted
from tests.core.oracle.leaving import amended, cut, is_live, withdraw
from tests.core.oracle.numbers import ceiling, floor, money
from tests.core.oracle.sweeps import makers
from tests.core.oracle.triggers import Trigger, trigger_of
from tests.core.oracle.waterfall import new_trade, settle
from tests.core.oracle.world import (
    HOUSE,
    NAMES,
    Command,
    Group,
    Instrument,
    Order,
    Refused,
    World,
)

REASON = "corporate_action"
GREATEST = 10**12


def ask(command: Command) -> None:
    """Refuse what a split does not have, and what it has wrong."""
    if command.get("amount") is not None:
        raise Refused(103, "$.amount")
    for key in ("numerator", "denominator"):
        if command.get(key) is None:
            raise Refused(105, f"$.{key}")
        if not 1 <= command[key] <= 1_000:
            raise Refused(107, f"$.{key}")
    if command["numerator"] == command["denominator"]:
        raise Refused(107, "$.denominator")


def ask_market(world: World, instrument: Instrument, command: Command) -> None:
    """Refuse where there is no price for odd lots, or a result beyond all bounds."""
    if not instrument.mark2:
        raise Refused(302)
    ratio = Fraction(command["numerator"], command["denominator"])
    orders = [o for o in world.orders + world.armed if o.instrument is instrument]
    lots = [abs(account.position(instrument).lots) for account in world.accounts.values()]
    lots += [order.total for order in orders]
    if any(floor(each * ratio) > GREATEST for each in lots):
        raise Refused(107, "$.numerator")
    prices = [instrument.mark2 // 2] + [price for order in orders for price in _prices(order)]
    if any(ceiling(price / ratio) > GREATEST for price in prices):
        raise Refused(107, "$.denominator")


def _prices(order: Order) -> Iterator[int]:
    yield order.price
    if order.trigger is not None:
        trigger = trigger_of(order)
        yield from (trigger.price, trigger.activation, trigger.offset, trigger.step)


def carry_out(world: World, instrument: Instrument, command: Command) -> None:
    """Pay out what nothing whole becomes of, then restate prices, positions, orders."""
    ratio = Fraction(command["numerator"], command["denominator"])
    cash = sum(_pay_out(world, instrument, name, ratio) for name in sorted(world.accounts))
    instrument.mark2 = _nearest(instrument.mark2, ratio)
    for name in ("last", "bid", "ask"):
        setattr(instrument, name, _nearest(getattr(instrument, name), ratio))
    instrument.prints, instrument.opening = [], None
    if instrument.start is not None:
        instrument.start /= ratio
    world.note_price(instrument, Fraction(instrument.mark2, 2))
    held = [account.position(instrument) for account in world.accounts.values()]
    held = [position for position in held if position.lots]
    for position in held:
        lots = position.lots * ratio
        assert lots.denominator == 1
        position.lots = lots.numerator
    before = len(world.events)
    _restate_orders(world, instrument, ratio)
    said = {
        "type": REASON,
        "action": "split",
        "symbol": instrument.symbol,
        "action_id": command["action_id"],
        "numerator": command["numerator"],
        "denominator": command["denominator"],
        "positions": len(held),
        "orders": len(world.events) - before,
        "cash_in_lieu": money(cash),
    }
    world.events.insert(before, said)
    for bracket in sorted(brackets_of(world, instrument), key=lambda each: each.entry.number):
        _trim(world, bracket)
    world.moved.add(instrument.symbol)


def _pay_out(world: World, instrument: Instrument, name: str, ratio: Fraction) -> int:
    """Let the house have an account's odd lots at the mark; return what they were worth."""
    account = world.accounts[name]
    held = account.position(instrument).lots
    odd = abs(held) % ratio.denominator
    if odd == 0 or name == HOUSE:
        return 0
    house = world.accounts[HOUSE] = world.trader(HOUSE)
    mark = Fraction(instrument.mark2, 2)
    side = -1 if held > 0 else 1
    price = ceiling(mark) if side < 0 else max(1, floor(mark))
    trade = new_trade(world)
    after = settle(world, account, instrument, side * odd, price, trade)
    house_after = settle(world, house, instrument, -side * odd, price, trade)
    world.say(
        "odd_lots",
        symbol=instrument.symbol,
        account=name,
        counter_account=HOUSE,
        side=NAMES[side],
        quantity=instrument.quantity(odd),
        price=instrument.price(price),
        trade_id=trade,
        **after,
        counter_after=house_after,
    )
    fills.let_go(world, account, instrument)
    fills.let_go(world, house, instrument)
    return odd * price * instrument.unit


def _nearest(price: int, ratio: Fraction) -> int:
    """Return a price after the split, the half up, at least 1; nothing stays nothing."""
    return max(1, floor(price / ratio + Fraction(1, 2))) if price else 0


def _away(price: int, ratio: Fraction, direction: int) -> int:
    return ceiling(price / ratio) if direction > 0 else floor(price / ratio)


def _restate_orders(world: World, instrument: Instrument, ratio: Fraction) -> None:
    """Restate every order, best first; what is linked and comes out uneven goes as a whole."""
    orders = [*makers(world, instrument, 1), *makers(world, instrument, -1)]
    orders += sleeping(world, instrument)
    uneven = _uneven(world, instrument, ratio)
    for bracket in brackets_of(world, instrument):
        if bracket in uneven:
            bracket.closed = True
        else:
            _restate_bracket(world, bracket, ratio)
    for order in orders:
        if order.group in uneven or order.bracket in uneven:
            withdraw(world, order, REASON)
        else:
            _restate(world, order, ratio)


def _uneven(world: World, instrument: Instrument, ratio: Fraction) -> list[Group | Bracket | None]:
    """Return the groups and brackets that hold a number of lots that does not come out even."""
    found: list[Group | Bracket | None] = []
    for (_, symbol, _), group in world.groups.items():
        if symbol == instrument.symbol and group not in found:
            numbers = [n for o in world.members(group) for n in (o.entered, o.filled, o.leaves)]
            found += [group] if any(n % ratio.denominator for n in numbers) else []
    for bracket in brackets_of(world, instrument):
        entry = bracket.entry
        numbers = [entry.entered, entry.filled]
        numbers += [entry.leaves] if is_live(world, entry) else []
        for child in bracket.children:
            numbers += [child.quantity, child.filled]
            if child.order is not None and is_live(world, child.order):
                numbers.append(child.order.leaves)
        found += [bracket] if any(n % ratio.denominator for n in numbers) else []
    return found


def _restate_bracket(world: World, bracket: Bracket, ratio: Fraction) -> None:
    """Restate what was asked for and what those have traded that are gone."""
    for order in (bracket.entry, *(child.order for child in bracket.children)):
        if order is not None and not is_live(world, order):
            filled = floor(order.filled * ratio)
            order.entered = floor(order.entered * ratio)
            order.total, order.leaves = filled, 0
    for child in bracket.children:
        child.quantity = floor(child.quantity * ratio)
        side = -bracket.entry.side
        price, trigger = _away(child.price, ratio, -side), _away(child.trigger, ratio, side)
        if child.order is None and bool(child.price) + bool(child.trigger) != bool(price) + bool(
            trigger
        ):
            child.never = True
        child.price, child.trigger = price, trigger


def _trim(world: World, bracket: Bracket) -> None:
    """Cut children to their shares, which the finer units may have made smaller."""
    left = wanted(world, bracket, {})
    for child in bracket.children:
        if child.order is not None and is_live(world, child.order):
            cut(world, child.order, child.order.leaves - left[child], "bracket")


def _restate(world: World, order: Order, ratio: Fraction) -> None:
    """Restate one order where it stands, behind those of its side that came before it."""
    before = _terms(order)
    price, leaves = _away(order.price, ratio, -order.side), floor(order.leaves * ratio)
    vanishes = bool(order.price) != bool(price) or leaves == 0
    if order.trigger is not None:
        vanishes = vanishes or not _restate_trigger(trigger_of(order), ratio)
    if vanishes:
        withdraw(world, order, REASON)
        return
    total = floor(order.filled * ratio) + leaves
    order.price, order.total, order.leaves = price, total, leaves
    order.entered = floor(order.entered * ratio)
    order.peak = max(1, floor(order.peak * ratio)) if order.peak else 0
    shown = max(1, floor(order.shown * ratio)) if order.peak else leaves
    order.shown = min(shown, leaves)
    if order.trigger is None:
        world.arrivals += 1
        order.arrival = world.arrivals
    if _terms(order) != before:
        amended(world, order, kept=True, cause=REASON)


def _terms(order: Order) -> object:
    trigger = 0 if order.trigger is None else trigger_of(order).price
    return (order.price, order.total, order.leaves, order.peak, trigger)


def _restate_trigger(trigger: Trigger, ratio: Fraction) -> bool:
    """Restate what an order waits for; tell whether there are such prices."""
    was = (bool(trigger.price), bool(trigger.activation))
    trigger.price = _away(trigger.price, ratio, trigger.direction)
    trigger.activation = _away(trigger.activation, ratio, trigger.direction)
    trigger.offset = _nearest(trigger.offset, ratio)
    trigger.step = _nearest(trigger.step, ratio)
    if trigger.best is not None:
        half = int(2 * trigger.best)
        trigger.best = Fraction(_away(half, ratio, trigger.direction), 2)
    return was == (bool(trigger.price), bool(trigger.activation))


def sleeping(world: World, instrument: Instrument) -> list[Order]:
    """Return the armed orders of an instrument, first come first."""
    mine = [order for order in world.armed if order.instrument is instrument]
    return sorted(mine, key=lambda order: order.number)


def brackets_of(world: World, instrument: Instrument) -> list[Bracket]:
    """Return the brackets of which something lives or is to come."""
    linked = [order.bracket for order in world.orders + world.armed if order.bracket is not None]
    found = list(dict.fromkeys([*linked, *world.uncovered]))
    return [bracket for bracket in found if bracket.entry.instrument is instrument]
