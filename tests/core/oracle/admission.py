"""The seven checks of C1, written down one by one."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.core.oracle import limits, margins, switches
from tests.core.oracle.numbers import floor, money, number, up
from tests.core.oracle.reasons import REASONS
from tests.core.oracle.world import (
    RESERVED,
    Account,
    Event,
    Group,
    Instrument,
    Order,
    Refused,
    World,
)


@dataclass
class Wish:
    """An order that wants to enter; `instead_of` is the one it replaces."""

    account: Account
    instrument: Instrument
    side: int
    lots: int
    price: int
    taker_rate: Fraction
    is_limit: bool = True
    reduce_only: bool = False
    instead_of: Order | None = None
    group: Group | None = None
    tag: str = ""
    bracket: Any = None
    is_new: bool = True


def reduces(world: World, wish: Wish) -> bool:
    """Tell whether the order can only shrink the position (C1)."""
    if wish.reduce_only:
        return True
    position = wish.account.position(wish.instrument)
    if position.lots * wish.side >= 0:
        return False
    resting = world.resting(position, wish.account, wish.side)
    bunches = margins.bunches([order for order in resting if order is not wish.instead_of])
    taken = sum(max(order.leaves for order in bunch) for bunch in bunches)
    taken -= min(wish.lots, max((order.leaves for order in _siblings(world, wish)), default=0))
    return wish.lots <= abs(position.lots) - taken


def _siblings(world: World, wish: Wish) -> list[Order]:
    """Return the resting orders that count together with the newcomer (B3)."""
    if wish.group is None:
        return []
    return [
        order
        for order in world.resting(wish.account.position(wish.instrument), wish.account, wish.side)
        if order.group is wish.group
        and order.reduce_only == wish.reduce_only
        and order is not wish.instead_of
    ]


def admit(world: World, wish: Wish) -> None:
    """Raise Refused with all failing checks, in order; the venue passes by all but the switch."""
    is_venue = wish.account.name in RESERVED
    failures: list[Event] = []
    reducing = reduces(world, wish)
    if world.retry_ms and not reducing:
        raise too_late(world)
    status = wish.account.status
    if status == "closed" or (status != "active" and not reducing):
        failures.append(_failure(206))
    switch = switches.over(world, wish.instrument, wish.account.name, wish.tag)
    if not reducing and switch is not None:
        failures.append(_failure(605) | switch)
    if not reducing and not is_venue:
        price = _price_check(world, wish)
        if price:
            failures.append(_failure(price))
        else:
            failures += limits.rate_check(world, wish.account) if wish.is_new else []
            failures += _money_checks(world, wish)
    if failures:
        first = failures[0]
        detail = {key: first[key] for key in first if key not in {"code", "reason"}}
        raise Refused(first["code"], errors=failures, detail=detail or None)


def too_late(world: World) -> Refused:
    """Return the refusal of what does not reduce while the engine is behind (E6)."""
    hint = {"retry_ms": world.retry_ms}
    return Refused(701, errors=[_failure(701) | hint], detail=hint)


def _failure(code: int, limit: int | None = None, used: int = 0, requested: int = 0) -> Event:
    said = {"code": code, "reason": REASONS[code]}
    if limit is None:
        return said
    return said | {"limit": money(limit), "used": money(used), "requested": money(requested)}


def _price_check(world: World, wish: Wish) -> int:
    """Ask check 2: the price is known and fresh."""
    if wish.instrument.mark2 == 0:
        own_price_will_do = wish.is_limit and wish.instrument.terms["mark_source"] == "last"
        return 0 if own_price_will_do else 302
    return 303 if wish.instrument.is_stale(world.now) else 0


def _money_checks(world: World, wish: Wish) -> list[Event]:
    """Ask checks 3 to 7, and the lock of an account in liquidation."""
    account, instrument, side = wish.account, wish.instrument, wish.side
    position = account.position(instrument)
    others = [p for p in account.positions.values() if p is not position]
    notional = wish.lots * wish.price * instrument.unit
    at_mark = wish.lots * (instrument.mark2 or 2 * wish.price) * instrument.unit // 2
    loss = max(0, side * (notional - at_mark))
    has = margins.equity(account)
    failures = []

    exposed_now = sum(abs(p.value) for p in account.positions.values())
    exposed = sum(abs(p.value) for p in others) + abs(position.value + side * notional)
    leverage = limits.leverage(account, margins.leverage(account, instrument))
    if exposed > leverage * has:
        failures.append(_failure(501, max(0, floor(leverage * has)), exposed_now, notional))
    most = limits.atoms(account, "max_order_notional")
    if most and notional > most:
        failures.append(_failure(502, most, 0, notional))
    most = limits.atoms(account, "max_exposure")
    if most and exposed > most:
        failures.append(_failure(503, most, exposed_now, notional))

    before = margins.all_initial(world, account) + margins.fee_holds(world, account)
    worse = _worse_after(world, wish, notional, at_mark)
    after = margins.initial_for(account, instrument, worse) + _fees_after(world, wish, notional)
    after += sum(margins.initial(world, account, p) for p in others)
    if after > has - loss:
        failures.append(_failure(504, has - loss, before, after - before))

    keep = sum(margins.position_maintenance(p) for p in others)
    keep += margins.keep_for(instrument, abs(position.value + side * at_mark))
    below = number(world.ladder.admission_ratio)
    if margins.ratio_of(keep, has - loss) >= below:
        now = margins.maintenance(account)
        limit = max(0, floor(below * (has - loss)))
        failures.append(_failure(505, limit, now, keep - now))
    failures += limits.checks(world, wish, at_mark, worse)
    if account.locked:
        failures.append(_failure(507))
    return failures


def _worse_after(world: World, wish: Wish, notional: int, at_mark: int) -> int:
    """Return the notional of the instrument's dearer side with the order in.

    A sell below the mark counts as the short position that it makes at once: at the mark.
    """
    position = wish.account.position(wish.instrument)
    counted = max(notional, at_mark) if wish.side < 0 else notional
    held = _siblings(world, wish)
    lots = wish.lots - min(wish.lots, max((o.leaves for o in held), default=0))
    counted -= min(notional, max((o.notional for o in held), default=0))
    sides = {
        side: margins.on_order(world, wish.account, position, side, wish.instead_of)
        for side in (1, -1)
    }
    sides[wish.side].append((lots, counted))
    return margins.worse_side(position, sides[1], sides[-1])


def _fees_after(world: World, wish: Wish, notional: int) -> int:
    """Return all worst-case taker fees with the order in."""
    own = max(0, up(notional, wish.taker_rate))
    shared = max((margins.fee_hold(order) for order in _siblings(world, wish)), default=0)
    return margins.fee_holds(world, wish.account, wish.instead_of) + own - min(own, shared)
