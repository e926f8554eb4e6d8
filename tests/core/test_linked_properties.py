"""What must hold of linked orders after whatever was traded (A13)."""

from tests.core.duel import Duel
from tests.core.oracle.world import Group, Order
from tests.core.tapes import tape


def _left_by_the_rule(order: Order, members: list[Order]) -> int:
    """Return its total less its fills and its part of each sibling's, to the lot below."""
    shares = [
        other.filled * order.entered // other.entered for other in members if other is not order
    ]
    return order.entered - order.filled - sum(shares)


def test_linked_orders_never_have_more_left_than_the_rule_leaves_them() -> None:
    """A leg has its total less all fills' shares, an exit what is open; only one is hit (A13).

    Legs that were restated are not asked: those that have left do not count in today's units.
    """
    legs = exits = 0
    for seed in range(540, 580):
        if legs > 30 and exits > 30:
            break
        duel, known, restated = Duel(), dict[Group, list[Order]](), set[Group | None]()
        for step in tape(seed, 300):
            duel.play(step)
            world = duel.oracle.world
            live = world.orders + world.armed
            if '"split"' in step.payload:
                restated |= {order.group for order in live}
            for order in live:
                group, bracket = order.group, order.bracket
                if group is not None:
                    members = known.setdefault(group, [])
                    members += [] if order in members else [order]
                    if group.rule == "first_hit":
                        assert sum(each.filled > 0 for each in members) <= 1, f"{seed}: {step}"
                    elif group.rule == "incremental" and group not in restated:
                        legs += len(members) > 1 and any(each.filled for each in members)
                        assert order.leaves <= _left_by_the_rule(order, members), f"{seed}: {step}"
                if bracket is not None and bracket.rule == "incremental":
                    rest = bracket.rest({})
                    exits += order.child is not None and rest < bracket.entry.filled
                    assert rest >= 0, f"{seed}: {step}"
                    assert order.child is None or order.leaves <= rest, f"{seed}: {step}"
    assert legs > 30
    assert exits > 30
