"""A link to Redis carries one request at a time, never retries and never comes back by itself."""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import connections as module
from engine.connections import (
    POSTGRES_LOST,
    Connections,
    Endpoints,
    LinkLost,
    PostgresLost,
    RedisLink,
    RedisReplyError,
    SecretUnreadable,
)


async def test_replies_are_raw_bytes_and_integers(link: RedisLink, shard: str) -> None:
    """The journal hashes bytes, so nothing may be decoded on the way."""
    assert await link.call("SET", f"{{{shard}}}:a", 1.5) == b"OK"
    assert await link.call("GET", f"{{{shard}}}:a") == b"1.5"
    assert await link.call("STRLEN", f"{{{shard}}}:a") == 3
    assert await link.call("GET", f"{{{shard}}}:none") is None


async def test_error_reply_leaves_the_link_open(link: RedisLink, shard: str) -> None:
    """A refusal by Redis is an answer; the text keeps the code that the reader branches on."""
    with pytest.raises(RedisReplyError, match=r"^ERR The ID specified in XADD must be greater"):
        await link.call("XADD", f"{{{shard}}}:s", "0-0", "a", "b")
    assert await link.call("PING") == b"PONG"


async def test_pipelined_error_stands_at_its_place(link: RedisLink, shard: str) -> None:
    """One refused command of a pipeline says nothing about its neighbours."""
    replies = await link.call_many([("PING",), ("XLEN",), ("INCR", f"{{{shard}}}:n")])
    assert replies[0] == b"PONG"
    assert isinstance(replies[1], RedisReplyError)
    assert replies[2] == 1
    assert await link.call_many([]) == []


async def test_cancelled_call_closes_the_link(connections: Connections, shard: str) -> None:
    """The reply of a cancelled request is still on its way and must not answer the next one."""
    link = await connections.redis(blocking=True)
    waiting = asyncio.create_task(link.call("BLPOP", f"{{{shard}}}:q", 0))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert link.closed
    with pytest.raises(LinkLost):
        await link.call("PING")


