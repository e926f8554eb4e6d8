"""One workload an order type: what each costs beside limits and cancels that carry nothing.

A workload is a row of `WORKLOADS`: its name, the function that writes its script, and how large
the state is that it is measured on. A new order type is a function and a row.
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.cli.bench_flow import ACCOUNTS, MID_TICKS
from engine.cli.bench_kernel import SYMBOL
from engine.cli.bench_linked import brackets, one_cancels_other, uncross
from engine.cli.bench_script import LOTS, Outcome, Script, Tape, amend
from matching.messages import CancelOrder, StopTerms
from matching.terms import BUY, SELL, FillRule, OrderType, StpMode, TimeInForce, TriggerBy
from risk.messages import Tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.messages import Command

DEPTH: Final = 50
PER_LEVEL: Final = 20
BOOK: Final = 2 * DEPTH * PER_LEVEL
FOLLOWERS: Final = 100
FAR_TICKS: Final = 1_000
PEAK: Final = 10
PLENTY: Final = 1_000_000
SMALL: Final = 10
"""A size that stays as it is in a quick run, to set others against."""


class Workload(NamedTuple):
    """A row: `write` gets (commands to measure, size of the state) and returns the script.

    `{size}` in the name stands for the size.
    """

    name: str
    write: Callable[[int, int], Script]
    size: int = 0
    commands: int = 10_000

    def titled(self, scale: int) -> str:
        """Return the name with the size that it has at that scale."""
        return self.name.format(size=f"{self._size_at(scale):,}")

    def script(self, scale: int) -> Script:
        """Return the script, `scale` times smaller."""
        return self.write(self.commands // scale, self._size_at(scale))

    def _size_at(self, scale: int) -> int:
        return self.size if self.size <= SMALL else self.size // scale


def enter_and_cancel(count: int, _size: int = 0, **fields: Any) -> Script:
    """Enter bids behind others and cancel each at once; `fields` say what they carry."""
    tape = _book(Tape())
    before = tape.take_written()
    for number in range(count // 2):
        bid = tape.place(number, BUY, MID_TICKS - 1 - number % DEPTH, **fields)
        tape.commands.append(bid)
    return _plain(before, tape, Outcome(resting=BOOK))


def _reduce_only(count: int, _size: int) -> Script:
    """Enter exits of long accounts and cancel each at once."""
    tape = _book(_positions(Tape()))
    before = tape.take_written()
    for number in range(count // 2):
        exits = tape.place(2 * number + 1, SELL, MID_TICKS + 1 + number % DEPTH, reduce_only=True)
        tape.commands.append(exits)
    return _plain(before, tape, Outcome(resting=BOOK))


def _trades(count: int, _size: int = 0, **taker: Any) -> Script:
    """Let an offer rest inside the spread and a bid take it; `taker` says what the bid carries."""
    return _trading(_book(Tape()), count, Outcome(resting=BOOK), **taker)


def _self_trades(count: int, _size: int, *, mode: StpMode) -> Script:
    """Let an immediate bid meet its own account's offer; the offer is gone after either mode."""
    tape = _book(Tape())
    before = tape.take_written()
    stays = mode is StpMode.CANCEL_NEWEST
    pairs = count // (3 if stays else 2)
    for number in range(pairs):
        offer = tape.place(number, SELL, MID_TICKS)
        tape.place(number, BUY, MID_TICKS, time_in_force=TimeInForce.IOC, stp=mode)
        if stays:
            tape.commands.append(offer)
    return _plain(before, tape, Outcome(prevented=pairs, resting=BOOK))


def _peaks(count: int, _size: int) -> Script:
    """Take icebergs peak by peak, each renewed nine times."""
    tape = _book(Tape())
    before = tape.take_written()
    icebergs = count // (PEAK + 1)
    for number in range(icebergs):
        tape.place(number, SELL, MID_TICKS, PEAK * PEAK, display_lots=PEAK)
        for taker in range(PEAK):
            tape.place(number + taker, BUY, MID_TICKS, PEAK)
    trades = icebergs * PEAK
    outcome = Outcome(
        trades=trades, lots=trades * PEAK, replenished=trades - icebergs, resting=BOOK
    )
    return _plain(before, tape, outcome)


def _first_of_many(count: int, size: int) -> Script:
    """Trade a lot at a time with the first of `size` offers at a price, behind them an iceberg."""
    tape = _book(Tape())
    tape.place(0, SELL, MID_TICKS, PLENTY)
    for number in range(size - 1):
        tape.place(number, SELL, MID_TICKS)
    tape.place(0, SELL, MID_TICKS, PEAK * PEAK, display_lots=PEAK)
    before = tape.take_written()
    for number in range(count):
        tape.place(number, BUY, MID_TICKS, 1)
    return _plain(before, tape, Outcome(trades=count, lots=count, resting=BOOK + size + 1))


