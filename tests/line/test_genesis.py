"""A journal begins with the configuration, once."""

import asyncio

from persistence.journal import journal_key
from tests.line.process import Make
from tests.line.written import events_of

GENESIS = """
[[instruments]]
symbol = "X"
tick_size = "0.01"
lot_size = "1"

[[accounts]]
account = "ann"

[[deposits]]
account = "ann"
amount = "500"
"""


async def test_configuration_is_applied_once_however_often_the_first_start_is_killed(
    make: Make, shard: str
) -> None:
    """A deposit of the file must not be paid in again by each attempt to start."""
    daemon = make(more=GENESIS)
    link = await daemon.connections.redis()
    for patience in (0.25, 0.3, 0.35, None):
        daemon.spawn()
        if patience is not None:
            await asyncio.sleep(patience)
        else:  # exactly when the first frame is there
            async with asyncio.timeout(20):
                while not await link.call("XLEN", journal_key(shard)):  # noqa: ASYNC110 - Redis
                    await asyncio.sleep(0)
        daemon.kill()
    await daemon.start()
    daemon.config.write_text(daemon.config.read_text().replace('"500"', '"700"'))
    assert await daemon.stop() == 0
    await daemon.start()

    first, *rest = await daemon.frames()
    kinds = [each["type"] for each in events_of([first])]
    assert kinds == [
        "liquidation_set",
        "instrument_created",
        "account_created",
        "balance_changed",
    ]
    assert events_of(rest) == []
    await link.close()
