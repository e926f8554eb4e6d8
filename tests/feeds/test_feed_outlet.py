"""A feed's stream holds the file's entry k under the id k-0, once, whatever happens between."""

import pytest

from engine.cli.failure import CommandError
from engine.cli.feed_outlet import WINDOW, Outlet, last_generated
from engine.connections import Connections, RedisLink


async def ids(link: RedisLink, key: str) -> list[bytes]:
    """Return the ids in a stream."""
    return [entry[0] for entry in await link.call("XRANGE", key, "-", "+")]


async def test_entries_are_written_under_dense_ids(connections: Connections, shard: str) -> None:
    """The place in the file is the id, so that a repetition can be recognised by Redis."""
    link = await connections.redis()
    outlet = Outlet(shard, "orders:feed-x")
    await outlet.locate(link)
    for number in range(WINDOW + 10):
        assert outlet.add(b"%d" % number)

    while outlet.pending:
        assert await outlet.flush(link) is None

    assert await ids(link, outlet.key) == [b"%d-0" % n for n in range(1, WINDOW + 11)]
    assert outlet.written == WINDOW + 10
    await link.close()


async def test_a_second_run_goes_on_after_the_last_id(connections: Connections, shard: str) -> None:
    """Also when the engine has trimmed what it consumed: the stream remembers its last id."""
    link = await connections.redis()
    first = Outlet(shard, "orders:feed-x")
    for payload in (b"a", b"b", b"c"):
        first.add(payload)
    await first.flush(link)
    await link.call("XTRIM", first.key, "MAXLEN", 0)

    second = Outlet(shard, "orders:feed-x")
    await second.locate(link)

    assert [second.add(payload) for payload in (b"a", b"b", b"c", b"d")] == [False] * 3 + [True]
    await second.flush(link)
    assert await ids(link, second.key) == [b"4-0"]
    await link.close()


async def test_entries_whose_reply_was_lost_are_not_written_twice(
    connections: Connections, shard: str
) -> None:
    """After a lost reply nobody knows; the explicit id makes the repetition harmless."""
    link = await connections.redis()
    outlet = Outlet(shard, "orders:feed-x")
    for payload in (b"a", b"b"):
        outlet.add(payload)
    await link.call("XADD", outlet.key, "1-0", "c", b"a")  # written, its reply lost

    assert await outlet.flush(link) is None

    assert await ids(link, outlet.key) == [b"1-0", b"2-0"]
    assert (outlet.written, outlet.pending) == (2, 0)
    await link.close()


async def test_on_a_new_link_only_what_is_missing_waits(
    connections: Connections, shard: str
) -> None:
    """Asking for the last id first saves writing a window again."""
    link = await connections.redis()
    outlet = Outlet(shard, "orders:feed-x")
    for payload in (b"a", b"b", b"c"):
        outlet.add(payload)
    await link.call("XADD", outlet.key, "2-0", "c", b"b")

    await outlet.locate(link)

    assert (outlet.written, outlet.pending) == (2, 1)
    await link.close()


async def test_a_stream_that_fell_back_is_an_error(connections: Connections, shard: str) -> None:
    """Entries that Redis had confirmed and then lost are gone from memory too."""
    link = await connections.redis()
    outlet = Outlet(shard, "orders:feed-x")
    outlet.add(b"a")
    await outlet.flush(link)
    await link.call("DEL", outlet.key)

    with pytest.raises(CommandError, match="fell back from 1-0 to 0-0"):
        await outlet.locate(link)
    await link.close()


async def test_a_refusal_of_redis_keeps_the_entries_waiting(
    connections: Connections, shard: str
) -> None:
    """Out of memory is for a moment; nothing may be skipped meanwhile."""
    link = await connections.redis()
    outlet = Outlet(shard, "orders:feed-x")
    outlet.add(b"a" * 1_000)
    before = (await link.call("CONFIG", "GET", "maxmemory"))[1]
    await link.call("CONFIG", "SET", "maxmemory", 1)
    try:
        refusal = await outlet.flush(link)
    finally:
        await link.call("CONFIG", "SET", "maxmemory", before)

    assert refusal is not None
    assert refusal.startswith("OOM")
    assert outlet.pending == 1
    assert await outlet.flush(link) is None
    assert await ids(link, outlet.key) == [b"1-0"]
    await link.close()


async def test_a_key_of_another_type_is_an_error(connections: Connections, shard: str) -> None:
    """Waiting would not help; the message says what Redis said."""
    link = await connections.redis()
    outlet = Outlet(shard, "orders:feed-x")
    await link.call("SET", outlet.key, "hello")
    outlet.add(b"a")

    with pytest.raises(CommandError, match="WRONGTYPE"):
        await outlet.flush(link)
    await link.close()


async def test_a_stream_with_ids_of_another_kind_is_refused(
    connections: Connections, shard: str
) -> None:
    """Somebody's `XADD *` in a feed's stream leaves no room for dense ids."""
    link = await connections.redis()
    key = f"{{{shard}}}:orders:feed-x"
    await link.call("XADD", key, "1700000000000-3", "c", "{}")

    with pytest.raises(CommandError, match="ids that no feed wrote"):
        await last_generated(link, key)
    await link.close()
