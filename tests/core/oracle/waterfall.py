"""What becomes of lots that nobody buys, and of money that nobody has (D6, D7)."""

from fractions import Fraction

from tests.core.oracle import fills
from tests.core.oracle.leaving import withdraw
from tests.core.oracle.numbers import ceiling, money, number, up, written
from tests.core.oracle.ranking import Victim, most, ranked
from tests.core.oracle.sweeps import Sweep
from tests.core.oracle.world import (
    BACKSTOP,
    NAMES,
    Account,
    Event,
    Instrument,
    Position,
    World,
)


def charge(world: World, position: Position, account: Account, sweep: Sweep, bankrupt: int) -> None:
    """Take the fee of a slice that was sold better than at its bankruptcy price."""
    unit = position.instrument.unit
    bites = [(m.traded * unit, m.maker) for m in sweep.meetings]
    # There is none in mode `l1` where the outside price is worse than the bankruptcy price.
    surplus = sum(units * maker.side * (maker.price - bankrupt) for units, maker in bites)
    notional = sum(units * maker.price for units, maker in bites)
    fee = min(surplus, up(notional, number(world.ladder.liquidation_fee)))
    if fee > 0:
        account.balance -= fee
        world.insurance += fee
        _change(world, account, -fee, "liquidation_fee")


def tried(world: World, account: Account, position: Position, lots: int, bankrupt: int) -> None:
    """Count a slice that has left so many lots unsold; after enough tries somebody takes them."""
    if lots == 0:
        position.tries = position.since = 0
        return
    if position.tries == 0:
        position.since = world.now
    position.tries += 1
    waited = world.now - position.since
    if position.tries < world.ladder.max_tries and waited < world.ladder.max_wait_ms * 1_000:
        return
    position.tries = position.since = 0
    worst = _worst_case(position, lots, bankrupt)
    if worst <= world.insurance + min(0, _backstop_unrealized(world)):
        _take_over(world, account, position, lots, bankrupt, worst)
    else:
        _deleverage(world, account, position, lots, bankrupt)


def _backstop_unrealized(world: World) -> int:
    """Return what the backstop has gained, or lost, on what it holds."""
    held = world.trader(BACKSTOP).positions.values()
    return sum(position.value - position.cost for position in held)


def _worst_case(position: Position, lots: int, bankrupt: int) -> Fraction:
    """Return what the new owner may lose at the mark moved by the collar, in atoms."""
    instrument = position.instrument
    collar = instrument.rate("collar")
    moved = 1 - collar if position.lots > 0 else 1 + collar
    adverse = Fraction(instrument.mark2, 2) * moved
    return lots * instrument.unit * abs(bankrupt - adverse)


def _take_over(
    world: World, account: Account, position: Position, lots: int, price: int, worst: Fraction
) -> None:
    """Let the backstop have the lots at the bankruptcy price."""
    instrument, side = position.instrument, -1 if position.lots > 0 else 1
    backstop = world.trader(BACKSTOP)
    world.accounts[BACKSTOP] = backstop
    trade = new_trade(world)
    receipt = {
        "mark_price": written(Fraction(instrument.mark2, 2) * instrument.tick),
        "worst_case": money(ceiling(worst)),
        "insurance": money(world.insurance),
        "backstop_unrealized": money(_backstop_unrealized(world)),
    }
    after = settle(world, account, instrument, side * lots, price, trade)
    settle(world, backstop, instrument, -side * lots, price, trade)
    world.say(
        "takeover",
        symbol=instrument.symbol,
        account=account.name,
        side=NAMES[side],
        quantity=instrument.quantity(lots),
        price=instrument.price(price),
        trade_id=trade,
        **after,
        receipt=receipt,
    )
    fills.let_go(world, account, instrument)
    fills.let_go(world, backstop, instrument)


