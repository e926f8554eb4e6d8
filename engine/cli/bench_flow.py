"""The order flows of the benchmark: seeded, and the same for every engine they are played to."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

MID_TICKS: Final = 10_000
ACCOUNTS: Final = 64
LIMITS: Final = "limits"
CANCELS: Final = "cancels"


class Step(NamedTuple):
    """A limit order (`side` +1 or -1), or the cancel of an earlier step's order (`side` 0)."""

    side: int
    price_ticks: int
    lots: int
    account: int
    target: int = -1


def symmetric_limits(count: int, seed: int) -> list[Step]:
    """Return limits within 50 ticks of a fixed mid, both sides alike: about 0.7 trades a step."""
    dice = random.Random(seed)  # noqa: S311 - a repeatable flow, no secret
    return [
        Step(
            dice.choice((1, -1)),
            MID_TICKS + dice.randint(-50, 50),
            dice.randint(1, 10),
            dice.randrange(ACCOUNTS),
        )
        for _ in range(count)
    ]


def limits_and_cancels(resting: int, count: int, seed: int) -> tuple[list[Step], list[Step]]:
    """Return (a book of `resting` orders, a flow over it: 60 % new limits, 40 % cancels).

    Prices fall off exponentially from the touch, a few of them across it. A cancel names any order
    sent before, so that some of them come too late, as in life.
    """
    dice = random.Random(seed)  # noqa: S311 - a repeatable flow, no secret

    def limit(deepest_inside: int) -> Step:
        side = dice.choice((1, -1))
        distance = int(dice.expovariate(1 / 50)) - deepest_inside
        price = max(1, MID_TICKS - side * (1 + distance))
        return Step(side, price, dice.randint(1, 10), dice.randrange(ACCOUNTS))

    book = [limit(0) for _ in range(resting)]
    sent = list(range(resting))
    flow: list[Step] = []
    for place in range(resting, resting + count):
        if sent and dice.random() < 0.4:
            chosen = dice.randrange(len(sent))
            sent[chosen], sent[-1] = sent[-1], sent[chosen]
            flow.append(Step(0, 0, 0, 0, sent.pop()))
        else:
            flow.append(limit(5))
            sent.append(place)
    return book, flow
