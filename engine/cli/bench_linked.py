"""What linked orders and auctions cost: groups, brackets and an uncross (A13, A14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli.bench_flow import MID_TICKS
from engine.cli.bench_kernel import SYMBOL
from engine.cli.bench_script import LOTS, NAMES, Outcome, Script, Tape
from matching.messages import BracketTerms, CancelOrder, ExitTerms, PlaceOrder, SetMarketState
from matching.terms import BUY, SELL, FillRule, MarketState, OrderType, StpMode, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable

FAR_TICKS = 1_000
PER_PRICE = 10


def one_cancels_other(book: Callable[[Tape], Tape], count: int, rule: FillRule) -> Script:
    """Enter two offers of a group and take the nearer one, which cancels the other."""
    tape = book(Tape())
    before = tape.take_written()
    rounds = count // 3
    for number in range(rounds):
        for price in (MID_TICKS, MID_TICKS + FAR_TICKS):
            tape.place(number, SELL, price, oco_group=f"g{number}", fill_rule=rule)
        tape.place(number + 1, BUY, MID_TICKS)
    flow = tape.take_written()
    left = Outcome(resting=len(before), trades=rounds, lots=rounds * LOTS)
    return Script(before, flow, left, len(flow))


def brackets(book: Callable[[Tape], Tape], count: int) -> Script:
    """Enter a bracket, fill its entry, so that its children are placed, and cancel them."""
    tape = book(Tape())
    before = tape.take_written()
    rounds = count // 4
    for number in range(rounds):
        entry = _bracket(number)
        tape.commands.append(entry)
        tape.place(0, SELL, MID_TICKS)
        for child in ("tp1", "sl"):
            name = f"{entry.client_order_id}.{child}"
            tape.commands.append(CancelOrder(entry.account, name))
    flow = tape.take_written()
    left = Outcome(resting=len(before), trades=rounds, lots=rounds * LOTS)
    return Script(before, flow, left, len(flow))


def uncross(count: int) -> Script:
    """Gather bids and offers that all cross in an auction, and open the market."""
    tape = Tape()
    tape.commands.append(SetMarketState(SYMBOL, MarketState.AUCTION))
    before = tape.take_written()
    pairs = count // 2
    for number in range(pairs):
        tape.place(number, BUY, MID_TICKS + 1 + number % PER_PRICE)
        tape.place(number + 1, SELL, MID_TICKS - 1 - number % PER_PRICE)
    tape.commands.append(SetMarketState(SYMBOL, MarketState.OPEN))
    flow = tape.take_written()
    return Script(before, flow, Outcome(trades=pairs, lots=pairs * LOTS), len(flow))


def _bracket(number: int) -> PlaceOrder:
    """Return a bid at the middle with a take-profit and a stop-loss far away."""
    take_profit = ExitTerms(MID_TICKS + FAR_TICKS, LOTS)
    stop_loss = ExitTerms(0, 0, MID_TICKS - FAR_TICKS)
    return PlaceOrder(
        NAMES[1 + number % (len(NAMES) - 1)],  # never the seller, who has nothing to protect
        SYMBOL,
        f"b{number}",
        BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        LOTS,
        MID_TICKS,
        StpMode.NONE,
        bracket=BracketTerms([take_profit], stop_loss, FillRule.INCREMENTAL),
    )
