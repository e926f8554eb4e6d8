"""Whoever is not heard of in time loses its orders (E5)."""

from tests.core.oracle.leaving import withdraw
from tests.core.oracle.world import Command, Refused, World


def beat(world: World, command: Command) -> None:
    """`heartbeat`."""
    name, timeout = command["account"], command["timeout_ms"]
    if timeout and not 1_000 <= timeout <= 24 * 3600 * 1_000:
        raise Refused(107, "$.timeout_ms")
    world.account(name)
    world.heartbeats.pop(name, None)
    said = {"account": name, "timeout_ms": timeout}
    if timeout:
        until = world.heartbeats[name] = world.now + timeout * 1_000
        said["expires_at"] = until // 1_000
    world.say("heartbeat", **said)


def miss(world: World) -> None:
    """Cancel for those whose time is over, who was due first first; what only reduces stays."""
    due = sorted((until, name) for name, until in world.heartbeats.items() if until <= world.now)
    for _, name in due:
        del world.heartbeats[name]
        world.say("heartbeat_missed", account=name)
        for order in world.orders_of(world.accounts[name]):
            if not order.reduce_only:
                withdraw(world, order, "heartbeat")
