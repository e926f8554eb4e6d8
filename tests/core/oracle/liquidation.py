"""Margin calls and liquidation tiers (D1, D2, D4 to D6)."""

from fractions import Fraction

from tests.core.oracle import fees, fills, losses, margins, sweeps, waterfall
from tests.core.oracle.leaving import withdraw
from tests.core.oracle.numbers import ceiling, floor, money, number, up, written
from tests.core.oracle.world import NAMES, RESERVED, Account, Event, Order, Position, World


def look(world: World, *, by_timer: bool = False) -> None:
    """Look at everybody whose equity or maintenance may have changed; act once on each (D2).

    And, unless the timer looks, at those who have been left alone because nobody took anything.
    """
    names = set(world.traded) | world.waiting_accounts
    symbols = world.moved | world.waiting_symbols
    names |= {a.name for a in world.accounts.values() if _holds(a, symbols)}
    world.traded, world.moved = set(), set()
    world.waiting_accounts, world.waiting_symbols = set(), set()
    for name in names:
        world.left_alone.pop(name, None)
    if not by_timer:
        names |= set(world.left_alone)
    if not names and not symbols:
        return
    world.look_at = 0
    _review(world, names)


def look_at_the_rested(world: World) -> None:
    """Look at those who have been left alone for long enough (D6)."""
    _review(world, {name for name, (until, _) in world.left_alone.items() if until <= world.now})


def _review(world: World, names: set[str]) -> None:
    looked_at = [world.account(name) for name in sorted(names) if name not in RESERVED]
    due = [a for a in looked_at if _is_due(world, a)]
    for account in looked_at:
        losses.look(world, account)
    for account in looked_at:
        waterfall.pay_deficit(world, account)
    due.sort(key=lambda a: (-margins.ratio(a), -_notional(a), a.name))
    for account in due:
        _act(world, account)
    if not due:
        return
    world.waiting_accounts |= world.traded
    world.waiting_symbols |= world.moved
    world.traded, world.moved = set(), set()
    if (world.waiting_accounts or world.waiting_symbols) and not world.look_at:
        world.look_at = world.now + world.ladder.review_ms * 1_000


def _holds(account: Account, symbols: set[str]) -> bool:
    return any(p.lots and p.instrument.symbol in symbols for p in account.positions.values())


def _notional(account: Account) -> int:
    return sum(abs(p.value) for p in account.positions.values())


def _is_due(world: World, account: Account) -> bool:
    """Call the account's margin where that is due; tell whether it stands at a tier."""
    ratio = margins.ratio(account)
    if ratio <= number(world.ladder.margin_call):
        account.called = False
    elif not account.called:
        account.called = True
        world.say("margin_call", account=account.name, receipt=_figures(account))
    if _tier(world, account) == 0:
        world.left_alone.pop(account.name, None)
        account.locked = False
        for position in account.positions.values():
            position.tries = position.since = 0
        return False
    return True


def _figures(account: Account) -> Event:
    return {
        "equity": money(margins.equity(account)),
        "maintenance_margin": money(margins.maintenance(account)),
    }


def _tier(world: World, account: Account) -> int:
    """Return the highest tier reached (D1)."""
    ratio, ladder = margins.ratio(account), world.ladder
    steps = (ladder.tier1, ladder.tier2, ladder.tier3)
    return sum(ratio >= number(step) for step in steps)


def _act(world: World, account: Account) -> None:
    """Cancel the account's orders, lock openings, close what the tier demands (D2)."""
    _, waited = world.left_alone.pop(account.name, (0, 0))
    tier = _tier(world, account)
    if tier == 0:
        return
    held = [p for p in account.positions.values() if p.lots]
    held.sort(key=lambda p: (-abs(p.value), p.opened_by, p.instrument.symbol))
    for position in held:
        if not _is_tradable(world, position):
            position.tries = position.since = 0
    chosen = [p for p in (held if tier == 3 else held[:1]) if _is_tradable(world, p)]
    if not chosen:
        return
    account.locked = True
    for order in world.orders_of(account):
        if not order.reduce_only:
            withdraw(world, order, "liquidation")
    lots = [position.lots for position in chosen]
    for position in chosen:
        _close(world, account, position, tier)
    is_over = waited > 0 or all(position.tries == 0 for position in chosen)
    if lots == [position.lots for position in chosen] and is_over:
        # Nobody took anything.
        wait = min(64_000_000, 2 * (waited or world.ladder.review_ms * 1_000))
        world.left_alone[account.name] = (world.now + wait, wait)
    else:
        # What is left to somebody who stands at a tier is looked at again, sold or not.
        world.traded.add(account.name)
    waterfall.pay_deficit(world, account)