def _beside_an_exit(count: int, size: int) -> Script:
    """Trade with an account that has an exit and `size` other orders open."""
    tape = _book(_positions(Tape()))
    for number in range(size):
        tape.place(1, BUY, MID_TICKS - 1 - number % DEPTH, 1)
    tape.place(1, SELL, MID_TICKS + DEPTH, 1, reduce_only=True)
    before = tape.take_written()
    for number in range(count // 2):
        tape.place(1, BUY, MID_TICKS, 1)
        tape.place(2 * number, SELL, MID_TICKS, 1)
    trades = count // 2
    return _plain(before, tape, Outcome(trades=trades, lots=trades, resting=BOOK + size + 1))


def _amend_down(count: int, _size: int) -> Script:
    """Take a lot at a time off large orders, where they stand."""
    tape = _book(Tape())
    orders = [tape.place(owner, BUY, MID_TICKS - 1, PLENTY) for owner in range(ACCOUNTS)]
    before = tape.take_written()
    for number in range(count):
        turn, chosen = divmod(number, ACCOUNTS)
        tape.commands.append(amend(orders[chosen], lots=PLENTY - 1 - turn, price_ticks=None))
    return _plain(before, tape, Outcome(resting=BOOK + ACCOUNTS))


def _amend_price(count: int, _size: int) -> Script:
    """Move orders to and fro between two prices, where they go to the end of the queue."""
    tape = _book(Tape())
    orders = [tape.place(owner, BUY, MID_TICKS - 1) for owner in range(ACCOUNTS)]
    before = tape.take_written()
    for number in range(count):
        turn, chosen = divmod(number, ACCOUNTS)
        price = MID_TICKS - 1 - (turn + 1) % 2
        tape.commands.append(amend(orders[chosen], lots=None, price_ticks=price))
    return _plain(before, tape, Outcome(resting=BOOK + ACCOUNTS))


def _cancel_inside(count: int, size: int) -> Script:
    """Cancel any one of `size` orders at a price, and queue another behind them."""
    dice = random.Random(size)  # noqa: S311 - a repeatable flow, no secret
    tape = _book(Tape())
    level = [tape.place(number, BUY, MID_TICKS - DEPTH - 1) for number in range(size)]
    before = tape.take_written()
    for number in range(count // 2):
        chosen = dice.randrange(size)
        tape.commands.append(level[chosen])
        level[chosen] = tape.place(number, BUY, MID_TICKS - DEPTH - 1)
    return _plain(before, tape, Outcome(resting=BOOK + size))


def _arm_and_cancel(count: int, size: int) -> Script:
    """Arm stops among `size` others and cancel each at once."""
    tape = _armed(_book(Tape()), size, TriggerBy.MARK)
    before = tape.take_written()
    for number in range(count // 2):
        tape.commands.append(_stop(tape, number, TriggerBy.MARK))
    return _plain(before, tape, Outcome(resting=BOOK, armed=size))


def _unreached(count: int, size: int) -> Script:
    """Trade while `size` stops wait for a last price that none of the trades prints."""
    tape = _book(Tape())
    tape.place(0, SELL, MID_TICKS)
    tape.place(1, BUY, MID_TICKS)
    return _trading(_armed(tape, size, TriggerBy.LAST), count, Outcome(resting=BOOK, armed=size))


def _fire(count: int, _size: int) -> Script:
    """Arm a stop, trade at its trigger so that it fires and fills, and trade back up."""
    tape = _book(Tape())
    tape.place(0, SELL, MID_TICKS)
    tape.place(1, BUY, MID_TICKS)
    before = tape.take_written()
    rounds = count // 6
    for number in range(rounds):
        terms = StopTerms(MID_TICKS - 1, TriggerBy.LAST)
        tape.place(number, SELL, 0, order_type=OrderType.STOP, stop=terms)
        tape.place(number + 1, BUY, MID_TICKS - 1)
        tape.place(number + 2, BUY, MID_TICKS - 1)
        tape.place(number + 3, SELL, MID_TICKS - 1)
        tape.place(number + 4, SELL, MID_TICKS)
        tape.place(number + 5, BUY, MID_TICKS)
    trades = 3 * rounds
    outcome = Outcome(trades=trades, lots=trades * LOTS, fired=rounds, resting=BOOK)
    return _plain(before, tape, outcome)


def _follow(count: int, size: int) -> Script:
    """Let a rising mark pull trailing stops behind it, with `size` stops waiting below them."""
    tape = _armed(_book(Tape()), size, TriggerBy.MARK)
    for number in range(FOLLOWERS):
        terms = StopTerms(by=TriggerBy.MARK, trail_offset_ticks=FAR_TICKS // 2 + number)
        tape.place(number, SELL, 0, order_type=OrderType.TRAILING_STOP, stop=terms)
    before = tape.take_written()
    ticks = max(1, count // FOLLOWERS)
    for number in range(1, ticks + 1):
        tape.commands.append(Tick(SYMBOL, MID_TICKS - 1 + number, MID_TICKS + 1 + number))
    outcome = Outcome(resting=BOOK, armed=size + FOLLOWERS)
    return Script(before, tape.take_written(), outcome, ticks * FOLLOWERS)


def _linked(count: int, _size: int, *, rule: FillRule) -> Script:
    return one_cancels_other(_book, count, rule)


def _auction(count: int, _size: int) -> Script:
    return uncross(count)


def _brackets(count: int, _size: int) -> Script:
    return brackets(_book, count)


REFERENCE: Final = Workload("plain limits/cancels", enter_and_cancel)
_UNTIL_MUCH_LATER: Final[dict[str, Any]] = {"time_in_force": TimeInForce.GTD, "expires_us": 1 << 60}
WORKLOADS: Final = (
    Workload("plain trades", _trades),
    Workload("good till date", partial(enter_and_cancel, **_UNTIL_MUCH_LATER)),
    Workload("icebergs", partial(enter_and_cancel, display_lots=1)),
    Workload("icebergs, taken peak by peak", _peaks),
    Workload("trades in front of an iceberg, {size} at its price", _first_of_many, 10),
    Workload("trades in front of an iceberg, {size} at its price", _first_of_many, 10_000, 200),
    Workload("post-only", partial(enter_and_cancel, post_only=True)),
    Workload("reduce-only", _reduce_only),
    Workload("trades beside an exit and {size} orders", _beside_an_exit, 10),
    Workload("trades beside an exit and {size} orders", _beside_an_exit, 1_000, 2_000),
    Workload("fill-or-kill", partial(_trades, time_in_force=TimeInForce.FOK)),
    *(
        Workload(f"self-trades, {mode.value}", partial(_self_trades, mode=mode))
        for mode in StpMode
        if mode is not StpMode.NONE
    ),
    Workload("amends, less quantity", _amend_down),
    Workload("amends, another price", _amend_price),
    Workload("cancels in a level of {size}", _cancel_inside, 10),
    Workload("cancels in a level of {size}", _cancel_inside, 10_000),
    Workload("stops armed and cancelled, {size} armed", _arm_and_cancel, 1_000),
    Workload("stops armed and cancelled, {size} armed", _arm_and_cancel, 100_000),
    Workload("stops that fire", _fire),
    Workload("trailing stops that follow, {size} armed", _follow, 1_000),
    Workload("trailing stops that follow, {size} armed", _follow, 100_000),
    Workload("trades that reach none of {size} stops", _unreached, 100_000),
    *(
        Workload(f"one cancels other, {rule.value}", partial(_linked, rule=rule))
        for rule in FillRule
    ),
    Workload("brackets", _brackets),
    Workload("orders of an auction, and its uncross", _auction, commands=2_000),
)


def _plain(before: list[Command], tape: Tape, outcome: Outcome) -> Script:
    """Return a script whose figure counts its commands."""
    flow = tape.take_written()
    return Script(before, flow, outcome, len(flow))


def _trading(tape: Tape, count: int, left: Outcome, **taker: Any) -> Script:
    """Return a script of offers inside the spread, each taken by a bid of another account."""
    before = tape.take_written()
    trades = count // 2
    for number in range(trades):
        tape.place(number, SELL, MID_TICKS)
        tape.place(number + 1, BUY, MID_TICKS, **taker)
    return _plain(before, tape, left._replace(trades=trades, lots=trades * LOTS))


def _book(tape: Tape) -> Tape:
    """Let BOOK orders rest, PER_LEVEL at each of DEPTH prices on both sides of a free middle."""
    for number in range(BOOK // 2):
        tape.place(number, BUY, MID_TICKS - 1 - number % DEPTH)
        tape.place(number, SELL, MID_TICKS + 1 + number % DEPTH)
    return tape


def _positions(tape: Tape) -> Tape:
    """Make every second account long, and the others short."""
    for owner in range(0, ACCOUNTS, 2):
        tape.place(owner, SELL, MID_TICKS, 1_000)
        tape.place(owner + 1, BUY, MID_TICKS, 1_000)
    return tape


def _armed(tape: Tape, size: int, by: TriggerBy) -> Tape:
    """Arm so many stops far below the market."""
    for number in range(size):
        _stop(tape, number, by)
    return tape


def _stop(tape: Tape, number: int, by: TriggerBy) -> CancelOrder:
    """Arm a stop at one of many prices far below the market."""
    terms = StopTerms(MID_TICKS - FAR_TICKS - number % (4 * FAR_TICKS), by)
    return tape.place(number, SELL, 0, order_type=OrderType.STOP, stop=terms)
