"""Who may import whom: architecture §6 as a table."""

import sys
from collections.abc import Iterable

from tests.house.source import PRODUCT, Source, is_below

LIMITS = "engine.limits"
KERNEL = (
    "engine.kernel",
    "engine.state",
    "engine.account_limits",
    "engine.account_terms",
    "engine.amending",
    "engine.answers",
    "engine.arming",
    "engine.booking",
    "engine.breaking",
    "engine.prices",
    "engine.cancelling",
    "engine.carrying",
    "engine.corporate_actions",
    "engine.covering",
    "engine.linked_entry",
    "engine.linking",
    "engine.dry_runs",
    "engine.execution",
    "engine.flattening",
    "engine.heartbeats",
    "engine.house",
    "engine.kill_switch",
    "engine.invariants",
    "engine.liquidation",
    "engine.loss_windows",
    "engine.market_states",
    "engine.operations",
    "engine.plain_entry",
    "engine.order_terms",
    "engine.overload",
    "engine.selling",
    "engine.rehearsal",
    "engine.restating",
    "engine.sizing",
    "engine.splitting",
    "engine.trading",
    "engine.unusual",
    "engine.waterfall",
    "engine.what_if",
)
DECIMALS = "engine.decimals"
RECORDS = (
    LIMITS,
    "engine.messages",
    "engine.wire",
    "matching.terms",
    "matching.messages",
    "risk.actions.messages",
    "risk.foretold.messages",
    "risk.guards.messages",
    "risk.messages",
    "risk.terms",
)
CORE = (LIMITS, DECIMALS, "engine.messages", "engine.wire", *KERNEL, "matching", "risk")
# entry to command, event to JSON, frame to bytes
CODEC = (
    "engine.codec",
    "engine.entries",
    "engine.conversion",
    "engine.conversion_actions",
    "engine.conversion_admin",
    "engine.conversion_booking",
    "engine.conversion_carry",
    "engine.conversion_fees",
    "engine.conversion_guards",
    "engine.conversion_orders",
    "engine.conversion_risk",
    "engine.conversion_what_if",
    "engine.grid",
    "engine.rendering",
    "engine.rendering_actions",
    "engine.rendering_admin",
    "engine.rendering_breakers",
    "engine.rendering_carry",
    "engine.rendering_guards",
    "engine.rendering_waterfall",
    "engine.rendering_what_if",
)

# importer: what of ours it may import (itself and what is below it always)
ALLOWED: dict[str, tuple[str, ...]] = {
    LIMITS: (),
    DECIMALS: (LIMITS,),
    "engine.collecting": (),
    "engine.log": (),
    "engine.notify": (),
    "engine.redis_url": (),
    "engine.tls": (),
    "engine.failure_reasons": ("engine.tls",),
    "engine.connections": ("engine.redis_url", "engine.failure_reasons", "engine.tls"),
    "engine.config": (LIMITS, "engine.tls"),
    "engine.exposures": ("engine.config", "engine.endpoints", "engine.tls"),
    "engine.endpoints": ("engine.config", "engine.connections", "engine.tls"),
    "matching": (LIMITS,),
    "risk": (LIMITS, "matching.terms", "matching.messages"),
    "engine.wire": (LIMITS, "matching.terms"),
    "engine.messages": (
        LIMITS,
        "engine.wire",
        "matching.terms",
        "matching.messages",
        "risk.actions.messages",
        "risk.foretold.messages",
        "risk.guards.messages",
        "risk.messages",
        "risk.terms",
    ),
    **dict.fromkeys(KERNEL, CORE),
    "engine.snapshot_accounts": CORE,
    "engine.snapshot_guards": CORE,
    "engine.snapshot_links": CORE,
    "engine.snapshot_breakers": CORE,
    "engine.snapshot": (
        *CORE,
        "engine.snapshot_accounts",
        "engine.snapshot_breakers",
        "engine.snapshot_guards",
        "engine.snapshot_links",
    ),
    "engine.migrations": ("engine.snapshot",),
    "engine.restore_orders": (*CORE, "engine.snapshot"),
    "engine.restore": (
        *CORE,
        "engine.collecting",
        "engine.restore_orders",
        "engine.snapshot",
        "engine.snapshot_accounts",
        "engine.snapshot_breakers",
        "engine.snapshot_guards",
        "engine.snapshot_links",
    ),
    "engine.ports": (LIMITS, "engine.messages", "engine.wire", "engine.snapshot", "engine.machine"),
    **dict.fromkeys(CODEC, (*RECORDS, *CODEC, DECIMALS)),
    # the kernel behind its codec, and what may be seen of it
    "engine.machine": (*CORE, *CODEC),
    "engine.breaker_views": (*CORE, *CODEC),
    "engine.views": (*CORE, *CODEC, "engine.breaker_views", "engine.snapshot"),
    "engine.foresight": CORE,
    "engine.replay": (
        *CORE,
        *CODEC,
        "engine.machine",
        "engine.migrations",
        "engine.ports",
        "engine.restore",
        "engine.snapshot",
    ),
    "engine.backlog": (LIMITS,),
    "engine.loop": (
        *CORE,
        *CODEC,
        "engine.backlog",
        "engine.machine",
        "engine.ports",
        "engine.snapshot",
        "engine.replay",
        "engine.visits",
    ),
    "engine.visits": (),
    "engine.redis_info": (),
    "feeds": (*RECORDS, *CODEC, DECIMALS, "engine.ports", "engine.redis_info"),
    "persistence": (
        *RECORDS,
        *CODEC,
        DECIMALS,
        "engine.ports",
        "engine.snapshot",
        "engine.kernel",
        "engine.connections",
        "engine.redis_info",
    ),
    "engine.exits": (),
    # the composition root
    "engine.daemon": PRODUCT,
    "engine.assembly": PRODUCT,
    "engine.recovery": PRODUCT,
    "engine.run": PRODUCT,
    "engine.standby": PRODUCT,
    "engine.mirror_feed": PRODUCT,
    "engine.changed_accounts": ("engine.loop",),
    "engine.margin_feed": PRODUCT,
    "engine.cli": PRODUCT,
    "engine.__main__": ("engine.cli",),
}

