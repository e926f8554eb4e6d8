"""What would a command do? It is carried out on a rehearsal, and what is there then is told (C4).

Nothing of the state changes, no id is consumed, no order counted and nothing printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.amending import Amending
from engine.arming import references
from engine.cancelling import Cancelling
from engine.execution import Execution
from engine.limits import MAX_NAMED, MAX_REHEARSED, PPM
from engine.rehearsal import Rehearsal
from engine.sizing import size_of
from engine.trading import Trading
from matching.messages import AmendOrder, CancelAll, CancelOrder, OrderAccepted, PlaceOrder, Trade
from matching.terms import MarketState, OrderStatus, Refusal
from risk.foretold.messages import AccountAfter, SetOff, WhatIfResult
from risk.margin import Standing, equity_and_maintenance, equity_and_maintenance_with
from risk.messages import Rejected
from risk.tiers import bankruptcy_ticks, is_called, tier_price_ticks, tier_reached

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import State
    from matching.order import Order
    from risk.account import Account
    from risk.foretold.messages import WhatIf


class WhatIfs:
    """The part of the kernel that foretells; it changes nothing."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def what_if(self, question: WhatIf, events: list[Event]) -> None:
        """Carry a command out on a copy of what it may change; tell its refusal or its effects.

        Refused where more of the account's orders than MAX_REHEARSED would have to be copied.
        """
        real, command, symbol = self._state, question.command, question.symbol
        sized = None if question.sizing is None else size_of(real, question, question.sizing)
        if isinstance(sized, Rejected):
            events.append(sized)
            return
        account = real.find_account(command.account)
        orders = _to_copy(real, question)
        if len(orders) > MAX_REHEARSED:
            events.append(Rejected(Refusal.TOO_MANY, symbol or None, command.account))
            return
        rehearsal = Rehearsal(real, account, symbol)
        rehearsal.copy_orders(orders)
        if isinstance(command, PlaceOrder) and command.oco_group:
            group = real.groups.get((command.account, symbol, command.oco_group))
            if group is not None:
                rehearsal.group(group)
        said: list[Event] = []
        _carry_out(rehearsal.state, question, said)
        name = "" if isinstance(command, CancelAll) else command.client_order_id
        result = WhatIfResult(command.account, symbol, name, sized=sized)
        events.append(result)
        if said and isinstance(said[0], Rejected):
            result.refusal = said[0]
            return
        assert account is not None, "who is unknown is refused"
        _tell(result, rehearsal.state, said)
        twin = rehearsal.account(account)
        result.after = _after(twin, symbol, rehearsal.state)
        result.set_off = _set_off(real, rehearsal, result)


def _to_copy(real: State, question: WhatIf) -> list[Order]:
    """Return the orders of the account that the command may change, with whatever follows it.

    A plain order is one of them only where it is named, or met: fills change none but linked ones
    and those that only reduce.
    """
    command = question.command
    live = real.live.get(command.account, {})
    if isinstance(command, CancelAll):
        return [
            order
            for order in live.values()
            if command.symbol in (None, order.symbol) and command.side in (0, order.side)
        ]
    named = "" if isinstance(command, PlaceOrder) else command.client_order_id
    return [
        order
        for order in live.values()
        if order.client_order_id == named
        or (order.conditions is not None and order.symbol == question.symbol)
    ]


def _carry_out(state: State, question: WhatIf, said: list[Event]) -> None:
    """Run the command on a rehearsal's state, by the parts of the kernel that would run it."""
    command, execution = question.command, Execution(state)
    cancelling = Cancelling(state, execution)
    if isinstance(command, PlaceOrder):
        Trading(state, execution).place(command, said)
    elif isinstance(command, AmendOrder):
        Amending(state, execution).amend(command, said)
    elif isinstance(command, CancelOrder):
        cancelling.cancel(command, said)
    else:
        cancelling.cancel_all(command, said)
        while state.mass:
            if cancelling.cancel_mass(state.mass[0], said):
                state.mass.popleft()


