"""Changing a resting order (A9)."""

from tests.core.oracle import arming, bands, fills, limits, links, sweeps
from tests.core.oracle.admission import Wish, admit, reduces
from tests.core.oracle.grid import lots_of, ticks_of
from tests.core.oracle.leaving import amended
from tests.core.oracle.orders import is_peak, own_order
from tests.core.oracle.world import Command, Order, Refused, World

FIELDS = (
    *("quantity", "price", "display_quantity", "expires_at"),
    *("trigger_price", "trail_offset", "trail_bps"),
)


def amend(world: World, command: Command) -> None:
    """`amend_order`."""
    order = own_order(world, command)
    try:
        _amend(world, order, command)
    except Refused as refusal:
        refusal.fields.setdefault("symbol", order.instrument.symbol)
        raise


def _amend(world: World, order: Order, command: Command) -> None:
    instrument = order.instrument
    total, price, peak = order.total, order.price, order.peak
    if command.get("quantity") is not None:
        total = lots_of(instrument, command, "quantity") or 0
    if command.get("price") is not None:
        price = ticks_of(instrument, command["price"])
    if command.get("display_quantity") is not None:
        peak = lots_of(instrument, command, "display_quantity") or 0
    arming.ticks_given(instrument, command)
    if all(command.get(field) is None for field in FIELDS):
        raise Refused(410)
    if command.get("quantity") is not None and links.sizes(order):
        raise Refused(418, "$.quantity")
    arming.ask_fields(order, command)
    _ask_peak(order, command, peak, total)
    expires = _ask_expiry(world, order, command)

    if order.trigger is not None:
        kept = arming.amend(world, order, command, total, price)
        order.peak, order.expires = peak, expires
        amended(world, order, kept=kept)
        return
    leaves = total - order.filled
    if leaves <= 0:
        world.orders.remove(order)
        order.total, order.leaves = order.filled, 0
        amended(world, order, kept=True)
        return
    same_price = price == order.price
    if not same_price or leaves > order.leaves:
        _ask_again(world, order, price, leaves)
    order.peak, order.expires = peak, expires
    if same_price and (leaves <= order.leaves or order.peak):
        order.total, order.leaves = total, leaves
        order.shown = min(order.shown, leaves) if order.peak else leaves
        amended(world, order, kept=True)
        return
    world.orders.remove(order)
    order.total, order.leaves, order.price = total, leaves, price
    amended(world, order, kept=False)
    if instrument.state == "open":
        fills.enter(world, order, sweeps.plan(world, order, price))
    else:
        fills.rest(world, order)


def _ask_peak(order: Order, command: Command, peak: int, total: int) -> None:
    """Ask whether an iceberg may show that much, and whether it is one (A4)."""
    if command.get("display_quantity") is not None:
        if not order.peak or not is_peak(peak, total):
            raise Refused(411, "$.display_quantity")
    elif command.get("quantity") is not None and order.peak and total > 100 * order.peak:
        raise Refused(411, "$.quantity")


def _ask_expiry(world: World, order: Order, command: Command) -> int:
    """Return when the order ends, which only an order with a time of its own can change (A3)."""
    if command.get("expires_at") is None:
        return order.expires
    expires = int(command["expires_at"]) * 1_000
    if order.lifetime != "gtd" or expires <= world.now:
        raise Refused(414, "$.expires_at")
    return expires


def _ask_again(world: World, order: Order, price: int, leaves: int) -> None:
    """Ask what a new order is asked, with what the old one holds given back."""
    instrument = order.instrument
    wish = Wish(order.account, instrument, order.side, leaves, price, order.taker_rate)
    wish.instead_of, wish.reduce_only, wish.group = order, order.reduce_only, order.group
    wish.tag = order.tag
    same_price = price == order.price
    if not instrument.takes_orders and not (same_price and reduces(world, wish)):
        raise Refused(301)
    posts_anew = order.post_only and not same_price
    if posts_anew and instrument.state == "auction":
        raise Refused(309, "$.price")
    if not same_price:
        bands.ask(world, instrument, price, "$.price")
    admit(world, wish)
    if posts_anew and sweeps.would_meet(world, instrument, order.side, price):
        raise Refused(412, "$.price")
    limits.note_entry(world, order.account)
