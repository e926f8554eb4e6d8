"""An account's own limits (C2): the presets of the rule, and each limit written down by itself."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.core.oracle import losses, margins
from tests.core.oracle.numbers import ATOMS, ceiling, floor, money, number, written
from tests.core.oracle.reasons import REASONS
from tests.core.oracle.triggers import trigger_of
from tests.core.oracle.world import Account, Command, Event, Order, Position, Refused, World

if TYPE_CHECKING:
    from tests.core.oracle.admission import Wish

MONEY = ("max_order_notional", "max_position_notional", "max_exposure", "day_loss")
SHARES = ("max_position", "max_instrument_exposure", "max_heat", "min_reward_risk", "max_leverage")
LOSSES = ("day_loss_rate", "week_loss_rate", "month_loss_rate")
COUNTS = ("max_positions", "max_correlated", "max_order_rate", "losing_streak")
BASES = ("max_position_basis", "max_instrument_exposure_basis")
GREATEST = 9 * 10**18
MOST_RATE = 1_000

_SHARED = {
    "max_order_notional": "10000",
    "max_position_notional": "10000",
    "day_loss": "500",
    "max_heat": "0.5",
    "min_reward_risk": "1.5",
    "max_leverage": "10",
    "day_loss_rate": "0.05",
    "week_loss_rate": "0.1",
    "month_loss_rate": "0.2",
    "max_positions": 5,
    "max_correlated": 2,
    "max_order_rate": 100,
    "losing_streak": 3,
    "pyramiding": False,
}
PRESETS: dict[str, dict[str, Any]] = {
    "none": {},
    "exchange": _SHARED | {"max_position": "0.2", "max_instrument_exposure": "0.5"},
    "desk": _SHARED | {"max_position": "0.1", "max_instrument_exposure": "0.2"},
}


def set_risk(world: World, command: Command) -> None:
    """`set_risk`: begin from a preset, where one is named, then change single limits."""
    account = world.account(command["account"])
    profile = command.get("profile")
    if profile is not None and profile not in PRESETS:
        raise Refused(409, "$.profile")
    for key in [key for key in command if key in {*MONEY, *SHARES, *LOSSES}]:
        if command[key] is not None:
            _ask(key, number(command[key]))
    if profile is not None:
        account.profile, account.limits = profile, dict(PRESETS[profile])
    known = {*MONEY, *SHARES, *LOSSES, *COUNTS, *BASES, "pyramiding"}
    account.limits |= {k: v for k, v in command.items() if k in known and v is not None}
    _forget(account)
    losses.begin_or_end(world, account)
    world.say("risk_set", account=account.name, **written_limits(account))


def _ask(key: str, value: Fraction) -> None:
    unit = ATOMS if key in MONEY else 10**6
    most = GREATEST if key in MONEY else MOST_RATE * 10**6
    if (value * unit).denominator != 1 or not 0 <= value * unit <= most:
        raise Refused(107, f"$.{key}")


def give(world: World, account: Account, profile: str) -> None:
    """Give an account a preset."""
    account.profile, account.limits = profile, dict(PRESETS[profile])
    _forget(account)
    losses.begin_or_end(world, account)


def _forget(account: Account) -> None:
    if not is_limited(account):
        account.entries.clear()


def note_entry(world: World, account: Account) -> None:
    """Count an order that was accepted, or amended to more, while the account has limits."""
    if is_limited(account):
        account.entries.append(world.now // 10**6)


def written_limits(account: Account) -> Event:
    """Return the limits in force as the event has them: none is left out."""
    said: Event = {"profile": account.profile}
    for key in (*MONEY, *SHARES, *LOSSES):
        if _limit(account, key):
            said[key] = written(_limit(account, key))
    for key in COUNTS:
        if account.limits.get(key):
            said[key] = account.limits[key]
    for key in BASES:
        if key.removesuffix("_basis") in said:
            said[key] = account.limits.get(key, "margin")
    if account.limits.get("pyramiding") is False:
        said["pyramiding"] = False
    return said


def is_limited(account: Account) -> bool:
    """Tell whether an account has any limit of its own."""
    return any(
        account.limits.get("pyramiding") is False
        if key == "pyramiding"
        else value in {"margin", "notional"} or number(value)
        for key, value in account.limits.items()
        if not (key in BASES and value == "margin")
    )


def _limit(account: Account, key: str) -> Fraction:
    return number(account.limits.get(key) or 0)


def atoms(account: Account, key: str) -> int:
    """Return a limit of money in atoms, 0 for none."""
    return int(_limit(account, key) * ATOMS)


def leverage(account: Account, used: Fraction) -> Fraction:
    """Return the leverage used, or the account's own maximum where that is less."""
    own = _limit(account, "max_leverage")
    return min(used, own) if own else used