def _deleverage(world: World, account: Account, position: Position, lots: int, price: int) -> None:
    """Close the lots against those who stand on the other side, in two rounds (D7)."""
    victims = ranked(world, account, position)
    unrealized = {"backstop_unrealized": money(_backstop_unrealized(world))}
    for round_ in (1, 2):
        for rank, victim in enumerate(victims, start=1):
            given = min(lots, abs(victim.position.lots))
            if round_ == 1:
                given = most(world, victim, given, price)
            if given:
                place = {"rank": rank, "round": round_}
                _give(world, account, victim, given, price, place, unrealized)
                lots -= given


def _give(
    world: World,
    account: Account,
    victim: Victim,
    lots: int,
    price: int,
    place: Event,
    more: Event,
) -> None:
    """Let a victim close so much against the account; what it had on order there goes."""
    position, other = victim.position, victim.account
    instrument, side = position.instrument, -1 if position.lots > 0 else 1
    for order in world.orders_of(other):
        if order.instrument is instrument and order.side == side:
            withdraw(world, order, "deleveraged")
    trade = new_trade(world)
    mine = settle(world, account, instrument, -side * lots, price, trade)
    theirs = settle(world, other, instrument, side * lots, price, trade)
    world.say(
        "deleveraged",
        symbol=instrument.symbol,
        account=account.name,
        counter_account=other.name,
        side=NAMES[side],
        quantity=instrument.quantity(lots),
        price=instrument.price(price),
        trade_id=trade,
        **place,
        account_after=mine,
        counter_after=theirs,
        receipt=victim.receipt() | more,
    )
    fills.let_go(world, account, instrument)
    fills.let_go(world, other, instrument)


def new_trade(world: World) -> int:
    """Use up the number of the next trade."""
    world.next_trade += 1
    return world.next_trade - 1


def settle(
    world: World, account: Account, instrument: Instrument, lots: int, price: int, trade: int
) -> Event:
    """Move one side's position and money, without a fee; return how it stands then."""
    realized = fills.book(account, instrument, lots, price, trade)
    account.balance += realized
    world.traded.add(account.name)
    return {
        "realized_pnl": money(realized),
        "position": instrument.quantity(account.position(instrument).lots),
        "balance": money(account.balance),
    }


def pay_deficit(world: World, account: Account) -> None:
    """Pay what an account without positions owes: the fund, then nobody, in the open."""
    if account.balance >= 0 or any(p.lots for p in account.positions.values()):
        return
    owed, before = -account.balance, world.insurance
    paid = _pay(world, owed)
    world.say(
        "deficit",
        account=account.name,
        amount=money(owed),
        from_insurance=money(paid),
        from_deficit=money(owed - paid),
        receipt={"balance": money(-owed), "insurance": money(before)},
    )
    account.balance = 0


def sweep_backstop(world: World) -> None:
    """Let the fund have what the backstop has made, or bear what it has lost."""
    backstop = world.accounts.get(BACKSTOP)
    if backstop is None or backstop.balance == 0:
        return
    made = backstop.balance
    if made > 0:
        world.insurance += made
    else:
        _pay(world, -made)
    backstop.balance = 0
    _change(world, backstop, -made, "insurance")


def _pay(world: World, owed: int) -> int:
    """Take a debt out of the fund, what it lacks out of the deficits; return the fund's part."""
    paid = min(world.insurance, owed)
    world.insurance -= paid
    world.deficits += owed - paid
    return paid


def _change(world: World, account: Account, delta: int, cause: str) -> None:
    world.say(
        "balance_changed",
        account=account.name,
        delta=money(delta),
        balance=money(account.balance),
        cause=cause,
    )


def ask_conservation(world: World) -> None:
    """Assert that nothing was created and nothing was lost (B7)."""
    accounts = world.accounts.values()
    balances = sum(account.balance for account in accounts)
    costs = sum(p.cost for account in accounts for p in account.positions.values())
    assert world.insurance >= 0
    venue = world.fees + world.residue + world.insurance - world.deficits
    assert world.paid_in == balances - costs + venue
    for symbol in world.instruments:
        assert sum(a.positions[symbol].lots for a in accounts if symbol in a.positions) == 0
