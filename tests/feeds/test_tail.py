"""`tail` prints the events one asked for, with their identity."""

import io
import json
from typing import Any

import pytest

from engine.cli.failure import CommandError
from engine.cli.tail import TailOptions, tail
from engine.connections import Connections
from tests.feeds.frames import TIME_US, write_frame


async def tailed(connections: Connections, shard: str, options: TailOptions) -> list[Any]:
    """Return what `tail` prints, decoded."""
    out = io.StringIO()
    await tail(options, connections, shard, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
async def journal(connections: Connections, shard: str) -> str:
    """Write four frames and trim the first."""
    link = await connections.redis()
    trade = {"type": "trade", "maker": {"account": "ann"}, "taker": {"account": "bob"}}
    await write_frame(link, shard, 1)
    await write_frame(link, shard, 2, events=[{"type": "rejected", "account": "cid"}, trade])
    await write_frame(link, shard, 3)
    await write_frame(link, shard, 4, events=[{"type": "order_accepted", "account": "ann"}])
    await link.call("XTRIM", f"{{{shard}}}:journal", "MINID", "2-0")
    await link.close()
    return shard


@pytest.mark.parametrize(
    ("options", "identities"),
    [
        (TailOptions(), [(2, 0), (2, 1), (4, 0)]),
        (TailOptions(start=3), [(4, 0)]),
        (TailOptions(start=9), []),
        (TailOptions(start=-1), [(4, 0)]),
        (TailOptions(start=-99), [(2, 0), (2, 1), (4, 0)]),
        (TailOptions(account="ann"), [(2, 1), (4, 0)]),
        (TailOptions(account="bob"), [(2, 1)]),
        (TailOptions(type="trade"), [(2, 1)]),
        (TailOptions(account="cid", type="trade"), []),
    ],
)
async def test_events_are_chosen_by_frame_account_and_type(
    connections: Connections, journal: str, options: TailOptions, identities: list[Any]
) -> None:
    """An event's identity is frame and place, also where its neighbours are left out."""
    events = await tailed(connections, journal, options)

    assert [(event["frame"], event["index"]) for event in events] == identities
    assert all(event["time_us"] == TIME_US + event["frame"] for event in events)


async def test_a_first_frame_that_is_gone_names_the_oldest(
    connections: Connections, journal: str
) -> None:
    """Beginning later in silence would look like a complete answer."""
    with pytest.raises(CommandError, match="the oldest is 2, use --from 2") as refused:
        await tailed(connections, journal, TailOptions(start=1))
    assert refused.value.exit_code == 2


async def test_an_empty_journal_has_no_events(connections: Connections, shard: str) -> None:
    """A fresh daemon is not an error."""
    assert await tailed(connections, shard, TailOptions()) == []
