"""Orders that wait for a price: what is asked of them, and how they fall asleep (A11, A12)."""

from tests.core.oracle import limits
from tests.core.oracle.admission import Wish, admit
from tests.core.oracle.grid import ticks_of
from tests.core.oracle.sweeps import protection_of
from tests.core.oracle.triggers import Reference, Trigger, arm, reference_of, trigger_of
from tests.core.oracle.world import Command, Instrument, Order, Refused, World

PRICES = ("trigger_price", "trail_offset", "trail_step", "activation_price")
FIELDS = (
    "trigger_price",
    "trigger_by",
    "trail_offset",
    "trail_bps",
    "trail_step",
    "activation_price",
)
TRAILING = ("trailing_stop", "trailing_stop_limit")
TAKE_PROFITS = ("take_profit", "take_profit_limit")


def given(command: Command, field: str) -> bool:
    """Tell whether a command says something about a field."""
    return command.get(field) is not None


def ticks_given(instrument: Instrument, command: Command) -> dict[str, int]:
    """Return a trigger's prices in ticks, 0 where they are absent."""
    return {
        field: ticks_of(instrument, command[field], f"$.{field}") if given(command, field) else 0
        for field in PRICES
    }


def ask_form(command: Command) -> None:
    """Ask whether the fields of a trigger go with the order's type."""
    kind = command["order_type"]
    useless: tuple[str, ...]
    if kind in {"limit", "market"}:
        useless = FIELDS
    elif kind in TRAILING:
        useless = ("trigger_price",)
    else:
        if not given(command, "trigger_price"):
            raise Refused(415, "$.trigger_price")
        useless = ("trail_offset", "trail_bps", "trail_step", "activation_price")
    for field in useless:
        if given(command, field):
            raise Refused(416, f"$.{field}")
    if kind in TRAILING:
        if given(command, "trail_offset") == given(command, "trail_bps"):
            raise Refused(417, "$.trail_offset")
        if given(command, "trail_bps") and not 1 <= command["trail_bps"] <= 9_999:
            raise Refused(417, "$.trail_bps")


def trigger_for(
    instrument: Instrument, command: Command, side: int, ticks: dict[str, int]
) -> Trigger | None:
    """Return the trigger that a command describes, None for an order that does not wait."""
    kind = command["order_type"]
    if kind in {"limit", "market"}:
        return None
    return Trigger(
        command.get("trigger_by") or instrument.default_trigger,
        side,
        -side if kind in TAKE_PROFITS else side,
        ticks["trigger_price"],
        ticks["trail_offset"],
        command.get("trail_bps") or 0,
        ticks["trail_step"],
        ticks["activation_price"],
    )


def ask_reference(order: Order) -> None:
    """Ask whether there is a price to wait for; a trailing trigger takes it, if it may."""
    trigger = trigger_of(order)
    reference = reference_of(order.instrument, trigger)
    if reference is None:
        raise Refused(302)
    trigger.see(reference)
    _ask_reached(order.instrument, trigger, reference)


def _ask_reached(instrument: Instrument, trigger: Trigger, reference: Reference) -> None:
    """Ask whether a trigger waits for anything, unless the instrument lets it fire at once."""
    if trigger.is_reached(reference) and instrument.terms.get("stop_already_reached") != "fire":
        raise Refused(307)


def ask_money(world: World, order: Order, price: int, trigger: Trigger, lots: int) -> None:
    """Ask C1 at the worst price, with the trigger for a touch."""
    worst = price or protection_of(order, trigger.price or trigger.activation)
    wish = Wish(order.account, order.instrument, order.side, lots, worst, order.taker_rate)
    wish.is_limit, wish.reduce_only = order.price > 0, order.reduce_only
    wish.group, wish.tag = order.group, order.tag
    wish.bracket = order.bracket if order.number == 0 else None
    admit(world, wish)


def amend(world: World, order: Order, command: Command, total: int, price: int) -> bool:
    """Change the trigger, price and total of an armed order; tell whether it keeps its place.

    Raises Refused, with the order as it was.
    """
    old = trigger_of(order)
    new = _amended(order, command)
    changed = (new.price, new.offset, new.bps) != (old.price, old.offset, old.bps)
    if changed or price != order.price or total > order.total:
        if not order.instrument.takes_orders:
            raise Refused(301)
        _ask_reached(order.instrument, new, reference_of(order.instrument, new))
        ask_money(world, order, price, new, total)
        limits.note_entry(world, order.account)
    order.total = order.leaves = total
    order.price = price
    if changed:
        order.trigger = new
        arm(world, order)
    return not changed


def ask_fields(order: Order, command: Command) -> None:
    """Ask whether an order has the fields of a trigger that an amend would change."""
    trigger = order.trigger
    if given(command, "trigger_price") and (trigger is None or trigger.trails):
        raise Refused(416, "$.trigger_price")
    if given(command, "trail_offset") and (trigger is None or not trigger.offset):
        raise Refused(417, "$.trail_offset")
    bps = command.get("trail_bps")
    if bps is not None and (trigger is None or not trigger.bps or not 1 <= bps <= 9_999):
        raise Refused(417, "$.trail_bps")
    if trigger is not None and given(command, "price") and not order.price:
        raise Refused(404, "$.price")


def _amended(order: Order, command: Command) -> Trigger:
    """Return the trigger that an amend asks for; a trailing one never loosens (A12)."""
    old = trigger_of(order)
    ticks = ticks_given(order.instrument, command)
    new = Trigger(
        old.by,
        old.side,
        old.direction,
        ticks["trigger_price"] or old.price,
        ticks["trail_offset"] or old.offset,
        command.get("trail_bps") or old.bps,
        old.step,
        old.activation,
        old.best,
        old.sequence,
    )
    if (new.offset, new.bps) != (old.offset, old.bps) and new.best is not None:
        anew = new.price_from(new.best)
        new.price = max(old.price, anew) if old.side < 0 else min(old.price, anew)
    return new
