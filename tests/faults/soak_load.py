"""A process that keeps an engine busy for hours with as many open orders at the end as at first.

    python -m tests.faults.soak_load <url> <shard> <commands>

Entry ids are counted, `1-0, 2-0 …`, so that they are never late (E6), and WINDOW of them wait for
their answers at any time. Every second it says how many are answered.
"""

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from typing import Any

import uvloop

from engine.connections import Connections, Endpoints
from persistence.journal import journal_key

STREAM = "orders:soak"
ACCOUNTS = 64
OPEN = 10_000
WINDOW = 2_000
_PER_WRITE = 250
_TRADES = 0.05
"""So many of the turns are two orders that trade; the others replace an open order."""
_PAUSE_SECONDS = 0.005


def commands(seed: int) -> Iterator[bytes]:
    """Yield commands without end: OPEN orders, then one cancelled for each that is placed."""
    chance = random.Random(seed)
    resting: list[tuple[str, str]] = []
    number = 0
    while True:
        number += 1
        if len(resting) == OPEN and chance.random() < _TRADES:
            seller, buyer = chance.sample(range(ACCOUNTS), 2)
            yield _order(f"s{number}", f"a{seller}", "sell", "100", "1")
            yield _order(f"b{number}", f"a{buyer}", "buy", "100", "1")
            continue
        if len(resting) == OPEN:
            place = chance.randrange(OPEN)
            account, name = resting[place]
            resting[place] = resting[-1]
            resting.pop()
            yield _encoded(type="cancel_order", account=account, client_order_id=name)
        is_bid = chance.random() < 0.5
        away = chance.randrange(100, 2_000)
        price = 10_000 - away if is_bid else 10_000 + away
        account, name = f"a{chance.randrange(ACCOUNTS)}", f"o{number}"
        resting.append((account, name))
        side, size = "buy" if is_bid else "sell", str(chance.randrange(1, 10))
        yield _order(name, account, side, f"{price // 100}.{price % 100:02}", size)


def _order(name: str, account: str, side: str, price: str, quantity: str) -> bytes:
    return _encoded(
        type="place_order",
        account=account,
        symbol="X",
        side=side,
        order_type="limit",
        quantity=quantity,
        price=price,
        client_order_id=name,
    )


def _encoded(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


async def main(url: str, shard: str, count: int) -> None:
    """Send so many, never more than WINDOW ahead of the answers."""
    link = await Connections(Endpoints(url)).redis()
    flow, sent, answered, told_at = commands(count), 0, 0, 0.0
    key, clock = f"{{{shard}}}:{STREAM}", asyncio.get_running_loop()
    while answered < count:
        until = min(count, answered + WINDOW, sent + _PER_WRITE)
        window = range(sent + 1, until + 1)
        await link.call_many([("XADD", key, f"{n}-0", "c", next(flow)) for n in window])
        sent = max(sent, until)
        if sent == count or sent == answered + WINDOW:
            await asyncio.sleep(_PAUSE_SECONDS)
            ((_, fields),) = await link.call("XREVRANGE", journal_key(shard), "+", "-", "COUNT", 1)
            cursors = json.loads(fields[fields.index(b"cur") + 1])
            answered = int(cursors.get(STREAM, "0-0").partition("-")[0])
        if clock.time() >= told_at + 1 or answered == count:
            told_at = clock.time()
            sys.stdout.write(f"{answered}\n")
            sys.stdout.flush()
    await link.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
