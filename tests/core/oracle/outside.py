"""What the outside market reaches in mode `l1`: resting limits, each at its own price (D5)."""

from tests.core.oracle import fills, sweeps
from tests.core.oracle.world import Instrument, World


def reach(world: World, instrument: Instrument) -> None:
    """Fill the resting limits that the far side has reached: the buys, then the sells.

    Nothing happens without a touch, or while the market is not open.
    """
    if instrument.is_outside and instrument.state == "open":
        for side in (1, -1):
            while _take(world, instrument, side):
                pass


def _take(world: World, instrument: Instrument, side: int) -> bool:
    """Let one order of the house take what it can of a side, by price and time.

    Returns False where nobody has been reached.
    """
    far = sweeps.touch(world, instrument, -side)
    if far is None:
        return False
    resting = sweeps.makers(world, instrument, side)
    lots = sum(order.leaves for order in resting if side * order.price >= side * far)
    if lots == 0:
        return False
    house = sweeps.house_order(world, instrument, -side, far, lots)
    fills.admit_house(world, house)
    sweep = sweeps.plan(world, house, far)
    house.leaves = sweep.filled
    fills.carry_out(world, house, sweep)
    assert house.leaves == 0 < sweep.filled
    return True


def ask_reached(world: World) -> None:
    """Assert that nobody rests where an open market has been, and that the house has no orders."""
    for order in world.orders:
        instrument = order.instrument
        if instrument.is_outside and instrument.state == "open":
            far = sweeps.touch(world, instrument, -order.side)
            assert far is None or order.side * far > order.side * order.price
            assert order.account.name != "house"
