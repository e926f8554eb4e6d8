"""`check()` is worth what it sees: each invariant is broken once, and found.

Every other test of this directory calls it after each command and trusts it.
"""

from collections.abc import Callable

import pytest

from engine.state import State
from matching.order import Conditions, Order
from matching.stops import Trigger
from tests.core.market import Market


def _bad_lots(state: State) -> None:
    state.accounts["bob"].positions["X"].lots += 1


def _bad_cost(state: State) -> None:
    state.accounts["bob"].positions["X"].cost_atoms += 1


def _bad_balance(state: State) -> None:
    state.accounts["bob"].balance_atoms += 1


def _bad_hold(state: State) -> None:
    state.accounts["bob"].positions["X"].sell_atoms += 1


def _bad_fee_hold(state: State) -> None:
    state.accounts["bob"].positions["X"].fee_hold_atoms += 1


def _lost_name(state: State) -> None:
    state.live["bob"].clear()


def _ghost(state: State) -> None:
    """Leave the name of an order that no longer rests, with its holds given back."""
    order = state.live["bob"]["rest"]
    position = state.accounts["bob"].positions["X"]
    state.markets["X"].book.remove(order)
    position.hold(-1, -order.leaves_lots, -position.sell_atoms, -order.fee_hold_atoms)


def _swapped_names(state: State) -> None:
    state.live["bob"]["rest"], state.live["mm"]["bid"] = (
        state.live["mm"]["bid"],
        state.live["bob"]["rest"],
    )


def _crossed(state: State) -> None:
    order = state.live["mm"]["bid"]
    state.markets["X"].book.remove(order)
    order.price_ticks = 20_000
    state.markets["X"].book.rest(order)


def _overfull(state: State) -> None:
    state.live["bob"]["rest"].quantity_lots = 1


def _lost_position(state: State) -> None:
    del state.accounts["bob"].positions["X"]


def _exit(state: State) -> Conditions:
    conditions = state.live["bob"]["exit"].conditions
    assert conditions is not None
    return conditions


def _shows_nothing(state: State) -> None:
    _exit(state).shown_lots = 0


def _shows_too_much(state: State) -> None:
    _exit(state).shown_lots = 6


def _reduces_no_more(state: State) -> None:
    _exit(state).reduce_only = False


def _bad_reduce_lots(state: State) -> None:
    state.accounts["bob"].positions["X"].reduce_lots += 1


def _lost_timer(state: State) -> None:
    state.expiries.clear()


def _stray_timer(state: State) -> None:
    state.expiries[1, 99] = state.live["bob"]["rest"]


def _wrong_timer(state: State) -> None:
    _exit(state).expires_us += 1


def _plain_level(state: State) -> None:
    level = state.live["bob"]["exit"].level
    assert level is not None
    level.conditional = 0


def _armed(state: State) -> Order:
    return state.live["bob"]["stop"]


def _trigger(state: State) -> Trigger:
    conditions = _armed(state).conditions
    assert conditions is not None
    assert conditions.trigger is not None
    return conditions.trigger


def _moved_trigger(state: State) -> None:
    _trigger(state).price_ticks += 1


def _moved_watermark(state: State) -> None:
    _trigger(state).watermark_half += 1


def _unheard_of_armed(state: State) -> None:
    state.markets["X"].stops.disarm(_armed(state))


def _armed_and_resting(state: State) -> None:
    state.markets["X"].book.rest(_armed(state))


def _miscounted_armed(state: State) -> None:
    state.markets["X"].stops.count += 1


def _miscounted_exits(state: State) -> None:
    state.accounts["bob"].positions["X"].armed_reducing = 0


def _active_before_its_time(state: State) -> None:
    conditions = state.live["bob"]["wakes"].conditions
    assert conditions is not None
    assert conditions.trigger is not None
    conditions.trigger.price_ticks = 9_000


@pytest.mark.parametrize(
    "harm",
    [
        _moved_trigger,
        _moved_watermark,
        _unheard_of_armed,
        _armed_and_resting,
        _miscounted_armed,
        _miscounted_exits,
        _active_before_its_time,
        _bad_lots,
        _bad_cost,
        _bad_balance,
        _bad_hold,
        _bad_fee_hold,
        _lost_name,
        _ghost,
        _swapped_names,
        _crossed,
        _overfull,
        _lost_position,
        _shows_nothing,
        _shows_too_much,
        _reduces_no_more,
        _bad_reduce_lots,
        _lost_timer,
        _stray_timer,
        _wrong_timer,
        _plain_level,
    ],
    ids=lambda harm: harm.__name__.strip("_"),
)
def test_broken_invariant_is_seen(harm: Callable[[State], None]) -> None:
    """A check that finds nothing in a bad state proves nothing about a good one (B7)."""
    market = Market(taker_fee="0.001")
    market.play("""
        mm  sell 3@100
        bob buy  3@100
        bob sell 2@101 id=rest
        mm  buy  2@99  id=bid
        bob sell 5@102 peak=2 gtd=9000 reduce id=exit
        bob sell trailing_stop 1 offset=5 by=mark reduce id=stop
        bob sell trailing_stop 1 offset=5 by=mark activation=110 id=wakes
    """)
    state = market.kernel.state

    harm(state)

    with pytest.raises((AssertionError, KeyError)):
        market.kernel.check()