def _is_tradable(world: World, position: Position) -> bool:
    instrument = position.instrument
    if instrument.is_outside and instrument.outside(1, world.now) is None:
        return False
    return instrument.state == "open" and not instrument.is_stale(world.now)


def _close(world: World, account: Account, position: Position, tier: int) -> None:
    """Send one slice into the book, or outside (D5), and what it leaves down the waterfall (D6)."""
    instrument, ladder = position.instrument, world.ladder
    share = number({1: ladder.tier1_share, 2: ladder.tier2_share, 3: "1"}[tier])
    lots = max(1, up(abs(position.lots), share))
    side = -1 if position.lots > 0 else 1
    bankrupt = bankruptcy_price(account, position)
    limit = bankrupt
    receipt = _figures(account) | {
        "mark_price": written(Fraction(instrument.mark2, 2) * instrument.tick),
        "mark_source": instrument.terms["mark_source"],
        "position": instrument.quantity(position.lots),
        "position_maintenance": money(margins.position_maintenance(position)),
        "share": written(share),
        "bankruptcy_price": instrument.price(bankrupt),
    }
    best = sweeps.touch(world, instrument, -side)
    if best is not None and instrument.is_outside:
        limit = best
        receipt["outside_price"] = instrument.price(best)
    elif best is not None:
        collar = sweeps.protection(side, best, instrument.rate("collar"))
        limit = max(bankrupt, collar) if side < 0 else min(bankrupt, collar)
        receipt["collar_price"] = instrument.price(collar)
    world.say(
        "liquidation",
        account=account.name,
        symbol=instrument.symbol,
        tier=tier,
        side=NAMES[side],
        quantity=instrument.quantity(lots),
        limit_price=instrument.price(limit),
        receipt=receipt,
    )
    order = _order(world, account, position, side, lots, limit)
    sweep = sweeps.plan(world, order, limit)
    fills.enter(world, order, sweep)
    waterfall.charge(world, position, account, sweep, bankrupt)
    waterfall.tried(world, account, position, lots - sweep.filled, bankrupt)


def _order(
    world: World, account: Account, position: Position, side: int, lots: int, limit: int
) -> Order:
    """Return the liquidation's order, which stops at nobody's account."""
    number_ = world.next_order
    world.next_order += 1
    instrument = position.instrument
    return Order(
        account,
        instrument,
        f"liq-{number_}",
        side,
        limit,
        lots,
        lots,
        "limit",
        "ioc",
        "cancel_oldest",
        Fraction(0),
        fees.rates(world, account, instrument)[1],
        reduce_only=True,
        number=number_,
    )


def tier_price(account: Account, position: Position, threshold: Fraction) -> int | None:
    """Return where the ratio reaches a threshold if only this price moves, in ticks (D3).

    Looks into every bracket for a notional at which must = threshold × has; there is at most one,
    since what must be maintained grows more slowly than what is lost. Rounded toward the market.
    """
    side = 1 if position.lots > 0 else -1
    others = margins.maintenance(account) - margins.position_maintenance(position)
    rest = margins.equity(account) - position.value
    unit = abs(position.lots) * position.instrument.unit
    brackets = position.instrument.brackets
    ends = [bound for bound, _, _ in brackets[1:]] + [None]
    before = Fraction(0)
    for (start, _, rate), end in zip(brackets, ends, strict=True):
        # others + before + rate (N − start) = threshold (rest + side N)
        slope = rate - threshold * side
        notional = (threshold * rest - others - before + rate * start) / slope
        if notional > 0 and start <= notional and (end is None or notional <= end):
            price = notional / unit
            return ceiling(price) if side > 0 else floor(price) or None
        before += rate * (end - start) if end is not None else 0
    return None


def bankruptcy_price(account: Account, position: Position) -> int:
    """Return where closing uses up the position's part of the equity, in ticks (D4).

    Its part is by maintenance margin; rounded in the account's favour, at least one tick.
    """
    part = Fraction(margins.position_maintenance(position), margins.maintenance(account))
    exact = (position.value - margins.equity(account) * part) / (
        position.lots * position.instrument.unit
    )
    return max(1, ceiling(exact) if position.lots > 0 else floor(exact))
