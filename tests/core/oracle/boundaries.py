"""What positions pay and receive at a boundary: funding and swap (B6)."""

from collections.abc import Callable
from fractions import Fraction

from tests.core.oracle.numbers import floor, money, number, written
from tests.core.oracle.world import Command, Event, Instrument, Position, Refused, World


def apply_funding(world: World, command: Command) -> None:
    """`apply_funding`: longs pay shorts while the rate is above zero."""
    instrument = _ask(world, command, "funding_id", world.fundings, "rate")
    cap = instrument.rate("funding_cap")
    rate = max(-cap, min(cap, number(command["rate"])))
    _exchange(
        world,
        instrument,
        {"type": "funding", "funding_id": command["funding_id"], "rate": written(rate)},
        lambda position: position.value * rate,
    )


def apply_swap(world: World, command: Command) -> None:
    """`apply_swap`: a rate for each side, by days of a year of 360 or 365."""
    instrument = _ask(world, command, "swap_id", world.swaps, "long_rate", "short_rate")
    days = 1 if command.get("days") is None else command["days"]
    part = Fraction(days, command["day_count"])
    long_rate, short_rate = number(command["long_rate"]), number(command["short_rate"])
    said = {
        "type": "swap",
        "swap_id": command["swap_id"],
        "long_rate": written(long_rate),
        "short_rate": written(short_rate),
        "day_count": command["day_count"],
        "days": days,
    }

    def owes(position: Position) -> Fraction:
        rate = long_rate if position.lots > 0 else short_rate
        return abs(position.value) * rate * part

    _exchange(world, instrument, said, owes)


def _ask(world: World, command: Command, key: str, known: set[str], *rates: str) -> Instrument:
    """Refuse unknown instruments, wrong rates, repeats, unknown prices; then remember the id."""
    instrument = world.instrument(command["symbol"])
    for rate in rates:
        if (number(command[rate]) * 10**9).denominator != 1 or abs(number(command[rate])) > 1000:
            raise Refused(107, f"$.{rate}")
    if command.get("day_count", 365) not in {360, 365}:
        raise Refused(107, "$.day_count")
    if command.get("days") is not None and not 1 <= command["days"] <= 366:
        raise Refused(107, "$.days")
    if command[key] in known:
        raise Refused(702, f"$.{key}")
    if instrument.mark2 == 0:
        raise Refused(302)
    known.add(command[key])
    return instrument


def _exchange(
    world: World, instrument: Instrument, said: Event, owes: Callable[[Position], Fraction]
) -> None:
    """Let everybody who holds pay, rounded up, or receive, rounded down, in order of account id.

    What is left over belongs to the residue.
    """
    changes = {}
    for name in sorted(world.accounts):
        position = world.accounts[name].positions.get(instrument.symbol)
        if position is not None and position.lots:
            changes[name] = floor(-owes(position))
    paid = -sum(change for change in changes.values() if change < 0)
    received = sum(change for change in changes.values() if change > 0)
    world.residue += paid - received
    world.say(
        said["type"],
        symbol=instrument.symbol,
        **{key: value for key, value in said.items() if key != "type"},
        mark_price=written(Fraction(instrument.mark2, 2) * instrument.tick),
        paid=money(paid),
        received=money(received),
        residue=money(paid - received),
    )
    kind = said["type"]
    for name, change in changes.items():
        if change:
            account = world.accounts[name]
            account.balance += change
            world.traded.add(name)
            world.say(
                "balance_changed",
                account=name,
                delta=money(change),
                balance=money(account.balance),
                cause=kind,
                symbol=instrument.symbol,
                **{f"{kind}_id": said[f"{kind}_id"]},
            )