def _tell(result: WhatIfResult, state: State, said: list[Event]) -> None:
    """Write down what a command has done on a rehearsal: fills by price, fees, what is left."""
    fills: list[tuple[int, int]] = []
    for event in said:
        if not isinstance(event, Trade):
            continue
        if fills and fills[-1][0] == event.price_ticks:
            fills[-1] = (event.price_ticks, fills[-1][1] + event.quantity_lots)
        else:
            fills.append((event.price_ticks, event.quantity_lots))
        for party in (event.maker, event.taker):
            if party.account == result.account:
                result.fees_atoms += party.fee_atoms
                result.realized_atoms += party.realized_atoms
    result.fills = tuple(fills)
    order = state.live[result.account].get(result.client_order_id)
    result.status = OrderStatus.DONE
    if order is not None:
        result.leaves_lots = order.leaves_lots
        result.status = OrderStatus.ARMED if order.is_armed else OrderStatus.RESTING
    first = said[0] if said else None
    if isinstance(first, OrderAccepted) and first.duplicate:
        result.status, result.duplicate = first.status, True


def _after(twin: Account, symbol: str, state: State) -> AccountAfter:
    """Return how the account stands on the rehearsal, and where its tiers lie."""
    standing = Standing(twin)
    after = AccountAfter(
        twin.balance_atoms,
        standing.equity,
        standing.initial,
        standing.maintenance,
        standing.fee_hold,
        standing.free,
    )
    position = twin.positions.get(symbol)
    if position is not None and position.lots:
        ladder = state.ladder
        after.position_lots = position.lots
        after.tiers = tuple(
            (threshold, tier_price_ticks(position, threshold))
            for threshold in (ladder.tier1_ppm, ladder.tier2_ppm, ladder.tier3_ppm, PPM)
        )
        after.bankruptcy_ticks = bankruptcy_ticks(position)
    return after


def _set_off(real: State, rehearsal: Rehearsal, result: WhatIfResult) -> SetOff:
    """Name the stops that the new prices reach, and who would be called or stand at a tier.

    The stops in the order in which they would fire if none changed anything. Of accounts those that
    trade, and those whom the print's mark would push over; at most MAX_NAMED of each. Whom a mark
    must look at depends on what was looked at before; who is named does not, so replays agree.
    """
    trial, symbol = rehearsal.state, result.symbol
    triggers: tuple[tuple[str, str], ...] = ()
    market = trial.markets.get(symbol)
    is_open = market is not None and market.instrument.state is MarketState.OPEN
    if market is not None and is_open and (result.fills or trial.referenced):
        seen = references(market)
        found = market.stops.reached(seen, MAX_NAMED)
        others = real.markets[symbol].stops.reached(seen, MAX_NAMED)
        found += [each for each in others if each[1].account_id != result.account]
        found.sort(key=lambda each: each[0])
        triggers = tuple((o.account_id, o.client_order_id) for _, o in found[:MAX_NAMED])
    standings = {
        name: equity_and_maintenance(twin)
        for name, twin in trial.touched.items()
        if not twin.is_reserved
    }
    if market is not None and symbol in trial.moved:
        for name in real.positions.bands(symbol).beyond(market.instrument.mark_half_ticks):
            account = real.accounts[name]
            if name not in standings and not account.is_reserved and account.positions[symbol].lots:
                standings[name] = equity_and_maintenance_with(account, market.instrument)
    called: list[str] = []
    reached: list[tuple[str, int]] = []
    for name, (equity, maintenance) in sorted(standings.items()):
        if not real.accounts[name].margin_called and is_called(maintenance, equity, real.ladder):
            called.append(name)
        tier = tier_reached(maintenance, equity, real.ladder)
        if tier:
            reached.append((name, tier))
    return SetOff(triggers, tuple(called[:MAX_NAMED]), tuple(reached[:MAX_NAMED]))