# third-party package: who may import it, and what the others do instead
THIRD_PARTY: dict[str, tuple[tuple[str, ...], str]] = {
    "redis": (("engine.connections", "engine.failure_reasons"), "take a RedisLink as an argument"),
    "hiredis": (("engine.connections",), "take a RedisLink as an argument"),
    "asyncpg": (
        ("engine.connections", "engine.failure_reasons"),
        "take a connection from Connections.postgres",
    ),
    "typer": (("engine.cli",), "only the command line talks to a person"),
    "rich": (("engine.cli",), "only the command line talks to a person"),
    "uvloop": (("engine.cli", "engine.daemon"), "the composition root chooses the loop"),
    "lightmatchingengine": (("engine.cli", "bench"), "it is a yardstick, not a part"),
    "structlog": (
        (
            *("engine.log", "engine.loop", "engine.daemon", "engine.recovery", "engine.cli"),
            "engine.standby",
            *("feeds", "persistence"),
        ),
        "nothing below engine.loop logs: return an event, or raise",
    ),
    "msgspec": (
        (*PRODUCT, "bench"),
        "",
    ),
    "sortedcontainers": (PRODUCT, ""),
}


def wrong_imports(source: Source) -> list[str]:
    """Find imports against the table, each with the remedy."""
    found: list[str] = []
    if source.path.endswith("__init__.py"):
        return found  # holds a docstring only, another rule sees to that
    row = _row(source.module)
    if row is None:
        found.append(
            f"{source.path}:1: has no row in ALLOWED (tests/house/import_rules.py): "
            "say what it may import, and say it in docs or architecture §6 too"
        )
    for node, name in source.imports():
        package = name.partition(".")[0]
        if package in PRODUCT:
            if row is not None and not _is_allowed(name, source.module, (row, *ALLOWED[row])):
                wanted = ", ".join(ALLOWED[row]) or "nothing of ours"
                found.append(
                    source.at(
                        node,
                        f"imports {name}; {row} may import {wanted}: move the shared "
                        "part down to where both may see it, or pass it in",
                    )
                )
        elif package not in sys.stdlib_module_names:
            allowed, remedy = THIRD_PARTY.get(
                package, ((), "a new dependency needs a page in docs/decisions and a row here")
            )
            if not any(is_below(source.module, each) for each in allowed):
                found.append(source.at(node, f"imports {package}: {remedy}"))
    return found


def unreachable(product: Iterable[Source], roots: Iterable[Source]) -> list[str]:
    """Find modules that nothing reaches from the roots: files nobody would miss."""
    by_module = {each.module: each for each in product}
    pending = list(roots)
    seen: set[str] = {each.module for each in pending}
    while pending:
        for _, name in pending.pop().imports():
            # `from a.b import c`: c is a module, or a name within a.b
            for module in (name, name.rpartition(".")[0]):
                if module in by_module and module not in seen:
                    seen.add(module)
                    pending.append(by_module[module])
    return [
        f"{each.path}:1: is reached neither from the command line nor from a test: "
        "use it or delete it"
        for each in by_module.values()
        if each.module not in seen and not each.path.endswith("__init__.py")
    ]


def _row(module: str) -> str | None:
    rows = [each for each in ALLOWED if is_below(module, each)]
    return max(rows, key=len, default=None)


def _is_allowed(name: str, importer: str, allowed: tuple[str, ...]) -> bool:
    if is_below(name, "engine.cli") and not is_below(importer, "engine.cli"):
        return importer == "engine.__main__"
    if is_below(name, "engine.daemon") and not is_below(importer, "engine.cli"):
        return False
    return any(is_below(name, each) for each in allowed)
