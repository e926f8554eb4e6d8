"""What is played for the golden journals: the tapes of tests/core, and what they leave out."""

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from tests.core.tape_activity import activity
from tests.core.tape_breakers import breaking
from tests.core.tape_kills import kills
from tests.core.tape_slices import slices
from tests.core.tape_squeeze import squeeze
from tests.core.tapes import Step, tape, tape_outside

TAPES: Final[dict[str, Callable[[], list[Step]]]] = {
    **{f"tape-{seed}": partial(tape, seed, 300) for seed in range(3, 9)},
    **{f"gaps-{seed}": partial(tape, seed, 300, gaps=True) for seed in (12, 13, 14)},
    **{f"outside-{seed}": partial(tape_outside, seed, 250) for seed in (20, 21, 24)},
    **{f"breakers-{seed}": partial(breaking, seed) for seed in (1, 2, 3)},
    **{f"kills-{seed}": partial(kills, seed) for seed in (1, 2, 3)},
    **{f"slices-{seed}": partial(slices, seed) for seed in range(4)},
    **{f"squeeze-{seed}": partial(squeeze, seed) for seed in range(4)},
    **{f"activity-{seed}": partial(activity, seed) for seed in (0, 1)},
    "questions": lambda: list(_asked(tape(40, 250))),
    "losses": lambda: list(_losing()),
    "mass": lambda: list(_mass()),
}
"""By name. A mass action of "mass" goes on over frames at the bounds of `engine.limits`."""

_TRADING = ("place_order", "place_bracket", "amend_order", "cancel_order", "cancel_all")
_SETTING = ("set_risk", "set_liquidation", "update_instrument")
_ORDERS = 5_100


def _asked(steps: list[Step]) -> Iterator[Step]:
    """Ask before each command what it would do, where that can be asked (C4)."""
    for step in steps:
        command = {} if step.refusal is not None else step.command
        if command.get("type") in _TRADING:
            yield Step(0, "orders", json.dumps({"type": "what_if", "command": command}))
        elif command.get("type") in _SETTING:
            yield Step(0, "admin", json.dumps({**command, "dry_run": True}))
        yield step


def _losing() -> Iterator[Step]:
    """Lose until openings are paused, twice, an operator resuming them in between (C3)."""
    yield from _market("ann", "bob")
    yield _admin(type="set_risk", account="ann", day_loss="50", losing_streak=2)
    rng = random.Random(3)
    for number in range(30):
        price = 100 + rng.randint(-3, 3)
        yield _order(f"m{number}", "bob", ("buy", "sell")[number % 2], price, 5)
        yield _order(f"t{number}", "ann", ("sell", "buy")[number % 2], price, 5)
        if number in {12, 20}:
            resume = {"scope": "account", "account": "ann"}
            yield _admin(type="resume", **resume, operator="op", reason="golden")


def _mass() -> Iterator[Step]:
    """Rest more orders than a frame may cancel, and take them all away at once (E4)."""
    yield from _market("ann", "bob")
    for start in range(0, _ORDERS, 300):
        orders = [
            _order(f"o{number}", "ann", "buy", 50 + number % 40, 1).command
            for number in range(start, start + 300)
        ]
        yield Step(1, "orders", json.dumps(orders, separators=(",", ":")))
    kill = {"scope": "account", "account": "ann", "mode": "cancel_all"}
    yield _admin(type="kill", **kill, operator="op", reason="golden")
    yield _order("after", "bob", "buy", 50, 1)


def _market(*accounts: str) -> Iterator[Step]:
    yield _admin(type="create_instrument", symbol="X", tick_size="0.01", lot_size="1")
    for account in accounts:
        yield _admin(type="create_account", account=account)
        yield _admin(type="deposit", account=account, amount="1000000", transfer_id=account)
    tick = {"type": "l1", "symbol": "X", "bid": "99.99", "ask": "100.01"}
    yield Step(1, "ticks", json.dumps(tick))


def _admin(**command: object) -> Step:
    return Step(1, "admin", json.dumps(command))


def _order(name: str, account: str, side: str, price: int, quantity: int) -> Step:
    command = {
        "type": "place_order",
        "account": account,
        "symbol": "X",
        "side": side,
        "order_type": "limit",
        "price": str(price),
        "quantity": str(quantity),
        "client_order_id": name,
    }
    return Step(1, "orders", json.dumps(command))
