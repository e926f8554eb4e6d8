"""The only place that opens a connection to Redis or Postgres.

A `RedisLink` is one socket with one request in flight. It never retries and never reconnects:
redis-py's convenience of doing so turned one `XADD` into four entries. After any failure other
than an error reply the link is closed for good, so that a late reply can never be read as the
answer to the next request; the owner opens a new link and reconciles.

No message raised here holds an address, a user or a secret.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import hiredis
from redis import connection as blocking_redis
from redis.asyncio import connection as async_redis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

from engine.failure_reasons import causes, reason_of, reply_text
from engine.redis_url import parse_redis_url
from engine.tls import CertificateUnreadable, Tls, client_context, sslmode

CONNECT_TIMEOUT_SECONDS = 5.0
REDIS_REPLY_TIMEOUT_SECONDS = 5.0
POSTGRES_COMMAND_TIMEOUT_SECONDS = 30.0
POSTGRES_IDLE_TRANSACTION_SECONDS = 5.0
"""A writer that sleeps within a transaction holds up the one that took over: the server ends it."""

Argument: TypeAlias = bytes | str | int | float
PostgresConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PostgresRecord: TypeAlias = asyncpg.Record
PostgresError = asyncpg.PostgresError
InterfaceError = asyncpg.InterfaceError

POSTGRES_LOST: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
"""What a call on a Postgres connection raises when the server went away: open a new connection."""

POSTGRES_FAILED: tuple[type[Exception], ...] = (*POSTGRES_LOST, PostgresError)
"""Whatever a call on a Postgres connection raises: lost, or refused by the server."""

_pack: Callable[..., bytes] = hiredis.pack_command
_ACCESS = ("NOAUTH", "WRONGPASS", "NOPERM")
_SPOKEN_BY_REDIS = (*_ACCESS, "LOADING", "BUSY", "MASTERDOWN", "ERR max number of clients")


class LinkLost(Exception):
    """The link is closed for good; whether the last request was carried out is unknown."""


class RedisReplyError(Exception):
    """Redis answered with an error; the link stays open. The text begins with Redis' code."""


class AccessRefused(RedisReplyError):
    """Redis refuses the login, or a command or key that its user has no right to."""


class PostgresLost(Exception):
    """No connection to Postgres could be opened."""


class SecretUnreadable(LinkLost):
    """A password, certificate or key file named in the configuration cannot be used."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where Redis and Postgres are.

    `redis_url` is `redis://`, `rediss://` or `unix:///path/to/socket`; `postgres_dsn` is None where
    no Postgres is used. A password file holds the password alone and is read at each connect.
    """

    redis_url: str = field(repr=False)
    postgres_dsn: str | None = field(default=None, repr=False)
    redis_password_file: Path | None = None
    postgres_password_file: Path | None = None
    redis_tls: Tls = field(default_factory=Tls)
    postgres_tls: Tls = field(default_factory=Tls)