def rate_check(world: World, account: Account) -> list[Event]:
    """Ask whether one more order fits this second; what was accepted in it counts."""
    most = int(_limit(account, "max_order_rate"))
    seen = sum(at == world.now // 10**6 for at in account.entries)
    return [_count(517, most, seen)] if most and seen >= most else []


def _count(code: int, most: int, seen: int) -> Event:
    said: Event = {"code": code, "reason": REASONS[code]}
    return said | {"limit": str(most), "used": str(seen), "requested": "1"}


def _money(code: int, limit: int, used: int, requested: int) -> Event:
    said: Event = {"code": code, "reason": REASONS[code]}
    return said | {
        "limit": money(max(0, limit)),
        "used": money(used),
        "requested": money(max(0, requested)),
    }


def checks(world: World, wish: Wish, at_mark: int, worse: int) -> list[Event]:
    """Ask every limit of C2; `worse` is the dearer side's notional with the order on it."""
    account, instrument = wish.account, wish.instrument
    position = account.position(instrument)
    failures: list[Event] = []
    then = abs(position.value + wish.side * at_mark)
    now = abs(position.value)
    most = atoms(account, "max_position_notional")
    if most and then > most:
        failures.append(_money(509, most, now, then - now))
    worse_now = _worse(world, account, position)
    for code, key, before, after in (
        (510, "max_position", now, then),
        (511, "max_instrument_exposure", worse_now, worse),
    ):
        share = _limit(account, key)
        used, wanted = before, after
        if account.limits.get(f"{key}_basis", "margin") == "margin":
            used, wanted = (margins.initial_for(account, instrument, n) for n in (before, after))
        if share and wanted > share * margins.equity(account):
            allowed = floor(share * margins.equity(account))
            failures.append(_money(code, allowed, used, wanted - used))
    failures += _numbers(world, wish)
    failures += _heat_check(world, wish, worse, worse_now) + _reward_check(wish)
    return failures + losses.checks(account)


def _worse(world: World, account: Account, position: Position) -> int:
    buys, sells = (margins.on_order(world, account, position, side) for side in (1, -1))
    return margins.worse_side(position, buys, sells)


def _numbers(world: World, wish: Wish) -> list[Event]:
    account, position = wish.account, wish.account.position(wish.instrument)
    elsewhere = [
        p
        for p in account.positions.values()
        if p is not position
        and (
            p.lots
            or any(not o.reduce_only for side in (1, -1) for o in world.resting(p, account, side))
        )
    ]
    failures: list[Event] = []
    most = int(_limit(account, "max_positions"))
    if most and len(elsewhere) + 1 > most:
        failures.append(_count(512, most, len(elsewhere)))
    group = wish.instrument.terms.get("group")
    alike = [p for p in elsewhere if p.instrument.terms.get("group") == group]
    most = int(_limit(account, "max_correlated"))
    if group and most and len(alike) + 1 > most:
        failures.append(_count(513, most, len(alike)))
    if account.limits.get("pyramiding") is False and position.lots * wish.side > 0:
        failures.append({"code": 514, "reason": REASONS[514]})
    return failures


def _heat_check(world: World, wish: Wish, worse: int, worse_now: int) -> list[Event]:
    """Ask for the portfolio's heat: what would be lost at the stops, or is held without them."""
    account, instrument = wish.account, wish.instrument
    share = _limit(account, "max_heat")
    if not share:
        return []
    used = sum(_heat(world, account, p) for p in account.positions.values())
    stop = wish.bracket.stop_loss if wish.bracket is not None else None
    if stop is None:
        new, old = (margins.initial_for(account, instrument, n) for n in (worse, worse_now))
        wanted = max(0, new - old)
    else:
        lost = wish.side * (_entry(wish) - stop.trigger)
        wanted = int(max(Fraction(0), lost * wish.lots * instrument.unit))
    if used + wanted > share * margins.equity(account):
        return [_money(515, floor(share * margins.equity(account)), used, wanted)]
    return []


def _entry(wish: Wish) -> Fraction:
    """Return the price at which an order is expected to enter, in ticks."""
    return Fraction(wish.price) if wish.is_limit else Fraction(wish.instrument.mark2, 2)


def _heat(world: World, account: Account, position: Position) -> int:
    """Return what a position may lose down to its stops; its margin where it has none."""
    instrument = position.instrument
    held = margins.initial_for(account, instrument, abs(position.value))
    heat = margins.initial(world, account, position) - (held if position.lots else 0)
    bare = abs(position.lots)
    if bare == 0:
        return heat
    side = 1 if position.lots > 0 else -1
    for order in world.orders_of(account):
        if order.instrument is instrument and order.side == -side and _is_stop(order):
            lots = min(bare, order.leaves)
            fall = side * (Fraction(instrument.mark2, 2) - trigger_of(order).price)
            heat += int(lots * instrument.unit * max(Fraction(0), fall))
            bare -= lots
    return heat + ceiling(Fraction(held * bare, abs(position.lots)))


def _is_stop(order: Order) -> bool:
    return (
        order.trigger is not None
        and order.trigger.price > 0
        and order.trigger.direction == order.side
    )


def _reward_check(wish: Wish) -> list[Event]:
    """Ask what a bracket wins against what it loses, where it can do both."""
    least = _limit(wish.account, "min_reward_risk")
    bracket = wish.bracket
    if not least or bracket is None or bracket.stop_loss is None or not bracket.take_profits:
        return []
    risk = wish.side * (_entry(wish) - bracket.stop_loss.trigger)
    lots = sum(child.quantity for child in bracket.take_profits)
    won = sum(wish.side * (c.price - _entry(wish)) * c.quantity for c in bracket.take_profits)
    if risk <= 0 or won / lots >= least * risk:
        return []
    said: Event = {"code": 516, "reason": REASONS[516], "limit": written(least), "used": "0"}
    reached = max(Fraction(0), Fraction(floor(won / lots / risk * 10**6), 10**6))
    return [said | {"requested": written(reached)}]
