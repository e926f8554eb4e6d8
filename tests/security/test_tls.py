"""TLS: only who is proved to be the server that is meant hears a word of ours."""

import asyncio
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

import pytest

from engine.connections import (
    Connections,
    Endpoints,
    LinkLost,
    PostgresError,
    PostgresLost,
    SecretUnreadable,
)
from engine.tls import Tls
from tests.line.line import send
from tests.line.process import Make
from tests.line.words import MARKET, order, tick
from tests.line.written import events_of, frames_of
from tests.security.certificates import Authority, Signed, server_context
from tests.security.terminator import Terminator

_FILLS = "SELECT count(*) FROM pitboss.fills WHERE shard = $1"
LOST = (LinkLost, PostgresLost)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that the configuration names."""
    return Authority(tmp_path_factory.mktemp("certificates"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that nobody named."""
    return Authority(tmp_path_factory.mktemp("certificates"), "theirs")


@pytest.fixture(scope="module")
def good(ours: Authority) -> Signed:
    """Return the certificate of the right server."""
    return ours.sign("good")


class Ends:
    """Both servers of the tests behind TLS, and ways to reach them."""

    def __init__(self, servers: Endpoints, context: ssl.SSLContext) -> None:
        redis = Path(unquote(servers.redis_url.removeprefix("unix://")))
        self.redis = Terminator(redis, context)
        self.postgres = Terminator(redis.with_name(".s.PGSQL.5432"), context, postgres=True)

    @property
    def redis_url(self) -> str:
        """Where Redis is, as the configuration has it."""
        return f"rediss://127.0.0.1:{self.redis.port}/0"

    @property
    def dsn(self) -> str:
        """Where Postgres is, as the configuration has it."""
        place = f"127.0.0.1:{self.postgres.port}"
        return f"postgresql://pitboss@{place}/pitboss?sslmode=verify-full"

    def connections(self, tls: Tls) -> Connections:
        """Return factories of links over TLS."""
        return Connections(Endpoints(self.redis_url, self.dsn, redis_tls=tls, postgres_tls=tls))

    async def refusals(self, tls: Tls) -> set[str]:
        """Try every way to connect; return what each says. None may get through."""
        connections = self.connections(tls)
        before = self.redis.carried + self.postgres.carried
        said = set()
        for attempt in (
            _ask(connections),
            asyncio.to_thread(lambda: connections.redis_sync().call("PING")),
            connections.postgres(),
        ):
            with pytest.raises(LOST) as refused:
                await attempt
            assert "127.0.0.1" not in str(refused.value)
            said.add(str(refused.value).partition(": ")[2])
        assert self.redis.carried + self.postgres.carried == before
        return said


async def until_written(connections: Connections, shard: str) -> None:
    """Wait until the fills of a shard are in Postgres."""
    database = await connections.postgres()
    async with asyncio.timeout(20):
        while True:
            with suppress(PostgresError):  # no such table yet
                if await database.fetchval(_FILLS, shard):
                    break
            await asyncio.sleep(0.05)
    await database.close()


async def _ask(connections: Connections) -> None:
    """Open a link and use it: of a client's certificate TLS 1.3 speaks only after the handshake."""
    link = await connections.redis()
    try:
        await link.call("PING")
    finally:
        await link.close()


@asynccontextmanager
async def behind(servers: Endpoints, context: ssl.SSLContext) -> AsyncIterator[Ends]:
    """Put both servers behind TLS."""
    ends = Ends(servers, context)
    async with ends.redis, ends.postgres:
        yield ends


async def test_both_servers_are_reached_over_tls(
    servers: Endpoints, ours: Authority, good: Signed
) -> None:
    """Links of every kind: ordinary, blocking, synchronous, and Postgres."""
    async with behind(servers, server_context(good)) as ends:
        connections = ends.connections(Tls(ours.file))
        for blocking in (False, True):
            link = await connections.redis(blocking=blocking)
            assert await link.call("PING") == b"PONG"
            await link.close()
        sync = await asyncio.to_thread(connections.redis_sync)
        assert await asyncio.to_thread(sync.call, "PING") == b"PONG"
        sync.close()
        database = await connections.postgres()
        assert await database.fetchval("SELECT 1") == 1
        await database.close()


