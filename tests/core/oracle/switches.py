"""The kill switch, for all orders or for some (E4)."""

from tests.core.oracle import flattening, losses
from tests.core.oracle.leaving import withdraw
from tests.core.oracle.world import Command, Event, Instrument, Order, Refused, World

SCOPES = ("global", "symbol", "account", "tag")
MODES = ("no_new", "reduce_only", "cancel_all", "flatten")
MOST = 10_000


def kill(world: World, command: Command) -> None:
    """`kill`."""
    scope, target = _place(command)
    mode = command["mode"]
    if scope == "account":
        world.trader(target)
    if scope == "symbol":
        world.instrument(target)
    if (scope, target) not in world.switches and len(world.switches) == MOST:
        raise Refused(208)
    if (scope, mode) == ("tag", "flatten"):
        raise Refused(607, "$.mode")
    world.switches[scope, target] = mode
    _say(world, command, mode)
    for name in sorted(world.accounts):
        for order in world.orders_of(world.accounts[name]):
            if _is_on(order, scope, target) and _goes(order, mode):
                withdraw(world, order, "kill_switch")
    if mode == "flatten":
        flattening.begin(world, scope, target)
    else:
        flattening.forget(world)


def _is_on(order: Order, scope: str, target: str) -> bool:
    """Tell whether an order is of a scope."""
    names = {"symbol": order.instrument.symbol, "account": order.account.name, "tag": order.tag}
    return scope == "global" or names[scope] == target


def _goes(order: Order, mode: str) -> bool:
    """Tell whether a mode cancels an order of its scope."""
    return mode in {"cancel_all", "flatten"} or (mode == "reduce_only" and not order.reduce_only)


def resume(world: World, command: Command) -> None:
    """`resume`."""
    place = _place(command)
    account = world.accounts.get(place[1]) if place[0] == "account" else None
    lifted = [] if account is None else losses.resume(account)
    said = {key: command[key] for key in ("operator", "reason")}
    if lifted and place not in world.switches:
        world.say("limits_resumed", account=place[1], limits=lifted, **said)
        return
    if place not in world.switches:
        raise Refused(606, "$.scope", text=f"no kill switch is on {' '.join(place)}")
    _say(world, command, world.switches.pop(place))
    if lifted:
        world.say("limits_resumed", account=place[1], limits=lifted, **said)
    flattening.forget(world)


def _place(command: Command) -> tuple[str, str]:
    """Return scope and target; the scope's own target must be there, and no other."""
    scope = command["scope"]
    for each in SCOPES[1:]:
        is_there = command.get(each) is not None
        if is_there != (each == scope):
            raise Refused(103 if is_there else 105, f"$.{each}")
    return scope, "*" if scope == "global" else command[scope]


def _say(world: World, command: Command, mode: str) -> None:
    scope, target = _place(command)
    named = {scope: target} if scope in {"symbol", "account"} else {}
    said = {key: command[key] for key in ("operator", "reason")}
    action = command["type"]
    world.say("kill_switch", **named, action=action, scope=scope, target=target, mode=mode, **said)


def over(world: World, instrument: Instrument, account: str, tag: str) -> Event | None:
    """Return the strictest switch over an order, the widest of equals, as refusals name it."""
    targets = ("*", instrument.symbol, account, tag)
    places = [place for place in zip(SCOPES, targets, strict=True) if place in world.switches]
    if not places:
        return None
    scope, target = max(places, key=lambda place: MODES.index(world.switches[place]))
    return {"scope": scope, "target": target, "mode": world.switches[scope, target]}
