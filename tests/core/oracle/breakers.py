"""Markets that stop when their mark has gone too far from where the day began (E2)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tests.core.oracle import auctions, bands
from tests.core.oracle.numbers import floor, number, written
from tests.core.oracle.rates import ask_rate
from tests.core.oracle.world import Command, Event, Instrument, Refused, World

DAY = 24 * 3600 * 10**6


def ask_levels(levels: Sequence[Command], key: str) -> None:
    """Refuse moves that do not rise within 0 and 1, and an auction without an end."""
    before = Fraction(0)
    for index, level in enumerate(levels):
        ask_rate(level["move"], f"{key}[{index}].move")
        move = number(level["move"])
        if move <= before or move > 1:
            raise Refused(409, f"$.{key}[{index}].move")
        if level.get("auction") and level.get("halt_s") is None:
            raise Refused(409, f"$.{key}[{index}].auction")
        before = move


def levels_said(levels: Sequence[Command]) -> list[Event]:
    """Return levels as events say them."""
    said = []
    for level in levels:
        halt = {} if level.get("halt_s") is None else {"halt_s": level["halt_s"]}
        auction = {"auction": True} if level.get("auction") else {}
        said.append({"move": written(number(level["move"])), **halt, **auction})
    return said


def changed(world: World, instrument: Instrument, before: Sequence[Command]) -> None:
    """Begin to watch, stop watching, or count anew because the levels are others."""
    levels = instrument.levels
    if not world.watches(instrument):
        instrument.start, instrument.tripped = None, 0
        world.seen.discard(instrument.symbol)
    elif levels_said(levels) != levels_said(before):
        instrument.tripped = 0
        if not before and instrument.symbol not in world.weights:
            instrument.start = bands.reference(world, instrument)


def set_market_breakers(world: World, command: Command) -> None:
    """`set_market_breakers`: without weights, or without levels, there are none."""
    weights, levels = command["weights"], command["levels"]
    ask_levels(levels, "levels")
    if not (weights and levels):
        weights, levels = {}, []
    for symbol in sorted(weights):
        if symbol not in world.instruments:
            raise Refused(202, f"$.weights.{symbol}", symbol=symbol)
    if (weights, levels_said(levels)) != (world.weights, levels_said(world.market_levels)):
        world.market_tripped = 0
    was_watched = {symbol: world.watches(each) for symbol, each in world.instruments.items()}
    world.weights, world.market_levels = weights, levels
    for symbol, instrument in world.instruments.items():
        if world.watches(instrument) and not was_watched[symbol]:
            instrument.start = bands.reference(world, instrument)
        elif not world.watches(instrument):
            instrument.start = None
            world.seen.discard(symbol)
    world.say("market_breakers_set", weights=weights, levels=levels_said(levels))


def begin_day(world: World) -> None:
    """Measure from now on from where everything stands now."""
    for instrument in world.instruments.values():
        if world.watches(instrument):
            instrument.start = bands.reference(world, instrument)
        instrument.tripped = 0
    world.market_tripped = 0


def look(world: World) -> None:
    """Look at every mark that has moved, in order of symbol."""
    seen, world.seen = sorted(world.seen), set()
    for symbol in seen:
        instrument = world.instruments[symbol]
        mark = Fraction(instrument.mark2, 2)
        if instrument.start is None:
            instrument.start = mark
        _trip(world, instrument, abs(mark - instrument.start) / instrument.start)
    if world.weights.keys() & set(seen):
        _trip_all(world)


def _trip_all(world: World) -> None:
    """Stop everything where the weighted mean of all marks has gone too far."""
    total, weight = Fraction(0), 0
    for symbol, each in world.weights.items():
        instrument = world.instruments[symbol]
        if instrument.start is not None and instrument.mark2:
            total += each * Fraction(instrument.mark2, 2) / instrument.start
            weight += each
    index = total / weight
    reached = _reached(world.market_levels, abs(index - 1))
    if reached <= world.market_tripped:
        return
    world.market_tripped = reached
    level = world.market_levels[reached - 1]
    seconds = level.get("halt_s")
    until = {} if seconds is None else {"until": -(-(world.now + seconds * 10**6) // 1_000)}
    move, shown = written(number(level["move"])), written(_rounded(index))
    world.say("breaker", scope="market", level=reached, move=move, index_value=shown, **until)
    for _, instrument in sorted(world.instruments.items()):
        if _is_ours(world, instrument):
            _hold(world, instrument, level)
            _stop(world, instrument, "halted")


def _trip(world: World, instrument: Instrument, move: Fraction) -> None:
    """Let the highest level that was reached act, if it is a new one."""
    reached = _reached(instrument.levels, move)
    if reached <= instrument.tripped:
        return
    instrument.tripped = reached
    if not _is_ours(world, instrument):
        return
    assert instrument.start is not None
    level = instrument.levels[reached - 1]
    until = _hold(world, instrument, level)
    fields: dict[str, Any] = {
        "scope": "instrument",
        "symbol": instrument.symbol,
        "level": reached,
        "move": written(number(level["move"])),
        "reference": written(_rounded(instrument.start * instrument.tick)),
        "price": written(Fraction(instrument.mark2, 2) * instrument.tick),
    }
    fields |= {} if until is None else {"until": -(-until // 1_000)}
    world.say("breaker", **fields, **({"auction": True} if level.get("auction") else {}))
    _stop(world, instrument, "auction" if level.get("auction") else "halted")


def _reached(levels: Sequence[Command], move: Fraction) -> int:
    return sum(move >= number(level["move"]) for level in levels)


def _rounded(value: Fraction) -> Fraction:
    """Return a number to eight places, half up."""
    return Fraction(floor(value * 10**8 + Fraction(1, 2)), 10**8)


def _is_ours(world: World, instrument: Instrument) -> bool:
    """Tell whether no operator has stopped the market."""
    return instrument.state == "open" or instrument.symbol in world.held


def _hold(world: World, instrument: Instrument, level: Command) -> int | None:
    """Keep the market until the level's end, None for ever; the later of two ends counts."""
    seconds = level.get("halt_s")
    ends: list[int | None] = [None if seconds is None else world.now + seconds * 10**6]
    ends += [world.held[instrument.symbol]] if instrument.symbol in world.held else []
    times = [end for end in ends if end is not None]
    world.held[instrument.symbol] = max(times) if len(times) == len(ends) else None
    return world.held[instrument.symbol]


def _stop(world: World, instrument: Instrument, state: str) -> None:
    """Stop trading. An auction that is under way goes on."""
    if instrument.state not in {"auction", state}:
        instrument.state = state
        world.say("market_state", symbol=instrument.symbol, state=state)


def resume(world: World) -> bool:
    """Open what has been held long enough; tell whether there was any."""
    due = sorted(s for s, end in world.held.items() if end is not None and end <= world.now)
    for symbol in due:
        del world.held[symbol]
    for symbol in due:
        instrument = world.instruments[symbol]
        if instrument.state == "auction":
            auctions.uncross(world, instrument)
        instrument.state = "open"
        world.moved.add(symbol)
        world.say("market_state", symbol=symbol, state="open")
    return bool(due)


def everything(world: World) -> dict[str, Any]:
    """Return what each instrument is measured from, how far it got, and until when it is held."""
    return {
        symbol: (
            None if instrument.start is None else instrument.start.as_integer_ratio(),
            instrument.tripped,
            world.held.get(symbol, 0),
        )
        for symbol, instrument in world.instruments.items()
    }