class RedisLink:
    """One connection to Redis with one request in flight; replies are raw bytes.

    Open it by `Connections.redis`.
    """

    def __init__(
        self, connection: async_redis.AbstractConnection, reply_timeout_seconds: float | None
    ) -> None:
        self.closed = False
        self._connection = connection
        self._reply_timeout_seconds = reply_timeout_seconds
        self._in_flight = False

    async def call(self, *arguments: Argument) -> Any:
        """Send one command and return its reply: bytes, int, None, or a list of these.

        Raises RedisReplyError for an error reply (the link stays open) and LinkLost for a lost
        link or no answer in time (the link is closed). A cancelled call closes the link too, and
        so does AccessRefused where nobody has logged in.
        """
        replies = await self._exchange(_pack(arguments), 1)
        if isinstance(replies[0], RedisReplyError):
            raise replies[0]
        return replies[0]

    async def call_many(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Send the commands in one write and return one reply each.

        An error reply stands in the list as a RedisReplyError. Raises LinkLost like `call`.
        """
        if not commands:
            return []
        packed = b"".join([_pack(tuple(command)) for command in commands])
        return await self._exchange(packed, len(commands))

    async def close(self) -> None:
        """Close the link; closing twice is harmless."""
        self.closed = True
        await self._connection.disconnect(nowait=True)

    async def _exchange(self, packed: bytes, replies: int) -> list[Any]:
        assert not self._in_flight, "a Redis link carries one request at a time: open another link"
        # redis-py would connect again in silence here; a lost link must stay lost.
        if self.closed or not self._connection.is_connected:
            raise LinkLost("Redis: this link is closed, open a new one")
        self._in_flight = True
        received: list[Any] = []
        failure: Exception | None = None
        try:
            async with asyncio.timeout(self._reply_timeout_seconds):
                await self._connection.send_packed_command(packed, check_health=False)
                while len(received) < replies:
                    received.append(await self._reply())
        except (RedisError, OSError, TimeoutError) as error:
            failure = _failure(error)
        finally:
            self._in_flight = False
            if len(received) < replies:
                await self.close()
        if failure is not None:
            raise failure
        return received

    async def _reply(self) -> Any:
        try:
            return await self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return _reply_error(error)


class SyncRedisLink:
    """The synchronous twin of `RedisLink`, for a forked child that has no event loop."""

    def __init__(self, connection: blocking_redis.AbstractConnection) -> None:
        self.closed = False
        self._connection: Any = connection  # redis-py leaves these methods untyped

    def call(self, *arguments: Argument) -> Any:
        """Send one command and return its raw reply; errors as those of `RedisLink.call`."""
        replies = self._exchange(_pack(arguments), 1)
        if isinstance(replies[0], RedisReplyError):
            raise replies[0]
        return replies[0]

    def call_many(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Send the commands in one write; one reply each, error replies as objects in the list."""
        if not commands:
            return []
        packed = b"".join([_pack(tuple(command)) for command in commands])
        return self._exchange(packed, len(commands))

    def close(self) -> None:
        """Close the link; closing twice is harmless."""
        self.closed = True
        self._connection.disconnect()

    def _exchange(self, packed: bytes, replies: int) -> list[Any]:
        if self.closed or not self._connection.is_connected:
            raise LinkLost("Redis: this link is closed, open a new one")
        received: list[Any] = []
        failure: Exception | None = None
        try:
            self._connection.send_packed_command([packed], check_health=False)
            while len(received) < replies:
                received.append(self._reply())
        except (RedisError, OSError, TimeoutError) as error:
            failure = _failure(error)
        finally:
            if len(received) < replies:
                self.close()
        if failure is not None:
            raise failure
        return received

    def _reply(self) -> Any:
        try:
            return self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return _reply_error(error)


class _SecuredConnection(async_redis.Connection):
    """A TLS connection on a context of ours: redis-py's own trusts the system's authorities too."""

    def __init__(self, *, context: ssl.SSLContext, **settings: Any) -> None:
        super().__init__(**settings)
        self._context = context

    def _connection_arguments(self) -> dict[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._context}


class _SecuredSyncConnection(blocking_redis.Connection):
    """The synchronous twin of `_SecuredConnection`."""

    def __init__(self, *, context: ssl.SSLContext, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]
        self._context = context

    def _connect(self) -> ssl.SSLSocket:
        plain: socket.socket = super()._connect()  # type: ignore[no-untyped-call]
        return self._context.wrap_socket(plain, server_hostname=self.host)


_ASYNC_KINDS: dict[str, Callable[..., async_redis.AbstractConnection]] = {
    "unix": async_redis.UnixDomainSocketConnection,
    "redis": async_redis.Connection,
    "rediss": _SecuredConnection,
}
_SYNC_KINDS: dict[str, Callable[..., blocking_redis.AbstractConnection]] = {
    "unix": blocking_redis.UnixDomainSocketConnection,
    "redis": blocking_redis.Connection,
    "rediss": _SecuredSyncConnection,
}


class Connections:
    """Opens links and connections to the endpoints of one daemon; every call opens a new one.

    Raises ValueError when an address cannot be used, naming the setting and not its value.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._redis_settings, self._redis_scheme = parse_redis_url(endpoints.redis_url)

    async def redis(self, *, blocking: bool = False) -> RedisLink:
        """Open a link; `blocking` waits for replies for ever, as `XREAD BLOCK` needs.

        Raises LinkLost when Redis is away and RedisReplyError when it refuses the login.
        """
        connection: Any = _ASYNC_KINDS[self._redis_scheme](
            **self._settings(),
            socket_timeout=None,
            socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
            retry=AsyncRetry(NoBackoff(), 0),
        )
        link = RedisLink(connection, None if blocking else REDIS_REPLY_TIMEOUT_SECONDS)
        failure: Exception | None = None
        opened = False
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await connection.connect()
            opened = True
        except (RedisError, OSError, TimeoutError) as error:
            failure = _connect_failure(error)
        finally:
            if not opened:
                await link.close()
        if failure is not None:
            raise failure
        return link

    def redis_sync(self) -> SyncRedisLink:
        """Open a synchronous link; errors as those of `redis`."""
        connection: Any = _SYNC_KINDS[self._redis_scheme](
            **self._settings(),
            socket_timeout=REDIS_REPLY_TIMEOUT_SECONDS,
            socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        link = SyncRedisLink(connection)
        failure: Exception | None = None
        try:
            connection.connect()
        except (RedisError, OSError, TimeoutError) as error:
            failure = _connect_failure(error)
        if failure is not None:
            link.close()
            raise failure
        return link

    async def postgres(self) -> PostgresConnection:
        """Open a connection to Postgres.

        Raises PostgresLost when it is away or refuses the login, and ValueError when no address
        is configured. Later calls raise one of POSTGRES_LOST when the server goes away.
        """
        if self.endpoints.postgres_dsn is None:
            raise ValueError("no Postgres is configured: set postgres.dsn")
        password = _secret(self.endpoints.postgres_password_file)
        is_verified = sslmode(self.endpoints.postgres_dsn) == "verify-full"
        context = _secured(self.endpoints.postgres_tls) if is_verified else None
        connection: PostgresConnection | None = None
        reason = ""
        try:
            connection = await asyncpg.connect(
                self.endpoints.postgres_dsn,
                password=password,
                ssl=context,  # None: as the dsn says
                timeout=CONNECT_TIMEOUT_SECONDS,
                command_timeout=POSTGRES_COMMAND_TIMEOUT_SECONDS,
                server_settings={
                    "application_name": "pitboss",
                    "TimeZone": "UTC",
                    "idle_in_transaction_session_timeout": str(
                        int(POSTGRES_IDLE_TRANSACTION_SECONDS * 1000)
                    ),
                },
            )
        except (OSError, TimeoutError, ValueError, InterfaceError, PostgresError) as error:
            reason = reason_of(error)
        if connection is None:
            raise PostgresLost(f"Postgres: {reason}")
        return connection

    def _settings(self) -> dict[str, Any]:
        settings = dict(self._redis_settings)
        secret = _secret(self.endpoints.redis_password_file)
        if secret is not None:
            settings["password"] = secret
        if self._redis_scheme == "rediss":
            settings["context"] = _secured(self.endpoints.redis_tls)
        return settings | {
            "protocol": 2,
            "decode_responses": False,
            "health_check_interval": 0,
            "driver_info": None,
        }


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = reason_of(error)
    raise SecretUnreadable(f"password file {path}: {reason}; name a file readable by the daemon")


def _secured(tls: Tls) -> ssl.SSLContext:
    try:
        return client_context(tls)
    except CertificateUnreadable as error:
        reason = str(error)
    raise SecretUnreadable(reason)


def _reply_error(error: RedisError) -> RedisReplyError:
    text = reply_text(error)
    is_access = isinstance(error, AuthenticationError) or text.startswith(_ACCESS)
    return (AccessRefused if is_access else RedisReplyError)(text)


def _failure(error: BaseException) -> Exception:
    for cause in causes(error):  # redis-py wraps some refusals of a login, and some not
        if isinstance(cause, ResponseError | AuthenticationError):
            return _reply_error(cause)
    return LinkLost(f"Redis: {reason_of(error)}")


def _connect_failure(error: BaseException) -> Exception:
    """Tell what became of a login, in no words of a server that may repeat the password."""
    failure = _failure(error)
    if isinstance(failure, RedisReplyError) and not str(failure).startswith(_SPOKEN_BY_REDIS):
        return AccessRefused("the login is not understood: is redis.url that of a Redis >= 6.2?")
    return failure
