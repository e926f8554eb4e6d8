"""The naive oracle: rules.md once more, slowly, from the wire's JSON to the wire's JSON.

It shares no code with the product. It keeps everything in plain lists and looks through all of
them each time, so that it can be read beside the rules. What never comes up in the tapes that it
is compared on is not in it: forgetting old ids, mass cancels of more than a frame, full shards.
"""

from collections.abc import Callable
from typing import Any

from tests.core.oracle import (
    activity,
    amending,
    bands,
    booking,
    boundaries,
    bracketing,
    breakers,
    corporate,
    fees,
    firing,
    flattening,
    groups,
    heartbeats,
    limits,
    liquidation,
    losses,
    margins,
    operations,
    orders,
    outside,
    sweeps,
    switches,
    waterfall,
)
from tests.core.oracle.brackets import Bracket
from tests.core.oracle.leaving import expire
from tests.core.oracle.numbers import number
from tests.core.oracle.triggers import trigger_of
from tests.core.oracle.world import Command, Event, Instrument, Order, Refused, World

COMMANDS: dict[str, Callable[[World, Command], None]] = {
    "place_order": orders.place,
    "place_bracket": bracketing.place,
    "amend_order": amending.amend,
    "cancel_order": orders.cancel,
    "cancel_all": orders.cancel_all,
    "l1": operations.tick,
    "mark_price": operations.mark_price,
    "create_instrument": operations.create_instrument,
    "update_instrument": operations.update_instrument,
    "delete_instrument": operations.delete_instrument,
    "set_market_state": operations.set_market_state,
    "set_market_breakers": breakers.set_market_breakers,
    "create_account": operations.create_account,
    "update_account": operations.update_account,
    "deposit": operations.transfer,
    "withdraw": operations.transfer,
    "fund_insurance": operations.fund_insurance,
    "set_risk": limits.set_risk,
    "set_liquidation": operations.set_liquidation,
    "apply_funding": boundaries.apply_funding,
    "apply_swap": boundaries.apply_swap,
    "book_trade": booking.book_trade,
    "corporate_action": corporate.act,
    "set_fee_tiers": fees.set_fee_tiers,
    "set_leverage": operations.set_leverage,
    "heartbeat": heartbeats.beat,
    "set_activity": activity.set_activity,
    "kill": switches.kill,
    "resume": switches.resume,
}
NAMED: dict[str, tuple[str, ...]] = {
    "place_order": ("symbol", "account", "client_order_id"),
    "place_bracket": ("symbol", "account"),
    "amend_order": ("account", "client_order_id"),
    "cancel_order": ("account", "client_order_id"),
    "cancel_all": ("account",),
    "l1": ("symbol",),
    "mark_price": ("symbol",),
    "create_instrument": ("symbol",),
    "update_instrument": ("symbol",),
    "delete_instrument": ("symbol",),
    "set_market_state": ("symbol",),
    "set_market_breakers": (),
    "create_account": ("account",),
    "update_account": ("account",),
    "deposit": ("account",),
    "withdraw": ("account",),
    "fund_insurance": (),
    "set_risk": ("account",),
    "set_liquidation": (),
    "apply_funding": ("symbol",),
    "apply_swap": ("symbol",),
    "book_trade": ("account", "symbol"),
    "corporate_action": ("symbol",),
    "set_fee_tiers": (),
    "set_leverage": ("account", "symbol"),
    "heartbeat": ("account",),
    "set_activity": (),
    "kill": ("symbol", "account"),
    "resume": ("symbol", "account"),
}
"""What a refusal names, by command."""
MAY_OPEN = ("place_order", "place_bracket", "amend_order")


