"""Every ingress stream is found, merged in one order, and read on from where it was."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator

import pytest

from engine.connections import Connections, LinkLost, RedisLink, RedisReplyError
from engine.messages import Batch
from feeds.inbox import RedisInbox
from tests.line.proxy import FailingWire
from tests.line.words import order

ALL = ("admin", "admin:b", "ticks", "ticks:a", "orders", "orders:a", "orders:b")
PRICE = {"type": "mark_price", "symbol": "X", "price": "1"}
MONEY = {"type": "deposit", "account": "ann", "amount": "1", "transfer_id": "t"}
PAYLOADS = {"admin": MONEY, "ticks": PRICE, "orders": order("o")}


class Desk:
    """Writes ingress entries of one shard, and reads them back through inboxes."""

    def __init__(self, link: RedisLink, connections: Connections, shard: str) -> None:
        self.link = link
        self.connections = connections
        self.shard = shard
        self.inboxes: list[RedisInbox] = []

    def inbox(self, *streams: str, wire: FailingWire | None = None, count: int = 512) -> RedisInbox:
        """Return an inbox that knows some streams from the start."""
        connections = self.connections if wire is None else wire.connections
        inbox = RedisInbox(
            lambda: connections.redis(blocking=True),
            (LinkLost, RedisReplyError),
            self.shard,
            dict.fromkeys(streams, "0-0"),
            count,
        )
        self.inboxes.append(inbox)
        return inbox

    async def add(self, stream: str, entry_id: str, payload: object = None) -> None:
        """Add one entry; without a payload any that belongs there."""
        given = PAYLOADS[stream.partition(":")[0]] if payload is None else payload
        key = f"{{{self.shard}}}:{stream}"
        await self.link.call("XADD", key, entry_id, "c", json.dumps(given))


@pytest.fixture
async def desk(connections: Connections, shard: str, link: RedisLink) -> AsyncIterator[Desk]:
    """Return a desk on a shard of its own."""
    desk = Desk(link, connections, shard)
    yield desk
    for inbox in desk.inboxes:
        await inbox.close()


async def read(inbox: RedisInbox, seconds: float = 5.0) -> Batch:
    """Return the next batch, which must come in time."""
    batch = await inbox.next(seconds)
    assert batch is not None
    return batch


async def stays_quiet(inbox: RedisInbox, seconds: float) -> bool:
    """Tell whether nothing comes, or nothing but the empty batch of a time that begins quiet."""
    batch = await inbox.next(seconds)
    return batch is None or (batch == Batch([], {}) and await inbox.next(seconds) is None)


async def read_ids(inbox: RedisInbox, count: int) -> list[tuple[str, str]]:
    """Return streams and ids of the next inputs, so many in all."""
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            found += [(each.stream, each.entry_id) for each in (await read(inbox)).inputs]
    return found


async def test_admin_comes_before_ticks_before_orders_then_by_name_then_by_id(desk: Desk) -> None:
    """One order, whatever the server answers in: else two engines would read two histories."""
    for number in ("1-0", "1-1", "2-0"):
        for stream in reversed(ALL):
            payload = {**PRICE, "symbol": stream[-1] + number} if "ticks" in stream else None
            await desk.add(stream, number, payload)

    batch = await read(desk.inbox(*ALL))

    expected = [(stream, number) for stream in ALL for number in ("1-0", "1-1", "2-0")]
    assert [(each.stream, each.entry_id) for each in batch.inputs] == expected
    assert batch.cursors == dict.fromkeys(ALL, "2-0")


async def test_new_stream_is_found_and_read_from_its_beginning(desk: Desk) -> None:
    """A gateway begins to write whenever it likes; what it wrote before it was found counts."""
    crowd = [("SET", f"{{{desk.shard}}}:account:{n}:equity", "0") for n in range(4_000)]
    await desk.link.call_many(crowd)
    inbox = desk.inbox()
    assert await inbox.next(0.3) is None
    for number in ("1-0", "2-0"):
        await desk.add("orders:late", number)
    began = time.monotonic()

    found = await read_ids(inbox, 2)

    assert found == [("orders:late", "1-0"), ("orders:late", "2-0")]
    assert time.monotonic() - began < 2.0


async def test_keys_that_only_look_like_streams_are_left_alone(desk: Desk) -> None:
    """Whoever may create keys must not be able to name what the engine reads."""
    prefix = f"{{{desk.shard}}}:"
    for name in (
        "orders:",
        "orders:two words",
        "orders:one:two",
        "orders:" + "g" * 65,
        b"orders:\xff",
        "orders:line\n",
        "tock",
        "journal",
        "state:1:x",
        "xorders",
    ):
        key = prefix.encode() + (name if isinstance(name, bytes) else name.encode())
        await desk.link.call("XADD", key, "1-0", "c", json.dumps(order("no")))
    await desk.link.call("SET", prefix + "orders:text", "not a stream")
    inbox = desk.inbox()

    assert await inbox.next(1.5) is None

    assert set(inbox.cursors) == {"admin", "ticks", "orders"}


async def test_stream_name_at_the_longest_is_read(desk: Desk) -> None:
    """The bound itself is allowed."""
    name = "orders:" + "g" * 64
    await desk.add(name, "1-0")

    assert await read_ids(desk.inbox(), 1) == [(name, "1-0")]


async def test_more_streams_than_allowed_are_not_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stream costs words in every read; the ones already known go on."""
    monkeypatch.setattr("feeds.inbox.MAX_INGRESS_STREAMS", 5)
    for number in range(6):
        await desk.add(f"orders:g{number}", "1-0")
    inbox = desk.inbox()

    found = await read_ids(inbox, 2)
    await desk.add("orders", "1-0")

    assert await read_ids(inbox, 1) == [("orders", "1-0")]
    assert await stays_quiet(inbox, 1.0)
    assert len({stream for stream, _ in found}) == 2
    assert len(inbox.cursors) == 5