async def test_silent_server_closes_the_link(
    connections: Connections, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a timeout nobody knows what a late reply belongs to."""
    monkeypatch.setattr(module, "REDIS_REPLY_TIMEOUT_SECONDS", 0.05)
    link = await connections.redis()
    with pytest.raises(LinkLost, match="no answer in time"):
        await link.call("BLPOP", f"{{{shard}}}:q", 0)
    assert link.closed


async def test_second_request_in_flight_is_a_bug(connections: Connections, shard: str) -> None:
    """Two requests on one link would make the append two in flight; the first is not harmed."""
    link = await connections.redis(blocking=True)
    waiting = asyncio.create_task(link.call("BLPOP", f"{{{shard}}}:q", 0))
    await asyncio.sleep(0.02)
    with pytest.raises(AssertionError, match="one request at a time"):
        await link.call("PING")
    other = await connections.redis()
    await other.call("RPUSH", f"{{{shard}}}:q", "x")
    assert (await waiting)[1] == b"x"
    await other.close()
    await link.close()


async def test_lost_link_stays_lost(connections: Connections, link: RedisLink) -> None:
    """redis-py connects again on the next send; the journal must reconcile before it appends."""
    victim = await connections.redis()
    number = await victim.call("CLIENT", "ID")
    await link.call("CLIENT", "KILL", "ID", number)
    before = await _connections_received(link)
    for _ in range(3):
        with pytest.raises(LinkLost):
            await victim.call("PING")
    assert await _connections_received(link) == before


async def test_lost_reply_is_not_asked_again(
    servers: Endpoints, link: RedisLink, shard: str, tmp_path: Path
) -> None:
    """redis-py's default made four entries of one XADD whose replies were lost."""
    real = servers.redis_url.removeprefix("unix://")
    async with _deaf_proxy(real, tmp_path / "proxy") as hears_nothing:
        victim = await Connections(Endpoints(f"unix://{tmp_path / 'proxy'}")).redis()
        assert await victim.call("PING") == b"PONG"
        hears_nothing.set()
        with pytest.raises(LinkLost):
            await victim.call("XADD", f"{{{shard}}}:s", "*", "a", "b")
    assert await link.call("XLEN", f"{{{shard}}}:s") == 1


@pytest.mark.parametrize(
    "url",
    [
        "redis://us-er:se-cret@127.0.0.1:1/0",
        "redis://us-er:se-cret@no-such-place.invalid:1/0",
        "unix:///no-such-place/se-cret",
    ],
)
async def test_no_address_and_no_secret_in_what_is_raised(url: str) -> None:
    """Whatever is raised ends in a log; the libraries put the address into their texts."""
    for opened in (Connections(Endpoints(url)).redis, _run_sync(Connections(Endpoints(url)))):
        with pytest.raises(LinkLost) as caught:
            await opened()
        told = "".join(traceback.format_exception(caught.value)) + repr(Endpoints(url))
        assert not any(word in told for word in ("no-such-place", "se-cret", "us-er", "127.0"))
    for dsn in ("postgresql://us-er:se-cret@127.0.0.1:1/x", "postgresql://%zz:se-cret@[/x"):
        with pytest.raises(PostgresLost) as lost:
            await Connections(Endpoints("redis://", dsn)).postgres()
        told = "".join(traceback.format_exception(lost.value))
        assert not any(word in told for word in ("se-cret", "us-er", "127.0.0.1"))


async def test_password_comes_from_its_file(
    servers: Endpoints, link: RedisLink, shard: str, tmp_path: Path
) -> None:
    """A secret in the configuration or in the environment is a secret in a backup."""
    await link.call("ACL", "SETUSER", shard, "on", ">right", "+@all", "~*")
    url = servers.redis_url.replace("unix://", f"unix://{shard}@")
    secret = tmp_path / "password"

    secret.write_text("right\n")
    allowed = await Connections(Endpoints(url, redis_password_file=secret)).redis()
    assert await allowed.call("ACL", "WHOAMI") == shard.encode()
    await allowed.close()

    secret.write_text("wrong\n")
    with pytest.raises(RedisReplyError, match="WRONGPASS"):
        await Connections(Endpoints(url, redis_password_file=secret)).redis()
    secret.unlink()
    with pytest.raises(SecretUnreadable, match="No such file"):
        await Connections(Endpoints(url, redis_password_file=secret)).redis()


@pytest.mark.parametrize(
    "url",
    [
        "http://host/0",
        "redis://host:port/0",
        "redis://host/zero",
        "unix://",
        "redis://host/0?retry_on_timeout=yes",
        "redis://host/0?decode_responses=1",
    ],
)
def test_address_that_would_not_do_is_refused(url: str) -> None:
    """A URL could switch on the retries that the journal must not have."""
    with pytest.raises(ValueError, match=r"^redis\.url: "):
        Connections(Endpoints(url))


def test_synchronous_link_keeps_the_same_promises(connections: Connections, shard: str) -> None:
    """The forked snapshot child writes through it."""
    link = connections.redis_sync()
    victim = connections.redis_sync()
    replies = link.call_many([("INCR", f"{{{shard}}}:n"), ("XLEN",)])
    assert replies[0] == 1
    assert isinstance(replies[1], RedisReplyError)
    with pytest.raises(RedisReplyError):
        link.call("XLEN")
    link.call("CLIENT", "KILL", "ID", victim.call("CLIENT", "ID"))
    with pytest.raises(LinkLost):
        victim.call("PING")
    assert victim.closed
    with pytest.raises(LinkLost):
        victim.call("PING")
    link.close()


async def test_ended_postgres_session_is_recognised(connections: Connections) -> None:
    """The writer tells a lost server from a refused row by these exceptions alone."""
    victim, other = await connections.postgres(), await connections.postgres()
    await other.execute("SELECT pg_terminate_backend($1)", victim.get_server_pid())
    for _ in range(2):
        with pytest.raises(POSTGRES_LOST):
            await victim.execute("SELECT 1")
    await other.close()


async def _connections_received(link: RedisLink) -> bytes:
    stats: bytes = await link.call("INFO", "stats")
    return next(row for row in stats.splitlines() if row.startswith(b"total_connections_received"))


def _run_sync(connections: Connections) -> Callable[[], Awaitable[object]]:
    async def opened() -> object:
        return connections.redis_sync()

    return opened


@asynccontextmanager
async def _deaf_proxy(real: str, path: Path) -> AsyncIterator[asyncio.Event]:
    """Forward to the real server; once the event is set, replies are swallowed and it hangs up."""
    hears_nothing = asyncio.Event()

    async def forward(client: asyncio.StreamReader, reply: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_unix_connection(real)
        with contextlib.closing(server), contextlib.closing(reply):
            while request := await client.read(65536):
                server.write(request)
                answer = await answers.read(65536)
                if hears_nothing.is_set():
                    return
                reply.write(answer)

    listener = await asyncio.start_unix_server(forward, path)
    try:
        yield hears_nothing
    finally:
        listener.close()