class Oracle:
    """A world and the commands that are run on it, one a batch."""

    def __init__(self) -> None:
        self.world = World()

    def begin(self, now: int) -> list[Event]:
        """Let time pass, in µs: orders expire (A3), then the review runs if it is due (D2).

        Entries that a liquidation has filled are covered before (A13). Before all that a new day
        begins, and before the review those markets open whose halt is over (E2).
        """
        world = self.world
        is_another_day = now // breakers.DAY != world.now // breakers.DAY
        world.now = now
        world.events = []
        if is_another_day:
            breakers.begin_day(world)
        bracketing.catch_up(world)
        losses.turn(world)
        expire(world)
        heartbeats.miss(world)
        if breakers.resume(world):
            _settle(world)
        if 0 < world.look_at <= now:
            _settle(world, by_timer=True)
        liquidation.look_at_the_rested(world)
        if 0 < world.close_at <= now:
            flattening.turn(world)
            _settle(world)
        _end(world)
        return world.events

    def apply(self, command: Command, retry_ms: int = 0) -> list[Event]:
        """Run a well-formed command, wake what it has reached, look after the margins.

        With `retry_ms` it came while the engine was behind (E6).
        """
        world = self.world
        world.events = []
        kind = command["type"]
        world.retry_ms = retry_ms if kind in MAY_OPEN else 0
        try:
            if retry_ms and kind == "place_order":
                orders.glance(world, command)
            COMMANDS[kind](world, command)
        except Refused as refusal:
            named = {key: command.get(key) for key in NAMED[kind]}
            if kind == "place_bracket":
                named["client_order_id"] = command["entry"]["client_order_id"]
            world.refuse(refusal, **named)
        activity.note(world, command)
        world.retry_ms = 0
        _settle(world)
        if flattening.try_again(world, command):
            _settle(world)
        _end(world)
        return self._numbered()

    def refuse(self, code: int, path: str) -> list[Event]:
        """Answer a malformed entry; its digest and words are not the oracle's business."""
        world = self.world
        world.events = []
        world.refuse(Refused(code, path))
        _settle(world)
        _end(world)
        return self._numbered()

    def _numbered(self) -> list[Event]:
        return [{**event, "in": 0} for event in self.world.events]

    def everything(self) -> dict[str, Any]:
        """Return books in queue order, marks, accounts, holds and positions, as plain values."""
        world = self.world
        return {
            "books": {
                symbol: [
                    [
                        (o.account.name, o.name, o.number, o.price, o.total, o.leaves, *_extras(o))
                        for side in (1, -1)
                        for o in sweeps.makers(world, instrument, side)
                    ],
                    _prices(world, instrument),
                    [
                        _armed(o)
                        for o in sorted(world.armed, key=lambda o: trigger_of(o).sequence)
                        if o.instrument is instrument
                    ],
                ]
                for symbol, instrument in world.instruments.items()
            },
            "accounts": {name: self._account(name) for name in world.accounts},
            "groups": {
                key: (group.rule, groups.is_spent(world, group))
                for key, group in world.groups.items()
            },
            "brackets": {
                (bracket.entry.account.name, bracket.entry.name): _bracket(bracket)
                for bracket in (order.bracket for order in world.orders + world.armed)
                if bracket is not None
            },
            "breakers": breakers.everything(world),
            "index": {"tripped": world.market_tripped, "weights": world.weights},
            "venue": {"insurance": world.insurance, "deficits": world.deficits},
            "timer": {"next": min(self._deadlines(), default=None)},
            "totals": self._totals(),
        }

    def tier_prices(self) -> dict[str, list[int | None]]:
        """Return where the tiers of each position lie, by `account symbol`, in ticks (D3)."""
        ladder = self.world.ladder
        steps = [number(step) for step in (ladder.tier1, ladder.tier2, ladder.tier3, "1")]
        return {
            f"{name} {symbol}": [liquidation.tier_price(account, p, step) for step in steps]
            for name, account in self.world.accounts.items()
            for symbol, p in account.positions.items()
            if p.lots
        }

    def _totals(self) -> dict[str, int]:
        """Return what must add up, with what the venue has and lacks (B7)."""
        world = self.world
        accounts = world.accounts.values()
        return {
            "paid_in": world.paid_in,
            "balances": sum(account.balance for account in accounts),
            "open_cost": sum(p.cost for a in accounts for p in a.positions.values()),
            "fees": world.fees,
            "residue": world.residue,
        }

    def _deadlines(self) -> list[int]:
        looks = [self.world.look_at] if self.world.look_at else []
        looks += [until for until, _ in self.world.left_alone.values()]
        looks += [self.world.close_at] if self.world.close_at else []
        looks += self.world.heartbeats.values()
        looks += [self.world.turn_at] if self.world.turn_at else []
        looks += [self.world.now] if bracketing.is_due(self.world) else []
        looks += [end for end in self.world.held.values() if end is not None]
        orders = self.world.orders + self.world.armed
        return looks + [order.expires for order in orders if order.expires]

    def _account(self, name: str) -> tuple[Any, ...]:
        world, account = self.world, self.world.accounts[name]
        equity = margins.equity(account)
        initial, held = margins.all_initial(world, account), margins.fee_holds(world, account)
        return (
            account.balance,
            equity,
            margins.maintenance(account),
            initial,
            held,
            equity - initial - held,
            account.locked,
            losses.known(account),
            (account.fee_tier, fees.volume(world, account)),
            [order.name for order in world.orders_of(account)],
            {
                s: (p.lots, p.cost, p.opened_by, p.tries, p.since)
                for s, p in account.positions.items()
                if p.lots
            },
        )


def _settle(world: World, *, by_timer: bool = False) -> None:
    """Cover the entries that have filled, look at the stops, then at the margins (A11, A13).

    Breakers look before all of it, and again at the end (E2).
    """
    breakers.look(world)
    bracketing.cover(world)
    firing.look(world)
    liquidation.look(world, by_timer=by_timer)
    breakers.look(world)


def _end(world: World) -> None:
    """Empty the backstop's purse, and count everything (B7, D6)."""
    waterfall.sweep_backstop(world)
    waterfall.ask_conservation(world)
    outside.ask_reached(world)


def _bracket(bracket: Bracket) -> tuple[Any, ...]:
    filled = [child.filled for child in bracket.children]
    return (bracket.rule, bracket.closed, bracket.entry.entered, bracket.entry.filled, filled)


def _prices(world: World, instrument: Instrument) -> tuple[Any, ...]:
    prices = (instrument.mark2, instrument.last, instrument.bid, instrument.ask)
    return (instrument.state, *prices, bands.bounds(world, instrument))


def _armed(order: Order) -> tuple[Any, ...]:
    trigger = trigger_of(order)
    best2 = 0 if trigger.best is None else int(2 * trigger.best)
    named = (order.account.name, order.name, order.number, order.side, order.price, order.total)
    moves = (trigger.offset, trigger.bps, trigger.step, trigger.activation, best2)
    wakes = (trigger.by, trigger.direction, trigger.price, trigger.sequence)
    return (*named, *_extras(order)[1:], *wakes, *moves)


def _extras(order: Order) -> tuple[Any, ...]:
    group = "" if order.group is None else order.group.name
    bracket = "" if order.bracket is None else order.bracket.entry.name
    carried = (order.peak, order.expires, order.post_only, order.reduce_only)
    return (order.shown, *carried, group, bracket)