async def test_streams_of_the_journal_that_are_not_ingress_are_not_read(desk: Desk) -> None:
    """The cursors of a frame also name `config`, which is no stream."""
    inbox = desk.inbox("config", "orders:a")

    assert set(inbox.cursors) == {"admin", "ticks", "orders", "orders:a"}


async def test_batch_is_bounded_stream_by_stream(desk: Desk) -> None:
    """A backlog of hours must come in bites, without a gap between them."""
    for number in range(1, 21):
        await desk.add("orders", f"{number}-0")
        await desk.add("orders:a", f"{number}-0")
    inbox = desk.inbox("orders:a", count=8)

    batches = [await read(inbox) for _ in range(3)]

    assert [len(each.inputs) for each in batches] == [16, 16, 8]
    assert batches[0].cursors == {"orders": "8-0", "orders:a": "8-0"}
    read_back = [each.entry_id for batch in batches for each in batch.inputs]
    assert sorted(read_back) == sorted(2 * [f"{number}-0" for number in range(1, 21)])


async def test_entry_that_holds_no_command_becomes_a_verdict(desk: Desk) -> None:
    """Nobody's entry vanishes, and none stops those around it."""
    key = f"{{{desk.shard}}}:orders"
    for words in (("d", "{}"), ("c", "{", "c", "{"), ("c", b"\xff\x00"), ("c", "[1]")):
        await desk.link.call("XADD", key, "*", *words)
    await desk.add("orders", "*")

    batch = await read(desk.inbox())

    assert [b'"refuse"' in each.body for each in batch.inputs] == [True] * 4 + [False]


async def test_quiet_streams_give_nothing_once_the_time_is_over(desk: Desk) -> None:
    """Who asks with a limit gets an answer within it."""
    began = time.monotonic()

    assert await desk.inbox().next(0.2) is None

    assert 0.2 <= time.monotonic() - began < 1.0


