"""What is unusual about an account's commands of late, looked up in all there ever were (E7)."""

from collections import Counter
from fractions import Fraction
from typing import Any

from tests.core.oracle.numbers import number, written
from tests.core.oracle.world import RESERVED, Command, Event, Refused, World

COUNTED = ("place_order", "place_bracket", "amend_order", "cancel_order", "cancel_all")
DEFAULTS: dict[str, Any] = {
    "order_rate": 0,
    "reject_rate": "0",
    "least_commands": 20,
    "price_impact": "0",
    "window_s": 10,
}
BOUNDS = {"order_rate": (0, 10**6), "least_commands": (1, 10**6), "window_s": (1, 3_600)}


def set_activity(world: World, command: Command) -> None:
    """`set_activity`: whatever it leaves out is off."""
    given = {key: value for key, value in command.items() if key != "type" and value is not None}
    terms = DEFAULTS | given
    for key, (least, most) in BOUNDS.items():
        if not least <= terms[key] <= most:
            raise Refused(107, f"$.{key}")
    for key in ("reject_rate", "price_impact"):
        rate = number(terms[key])
        if not 0 <= rate <= 1 or (rate * 10**6).denominator != 1:
            raise Refused(107, f"$.{key}")
        terms[key] = written(rate)
    world.watched, world.commands, world.told = terms, [], {}
    world.say("activity_set", **terms)


def note(world: World, command: Command) -> None:
    """Look at a command that has run, and say what is unusual, each kind once a window."""
    terms, name = world.watched, command.get("account", "")
    is_known = name in world.accounts and name not in RESERVED
    if not terms or command["type"] not in COUNTED or not is_known:
        return
    outcome = "ran"
    if world.events and world.events[0]["type"] == "rejected":
        outcome = "refused"
    elif world.events and world.events[0]["type"] == "order_accepted":
        outcome = "ran" if "duplicate" in world.events[0] else "entered"
    tenth = world.now // (terms["window_s"] * 10**5)
    world.commands.append((tenth, name, outcome))
    seen = Counter(what for at, who, what in world.commands if who == name and at > tenth - 10)
    limits = {
        "order_rate": (Fraction(seen["entered"]), Fraction(terms["order_rate"])),
        "reject_rate": (
            Fraction(seen["refused"], seen.total())
            if seen.total() >= terms["least_commands"]
            else Fraction(-1),
            number(terms["reject_rate"]),
        ),
        "price_impact": (_impact(world.events), number(terms["price_impact"])),
    }
    for kind, (value, limit) in limits.items():
        if 0 < limit <= value and world.told.get((name, kind), tenth - 10) <= tenth - 10:
            world.told[name, kind] = tenth
            symbol = {"symbol": command_symbol(world.events)} if kind == "price_impact" else {}
            shown = Fraction(int(value * 10**6), 10**6)
            numbers = {"value": written(shown), "limit": written(limit)}
            said = {**symbol, "account": name, "kind": kind, **numbers}
            world.say("unusual_activity", **said, window_s=terms["window_s"])


def command_symbol(events: list[Event]) -> str:
    """Return what a command traded in."""
    return str(next(event["symbol"] for event in events if event["type"] == "trade"))


def _impact(events: list[Event]) -> Fraction:
    """Return how far from the mark, or the touch, a command's last trade was."""
    trades = [event for event in events if event["type"] == "trade"]
    if not trades:
        return Fraction(-1)
    arrival = trades[0]["arrival"]
    found = number(arrival.get("mark", arrival["touch"]))
    return abs(number(trades[-1]["price"]) - found) / found