async def test_daemon_lives_over_tls(
    servers: Endpoints, ours: Authority, good: Signed, make: Make, shard: str
) -> None:
    """Trade, snapshot from the forked child, write fills, recover: all of it behind TLS."""
    ca = f'ca_file = "{ours.file}"'
    plain = Connections(servers)
    async with behind(servers, server_context(good)) as ends:
        daemon = make(shard, ends.redis_url, dsn=ends.dsn, in_redis=ca, in_postgres=ca)
        await daemon.start()
        await send(plain, shard, *MARKET, tick(), order("a"), order("b", "sell", account="bea"))
        await until_written(plain, shard)
        daemon.signal(signal.SIGUSR1)
        await daemon.until_said("snapshot taken")
        daemon.kill()
        await daemon.start()
        assert await daemon.stop() == 0, daemon.log
        assert ends.postgres.carried > 0

    assert "trade" in {event["type"] for event in events_of(await frames_of(plain, shard))}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("nobody trusted by name", "unable to get local issuer certificate"),
        ("another authority's", "unable to get local issuer certificate"),
        ("another host's", "the certificate is for another host"),
        ("another address's", "the certificate is for another host"),
        ("expired", "certificate has expired"),
        ("its own authority", "self-signed certificate"),
    ],
)
async def test_server_that_is_not_proved_to_be_ours_is_not_spoken_to(
    servers: Endpoints, ours: Authority, theirs: Authority, good: Signed, case: str, said: str
) -> None:
    """Neither a login nor a command is sent, and the text names no address."""
    signed = {
        "nobody trusted by name": lambda: good,
        "another authority's": lambda: theirs.sign("other"),
        "another host's": lambda: ours.sign("elsewhere", "DNS:elsewhere"),
        "another address's": lambda: ours.sign("far", "IP:127.0.0.2"),
        "expired": lambda: ours.sign("old", days=-1),
        "its own authority": lambda: Signed(theirs.file, theirs.file.with_suffix(".key")),
    }[case]()
    trusted = None if case == "nobody trusted by name" else ours.file
    async with behind(servers, server_context(signed)) as ends:
        assert await ends.refusals(Tls(trusted)) == {f"TLS failed ({said})"}


async def test_named_authority_is_the_only_one(
    servers: Endpoints,
    ours: Authority,
    theirs: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever names one trusts nobody else; without a name the machine's authorities count."""
    monkeypatch.setenv("SSL_CERT_FILE", str(theirs.file))
    async with behind(servers, server_context(theirs.sign("public"))) as ends:
        await ends.refusals(Tls(ours.file))
        link = await ends.connections(Tls()).redis()
        await link.close()
        database = await ends.connections(Tls()).postgres()
        await database.close()


async def test_server_that_asks_who_we_are_is_told(
    servers: Endpoints, ours: Authority, theirs: Authority, good: Signed
) -> None:
    """A client certificate is shown where one is configured; the wrong one opens nothing."""
    mine, other = ours.sign("daemon"), theirs.sign("daemon")
    async with behind(servers, server_context(good, clients_of=ours.file)) as ends:
        for tls in (Tls(ours.file), Tls(ours.file, other.certificate, other.key)):
            await ends.refusals(tls)
        connections = ends.connections(Tls(ours.file, mine.certificate, mine.key))
        link = await connections.redis()
        assert await link.call("PING") == b"PONG"
        await link.close()
        database = await connections.postgres()
        await database.close()


async def test_renewed_certificate_needs_no_restart(
    servers: Endpoints, ours: Authority, theirs: Authority, good: Signed, tmp_path: Path
) -> None:
    """Files are read at each connect, as passwords are; one that is missing is named."""
    file = tmp_path / "ca.pem"
    async with behind(servers, server_context(good)) as ends:
        connections = ends.connections(Tls(file))
        for attempt in (connections.redis(), connections.postgres()):
            with pytest.raises(SecretUnreadable, match=r"ca\.pem"):
                await attempt
        file.write_text("no certificate")
        with pytest.raises(SecretUnreadable, match=r"ca\.pem"):
            await connections.redis()
        file.write_bytes(theirs.file.read_bytes())
        await ends.refusals(Tls(file))
        file.write_bytes(ours.file.read_bytes())
        await (await connections.redis()).close()


async def test_nobody_falls_back_to_plain_text(ours: Authority) -> None:
    """A server that declines TLS hears the question and nothing more."""
    heard: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()

    async def decline(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read(4_096)
        writer.write(b"N" if len(question) == 8 else b"-ERR what is that\r\n")
        heard.put_nowait((question[:3], await reader.read(4_096)))
        writer.close()

    declining = await asyncio.start_server(decline, "127.0.0.1", 0)
    place = f"127.0.0.1:{declining.sockets[0].getsockname()[1]}"
    dsn = f"postgresql://pitboss@{place}/pitboss?sslmode=verify-full"
    tls = Tls(ours.file)
    connections = Connections(
        Endpoints(f"rediss://who@{place}/0", dsn, redis_tls=tls, postgres_tls=tls)
    )
    for attempt in (connections.redis(), connections.postgres()):
        with pytest.raises(LOST):
            await attempt
    async with asyncio.timeout(5):
        assert (await heard.get())[0] == b"\x16\x03\x01"
        assert await heard.get() == (b"\x00\x00\x00", b"")
    declining.close()