@pytest.mark.parametrize(
    "fate",
    ["lose reply", "lose request", b"-BUSY running a script\r\n", b"-LOADING the dataset\r\n"],
    ids=["reply", "request", "busy", "loading"],
)
async def test_failing_link_neither_loses_nor_repeats_an_entry(
    desk: Desk, wire: FailingWire, monkeypatch: pytest.MonkeyPatch, fate: object
) -> None:
    """Reading goes on from the last entry that arrived, whatever was on its way."""
    monkeypatch.setattr("feeds.inbox._RETRY_SECONDS", 0.001)
    for number in range(1, 41):
        await desk.add("orders", f"{number}-0")
    chance = random.Random(7)
    wire.fate = lambda _number, _words: fate if chance.random() < 0.2 else "pass"

    found = await read_ids(desk.inbox(wire=wire, count=4), 40)

    assert found == [("orders", f"{number}-0") for number in range(1, 41)]


@pytest.mark.parametrize("kept", [0, 3], ids=["gone", "cut back"])
async def test_stream_that_fell_behind_its_cursor_is_read_from_where_it_is(
    desk: Desk, wire: FailingWire, kept: int
) -> None:
    """After a restart Redis gives lost ids out again: entries under them are new and count."""
    for number in range(1, 6):
        await desk.add("orders:feed", f"{number}-0")
    inbox = desk.inbox("orders:feed", wire=wire)
    assert len(await read_ids(inbox, 5)) == 5
    await desk.link.call("DEL", f"{{{desk.shard}}}:orders:feed")
    for number in range(1, kept + 1):
        await desk.add("orders:feed", f"{number}-0")
    wire.cut()
    assert await stays_quiet(inbox, 0.5)

    await desk.add("orders:feed", f"{kept + 1}-0")

    assert await read_ids(inbox, 1) == [("orders:feed", f"{kept + 1}-0")]


async def test_trimmed_stream_has_not_fallen_behind(desk: Desk, wire: FailingWire) -> None:
    """Trimming takes entries away and leaves the last id: nothing is read again."""
    for number in range(1, 6):
        await desk.add("orders", f"{number}-0")
    inbox = desk.inbox(wire=wire)
    assert len(await read_ids(inbox, 5)) == 5
    await desk.link.call("XTRIM", f"{{{desk.shard}}}:orders", "MAXLEN", "=", "0")
    wire.cut()

    assert await stays_quiet(inbox, 0.5)

    assert inbox.cursors["orders"] == "5-0"


async def test_batch_tells_the_age_of_its_oldest_entry_where_ids_are_times(desk: Desk) -> None:
    """That is how the loop knows that it is behind; ids that count tell nothing (E6)."""
    inbox = desk.inbox("orders:a", "orders:b", "ticks")
    await desk.add("orders", "7-0")
    await desk.add("ticks", "8-0")
    await desk.add("ticks", "8-1")
    counted = await read(inbox)
    await desk.add("orders", "1700000000123-4")
    await desk.add("orders", "1700000000999-0", [order("x"), order("y")])
    await desk.add("orders:b", "1700000000122-0")
    await desk.add("orders:a", "9-0")
    timed = await read(inbox)

    assert (counted.oldest_us, counted.size, len(counted.inputs)) == (None, 3, 2)
    assert (timed.oldest_us, timed.size) == (1_700_000_000_122_000, 5)


async def test_first_quiet_after_a_batch_is_told_once(desk: Desk) -> None:
    """Else the age of the last batch would be published for as long as nobody sends anything."""
    inbox = desk.inbox()
    await desk.add("orders", "1-0")
    assert (await read(inbox)).size == 1
    assert await inbox.next(1) == Batch([], {})
    assert await inbox.next(0.25) is None


async def test_inbox_in_a_hurry_brings_four_times_as_much(desk: Desk) -> None:
    """What is behind catches up by refusing, and a round trip costs as many refusals (E6)."""
    inbox = desk.inbox(count=2)
    for number in range(1, 13):
        await desk.add("orders", f"{number}-0")

    sizes = []
    for is_behind in (False, True, False):
        inbox.hurry(is_behind=is_behind)
        sizes.append((await read(inbox)).size)

    assert sizes == [2, 8, 2]
